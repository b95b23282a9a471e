# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.isolate import (
    allowed_kinds,
    confined,
    copy_scope,
    isolate,
    new_volume_classes,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.isolated_fields import CopyScope
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import context_of, restore_item
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.outcome import restore_outcome
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.plan import Choice, plan_restore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes import client
from whole_backups import restore_items

SCOPE = CopyScope(classes=frozenset({"fast", None}), selected=frozenset({"app"}))
RBAC = "rbac.authorization.k8s.io"


def make(version: str, kind: str, namespace: str = "a", **spec: Any) -> dict[str, Any]:
    metadata = {"name": "x", "uid": f"{kind}/{namespace}", **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def workload(kind: str = "Deployment", **pod: Any) -> dict[str, Any]:
    return make("apps/v1", kind, template={"spec": {"containers": [{"name": "c", "image": "i"}], **pod}})


def container(**fields: Any) -> dict[str, Any]:
    return workload(containers=[{"name": "c", "image": "i", **fields}])


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (make("batch/v1", "CronJob"), "second time"),
        (make("batch/v1", "Job"), "second time"),
        (make("networking.k8s.io/v1", "Ingress"), "out of the copy"),
        (make("networking.k8s.io/v1", "NetworkPolicy"), "out of the copy"),
        (make("v1", "Service", type="ExternalName"), "out of the copy"),
        (make("v1", "Endpoints"), "out of the copy"),
        (make("policy/v1", "PodDisruptionBudget"), "drain"),
        (make(f"{RBAC}/v1", "RoleBinding"), "rights"),
        (make("gateway.networking.k8s.io/v1", "HTTPRoute"), "controller"),
        (make("route.openshift.io/v1", "Route"), "controller"),
        (make("cert-manager.io/v1", "Certificate"), "controller"),
        (make("apps.openshift.io/v1", "DeploymentConfig"), "controller"),
        (make("resource.k8s.io/v1", "ResourceClaim"), "no such kind"),
        (make(f"{RBAC}/v1", "ClusterRoleBinding", ""), "no such kind"),
        (make("apiregistration.k8s.io/v1", "APIService", ""), "no such kind"),
        (make("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", ""), "no such kind"),
        (make("apiextensions.k8s.io/v1", "CustomResourceDefinition", ""), "no such kind"),
        (make("v1", "PersistentVolume", ""), "no such kind"),
        (make("v1", "ConfigMap", ""), "in no namespace"),
        (make("v1", "PersistentVolumeClaim", storageClassName=""), "one that exists"),
        (make("v1", "PersistentVolumeClaim", storageClassName="manual"), "one that exists"),
        (workload(hostNetwork=True), "node's own"),
        (workload("DaemonSet", volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "node's own"),
        (make("v1", "Pod", hostPID=True), "node's own"),
        (make("v1", "ReplicationController", template={"spec": {"hostIPC": True}}), "node's own"),
        ({**make("v1", "PodTemplate"), "template": {"spec": {"hostPID": True}}}, "node's own"),
        (container(securityContext={"privileged": True}), ".spec.template.spec.containers[c].securityContext.privileged"),
        (workload(initContainers=[{"name": "i", "securityContext": {"privileged": True}}]), "initContainers[i]"),
        (container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}), "capabilities.add[0]"),
        (container(securityContext={"capabilities": {"add": ["KILL", "ALL"]}}), "capabilities.add[1]"),
        (container(securityContext={"procMount": "Unmasked"}), "procMount"),
        (container(securityContext={"windowsOptions": {"hostProcess": True}}), "hostProcess"),
        (workload(securityContext={"windowsOptions": {"hostProcess": True}}), "hostProcess"),
        (
            workload(
                volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "static"}}],
                containers=[{"name": "c", "volumeDevices": [{"name": "v", "devicePath": "/dev/x"}]}],
            ),
            "block device",
        ),
    ],
)
def test_what_acts_on_the_world_outside_stays_there(obj: dict[str, Any], words: str) -> None:
    scope = CopyScope(classes=SCOPE.classes, outside=frozenset({("a", "static")}))
    assert words in isolate(obj, scope).reason


