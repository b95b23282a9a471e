# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.model import group_kind
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import Context, context_of, restore_item
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.portable import STRIPPED, comparable, stripped, suspended
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.skip_rules import SKIPPED, why_not
from hypothesis import given
from hypothesis import strategies as st

API = {
    "apps": "apps/v1",
    "batch": "batch/v1",
    "rbac.authorization.k8s.io": "rbac.authorization.k8s.io/v1",
    "": "v1",
}
NONE = Context()


def make(kind: str, name: str = "x", namespace: str = "a", *, meta: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
    short, _dot, group = kind.partition(".")
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **(meta or {})}
    return {"apiVersion": API.get(group, f"{group}/v1"), "kind": short, "metadata": metadata, **content}


def owned(by: str, uid: str = "u1", *, controller: bool = True) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": by, "name": "o", "uid": uid, "controller": controller}]}


SEEN: list[tuple[str, dict[str, Any], Context, str]] = [
    ("what is being deleted", make("ConfigMap", meta={"deletionTimestamp": "2026-11-24T00:00:00Z"}), NONE, "deleted"),
    ("a ReplicaSet of a Deployment", make("ReplicaSet.apps", meta=owned("Deployment")), Context(uids=frozenset({"u1"})), "Deployment"),
    ("a pod whose owner is not in the backup", make("Pod", meta=owned("ReplicaSet")), NONE, "ReplicaSet"),
    ("a revision", make("ControllerRevision.apps", meta=owned("StatefulSet")), Context(uids=frozenset({"u1"})), "StatefulSet"),
    ("what an operator made", make("Secret", meta=owned("Prometheus")), Context(uids=frozenset({"u1"})), "Prometheus"),
    ("a finished job", make("Job.batch", status={"conditions": [{"type": "Complete", "status": "True"}]}), NONE, "ended"),
    ("a failed job", make("Job.batch", status={"conditions": [{"type": "Failed", "status": "True"}]}), NONE, "ended"),
    ("a finished pod", make("Pod", status={"phase": "Succeeded"}), NONE, "ended"),
    ("a static pod", make("Pod", meta={"annotations": {"kubernetes.io/config.mirror": "1"}}), NONE, "static"),
    (
        "a generated token",
        make(
            "Secret",
            "bot-token-bc24x",
            type="kubernetes.io/service-account-token",
            meta={"annotations": {"kubernetes.io/service-account.name": "bot"}},
        ),
        NONE,
        "token",
    ),
    ("a Helm release elsewhere", make("Secret", type="helm.sh/release.v1"), Context(mapping={"a": "b"}), "bound to its namespace"),
    ("the cluster's CA", make("ConfigMap", "kube-root-ca.crt"), NONE, "its own"),
    ("OpenShift's CA", make("ConfigMap", "openshift-service-ca.crt"), NONE, "its own"),
    ("a leader", make("ConfigMap", meta={"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}), NONE, "election"),
    ("authentication", make("ConfigMap", "extension-apiserver-authentication", "kube-system"), NONE, "its own"),
    ("the API's Service", make("Service", "kubernetes", "default"), NONE, "its own"),
    ("endpoints of a Service", make("Endpoints", "web"), Context(selecting=frozenset({("a", "web")})), "selector"),
    (
        "a managed slice",
        make(
            "EndpointSlice.discovery.k8s.io", meta={"labels": {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}}
        ),
        NONE,
        "selector",
    ),
    (
        "a dynamic volume",
        make(
            "PersistentVolume",
            namespace="",
            spec={"persistentVolumeReclaimPolicy": "Delete"},
            meta={"annotations": {"pv.kubernetes.io/provisioned-by": "x"}},
        ),
        NONE,
        "new volume",
    ),
    (
        "the API's roles",
        make("ClusterRole.rbac.authorization.k8s.io", "view", "", meta={"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}),
        NONE,
        "its own",
    ),
    ("a system priority", make("PriorityClass.scheduling.k8s.io", "system-node-critical", ""), NONE, "its own"),
    ("a local API", make("APIService.apiregistration.k8s.io", "v1.", "", spec={"version": "v1"}), NONE, "its own"),
    ("the exempt level", make("PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io", "exempt", ""), NONE, "its own"),
    *((kind, make(kind), NONE, "") for kind in ("Node", "Lease.coordination.k8s.io", "Event", "CSINode.storage.k8s.io")),
]


@pytest.mark.parametrize(("obj", "context", "words"), [pytest.param(*rest, id=name) for name, *rest in SEEN])
def test_is_not_restored(obj: dict[str, Any], context: Context, words: str) -> None:
    reason = why_not(restore_item(obj), context)
    assert reason and words in reason


@pytest.mark.parametrize(
    "obj",
    [
        make("ClusterRole.rbac.authorization.k8s.io", "system:metrics-server", ""),
        make("Secret", type="helm.sh/release.v1"),
        make(
            "Secret",
            "manual",
            type="kubernetes.io/service-account-token",
            meta={"annotations": {"kubernetes.io/service-account.name": "b"}},
        ),
        make("ConfigMap", meta=owned("Widget")),  # its owner is in no backup: it would be lost
        make("Endpoints", "outside"),
        make("PersistentVolume", namespace="", spec={"persistentVolumeReclaimPolicy": "Retain"}),
        make("Job.batch", status={"active": 1}),
        make("APIService.apiregistration.k8s.io", "v1.metrics", "", spec={"service": {"name": "m", "namespace": "a"}}),
    ],
    ids=lambda obj: f"{obj['kind']}-{obj['metadata']['name']}",
)
def test_is_restored(obj: dict[str, Any]) -> None:
    assert why_not(restore_item(obj), Context(uids=frozenset({"other"}))) == ""


def test_every_object_loses_what_is_the_clusters() -> None:
    obj = make(
        "ConfigMap", data={"k": "v"}, status={"x": 1},
        meta={
            "uid": "u", "resourceVersion": "7", "generation": 2, "creationTimestamp": "t", "selfLink": "/x", "managedFields": [{}],
            "ownerReferences": [{}], "finalizers": ["foo.example/a", "bar.example/b"], "labels": {"l": "1"}, "annotations": {"n": "1"},
        },
    )  # fmt: skip
    kept = {"name": "x", "namespace": "a", "labels": {"l": "1"}, "annotations": {"n": "1"}, "finalizers": ["bar.example/b"]}
    assert stripped(restore_item(obj), Context(finalizers=frozenset({"bar.example/b"}))) == make("ConfigMap", meta=kept, data={"k": "v"})


def spec_of(obj: dict[str, Any], context: Context = NONE) -> Any:
    return stripped(restore_item(obj), context).get("spec")


def test_a_service_gets_an_address_of_the_cluster() -> None:
    spec = {
        "clusterIP": "10.0.0.1",
        "clusterIPs": ["10.0.0.1"],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "type": "ClusterIP",
    }
    assert spec_of(make("Service", spec=spec)) == {"ipFamilyPolicy": "SingleStack", "type": "ClusterIP"}
    assert spec_of(make("Service", spec={"clusterIP": "None", "clusterIPs": ["None"]})) == {"clusterIP": "None", "clusterIPs": ["None"]}


def test_a_node_port_is_kept_where_it_is_free() -> None:
    service = make("Service", "web", spec={"ports": [{"port": 80, "nodePort": 30080}], "healthCheckNodePort": 30081})
    assert spec_of(service, Context(ports={30080: ("a", "web")}))["ports"] == [{"port": 80, "nodePort": 30080}]
    assert spec_of(service, Context(ports={30080: ("b", "web"), 30081: ("b", "web")})) == {"ports": [{"port": 80}]}
    # Under another name it is another Service's port.
    assert spec_of(service, Context(ports={30080: ("a", "web")}, mapping={"a": "b"}))["ports"] == [{"port": 80}]


def test_a_job_gets_a_selector_of_its_own() -> None:
    labels = {"controller-uid": "u", "batch.kubernetes.io/controller-uid": "u", "app": "x"}
    job = make(
        "Job.batch", spec={"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}, meta={"labels": labels}
    )
    assert stripped(restore_item(job), NONE) == make(
        "Job.batch", meta={"labels": {"app": "x"}}, spec={"template": {"metadata": {"labels": {"app": "x"}}}}
    )
    manual = {**job, "spec": {**job["spec"], "manualSelector": True}}
    assert spec_of(manual) == manual["spec"]


def test_what_an_autoscaler_scales_brings_no_replicas() -> None:
    scaler = make(
        "HorizontalPodAutoscaler.autoscaling", spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}
    )
    context = context_of([restore_item(scaler)])
    assert spec_of(make("Deployment.apps", spec={"replicas": 7}), context) == {}
    assert spec_of(make("Deployment.apps", "other", spec={"replicas": 7}), context) == {"replicas": 7}
    assert spec_of(make("Deployment.apps", spec={"replicas": 0}), context) == {"replicas": 0}


def test_a_claim_asks_for_a_new_volume_only_if_its_own_is_gone() -> None:
    bound = {"pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/selected-node": "n"}
    static = make("PersistentVolumeClaim", spec={"volumeName": "disk"}, meta={"annotations": bound})
    assert stripped(restore_item(static), NONE) == make("PersistentVolumeClaim", spec={"volumeName": "disk"})
    assert spec_of(static, Context(mapping={"a": "b"})) == {}
    dynamic = {**static, "metadata": {**static["metadata"], "annotations": {"volume.kubernetes.io/storage-provisioner": "p"}}}
    assert stripped(restore_item(dynamic), NONE) == make("PersistentVolumeClaim", spec={})
    for claim in (static, dynamic):
        assert spec_of(claim, Context(volumes={"disk": True})) == {"volumeName": "disk"}
        assert spec_of(claim, Context(volumes={"disk": False})) == {}  # it would wait for a volume that nobody makes
        assert spec_of(claim, Context(volumes={"disk": True}, mapping={"a": "b"})) == {}
        assert comparable(claim)["spec"] == {"volumeName": "disk"}  # the volume that a claim has is compared


def test_a_volume_of_a_claim_that_was_gone_waits_for_none() -> None:
    claim = {"name": "c", "namespace": "a", "uid": "u", "resourceVersion": "1"}
    for phase in ("Released", "Failed"):
        volume = make("PersistentVolume", namespace="", spec={"claimRef": claim}, status={"phase": phase})
        assert spec_of(volume) == {"claimRef": {"name": "c", "namespace": "a", "uid": "u"}}


def test_a_volume_with_the_data_of_its_claim_comes_back_whatever_its_policy_was() -> None:
    spec = {"persistentVolumeReclaimPolicy": "Delete", "claimRef": {"name": "c", "namespace": "a", "uid": "u"}}
    volume = make("PersistentVolume", namespace="", spec=spec, meta={"annotations": {"pv.kubernetes.io/provisioned-by": "p"}})
    name = volume["metadata"]["name"]
    for released in ({}, {name: "other"}, {"other": "u"}):
        assert why_not(restore_item(volume), Context(released=released))
    there = Context(released={name: "u"})
    assert not why_not(restore_item(volume), there)
    assert spec_of(volume, there) == {"claimRef": {"name": "c", "namespace": "a"}}  # the policy that somebody set stays


@pytest.mark.parametrize(
    "name", ["bot-token-admin", "bot-token-quay1", "bot-dockercfg-login", "bot-token", "bot-token-bc24xz", "other-token-bc24x"]
)
def test_a_secret_with_a_name_that_a_person_gave_it_stays(name: str) -> None:
    secret = make("Secret", name, type="kubernetes.io/service-account-token")
    secret["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "bot"}
    assert not why_not(restore_item(secret), NONE)
    account = make("ServiceAccount", "bot", imagePullSecrets=[{"name": name}])
    assert stripped(restore_item(account), NONE) == account


RBAC, BOOT = "rbac.authorization.k8s.io", {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}


@pytest.mark.parametrize(
    ("obj", "skipped"),
    [
        (make(f"ClusterRole.{RBAC}", "system:node", "", meta=BOOT), True),
        (make(f"ClusterRole.{RBAC}", "my-admin", "", meta=BOOT), False),  # kubectl get clusterrole admin -o yaml | sed | kubectl apply
        (make(f"ClusterRoleBinding.{RBAC}", "cluster-admin", "", meta=BOOT, subjects=[{"name": "system:masters"}]), True),
        (make(f"RoleBinding.{RBAC}", "system:x", "kube-system", meta=BOOT, subjects=[{"name": "x", "namespace": "kube-system"}]), True),
        (
            make(f"ClusterRoleBinding.{RBAC}", "cluster-admin", "", meta=BOOT, subjects=[{"name": "system:masters"}, {"name": "ops"}]),
            False,
        ),
    ],
)
def test_a_right_that_a_person_has_given_is_not_the_api_servers(obj: dict[str, Any], *, skipped: bool) -> None:
    assert bool(why_not(restore_item(obj), NONE)) is skipped


def test_a_token_that_a_template_names_is_a_persons_whatever_its_name() -> None:
    secret = make("Secret", "ci-token-bcdfg", type="kubernetes.io/service-account-token")
    secret["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "ci"}
    pod = {"template": {"spec": {"volumes": [{"name": "t", "secret": {"secretName": "ci-token-bcdfg"}}]}}}
    for workload in (make("Deployment.apps", spec=pod), make("CronJob.batch", spec={"jobTemplate": {"spec": pod}})):
        assert not why_not(restore_item(secret), context_of([restore_item(workload)]))
        elsewhere = {**workload, "metadata": {"name": "x", "namespace": "b"}}
        assert why_not(restore_item(secret), context_of([restore_item(elsewhere)]))


def test_a_token_pulls_no_image() -> None:
    account = make("ServiceAccount", "ci", imagePullSecrets=[{"name": "ci-token-bcdfg"}, {"name": "ci-dockercfg-bcdfg"}])
    assert stripped(restore_item(account), NONE)["imagePullSecrets"] == [{"name": "ci-token-bcdfg"}]


def test_a_pod_leaves_the_token_of_an_old_cluster() -> None:
    def pod(volume: str) -> dict[str, Any]:
        return make(
            "Pod", spec={"volumes": [{"name": volume, "secret": {"secretName": "default-token-bcdfg"}}],
                         "containers": [{"name": "c", "volumeMounts": [{"name": volume, "mountPath": "/t"}]}]},
        )  # fmt: skip

    assert spec_of(pod("default-token-bcdfg")) == {"containers": [{"name": "c"}]}
    assert spec_of(pod("mine")) == pod("mine")["spec"]


def test_a_slice_that_somebody_else_manages_comes_back_beside_those_of_the_cluster() -> None:
    context = context_of([restore_item(make("Service", "web", spec={"selector": {"app": "web"}}))])
    labels = {"kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "network-team"}
    assert not why_not(restore_item(make("EndpointSlice.discovery.k8s.io", "web-1", meta={"labels": labels})), context)


def test_endpoints_of_a_service_that_has_lost_its_selector_come_back() -> None:
    def one(controller: str) -> Any:
        labels = {"kubernetes.io/service-name": "db", "endpointslice.kubernetes.io/managed-by": f"{controller}.k8s.io"}
        return restore_item(make("EndpointSlice.discovery.k8s.io", meta={"labels": labels, **owned("Service")}))

    plain, selecting = (context_of([restore_item(make("Service", "db", spec=spec))]) for spec in ({}, {"selector": {"app": "x"}}))
    assert not why_not(one("endpointslice-controller"), plain)
    assert why_not(one("endpointslicemirroring-controller"), plain)
    assert why_not(one("endpointslice-controller"), selecting) and why_not(one("endpointslice-controller"), NONE)


def test_a_volume_waits_for_any_claim_of_that_name() -> None:
    volume = make("PersistentVolume", namespace="", spec={"claimRef": {"name": "c", "namespace": "a", "uid": "u", "resourceVersion": "1"}})
    assert spec_of(volume) == {"claimRef": {"name": "c", "namespace": "a"}}


def test_a_pod_leaves_its_node_and_its_token() -> None:
    pod = make(
        "Pod",
        spec={
            "nodeName": "n", "priority": 0, "volumes": [{"name": "kube-api-access-ab12x"}, {"name": "mine"}],
            "containers": [{"name": "c", "volumeMounts": [{"name": "kube-api-access-ab12x"}, {"name": "mine"}]}],
        },
    )  # fmt: skip
    assert spec_of(pod) == {"volumes": [{"name": "mine"}], "containers": [{"name": "c", "volumeMounts": [{"name": "mine"}]}]}


def test_a_pod_that_had_nothing_but_its_token_is_left_without_volumes() -> None:
    token = {"name": "kube-api-access-ab12x"}
    own = {"name": "data", "emptyDir": {}}
    both = {"name": "b", "volumeMounts": [token, {"name": "data", "mountPath": "/d"}]}
    bare = {"containers": [{"name": "c", "volumeMounts": [token]}], "volumes": [token]}
    assert spec_of(make("Pod", spec=bare)) == {"containers": [{"name": "c"}]}
    assert spec_of(make("Pod", spec={"containers": [both], "initContainers": [both], "volumes": [own, token]})) == {
        "containers": [{"name": "b", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}],
        "initContainers": [{"name": "b", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}],
        "volumes": [own],
    }


def test_a_claim_of_a_stateful_set_brings_no_status() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    spec = {"replicas": 1, "volumeClaimTemplates": [{**claim, "status": {"phase": "Pending"}}]}
    assert spec_of(make("StatefulSet.apps", spec=spec)) == {"replicas": 1, "volumeClaimTemplates": [claim]}


def test_endpoints_are_the_users_own_only_where_no_service_selects_them() -> None:
    selecting, plain = make("Service", "web", spec={"selector": {"app": "web"}}), make("Service", "outside", spec={"selector": {}})
    context = context_of([restore_item(selecting), restore_item(plain)])
    kind = "EndpointSlice.discovery.k8s.io"
    of = {name: make(kind, f"{name}-1", meta={"labels": {"kubernetes.io/service-name": name}}) for name in ("web", "outside")}
    assert "selector" in why_not(restore_item(of["web"]), context) and not why_not(restore_item(of["outside"]), context)
    assert "selector" in why_not(restore_item(make("Endpoints", "web")), context) and not why_not(
        restore_item(make("Endpoints", "outside")), context
    )
    assert "its own" in why_not(restore_item(make(kind, "kubernetes", "default")), context)


def test_addresses_of_nodes_are_not_those_of_another_cluster() -> None:
    node, pod = ({"ip": "10.0.0.1", "targetRef": {"kind": kind, "name": "n"}} for kind in ("Node", "Pod"))
    kind = "EndpointSlice.discovery.k8s.io"
    for of_nodes in (make("Endpoints", subsets=[{"addresses": [node]}, {"addresses": [node]}]), make(kind, endpoints=[node])):
        assert "nodes" in why_not(restore_item(of_nodes), NONE)
    for other in ([node, pod], [node, {"ip": "10.0.0.2"}], []):
        assert not why_not(restore_item(make("Endpoints", subsets=[{"addresses": other}])), NONE)
        assert not why_not(restore_item(make(kind, endpoints=other)), NONE)


def test_endpoints_name_their_pods_without_what_was_of_the_old_ones() -> None:
    target = {"kind": "Pod", "name": "p"}
    old = {"ip": "10.0.0.1", "targetRef": {**target, "uid": "u", "resourceVersion": "7"}}
    new = {"ip": "10.0.0.1", "targetRef": target}
    triggered = {"annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "t"}}
    endpoints = make("Endpoints", meta=triggered, subsets=[{"addresses": [old], "notReadyAddresses": [old]}, {"ports": []}])
    assert stripped(restore_item(endpoints), NONE) == make(
        "Endpoints", subsets=[{"addresses": [new], "notReadyAddresses": [new]}, {"ports": []}]
    )
    slices = make("EndpointSlice.discovery.k8s.io", endpoints=[old, {"addresses": ["10.0.0.2"]}])
    assert stripped(restore_item(slices), NONE)["endpoints"] == [new, {"addresses": ["10.0.0.2"]}]


def test_tokens_are_made_anew() -> None:
    secret = make("Secret", type="kubernetes.io/service-account-token", data={"token": "t", "ca.crt": "c", "namespace": "a"})
    assert "data" not in stripped(restore_item(secret), NONE)
    account = make("ServiceAccount", "bot", secrets=[{"name": "bot-token-bc24x"}], imagePullSecrets=[{"name": "registry"}])
    assert stripped(restore_item(account), NONE) == make("ServiceAccount", "bot", imagePullSecrets=[{"name": "registry"}])


def test_what_a_controller_fills_in_is_left_to_it() -> None:
    role = make("ClusterRole.rbac.authorization.k8s.io", namespace="", aggregationRule={"x": 1}, rules=[1])
    assert "rules" not in stripped(restore_item(role), NONE)
    hook = make(
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io", namespace="",
        webhooks=[{"clientConfig": {"caBundle": "old"}}], meta={"annotations": {"cert-manager.io/inject-ca-from": "a/c"}},
    )  # fmt: skip
    assert stripped(restore_item(hook), NONE)["webhooks"] == [{"clientConfig": {}}]
    own = make(
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io", namespace="", webhooks=[{"clientConfig": {"caBundle": "old"}}]
    )
    assert stripped(restore_item(own), NONE)["webhooks"] == [{"clientConfig": {"caBundle": "old"}}]
    assert spec_of(make("Namespace", namespace="", spec={"finalizers": ["kubernetes"]})) == {}


def test_a_cron_job_is_written_suspended_first() -> None:
    job = make("CronJob.batch", spec={"schedule": "* * * * *", "suspend": False})
    assert suspended("CronJob.batch", job, {})["spec"] == {"schedule": "* * * * *", "suspend": True}
    assert job["spec"]["suspend"] is False
    assert suspended("ConfigMap", make("ConfigMap"), {}) == make("ConfigMap")


NAMES = st.sampled_from(["x", "kube-api-access-ab12x", "x-token-bc24x", "30080"])
LEAF = st.one_of(st.none(), st.booleans(), st.integers(30000, 32767), NAMES)
FIELDS = [
    "clusterIP", "clusterIPs", "ipFamilies", "replicas", "priority", "nodeName", "volumeName", "selector",
    "healthCheckNodePort", "finalizers",
]  # fmt: skip
SPEC = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(FIELDS, LEAF),
        "ports": st.lists(st.fixed_dictionaries({"port": st.just(80)}, optional={"nodePort": st.integers(30000, 30003)}), max_size=2),
        "volumes": st.lists(st.fixed_dictionaries({"name": NAMES}), max_size=2),
        "containers": st.lists(
            st.fixed_dictionaries({"name": NAMES}, optional={"volumeMounts": st.lists(st.fixed_dictionaries({"name": NAMES}))}), max_size=2
        ),
        "claimRef": st.fixed_dictionaries({"name": NAMES}, optional={"uid": NAMES, "namespace": NAMES}),
        "template": st.fixed_dictionaries({"metadata": st.fixed_dictionaries({"labels": st.just({"controller-uid": "u", "app": "x"})})}),
    },
)
NOTES = st.dictionaries(
    st.sampled_from(
        [
            "volume.kubernetes.io/storage-provisioner", "pv.kubernetes.io/bind-completed", "cert-manager.io/inject-ca-from",
            "kubernetes.io/service-account.name", "deployment.kubernetes.io/revision", "own/note",
        ]
    ),
    NAMES,
)  # fmt: skip
OBJECTS = st.builds(
    lambda kind, spec, notes, more: make(kind, meta={"annotations": notes, "uid": "u", "finalizers": ["f/1"]}, spec=spec, **more),
    st.sampled_from(sorted({*STRIPPED, *SKIPPED, "ConfigMap", "Widget.example.org"})),
    SPEC,
    NOTES,
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["Opaque", "kubernetes.io/service-account-token"]),
            "data": st.dictionaries(st.sampled_from(["token", "ca.crt", "own"]), NAMES),
            "secrets": st.lists(st.fixed_dictionaries({"name": NAMES}), max_size=2),
            "status": st.just({"phase": "Running"}),
        },
    ),
)
CONTEXTS = st.builds(
    Context,
    scaled=st.just(frozenset({("a", "Deployment.apps", "x")})),
    mapping=st.sampled_from([{}, {"a": "b"}]),
    ports=st.dictionaries(st.integers(30000, 30003), st.sampled_from([("a", "x"), ("b", "x"), ("c", "y")])),
    finalizers=st.sampled_from([frozenset(), frozenset({"f/1"})]),
)


@given(OBJECTS, CONTEXTS)
def test_a_second_time_changes_nothing_and_what_is_given_never_changes(obj: dict[str, Any], context: Context) -> None:
    before = copy.deepcopy(obj)
    once = stripped(restore_item(obj), context)
    assert obj == before
    kept = copy.deepcopy(once)
    assert stripped(restore_item(once), context) == kept
    assert once == kept
    assert group_kind(once) == group_kind(obj)
    assert why_not(restore_item(obj), context) == why_not(restore_item(obj), context)


def test_a_definition_from_before_v1_keeps_what_its_schema_does_not_name() -> None:
    versions = [{"name": "v1"}, {"name": "v2", "schema": {"openAPIV3Schema": {"properties": {"spec": {"type": "object"}}}}}]
    old = make("CustomResourceDefinition.apiextensions.k8s.io", spec={"preserveUnknownFields": True, "versions": versions})
    spec = stripped(restore_item(old), NONE)["spec"]
    whole = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert "preserveUnknownFields" not in spec
    assert [one["schema"]["openAPIV3Schema"] for one in spec["versions"]] == [whole, {"properties": {"spec": {"type": "object"}}, **whole}]
    new = make("CustomResourceDefinition.apiextensions.k8s.io", spec={"preserveUnknownFields": False, "versions": [{"name": "v1"}]})
    assert stripped(restore_item(new), NONE)["spec"] == {"versions": [{"name": "v1"}]}
