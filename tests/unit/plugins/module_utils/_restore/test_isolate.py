# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.isolate import inward, outward
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import context_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.plan import Choice, plan_restore


def make(version: str, kind: str, namespace: str = "a", **spec: Any) -> dict[str, Any]:
    metadata = {"name": "x", "uid": f"{kind}/{namespace}", **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def workload(kind: str = "Deployment", **pod: Any) -> dict[str, Any]:
    return make("apps/v1", kind, template={"spec": pod})


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (make("batch/v1", "CronJob"), "second time"),
        (make("batch/v1", "Job"), "second time"),
        (make("networking.k8s.io/v1", "Ingress"), "out of the copy"),
        (make("networking.k8s.io/v1", "NetworkPolicy"), "out of the copy"),
        (make("v1", "Service", type="ExternalName"), "out of the copy"),
        (make("v1", "Endpoints"), "out of the copy"),
        (make("gateway.networking.k8s.io/v1", "HTTPRoute"), "controller"),
        (make("cert-manager.io/v1", "Certificate"), "controller"),
        (workload(hostNetwork=True), "node's own"),
        (workload("DaemonSet", volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "node's own"),
        (make("v1", "Pod", hostPID=True), "node's own"),
    ],
)
def test_what_acts_on_the_world_outside_stays_there(obj: dict[str, Any], words: str) -> None:
    assert words in outward(obj)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim", "Service", "ResourceQuota"])
def test_what_keeps_to_itself_comes_along(kind: str) -> None:
    assert not outward(make("v1", kind))
    assert not outward(workload(volumes=[{"name": "v", "emptyDir": {}}]))


def test_a_service_is_reached_from_within_only() -> None:
    service = make(
        "v1", "Service", type="LoadBalancer", externalIPs=["192.0.2.1"], externalTrafficPolicy="Local", healthCheckNodePort=30001,
        loadBalancerIP="192.0.2.2", allocateLoadBalancerNodePorts=True, selector={"app": "x"}, ports=[{"port": 80, "nodePort": 30000}],
    )  # fmt: skip
    service["metadata"]["annotations"] = {"external-dns.alpha.kubernetes.io/hostname": "x.example.org", "own": "kept"}
    before = copy.deepcopy(service)
    found = inward(service)
    assert found["spec"] == {"type": "ClusterIP", "selector": {"app": "x"}, "ports": [{"port": 80}]}
    assert found["metadata"]["annotations"] == {"own": "kept"}
    assert service == before
    assert inward(found) == found


def test_an_isolated_copy_has_only_what_is_in_the_namespace() -> None:
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}},
        make("v1", "ConfigMap"), make("v1", "ConfigMap", "b"), make("batch/v1", "Job"),
        make("v1", "Service", type="NodePort", ports=[{"port": 1, "nodePort": 30000}]),
        make("batch/v1", "CronJob"),
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "c"}, "rules": []},
    ]  # fmt: skip
    mapping = {"a": "a-drill"}
    found = plan_restore(objects, Choice(mapping=mapping, isolated=True, cluster_scoped=True), context_of(objects, mapping=mapping), {})
    assert [str(step.key) for step in found.steps] == ["Namespace a-drill", "ConfigMap a-drill/x", "Service a-drill/x"]
    assert found.steps[-1].wanted["spec"] == {"type": "ClusterIP", "ports": [{"port": 1}]}
    assert len(found.steps) + len(found.left) == len(objects)


@pytest.mark.parametrize(
    "choice",
    [
        Choice(isolated=True),
        Choice(isolated=True, mapping={"a": "a"}),
        Choice(isolated=True, namespaces=frozenset({"a", "b"}), mapping={"a": "c"}),
    ],
)
def test_an_isolated_copy_needs_another_name(choice: Choice) -> None:
    objects = [make("v1", "ConfigMap"), make("v1", "ConfigMap", "b")]
    with pytest.raises(SalvageError, match="another name"):
        plan_restore(objects, choice, context_of(objects, mapping=choice.mapping), {})