@pytest.mark.parametrize(
    "obj",
    [
        *(make("v1", kind) for kind in ("ConfigMap", "Secret", "ServiceAccount", "Service", "ResourceQuota", "LimitRange")),
        make("v1", "PersistentVolumeClaim", storageClassName="fast"),
        make("v1", "PersistentVolumeClaim"),  # of the default class
        make("v1", "Namespace", ""),
        make(f"{RBAC}/v1", "Role"),
        make("autoscaling/v2", "HorizontalPodAutoscaler"),
        *(workload(kind, volumes=[{"name": "v", "emptyDir": {}}]) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")),
        workload(hostNetwork=False, hostPID=False, containers=[{"name": "c", "securityContext": {"privileged": False}}]),
        container(securityContext={"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}, "procMount": "Default"}),
        make("v1", "Pod", containers=[]),
    ],
)
def test_what_keeps_to_itself_comes_along(obj: dict[str, Any]) -> None:
    before = copy.deepcopy(obj)
    assert not isolate(obj, SCOPE).reason
    assert obj == before


def test_a_service_is_reached_from_within_only() -> None:
    service = make(
        "v1", "Service", type="LoadBalancer", externalIPs=["192.0.2.1"], externalTrafficPolicy="Local", healthCheckNodePort=30001,
        loadBalancerIP="192.0.2.2", allocateLoadBalancerNodePorts=True, selector={"app": "x"}, externalName="x.example.org",
        ports=[{"name": "http", "port": 80, "nodePort": 30000}], clusterIP="10.0.0.1", unheardOf=1,
    )  # fmt: skip
    names = (
        "external-dns.alpha.kubernetes.io/hostname",
        "tailscale.com/expose",
        "consul.hashicorp.com/service-sync",
        "cloud.google.com/neg",
    )
    service["metadata"]["annotations"] = {**dict.fromkeys(names, "x"), "kubernetes.io/description": "kept"}
    before = copy.deepcopy(service)
    found = isolate(service, SCOPE)
    assert found.obj["spec"] == {"type": "ClusterIP", "selector": {"app": "x"}, "ports": [{"name": "http", "port": 80}]}
    assert found.obj["metadata"] == {"name": "x", "namespace": "a", "annotations": {"kubernetes.io/description": "kept"}}
    assert {f".metadata.annotations[{name}]" for name in names} <= set(found.lost)
    assert {".spec.externalIPs", ".spec.ports[http].nodePort", ".spec.type", ".spec.externalName", ".spec.unheardOf"} <= set(found.lost)
    assert service == before
    assert isolate(found.obj, SCOPE) == (found.obj, [], "")


def test_a_headless_service_stays_headless() -> None:
    found = isolate(make("v1", "Service", clusterIP="None", clusterIPs=["None"]), SCOPE)
    assert found.obj["spec"] == {"clusterIP": "None", "clusterIPs": ["None"], "type": "ClusterIP"} and found.lost == [".metadata.uid"]


SOURCES = [
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "gitRepo", "glusterfs", "iscsi", "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd",
    "scaleIO", "storageos", "vsphereVolume", "new",
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_storage_outside_is_an_empty_directory_in_the_copy(source: str) -> None:
    found = isolate(workload(volumes=[{"name": "v", source: {"server": "192.0.2.1"}}]), SCOPE)
    assert found.obj["spec"]["template"]["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert f".spec.template.spec.volumes[v].{source}" in found.lost


@pytest.mark.parametrize(
    ("volume", "kept"),
    [
        ({"emptyDir": {"medium": "HugePages-2Mi", "sizeLimit": "1Gi"}}, {"emptyDir": {"sizeLimit": "1Gi"}}),
        ({"emptyDir": {"medium": "HugePages"}}, {"emptyDir": {}}),
        ({"emptyDir": {"medium": "Memory"}}, {"emptyDir": {"medium": "Memory"}}),
        ({"persistentVolumeClaim": {"claimName": "static"}}, {"emptyDir": {}}),
        ({"persistentVolumeClaim": {"claimName": "dynamic"}}, {"persistentVolumeClaim": {"claimName": "dynamic"}}),
        # A claim that the backup does not have would be missing in a restore, so it is missing here.
        ({"persistentVolumeClaim": {"claimName": "lost"}}, {"persistentVolumeClaim": {"claimName": "lost"}}),
        ({"ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": ""}}}}, {"emptyDir": {}}),
        ({"ephemeral": {"volumeClaimTemplate": {"spec": {"dataSource": {"name": "x"}}}}}, {"emptyDir": {}}),
        (
            {"ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "fast", "volumeName": "pv"}}}},
            {"ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "fast"}}}},
        ),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t", "audience": "vault"}}, {"secret": {"name": "s"}}]}},
            {"projected": {"sources": [{"secret": {"name": "s"}}]}},
        ),
        ({"projected": {"sources": [{"clusterTrustBundle": {"path": "b"}}, {"podCertificate": {"signerName": "s"}}]}}, {"emptyDir": {}}),
        ({"projected": {"sources": [{"serviceAccountToken": {}}]}}, {"projected": {"sources": [{"serviceAccountToken": {}}]}}),
        ({}, {"emptyDir": {}}),
    ],
)  # fmt: skip
def test_volumes_of_the_copy(volume: dict[str, Any], kept: dict[str, Any]) -> None:
    scope = CopyScope(classes=frozenset({"fast"}), outside=frozenset({("a", "static")}))
    found = isolate(workload(volumes=[{"name": "v", **volume}]), scope)
    assert found.obj["spec"]["template"]["spec"]["volumes"] == [{"name": "v", **kept}]
    assert not found.reason


def test_a_claim_is_bound_to_nothing_that_exists() -> None:
    claim = make(
        "v1", "PersistentVolumeClaim", storageClassName="fast", volumeName="pv", selector={"matchLabels": {"a": "b"}},
        dataSource={"kind": "VolumeSnapshot", "name": "s"}, dataSourceRef={"name": "s"}, volumeAttributesClassName="v",
        accessModes=["ReadWriteOnce"], resources={"requests": {"storage": "1Gi"}}, volumeMode="Filesystem",
    )  # fmt: skip
    claim["metadata"]["annotations"] = {"volume.beta.kubernetes.io/storage-class": "manual", "nfs.io/storage-path": "prod"}
    found = isolate(claim, SCOPE)
    assert set(found.obj["spec"]) == {"storageClassName", "accessModes", "resources", "volumeMode"}
    assert "annotations" not in found.obj["metadata"]


def class_of(name: str, provisioner: str = "x.example.org", policy: str = "Delete", **notes: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "annotations": notes}, "provisioner": provisioner, "reclaimPolicy": policy}


def volume_of(name: str | None, phase: str, **notes: str) -> dict[str, Any]:
    return {"metadata": {"name": "pv", "annotations": notes}, "spec": {"storageClassName": name}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("spec", "whole"),
    [
        ({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, True),
        ({"policyTypes": ["Egress"]}, True),
        ({"podSelector": {"matchLabels": {}}, "policyTypes": ["Egress"]}, True),
        ({"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Egress"]}, False),
        ({"podSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}, "policyTypes": ["Egress"]}, False),
        ({"podSelector": {}, "policyTypes": ["Ingress"]}, False),
        ({"podSelector": {}}, False),
    ],
)
def test_a_policy_for_all_pods_confines_a_namespace(spec: dict[str, Any], *, whole: bool) -> None:
    assert confined([make("networking.k8s.io/v1", "NetworkPolicy", **spec)]) is whole
    assert not confined([])


DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


@pytest.mark.parametrize(
    ("classes", "volumes", "safe"),
    [
        ([class_of("fast")], [], {"fast"}),
        ([class_of("fast", **DEFAULT)], [], {"fast", None}),
        (
            [class_of("fast", **DEFAULT)],
            [volume_of("fast", "Bound"), volume_of("fast", "Released"), volume_of("", "Available")],
            {"fast", None},
        ),
        ([class_of("fast", **DEFAULT)], [volume_of("fast", "Available")], set()),
        ([class_of("fast", **DEFAULT)], [volume_of("fast", "")], set()),
        ([class_of("fast", **DEFAULT)], [volume_of(None, "Available", **{"volume.beta.kubernetes.io/storage-class": "fast"})], set()),
        ([class_of("fast", **DEFAULT), class_of("local", "kubernetes.io/no-provisioner", **DEFAULT)], [], {"fast"}),
        ([class_of("kept", policy="Retain", **DEFAULT), class_of("fast")], [], {"fast"}),
        ([{"metadata": {"name": "broken"}}], [], set()),
        ([], [], set()),
    ],
)
def test_classes_that_create_a_new_volume(classes: list[Any], volumes: list[Any], safe: set[str | None]) -> None:
    assert new_volume_classes(classes, volumes) == safe


def test_a_stateful_set_without_a_class_has_empty_directories() -> None:
    templates = [
        {"metadata": {"name": name, "labels": {"x": "y"}}, "spec": {"storageClassName": of, "volumeName": "pv"}}
        for name, of in (("data", "fast"), ("old", "nfs"))
    ]
    stateful = workload("StatefulSet", volumes=[{"name": "old", "nfs": {}}, {"name": "tmp", "emptyDir": {}}])
    stateful["spec"]["volumeClaimTemplates"] = templates
    found = isolate(stateful, SCOPE)
    assert found.obj["spec"]["volumeClaimTemplates"] == [{"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}]
    volumes = found.obj["spec"]["template"]["spec"]["volumes"]
    assert volumes == [{"name": "tmp", "emptyDir": {}}, {"name": "old", "emptyDir": {}}]
    assert ".spec.volumeClaimTemplates[1]" in found.lost


def test_fields_of_pods_that_reach_outside_are_lost_and_listed() -> None:
    term = {"topologyKey": "t", "labelSelector": {}}
    probe = {"httpGet": {"path": "/", "port": 1, "host": "169.254.169.254"}}
    pod: dict[str, Any] = {
        "nodeName": "n", "schedulerName": "s", "priorityClassName": "high", "hostAliases": [{"ip": "192.0.2.1"}], "dnsPolicy": "Default",
        "dnsConfig": {"nameservers": ["192.0.2.1"], "searches": ["prod.svc"], "options": [{"name": "ndots"}]}, "hostUsers": True,
        "readinessGates": [{"conditionType": "x"}], "resourceClaims": [{"name": "gpu"}], "unheardOf": {"a": 1},
        "securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}, {"name": "net.ipv4.tcp_syncookies", "value": "1"}]},
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            term, {**term, "namespaceSelector": {}}, {**term, "namespaces": ["b"]}, {**term, "namespaces": ["a"]},
        ], "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": {**term, "namespaces": ["b"]}}]}},
        "containers": [{
            "name": "c", "ports": [{"name": "http", "containerPort": 80, "hostPort": 80, "hostIP": "0.0.0.0"}],
            "livenessProbe": probe, "lifecycle": {"preStop": probe},
            "resources": {"claims": [{"name": "gpu"}], "limits": {"cpu": "1"}},
            "securityContext": {"seccompProfile": {"type": "Unconfined"}, "seLinuxOptions": {"type": "spc_t", "level": "s0"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}],
        }],
    }  # fmt: skip
    deployment = workload(**pod)
    deployment["spec"]["template"]["metadata"] = {
        "labels": {"app": "x", "sidecar.istio.io/inject": "true", "azure.workload.identity/use": "true"},
        "annotations": {"k8s.v1.cni.cncf.io/networks": "prod", "prometheus.io/scrape": "true", "kubectl.kubernetes.io/restartedAt": "t"},
    }
    deployment["metadata"]["labels"] = {"argocd.argoproj.io/instance": "prod", "kustomize.toolkit.fluxcd.io/name": "prod"}
    found = isolate(deployment, SCOPE)
    assert not found.reason
    assert found.obj["metadata"] == {"name": "x", "namespace": "a"}
    template = found.obj["spec"]["template"]
    assert template["metadata"] == {"labels": {"app": "x"}, "annotations": {"kubectl.kubernetes.io/restartedAt": "t"}}
    within = {"httpGet": {"path": "/", "port": 1}}
    assert template["spec"] == {
        "dnsConfig": {"options": [{"name": "ndots"}]},
        "securityContext": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]},
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term, {**term, "namespaces": ["a"]}]}},
        "containers": [{
            "name": "c", "ports": [{"name": "http", "containerPort": 80}], "livenessProbe": within, "lifecycle": {"preStop": within},
            "resources": {"limits": {"cpu": "1"}}, "securityContext": {"seLinuxOptions": {"level": "s0"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }],
    }  # fmt: skip
    root = ".spec.template.spec"
    assert {
        f"{root}.nodeName", f"{root}.priorityClassName", f"{root}.hostAliases", f"{root}.unheardOf", f"{root}.dnsConfig.searches",
        f"{root}.containers[c].ports[http].hostPort", f"{root}.containers[c].livenessProbe.httpGet.host",
        ".spec.template.metadata.annotations[k8s.v1.cni.cncf.io/networks]", ".metadata.labels[argocd.argoproj.io/instance]",
        f"{root}.securityContext.sysctls[kernel.msgmax]",
    } <= set(found.lost)  # fmt: skip


@pytest.mark.parametrize(
    ("was", "level"), [("", "baseline"), ("privileged", "baseline"), ("restricted", "restricted"), ("odd", "baseline")]
)
def test_the_namespace_of_a_copy_is_held_to_the_baseline(was: str, level: str) -> None:
    namespace = make("v1", "Namespace", "")
    namespace["metadata"]["labels"] = {"istio-injection": "enabled", "pod-security.kubernetes.io/enforce": was}
    labels = isolate(namespace, SCOPE).obj["metadata"]["labels"]
    assert labels == {"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/enforce-version": "latest"}


def test_identities_in_a_cloud_stay_outside() -> None:
    account = make("v1", "ServiceAccount")
    account["metadata"]["annotations"] = {"eks.amazonaws.com/role-arn": "arn", "iam.gke.io/gcp-service-account": "x"}
    account["imagePullSecrets"] = [{"name": "pull"}]
    found = isolate(account, SCOPE).obj
    assert "annotations" not in found["metadata"] and found["imagePullSecrets"] == [{"name": "pull"}]


NAMES = {
    "Widget.e.org": "widgets.e.org", "RoleBinding.rbac.authorization.k8s.io": "rolebindings.rbac.authorization.k8s.io",
    "Ingress.networking.k8s.io": "ingresses.networking.k8s.io",
    "HTTPRoute.gateway.networking.k8s.io": "httproutes.gateway.networking.k8s.io",
    "Job.batch": "jobs.batch", "APIService.apiregistration.k8s.io": "apiservices.apiregistration.k8s.io", "ConfigMap": "configmaps",
    "Route.route.openshift.io": "routes.route.openshift.io", "Ingress.extensions": "ingresses.extensions",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted({*NAMES.values(), "nothing.e.org"} - {"widgets.e.org", "rolebindings.rbac.authorization.k8s.io"}))
def test_kinds_that_no_option_brings_into_a_copy(name: str) -> None:
    with pytest.raises(SalvageError, match=re.escape(name)):
        allowed_kinds({name}, NAMES)


def test_custom_resources_come_along_if_the_user_says_so() -> None:
    objects = [make("e.org/v1", "Widget", size=1), make(f"{RBAC}/v1", "RoleBinding")]
    objects[0]["metadata"]["annotations"] = {"external-dns.alpha.kubernetes.io/hostname": "x"}
    mapping = {"a": "a-drill"}
    asked = frozenset({"widgets.e.org", "rolebindings.rbac.authorization.k8s.io"})
    choice = Choice(mapping=mapping, isolated=True, isolated_kinds=asked)
    found = plan_restore(restore_items(objects), choice, context_of(restore_items(objects), mapping=mapping), NAMES)
    assert [str(step.key) for step in found.steps] == ["RoleBinding.rbac.authorization.k8s.io a-drill/x", "Widget.e.org a-drill/x"]
    assert found.steps[1].wanted["metadata"] == {"name": "x", "namespace": "a-drill"}
    assert found.steps[1].wanted["spec"] == {"size": 1}


def test_an_isolated_copy_has_only_what_is_in_the_namespace() -> None:
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}},
        make("v1", "ConfigMap"), make("v1", "ConfigMap", "b"), make("batch/v1", "Job"),
        make("v1", "Service", type="NodePort", ports=[{"port": 1, "nodePort": 30000}]),
        make("batch/v1", "CronJob"),
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "c"}, "rules": []},
    ]  # fmt: skip
    mapping = {"a": "a-drill"}
    found = plan_restore(
        restore_items(objects),
        Choice(mapping=mapping, isolated=True, cluster_scoped=True),
        context_of(restore_items(objects), mapping=mapping),
        {},
    )
    assert [str(step.key) for step in found.steps] == ["Namespace a-drill", "ConfigMap a-drill/x", "Service a-drill/x"]
    assert found.steps[-1].wanted["spec"] == {"type": "ClusterIP", "ports": [{"port": 1}]}
    assert len(found.steps) + len(found.left) == len(objects)


