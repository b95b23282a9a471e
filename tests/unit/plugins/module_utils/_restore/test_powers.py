# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.powers import power_of
from hypothesis import given
from hypothesis import strategies as st

RBAC, ADMISSION = "rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1"
BINDING = {
    "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "User", "name": "eve"}, {"kind": "ServiceAccount", "namespace": "a", "name": "x"}],
}


def container(**more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "c", **more}]}


@pytest.mark.parametrize(
    ("api", "kind", "content", "why"),
    [
        (RBAC, "ClusterRoleBinding", BINDING, "grants cluster-admin to User eve, ServiceAccount a/x"),
        (RBAC, "RoleBinding", BINDING, "grants cluster-admin to User eve, ServiceAccount a/x"),
        (RBAC, "RoleBinding", {"roleRef": {"name": "view"}}, "grants view to nobody"),
        (RBAC, "ClusterRole", {}, "grants rights to whom it is bound"),
        (RBAC, "Role", {}, "grants rights to whom it is bound"),
        (ADMISSION, "MutatingWebhookConfiguration", {}, "intercepts requests"),
        (ADMISSION, "ValidatingWebhookConfiguration", {}, "intercepts requests"),
        (ADMISSION, "ValidatingAdmissionPolicy", {}, "intercepts requests"),
        (ADMISSION, "MutatingAdmissionPolicyBinding", {}, "intercepts requests"),
        ("apiregistration.k8s.io/v1", "APIService", {}, "answers requests in place of the API server"),
        ("storage.k8s.io/v1", "CSIDriver", {}, "mounts volumes on nodes"),
        ("security.openshift.io/v1", "SecurityContextConstraints", {}, "lets pods have more of their nodes"),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {"spec": {"conversion": {"strategy": "Webhook"}}},
            "converts objects by a webhook",
        ),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", {"spec": {"conversion": {"strategy": "None"}}}, ""),
        ("v1", "Secret", {"type": "kubernetes.io/service-account-token"}, "is a token of a ServiceAccount"),
        ("v1", "Secret", {"type": "bootstrap.kubernetes.io/token"}, "is a token that joins nodes"),
        ("v1", "Secret", {"type": "Opaque"}, ""),
        ("v1", "PersistentVolume", {"spec": {"hostPath": {"path": "/"}}}, "is files of a node"),
        ("v1", "PersistentVolume", {"spec": {"csi": {}}}, ""),
        (
            "v1",
            "Namespace",
            {"metadata": {"name": "a", "labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
            "lets privileged pods in",
        ),
        ("v1", "ConfigMap", {}, ""),
        ("v1", "Service", {"spec": {"type": "LoadBalancer"}}, ""),
    ],
)
def test_each_kind_of_power_is_named(api: str, kind: str, content: dict[str, Any], why: str) -> None:
    assert power_of({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, **content}) == why


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"hostPID": True, "hostIPC": True}, "hostIPC, hostPID"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath"),
        (container(securityContext={"privileged": True}), "privileged"),
        ({"initContainers": [{"securityContext": {"privileged": True}}]}, "privileged"),
        (container(securityContext={"capabilities": {"add": ["SYS_ADMIN", "NET_RAW"]}}), "capability NET_RAW, capability SYS_ADMIN"),
        (container(securityContext={"procMount": "Unmasked"}), "procMount"),
        (container(securityContext={"windowsOptions": {"hostProcess": True}}), "hostProcess"),
        ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, "hostProcess"),
        (container(ports=[{"containerPort": 80, "hostPort": 80}]), "hostPort"),
        (container(securityContext={"privileged": False, "procMount": "Default"}, ports=[{"containerPort": 80}]), ""),
        ({"volumes": [{"name": "v", "emptyDir": {}}]}, ""),
    ],
)
def test_a_pod_and_every_template_of_one_is_looked_at(pod: dict[str, Any], words: str) -> None:
    why = f"gets more of its node: {words}" if words else ""
    template = {"template": {"spec": pod}}
    for api, kind, content in (
        ("v1", "Pod", {"spec": pod}),
        ("apps/v1", "Deployment", {"spec": template}),
        ("batch/v1", "CronJob", {"spec": {"jobTemplate": {"spec": template}}}),
        ("v1", "PodTemplate", template),
        ("example.org/v1", "Rollout", {"spec": template}),
    ):
        assert power_of({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, **content}) == why, kind


KINDS = ["Pod", "Deployment", "CronJob", "Namespace", "Secret", "PersistentVolume"]


@given(
    st.sampled_from(KINDS),
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["spec", "template", "containers", "securityContext", "ports"]), inner)
        ),
    ),
)
def test_whatever_is_in_an_object_it_is_read(kind: str, content: Any) -> None:
    assert isinstance(power_of({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, "spec": content, "type": content}), str)
