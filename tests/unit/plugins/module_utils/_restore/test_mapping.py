# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import restore_item
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.mapping import mapped, names_in_text

TO = {"a": "b"}
NAME = "kubernetes.io/metadata.name"
DELETES = "volume.kubernetes.io/provisioner-deletion-secret-namespace"
CSI = {"csi.storage.k8s.io/provisioner-secret-namespace": "a", "adminSecretNamespace": "a", "csi.storage.k8s.io/fstype": "a"}


def make(kind: str, group: str = "", **content: Any) -> dict[str, Any]:
    return {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": {"name": "x"}, **content}


@pytest.mark.parametrize(
    ("kind", "group", "content", "becomes"),
    [
        ("ConfigMap", "", {"metadata": {"name": "x", "namespace": "a"}}, {"metadata": {"name": "x", "namespace": "b"}}),
        ("ConfigMap", "", {"metadata": {"name": "x", "namespace": "c"}}, {"metadata": {"name": "x", "namespace": "c"}}),
        ("Namespace", "", {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}),
        (
            "RoleBinding",
            "rbac.authorization.k8s.io",
            {
                "subjects": [
                    {"kind": "ServiceAccount", "namespace": "a", "name": "s"},
                    {"kind": "ServiceAccount", "namespace": "z", "name": "s"},
                    {"kind": "Group", "name": "system:serviceaccounts:a"},
                    {"kind": "User", "name": "system:serviceaccount:a:s"},
                    {"kind": "User", "name": "a"},
                ]
            },
            {
                "subjects": [
                    {"kind": "ServiceAccount", "namespace": "b", "name": "s"},
                    {"kind": "ServiceAccount", "namespace": "z", "name": "s"},
                    {"kind": "Group", "name": "system:serviceaccounts:b"},
                    {"kind": "User", "name": "system:serviceaccount:b:s"},
                    {"kind": "User", "name": "a"},
                ]
            },
        ),
        (
            "ValidatingWebhookConfiguration",
            "admissionregistration.k8s.io",
            {"webhooks": [{"clientConfig": {"service": {"namespace": "a"}}, "namespaceSelector": {"matchLabels": {NAME: "a"}}}]},
            {"webhooks": [{"clientConfig": {"service": {"namespace": "b"}}, "namespaceSelector": {"matchLabels": {NAME: "b"}}}]},
        ),
        ("APIService", "apiregistration.k8s.io", {"spec": {"service": {"namespace": "a"}}}, {"spec": {"service": {"namespace": "b"}}}),
        (
            "CustomResourceDefinition",
            "apiextensions.k8s.io",
            {"spec": {"conversion": {"webhook": {"clientConfig": {"service": {"namespace": "a"}}}}}},
            {"spec": {"conversion": {"webhook": {"clientConfig": {"service": {"namespace": "b"}}}}}},
        ),
        ("PersistentVolume", "", {"spec": {"claimRef": {"namespace": "a"}}}, {"spec": {"claimRef": {"namespace": "b"}}}),
        (
            "NetworkPolicy",
            "networking.k8s.io",
            {"spec": {"ingress": [{"from": [{"namespaceSelector": {"matchExpressions": [{"key": NAME, "values": ["a", "z"]}]}}]}]}},
            {"spec": {"ingress": [{"from": [{"namespaceSelector": {"matchExpressions": [{"key": NAME, "values": ["b", "z"]}]}}]}]}},
        ),
        (
            "Deployment",
            "apps",
            {"spec": {"template": {"spec": {"affinity": {"t": [{"namespaces": ["a"], "topologyKey": "k"}]}}}}},
            {"spec": {"template": {"spec": {"affinity": {"t": [{"namespaces": ["b"], "topologyKey": "k"}]}}}}},
        ),
        (
            "ServiceMonitor",
            "monitoring.coreos.com",
            {"spec": {"namespaceSelector": {"matchNames": ["a"]}}},
            {"spec": {"namespaceSelector": {"matchNames": ["b"]}}},
        ),
        (
            "HTTPRoute",
            "gateway.networking.k8s.io",
            {"spec": {"parentRefs": [{"namespace": "a"}], "rules": [{"backendRefs": [{"namespace": "a"}]}]}},
            {"spec": {"parentRefs": [{"namespace": "b"}], "rules": [{"backendRefs": [{"namespace": "b"}]}]}},
        ),
        (
            "HTTPRoute",
            "gateway.networking.k8s.io",
            {"spec": {"rules": [{"filters": [{"requestMirror": {"backendRef": {"name": "x", "namespace": "a"}}}],
                                 "backendRefs": [{"filters": [{"requestMirror": {"backendRef": {"namespace": "a"}}}]}]}]}},
            {"spec": {"rules": [{"filters": [{"requestMirror": {"backendRef": {"name": "x", "namespace": "b"}}}],
                                 "backendRefs": [{"filters": [{"requestMirror": {"backendRef": {"namespace": "b"}}}]}]}]}},
        ),
        (
            "Gateway",
            "gateway.networking.k8s.io",
            {"spec": {"listeners": [{"tls": {"certificateRefs": [{"name": "c", "namespace": "a"}]},
                                     "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {NAME: "a"}}}}}]}},
            {"spec": {"listeners": [{"tls": {"certificateRefs": [{"name": "c", "namespace": "b"}]},
                                     "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {NAME: "b"}}}}}]}},
        ),
        (
            "ReferenceGrant",
            "gateway.networking.k8s.io",
            {"spec": {"from": [{"group": "g", "kind": "HTTPRoute", "namespace": "a"}], "to": [{"kind": "Secret", "name": "a"}]}},
            {"spec": {"from": [{"group": "g", "kind": "HTTPRoute", "namespace": "b"}], "to": [{"kind": "Secret", "name": "a"}]}},
        ),
        ("Endpoints", "", {"subsets": [{"addresses": [{"targetRef": {"namespace": "a"}}]}]},
         {"subsets": [{"addresses": [{"targetRef": {"namespace": "b"}}]}]}),
        (
            "EndpointSlice",
            "discovery.k8s.io",
            {"endpoints": [{"targetRef": {"kind": "Pod", "namespace": "a"}}, {"addresses": ["10.0.0.1"]}]},
            {"endpoints": [{"targetRef": {"kind": "Pod", "namespace": "b"}}, {"addresses": ["10.0.0.1"]}]},
        ),
        (
            "Prometheus",
            "monitoring.coreos.com",
            {"spec": {"alerting": {"alertmanagers": [{"namespace": "a", "name": "am"}]}}},
            {"spec": {"alerting": {"alertmanagers": [{"namespace": "b", "name": "am"}]}}},
        ),
        ("IngressClass", "networking.k8s.io", {"spec": {"parameters": {"scope": "Namespace", "namespace": "a", "name": "p"}}},
         {"spec": {"parameters": {"scope": "Namespace", "namespace": "b", "name": "p"}}}),
        ("ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io", {"spec": {"paramRef": {"namespace": "a", "name": "p"}}},
         {"spec": {"paramRef": {"namespace": "b", "name": "p"}}}),
        ("MutatingAdmissionPolicyBinding", "admissionregistration.k8s.io", {"spec": {"paramRef": {"namespace": "a", "name": "p"}}},
         {"spec": {"paramRef": {"namespace": "b", "name": "p"}}}),
        ("PersistentVolume", "", {"spec": {"csi": {"nodeStageSecretRef": {"namespace": "a"}, "volumeAttributes": {"namespace": "a"}}}},
         {"spec": {"csi": {"nodeStageSecretRef": {"namespace": "b"}, "volumeAttributes": {"namespace": "a"}}}}),
        ("PersistentVolume", "", {"spec": {"azureFile": {"secretNamespace": "a", "secretName": "a"}}},
         {"spec": {"azureFile": {"secretNamespace": "b", "secretName": "a"}}}),
        ("PersistentVolumeClaim", "", {"spec": {"dataSourceRef": {"kind": "VolumeSnapshot", "namespace": "a", "name": "a"}}},
         {"spec": {"dataSourceRef": {"kind": "VolumeSnapshot", "namespace": "b", "name": "a"}}}),
        ("VolumeSnapshotContent", "snapshot.storage.k8s.io", {"spec": {"volumeSnapshotRef": {"namespace": "a", "name": "a"}}},
         {"spec": {"volumeSnapshotRef": {"namespace": "b", "name": "a"}}}),
        ("StatefulSet", "apps", {"spec": {"volumeClaimTemplates": [{"spec": {"dataSourceRef": {"namespace": "a", "name": "a"}}}]}},
         {"spec": {"volumeClaimTemplates": [{"spec": {"dataSourceRef": {"namespace": "b", "name": "a"}}}]}}),
        ("VolumeGroupSnapshotContent", "groupsnapshot.storage.k8s.io", {"spec": {"volumeGroupSnapshotRef": {"namespace": "a"}}},
         {"spec": {"volumeGroupSnapshotRef": {"namespace": "b"}}}),
        ("StorageClass", "storage.k8s.io", {"parameters": {**CSI, "csi.storage.k8s.io/node-stage-secret-namespace": "${pvc.namespace}"}},
         {"parameters": {**CSI, "csi.storage.k8s.io/provisioner-secret-namespace": "b", "adminSecretNamespace": "b",
                         "csi.storage.k8s.io/node-stage-secret-namespace": "${pvc.namespace}"}}),
        ("VolumeSnapshotClass", "snapshot.storage.k8s.io", {"parameters": {"csi.storage.k8s.io/snapshotter-secret-namespace": "a"}},
         {"parameters": {"csi.storage.k8s.io/snapshotter-secret-namespace": "b"}}),
        ("PersistentVolume", "", {"metadata": {"name": "x", "annotations": {DELETES: "a", "provisioner-deletion-secret-name": "a"}}},
         {"metadata": {"name": "x", "annotations": {DELETES: "b", "provisioner-deletion-secret-name": "a"}}}),
        ("MutatingWebhookConfiguration", "admissionregistration.k8s.io",
         {"metadata": {"name": "x", "annotations": {"cert-manager.io/inject-ca-from": "a/a"}}, "webhooks": []},
         {"metadata": {"name": "x", "annotations": {"cert-manager.io/inject-ca-from": "b/a"}}}),
        ("Prometheus", "monitoring.coreos.com",
         {"spec": {f"{what}NamespaceSelector": {"matchLabels": {NAME: "a", "app": "a"}} for what in ("serviceMonitor", "rule")}},
         {"spec": {f"{what}NamespaceSelector": {"matchLabels": {NAME: "b", "app": "a"}} for what in ("serviceMonitor", "rule")}}),
        ("AdminNetworkPolicy", "policy.networking.k8s.io",
         {"spec": {"subject": {"namespaces": {"matchLabels": {NAME: "a"}}},
                   "egress": [{"to": [{"namespaces": {"matchExpressions": [{"key": NAME, "values": ["a"]}]}}]}]}},
         {"spec": {"subject": {"namespaces": {"matchLabels": {NAME: "b"}}},
                   "egress": [{"to": [{"namespaces": {"matchExpressions": [{"key": NAME, "values": ["b"]}]}}]}]}}),
        ("XListenerSet", "gateway.networking.x-k8s.io", {"spec": {"parentRef": {"name": "a", "namespace": "a"}}},
         {"spec": {"parentRef": {"name": "a", "namespace": "b"}}}),
        ("ClusterRole", "rbac.authorization.k8s.io",
         {"rules": [{"resources": ["namespaces"], "resourceNames": ["a", "z"]}, {"resources": ["secrets"], "resourceNames": ["a"]}]},
         {"rules": [{"resources": ["namespaces"], "resourceNames": ["b", "z"]}, {"resources": ["secrets"], "resourceNames": ["a"]}]}),
        ("FlowSchema", "flowcontrol.apiserver.k8s.io",
         {"spec": {"rules": [{"subjects": [{"kind": "ServiceAccount", "serviceAccount": {"namespace": "a", "name": "a"}},
                                           {"kind": "Group", "group": {"name": "system:serviceaccounts:a"}}],
                              "resourceRules": [{"namespaces": ["a", "*"]}]}]}},
         {"spec": {"rules": [{"subjects": [{"kind": "ServiceAccount", "serviceAccount": {"namespace": "b", "name": "a"}},
                                           {"kind": "Group", "group": {"name": "system:serviceaccounts:b"}}],
                              "resourceRules": [{"namespaces": ["b", "*"]}]}]}}),
        ("SecurityContextConstraints", "security.openshift.io", {"users": ["system:serviceaccount:a:s", "a"], "groups": ["a"]},
         {"users": ["system:serviceaccount:b:s", "a"], "groups": ["a"]}),
        # What only looks like one of these is left alone.
        ("Widget", "example.org", {"spec": {"namespaceSelector": {"matchExpressions": ["a", 3], "matchNames": "a"}}}, {}),
        ("Widget", "example.org", {"spec": {"matchExpressions": "a", "matchLabels": ["a"], "namespaceSelector": ["a"]}}, {}),
        ("ServiceMonitor", "monitoring.coreos.com", {"spec": {"namespaceSelector": "a"}}, {}),
        ("Widget", "example.org", {"subjects": "a", "webhooks": 3, "endpoints": {"namespace": "a"}, "spec": "a"}, {}),
    ],
)  # fmt: skip
def test_references_go_with_their_namespace(kind: str, group: str, content: dict[str, Any], becomes: dict[str, Any]) -> None:
    obj = make(kind, group, **content)
    before = copy.deepcopy(obj)
    assert mapped(restore_item(obj), TO) == {**obj, **becomes}
    assert obj == before


def test_two_namespaces_can_change_places() -> None:
    both = {"a": "b", "b": "a"}
    assert [mapped(restore_item(make("Namespace", metadata={"name": name})), both)["metadata"]["name"] for name in ("a", "b")] == ["b", "a"]


def test_kubectls_copy_does_not_come_along_to_another_namespace() -> None:
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "meta.helm.sh/release-namespace": "a"}
    obj = make("ConfigMap", metadata={"name": "x", "namespace": "a", "annotations": notes})
    assert mapped(restore_item(obj), TO)["metadata"]["annotations"] == {"meta.helm.sh/release-namespace": "b"}
    assert mapped(restore_item(obj), {"z": "y"})["metadata"]["annotations"] == notes
    bare = make(
        "ConfigMap", metadata={"name": "x", "namespace": "a", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}
    )
    assert mapped(restore_item(bare), TO)["metadata"] == {"name": "x", "namespace": "b"}


def test_a_text_is_told_and_left_as_it_is() -> None:
    obj = make("ConfigMap", data={"url": "http://api.a.svc:8000/", "other": "http://api.aa.svc/"})
    assert mapped(restore_item(obj), TO) == obj
    assert names_in_text(restore_item(obj), TO) == ["a"]
    assert names_in_text(restore_item(make("Secret", stringData={"url": "http://api.a.svc"})), TO) == []


@pytest.mark.parametrize(
    "content",
    [
        {"spec": {"destination": {"namespace": "a"}}},  # an Application of Argo CD
        {"spec": {"targetNamespace": "a"}},  # a HelmRelease of Flux
        {"spec": {"watch": {"namespaces": ["z", "a"]}}},
        {"metadata": {"name": "x", "annotations": {"nginx.ingress.kubernetes.io/auth-url": "http://auth.a.svc.cluster.local/"}}},
    ],
)
def test_what_still_leads_into_the_original_is_told(content: dict[str, Any]) -> None:
    obj = make("Widget", "example.org", **content)
    assert names_in_text(restore_item(mapped(restore_item(obj), TO)), TO) == ["a"]


def test_what_is_mapped_is_not_told() -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"url": "http://api.a.svc"}'}
    obj = make(
        "HTTPRoute", "gateway.networking.k8s.io", spec={"parentRefs": [{"namespace": "a"}]}, metadata={"name": "x", "namespace": "a"}
    )
    obj["metadata"]["annotations"] = applied
    assert names_in_text(restore_item(mapped(restore_item(obj), TO)), TO) == []
    both = {"a": "b", "b": "a"}
    assert names_in_text(restore_item(mapped(restore_item(obj), both)), both) == []