def test_labels_stay_where_a_selector_of_the_copy_uses_them() -> None:
    service = make("v1", "Service", selector={"role": "web"})
    spread = {"labelSelector": {"matchExpressions": [{"key": "shard", "operator": "Exists"}]}}
    deployment = workload(topologySpreadConstraints=[spread])
    labels = {"app": "x", "role": "web", "shard": "1", "team": "y"}
    deployment["spec"] |= {"selector": {"matchLabels": {"app": "x"}}}
    deployment["spec"]["template"]["metadata"] = {"labels": labels}
    other = make("v1", "Service", "b", selector={"team": "y"})
    objects, mapping = [service, deployment, other], {"a": "a-drill"}
    found = plan_restore(
        restore_items(objects), Choice(mapping=mapping, isolated=True), context_of(restore_items(objects), mapping=mapping), {}
    )
    assert found.steps[-1].wanted["spec"]["template"]["metadata"]["labels"] == {"app": "x", "role": "web", "shard": "1"}


def test_what_was_lost_is_in_the_result_object_by_object() -> None:
    objects = [container(ports=[{"containerPort": 80, "hostPort": 80}]), make("v1", "PersistentVolumeClaim", storageClassName="")]
    mapping = {"a": "a-drill"}
    plan = plan_restore(
        restore_items(objects), Choice(mapping=mapping, isolated=True), context_of(restore_items(objects), mapping=mapping), {}
    )
    for step in plan.steps:
        step.action = "create"
    manifest = {"name": "b", "objects": objects}
    more: dict[str, Any] = {"finished": 0, "safety_backup": None, "resumed": False, "not_proven": [], "diff": [], "seconds": 0.0}
    report = restore_outcome(manifest, plan, **more).report
    path = ".spec.template.spec.containers[c].ports[0].hostPort"
    assert report["stripped"] == [{"field": path, "count": 1, "objects": ["Deployment.apps a-drill/x"]}]
    assert report["skipped"][0]["objects"] == ["PersistentVolumeClaim a/x"]


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
        plan_restore(restore_items(objects), choice, context_of(restore_items(objects), mapping=choice.mapping), {})


def test_kinds_are_allowed_only_in_an_isolated_copy() -> None:
    with pytest.raises(SalvageError, match="set isolated too"):
        Choice(isolated_kinds=frozenset({"widgets.e.org"})).check([restore_item(make("v1", "ConfigMap"))])


# --- any pod at all: the fields and types of the Kubernetes API, as its client knows them ---

VALUES = {
    "str": st.sampled_from(
        ["", "x", "Memory", "HugePages", "Unconfined", "SYS_ADMIN", "CHOWN", "kernel.msgmax", "Unmasked", "static", "fast", "a"]
    ),
    "int": st.integers(0, 99), "bool": st.booleans(), "object": st.sampled_from([1, "http"]), "date": st.just("2026-01-01"),
    "datetime": st.just("2026-01-01"), "float": st.just(1.5),
    "dict(str, str)": st.dictionaries(st.sampled_from(["app", "b"]), st.just("c")),
}  # fmt: skip


def any_of(kind: str, depth: int = 0) -> st.SearchStrategy[Any]:
    """A value of a type of the API, in which any of its fields may be set."""
    if kind in VALUES:
        return VALUES[kind]
    if kind.startswith("list["):
        return st.lists(any_of(kind[5:-1], depth), max_size=2)
    model = getattr(client, kind, None)
    if model is None or depth > 9:
        return st.just({"x": "y"})
    fields = {model.attribute_map[name]: st.deferred(lambda of=of: any_of(of, depth + 1)) for name, of in model.openapi_types.items()}  # type: ignore[misc]
    named = {name: st.sampled_from(["one", "two"]) for name in fields if name == "name" and kind != "V1Sysctl"}
    return st.lists(st.sampled_from(sorted(fields)), unique=True, min_size=1, max_size=7).flatmap(
        lambda chosen: st.fixed_dictionaries({**{name: fields[name] for name in chosen}, **named})
    )


def paths(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, value
    inner = value.items() if isinstance(value, dict) else [("*", item) for item in value] if isinstance(value, list) else ()
    for name, one in inner:
        yield from paths(one, f"{path}.{name}")


BASELINE_VOLUMES = {"name", "configMap", "secret", "emptyDir", "projected", "downwardAPI", "persistentVolumeClaim", "ephemeral", "image"}
REACHES_OUT = re.compile(
    r"\.(hostPort|hostIP|hostPath|hostAliases|nodeName|schedulerName|priorityClassName|priority|preemptionPolicy|readinessGates"
    r"|schedulingGates|resourceClaims|claims|ephemeralContainers|nameservers|searches|audience|signerName|clusterTrustBundle|podCertificate"
    r"|namespaceSelector|mountPropagation|dataSource|dataSourceRef|volumeName|gmsaCredentialSpec|httpGet\.host|tcpSocket\.host)$"
)


def faults(pod: dict[str, Any]) -> list[str]:
    """What the Pod Security Standard "baseline" and the promise of an isolated copy do not allow, said once more, independently."""
    found = [path for path, _value in paths(pod) if REACHES_OUT.search(path)]
    for path, value in paths(pod):
        last = path.rpartition(".")[2]
        if last in ("hostNetwork", "hostPID", "hostIPC", "privileged", "hostProcess") and value:
            found.append(path)
        if path.endswith(".capabilities.add.*") and value != "CHOWN":
            found.append(path)
        if last == "medium" and value not in ("", "Memory"):
            found.append(path)
        if (last == "procMount" and value != "Default") or (path.endswith("Profile.type") and value == "Unconfined"):
            found.append(path)
        if path.endswith(".sysctls.*"):
            found.append(path)  # none of the generated ones is safe
        if path.endswith(".persistentVolumeClaim.claimName") and value == "static":
            found.append(path)
        if path.endswith(".volumeClaimTemplate.spec") and value.get("storageClassName") not in (None, "fast"):
            found.append(path)
        if path == ".volumes.*":
            found += [f"{path}.{name}" for name in set(value) - BASELINE_VOLUMES]
    return found


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(pod=any_of("V1PodSpec"))
def test_no_field_of_the_whole_api_leads_out_of_a_copy(pod: dict[str, Any]) -> None:
    scope = CopyScope(classes=frozenset({"fast", None}), selected=frozenset({"app"}), outside=frozenset({("a", "static")}))
    before = json.dumps(pod)
    for kind in ("Deployment", "Pod"):
        obj = make("v1", "Pod") | {"spec": pod} if kind == "Pod" else make("apps/v1", kind, template={"spec": pod})
        found = isolate(obj, scope)
        copied = found.obj.get("spec", {}) if kind == "Pod" else found.obj.get("spec", {}).get("template", {}).get("spec", {})
        assert json.dumps(pod) == before
        assert found.reason or not faults(copied)
        if not found.reason:
            assert isolate(found.obj, scope) == (found.obj, [], "")
            assert not faults(pod) or found.lost


@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
@given(spec=any_of("V1ServiceSpec"))
def test_no_field_of_a_service_leads_out_of_a_copy(spec: dict[str, Any]) -> None:
    found = isolate(make("v1", "Service") | {"spec": spec}, SCOPE)
    if not found.reason:
        inner = {path for path, _value in paths(found.obj["spec"])}
        assert not [path for path in inner if re.search(r"xternal|oadBalancer|odePort", path)]
        assert found.obj["spec"]["type"] == "ClusterIP"


def test_claims_that_stay_outside_are_those_without_a_class() -> None:
    claims = [make("v1", "PersistentVolumeClaim", **spec) for spec in ({"storageClassName": "nfs"}, {"storageClassName": "fast"})]
    claims[1]["metadata"] = {**claims[1]["metadata"], "name": "y"}
    assert copy_scope(claims, SCOPE.classes, frozenset()).outside == {("a", "x")}
