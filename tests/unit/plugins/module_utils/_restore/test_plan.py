# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.order import WAVES, wave_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.compare import differences, extra_keys_patch
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import (
    context_of,
    object_key,
    restore_item,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.outcome import restore_outcome
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.plan import (
    CREATE,
    KEPT,
    REBIND,
    RECREATE,
    UNCHANGED,
    UPDATE,
    Choice,
    RestorePlan,
    action_for,
    links,
    node_ports,
    plan_restore,
    spelled,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.ready import served, unready
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.writes import shown_change
from hypothesis import given
from hypothesis import strategies as st
from whole_backups import restore_items

NAMES = {
    "ConfigMap": "configmaps", "Secret": "secrets", "Namespace": "namespaces", "Deployment.apps": "deployments.apps",
    "ClusterRole.rbac.authorization.k8s.io": "clusterroles.rbac.authorization.k8s.io", "PersistentVolume": "persistentvolumes",
    "CustomResourceDefinition.apiextensions.k8s.io": "customresourcedefinitions.apiextensions.k8s.io", "Widget.e.org": "widgets.e.org",
    "Tenant.e.org": "tenants.e.org",
}  # fmt: skip


def make(kind: str, name: str = "x", namespace: str = "a", *, meta: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
    short, _dot, group = kind.partition(".")
    metadata = {"name": name, "uid": f"{kind}/{namespace}/{name}", **({"namespace": namespace} if namespace else {}), **(meta or {})}
    return {"apiVersion": f"{group}/v1" if group else "v1", "kind": short, "metadata": metadata, **content}


SNAPSHOTS = "snapshot.storage.k8s.io"


def planned(objects: list[dict[str, Any]], selection: Choice | None = None) -> RestorePlan:
    selection = selection or Choice()
    return plan_restore(restore_items(objects), selection, context_of(restore_items(objects), mapping=selection.mapping), NAMES)


def keys(found: RestorePlan) -> list[str]:
    return [str(step.key) for step in found.steps]


CRD = "CustomResourceDefinition.apiextensions.k8s.io"
WIDGETS = make(CRD, "widgets.e.org", "", spec={"group": "e.org", "names": {"kind": "Widget", "plural": "widgets"}})
BACKUP = [
    make("Widget.e.org"),
    make("ConfigMap"),
    make("ConfigMap", namespace="b"),
    make("Deployment.apps"),
    make("Namespace", "a", ""),
    make("Namespace", "b", ""),
    make("ClusterRole.rbac.authorization.k8s.io", namespace=""),
    make("PersistentVolume", "disk", "", spec={"claimRef": {"namespace": "a"}}),
    WIDGETS,
    make(CRD, "other.e.org", "", spec={"group": "e.org", "names": {"kind": "Other", "plural": "others"}}),
]


def test_everything_in_its_order() -> None:
    found = planned(BACKUP)
    assert len(found.steps) == len(BACKUP) and not found.left
    places = [str(step.key).split()[0] for step in found.steps]
    assert [kind for kind, _group in itertools.groupby(places)] == [
        "Namespace", CRD, "ClusterRole.rbac.authorization.k8s.io", "ConfigMap", "PersistentVolume", "Deployment.apps", "Widget.e.org",
    ]  # fmt: skip


def test_a_namespace_brings_what_it_needs_and_nothing_else() -> None:
    found = planned(BACKUP, Choice(namespaces=frozenset({"a"})))
    assert sorted(keys(found)) == sorted(
        [f"{CRD} widgets.e.org", "Namespace a", "ConfigMap a/x", "PersistentVolume disk", "Deployment.apps a/x", "Widget.e.org a/x"]
    )
    assert len(found.steps) + len(found.left) == len(BACKUP)
    elsewhere = planned(BACKUP, Choice(mapping={"a": "new"}))
    assert "ConfigMap new/x" in keys(elsewhere) and "Namespace new" in keys(elsewhere) and "PersistentVolume disk" not in keys(elsewhere)


def test_kinds_are_chosen_by_the_name_that_kubectl_gives_them() -> None:
    assert keys(planned(BACKUP, Choice(include=frozenset({"configmaps"})))) == ["ConfigMap a/x", "ConfigMap b/x"]
    assert "Deployment.apps a/x" not in keys(planned(BACKUP, Choice(exclude=frozenset({"deployments.apps"}))))


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Choice(namespaces=frozenset({"none"})), "holds nothing of namespace none"),
        (Choice(mapping={"none": "b"}), "holds nothing of namespace none"),
        (Choice(namespaces=frozenset({"a", "b"}), mapping={"a": "b"}), "a and b would both"),
        (Choice(mapping={"a": "c", "b": "c"}), "a and b would both"),
        (Choice(include=frozenset({"configmap"})), "a kind configmap"),
        *((Choice(mapping={"a": odd}), "a name that no namespace can have") for odd in ("", "B", "b/c", "b.c", "-b", "b" * 64)),
    ],
)
def test_what_makes_no_sense_is_refused(selection: Choice, words: str) -> None:
    with pytest.raises(SalvageError, match=words) as caught:
        planned(BACKUP, selection)
    assert caught.value.reason == "bad_input"


def test_a_webhook_that_fails_closed_comes_last() -> None:
    def hook(policy: str) -> dict[str, Any]:
        return make("ValidatingWebhookConfiguration.admissionregistration.k8s.io", namespace="", webhooks=[{"failurePolicy": policy}])

    assert wave_of(hook("Fail")) == len(WAVES) - 1 > wave_of(hook("Ignore")) > wave_of(make("HorizontalPodAutoscaler.autoscaling"))
    assert wave_of(make("Widget.e.org")) > wave_of(make("Deployment.apps"))


def test_an_object_of_an_aggregated_api_comes_after_its_api() -> None:
    api = make("APIService.apiregistration.k8s.io", "v1.e.org", "", spec={"group": "e.org", "version": "v1", "service": {"name": "s"}})
    assert keys(planned([make("Widget.e.org"), api, make("Deployment.apps")]))[-2:] == [str(object_key(api)), "Widget.e.org a/x"]
    own = make("APIService.apiregistration.k8s.io", "v1.e.org", "", spec={"group": "e.org", "version": "v1"})
    assert keys(planned([make("Widget.e.org"), own])) == ["Widget.e.org a/x"]


LIVE = make("ConfigMap", meta={"uid": "new", "resourceVersion": "9"}, data={"k": "other"})


def test_what_is_there_is_kept_unless_it_is_said_otherwise() -> None:
    step = planned([make("ConfigMap", data={"k": "v"})]).steps[0]
    assert action_for(step, None, "skip", ours=False) == CREATE
    assert action_for(step, {**LIVE, "data": {"k": "v"}}, "skip", ours=False) == UNCHANGED
    assert action_for(step, LIVE, "skip", ours=False) == KEPT
    assert step.fields == [".data.k"]
    assert action_for(step, LIVE, "skip", ours=True) == UPDATE
    assert action_for(step, LIVE, "update", ours=False) == UPDATE
    assert action_for(step, LIVE, "recreate", ours=False) == RECREATE


def test_a_namespace_is_never_deleted_to_be_made_again() -> None:
    step = planned([make("Namespace", "a", "", meta={"labels": {"team": "x"}})]).steps[0]
    assert action_for(step, make("Namespace", "a", ""), "recreate", ours=False) == UPDATE


def test_the_account_that_kubernetes_gave_to_a_namespace_is_nobodys() -> None:
    step = planned([make("ServiceAccount", "default", imagePullSecrets=[{"name": "pull"}])]).steps[0]
    assert action_for(step, make("ServiceAccount", "default"), "skip", ours=False) == UPDATE
    for changed in (
        make("ServiceAccount", "default", imagePullSecrets=[{"name": "other"}]),
        make("ServiceAccount", "default", meta={"annotations": {"a": "b"}}),
    ):
        assert action_for(step, changed, "skip", ours=False) == KEPT
    other = planned([make("ServiceAccount", "bot", imagePullSecrets=[{"name": "pull"}])]).steps[0]
    assert action_for(other, make("ServiceAccount", "bot"), "skip", ours=False) == KEPT


def test_a_volume_that_was_released_by_the_same_claim_is_given_back() -> None:
    def volume(uid: str, phase: str) -> dict[str, Any]:
        claim = {"name": "c", "namespace": "a", "uid": uid}
        return make("PersistentVolume", "disk", "", spec={"claimRef": claim, "capacity": 1}, status={"phase": phase})

    step = planned([volume("u", "Bound")]).steps[0]
    assert action_for(step, volume("u", "Released"), "skip", ours=False) == REBIND
    assert action_for(step, volume("other", "Released"), "skip", ours=False) == UNCHANGED
    assert action_for(step, volume("u", "Bound"), "skip", ours=False) == UNCHANGED
    # One that was released already holds what somebody protected from later claims.
    step = planned([volume("u", "Released")]).steps[0]
    assert action_for(step, volume("u", "Released"), "skip", ours=False) == UNCHANGED


def test_a_volume_with_the_data_of_the_original_is_not_given_to_a_copy() -> None:
    def volume(phase: str) -> dict[str, Any]:
        return make("PersistentVolume", "disk", "", spec={"claimRef": {"name": "c", "namespace": "a", "uid": "u"}}, status={"phase": phase})

    step = planned([make("ConfigMap"), volume("Bound")], Choice(mapping={"a": "b"}, cluster_scoped=True)).steps[-1]
    assert step.wanted["spec"]["claimRef"]["namespace"] == "b"
    assert action_for(step, volume("Released"), "skip", ours=False) == KEPT


def test_the_content_of_a_snapshot_goes_with_it() -> None:
    def content(source: dict[str, str]) -> dict[str, Any]:
        ref = {"namespace": "a", "name": "s", "uid": "u", "resourceVersion": "1"}
        return make(f"VolumeSnapshotContent.{SNAPSHOTS}", "c", "", spec={"source": source, "volumeSnapshotRef": ref})

    mine = [make(f"VolumeSnapshot.{SNAPSHOTS}", "s", spec={"source": {"volumeSnapshotContentName": "c"}}), content({"snapshotHandle": "h"})]
    found = planned([*mine, make("ConfigMap")], Choice(namespaces=frozenset({"a"})))
    assert [step.wanted["spec"] for step in found.steps if "Content" in step.key.kind] == [
        {"source": {"snapshotHandle": "h"}, "volumeSnapshotRef": {"namespace": "a", "name": "s"}}
    ]
    # These would be taken anew, of the new and empty volume.
    taken = [make(f"VolumeSnapshot.{SNAPSHOTS}", "s", spec={"source": {"persistentVolumeClaimName": "x"}}), content({"volumeHandle": "v"})]
    found = planned([*taken, make("ConfigMap")])
    assert keys(found) == ["ConfigMap a/x"] and {entry.reason for entry in found.left} == {
        "its data is in the storage only; a new snapshot would be of the new volume"
    }


def disk(name: str, claim: str, phase: str, policy: str = "Retain") -> dict[str, Any]:
    spec = {"claimRef": {"namespace": "a", "name": "data", "uid": claim}, "persistentVolumeReclaimPolicy": policy}
    notes = {"pv.kubernetes.io/provisioned-by": "p"}
    return make("PersistentVolume", name, "", spec=spec, status={"phase": phase}, meta={"annotations": notes})


@pytest.mark.parametrize("notes", [{}, {"volume.kubernetes.io/storage-provisioner": "p"}])
def test_a_claim_gets_the_volume_that_it_had_and_no_other_of_its_name(notes: dict[str, str]) -> None:
    claim = make("PersistentVolumeClaim", "data", meta={"uid": "new", "annotations": notes}, spec={"volumeName": "pv-new"})
    objects = [disk("pv-old", "old", "Released"), disk("pv-new", "new", "Bound"), claim]
    found = {step.key.name: step.wanted["spec"] for step in planned(objects, Choice(namespaces=frozenset({"a"}))).steps}
    assert found["data"] == {"volumeName": "pv-new"}
    assert found["pv-old"]["claimRef"]["uid"] == "old" and "uid" not in found["pv-new"]["claimRef"]


@pytest.mark.parametrize("notes", [{}, {"volume.kubernetes.io/storage-provisioner": "p"}])
def test_a_claim_does_not_wait_for_a_volume_that_is_not_restored(notes: dict[str, str]) -> None:
    claim = make("PersistentVolumeClaim", "data", meta={"uid": "u", "annotations": notes}, spec={"volumeName": "pv"})
    found = planned([disk("pv", "u", "Bound", "Delete"), claim], Choice(namespaces=frozenset({"a"})))
    assert [step.wanted["spec"] for step in found.steps] == [{}]
    assert "new volume" in found.left[0].reason


def owned_by(owner: dict[str, Any]) -> dict[str, Any]:
    short = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return {"ownerReferences": [{**short, "controller": True}]}


def test_an_owner_that_is_not_restored_makes_nothing() -> None:
    tenant = make("Tenant.e.org", "blue", "")
    api, secret = make("Deployment.apps", "api", meta=owned_by(tenant)), make("Secret", "ca", meta=owned_by(tenant))
    replicas = make("ReplicaSet.apps", "api-1", meta=owned_by(api))
    pod = make("Pod", "api-1-x", meta=owned_by(replicas))
    found = planned([tenant, api, secret, replicas, pod], Choice(namespaces=frozenset({"a"})))
    assert keys(found) == ["Secret a/ca", "Deployment.apps a/api"]
    assert {str(entry.key) for entry in found.left} == {"Tenant.e.org blue", "ReplicaSet.apps a/api-1", "Pod a/api-1-x"}
    whole = planned([tenant, api, secret, replicas, pod])
    assert keys(whole) == ["Tenant.e.org blue"]
    told = "its owner (Tenant) makes it, and may give it another content; name its kind in owned_kinds to restore it"
    assert f"Secret a/ca is not restored: {told}" in whole.notes


def test_what_an_owner_would_make_anew_comes_back_if_its_kind_is_named() -> None:
    database, pod = make("Widget.e.org"), make("Pod", meta=owned_by(make("ReplicaSet.apps")))
    claims = [make("PersistentVolumeClaim", "data", meta=owned_by(database)), make("PersistentVolumeClaim", "scratch", meta=owned_by(pod))]
    objects = [database, pod, make("Secret", "password", meta=owned_by(database)), *claims]
    everything = frozenset({"secrets", "persistentvolumeclaims"})
    found = plan_restore(
        restore_items(objects), Choice(owned_kinds=everything), context_of(restore_items(objects)),
        {**NAMES, "PersistentVolumeClaim": "persistentvolumeclaims"},
    )  # fmt: skip
    # What a pod makes for itself is empty at each start.
    assert keys(found) == ["Secret a/password", "PersistentVolumeClaim a/data", "Widget.e.org a/x"]
    assert keys(planned(objects, Choice(owned_kinds=frozenset({"secrets"})))) == ["Secret a/password", "Widget.e.org a/x"]
    with pytest.raises(SalvageError, match="has a kind secret;"):
        planned(objects, Choice(owned_kinds=frozenset({"secret"})))


def test_a_choice_of_kinds_without_the_owner_restores_what_it_owned() -> None:
    gadget = make("Widget.e.org")
    secret = make("Secret", meta=owned_by(gadget))
    assert keys(planned([gadget, secret], Choice(include=frozenset({"secrets"})))) == ["Secret a/x"]
    assert keys(planned([gadget, secret])) == ["Widget.e.org a/x"]


FAMILY_NAMES = {**NAMES, "Pod": "pods", "ReplicaSet.apps": "replicasets.apps", "Job.batch": "jobs.batch", "CronJob.batch": "cronjobs.batch"}


@pytest.mark.parametrize(
    ("chosen", "restored"),
    [
        ({}, ["Deployment.apps", "CronJob.batch"]),
        # Without the excluded workloads nothing that they ran comes back.
        ({"exclude": frozenset({"deployments.apps", "cronjobs.batch"})}, []),
        # Who names a kind gets it, unless what makes it comes too, be it in two steps.
        ({"include": frozenset({"pods"})}, ["Pod"]),
        ({"include": frozenset({"jobs.batch"})}, ["Job.batch"]),
        ({"include": frozenset({"replicasets.apps", "pods"})}, ["ReplicaSet.apps"]),
        ({"include": frozenset({"deployments.apps", "pods"})}, ["Deployment.apps"]),
        ({"include": frozenset({"deployments.apps", "replicasets.apps", "pods"})}, ["Deployment.apps"]),
        ({"include": frozenset({"pods"}), "isolated": True, "mapping": {"a": "b"}}, ["Pod"]),
    ],
)
def test_pods_and_jobs_come_with_what_makes_them_or_by_name(chosen: dict[str, Any], restored: list[str]) -> None:
    deployment, cron = make("Deployment.apps"), make("CronJob.batch")
    replicas = make("ReplicaSet.apps", meta=owned_by(deployment))
    family = [deployment, replicas, make("Pod", meta=owned_by(replicas)), cron, make("Job.batch", meta=owned_by(cron))]
    items = restore_items([*family, make("ConfigMap")])
    found = plan_restore(items, Choice(**chosen), context_of(items), FAMILY_NAMES)
    assert [step.key.kind for step in found.steps if step.key.kind != "ConfigMap"] == restored
    reasons = {entry.key.kind: entry.reason for entry in found.left}
    if "exclude" in chosen:
        assert all("which this restore does not bring" in reasons[kind] for kind in ("ReplicaSet.apps", "Pod", "Job.batch"))


@pytest.mark.parametrize("kind", ["Pod", "Job.batch", "ReplicaSet.apps", "ControllerRevision.apps"])
@pytest.mark.parametrize("scope", ["", "a"])
def test_what_a_custom_resource_made_comes_back_without_it(kind: str, scope: str) -> None:
    tenant = make("Tenant.e.org", "blue", scope)
    made = make(kind, meta=owned_by(tenant))
    assert keys(planned([tenant, made, make("ConfigMap")], Choice(exclude=frozenset({"tenants.e.org"})))) == [
        "ConfigMap a/x",
        f"{kind} a/x",
    ]
    assert keys(planned([tenant, made])) == [f"Tenant.e.org {scope}/blue".replace(" /", " ")]


def test_an_isolated_copy_has_the_workloads_of_a_custom_resource_that_it_does_not_have() -> None:
    gadget = make("Widget.e.org")
    objects = [gadget, make("Deployment.apps", meta=owned_by(gadget))]
    assert keys(planned(objects, Choice(mapping={"a": "b"}, isolated=True))) == ["Deployment.apps b/x"]


SCALER = "HorizontalPodAutoscaler.autoscaling"


@pytest.mark.parametrize(
    ("chosen", "live", "replicas"),
    [
        ({}, (), None),
        ({"exclude": frozenset({"horizontalpodautoscalers.autoscaling"})}, (), 7),
        ({"include": frozenset({"deployments.apps"})}, (), 7),
        ({"include": frozenset({"deployments.apps"})}, [("a", "Deployment.apps", "x")], None),
        ({"include": frozenset({"deployments.apps"}), "mapping": {"a": "b"}}, [("a", "Deployment.apps", "x")], 7),
        ({"include": frozenset({"deployments.apps"}), "mapping": {"a": "b"}}, [("b", "Deployment.apps", "x")], None),
    ],
)
def test_a_workload_keeps_its_size_unless_an_autoscaler_gives_it_one(chosen: dict[str, Any], live: Any, replicas: int | None) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
    objects = restore_items([make("Deployment.apps", spec={"replicas": 7}), make(SCALER, spec={"scaleTargetRef": target})])
    choice = Choice(**chosen)
    context = context_of(objects, mapping=choice.mapping, autoscaled=frozenset(live))
    found = plan_restore(objects, choice, context, {**NAMES, SCALER: "horizontalpodautoscalers.autoscaling"})
    assert found.steps[0].wanted["spec"].get("replicas") == replicas


@pytest.mark.parametrize("known", [True, False])
def test_an_object_of_which_the_api_gives_several_views_is_restored_once(*, known: bool) -> None:
    old, new = "Ingress.extensions", "Ingress.networking.k8s.io"
    objects = [make(kind, meta={"uid": "u"}) for kind in (old, new)] + [make("Ingress.extensions", "alone")]
    items, names = restore_items(objects), {**NAMES, old: "ingresses.extensions", **({new: "ingresses.networking.k8s.io"} if known else {})}
    found = plan_restore(items, Choice(), context_of(items), names)
    first, second = (new, old) if known else (old, new)
    assert keys(found) == [f"{kind} a/{name}" for kind, name in sorted([(first, "x"), (old, "alone")], reverse=known)]
    assert [(str(entry.key), entry.reason) for entry in found.left] == [
        (f"{second} a/x", f"it is restored as {first}, another view of the same object")
    ]
    # Where one view is not asked for, the other comes back.
    left = plan_restore(items, Choice(exclude=frozenset({names.get(new, "ingresses.extensions")})), context_of(items), names)
    assert keys(left) == ([f"{old} a/alone", f"{old} a/x"] if known else [f"{new} a/x"])


def test_owners_are_linked_under_the_uid_that_they_have_now() -> None:
    owner = make("Deployment.apps", "o")
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "o", "uid": owner["metadata"]["uid"]}
    lost = {"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": "nowhere"}
    owned = make("ConfigMap", meta={"ownerReferences": [reference, lost]})
    found = planned([owner, owned])
    step = next(step for step in found.steps if step.key.kind == "ConfigMap")
    assert "ownerReferences" not in step.wanted["metadata"]
    keys_by_uid = {one.source["metadata"]["uid"]: one.key for one in found.steps}
    assert links(step, {object_key(owner): "fresh"}, keys_by_uid) == ([{**reference, "uid": "fresh"}], ["Secret/s"])


def test_notes_tell_what_a_restore_can_not_bring() -> None:
    claim = make("PersistentVolumeClaim", meta={"finalizers": ["kubernetes.io/pvc-protection"]})
    held = make("ConfigMap", meta={"finalizers": ["own.example/hold"]}, data={"u": "http://x.a.svc/"})
    notes = "\n".join(planned([claim, held], Choice(mapping={"a": "z"})).notes)
    assert "is not in the backup: z/x" in notes and "own.example/hold" in notes and "in a text" in notes and "pvc-protection" not in notes


def test_a_helm_release_without_its_objects_is_told() -> None:
    release = make("Secret", "sh.helm.release.v1.app.v1", type="helm.sh/release.v1", meta={"labels": {"name": "app", "owner": "helm"}})
    notes = {"meta.helm.sh/release-name": "app", "meta.helm.sh/release-namespace": "a"}
    part = make("ConfigMap", meta={"annotations": notes})
    found = planned([release, part], Choice(include=frozenset({"secrets"})))
    assert found.notes == ["the Helm release a/app is restored without 1 of its objects, which are not selected"]
    assert planned([release, part]).notes == []


def test_counts_add_up_or_it_failed() -> None:
    manifest = {"name": "backup-1", "objects": [[]] * 3}
    found = planned([make("ConfigMap", "one"), make("ConfigMap", "two"), make("Event")])
    for step in found.steps:
        step.action = CREATE

    def result(manifest: dict[str, Any]) -> dict[str, Any]:
        more: dict[str, Any] = {"finished": 0, "safety_backup": None, "resumed": False, "not_proven": [], "diff": [], "seconds": 1.0}
        return restore_outcome(manifest, found, **more).report

    assert result(manifest)["result"] == "PASS"
    assert result(manifest)["counts"] == {
        "created": 2, "updated": 0, "recreated": 0, "unchanged": 0, "kept": 0, "failed": 0, "skipped": 1, "not_selected": 0,
    }  # fmt: skip
    assert result({**manifest, "objects": [[]] * 4})["result"] == "FAIL"
    assert result({**manifest, "holes": {"secrets": "403"}})["result"] == "PARTIAL"
    found.steps[0].action = KEPT
    assert result(manifest)["result"] == "PARTIAL"
    found.steps[0].problem = "refused"
    assert result(manifest)["result"] == "FAIL"
    assert result(manifest)["failed"][0]["name"] == "one"


def test_a_change_is_shown_without_what_may_be_a_credential() -> None:
    notes = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"k":"b2xk"}}'}
    before = make("Secret", data={"k": "b2xk", "same": "c2FtZQ=="}, meta={"annotations": notes})
    (step,) = planned([{**before, "data": {"k": "bmV3", "same": "c2FtZQ=="}}]).steps
    shown = shown_change(step, before, None, values=True)
    assert shown["after"]["data"] == {"k": "(hidden, changed)", "same": "(hidden)"}
    assert not any(value in json.dumps(shown) for value in ("b2xk", "bmV3", "c2FtZQ=="))
    (step,) = planned([make("ConfigMap", data={"k": "v", "url": "http://u:HUNTER2@h"})]).steps
    assert shown_change(step, None, None, values=False)["after"]["data"] == {"k": "(hidden)", "url": "(hidden)"}
    assert shown_change(step, None, None, values=True)["after"]["data"] == {"k": "v", "url": "http://(hidden)@h"}


def test_ports_and_spelling_come_from_the_objects() -> None:
    service = make("Service", "web", spec={"ports": [{"nodePort": 30080}, {}], "healthCheckNodePort": 30081})
    assert node_ports([service, make("Service", spec={})]) == {30080: ("a", "web"), 30081: ("a", "web")}
    assert spelled([restore_item(WIDGETS)]) == {"Widget.e.org": "widgets.e.org"}


def test_ready_is_what_serves() -> None:
    meta = {"generation": 2}
    assert "not seen" in unready(
        make("Deployment.apps", meta=meta, spec={"replicas": 2}, status={"observedGeneration": 1, "availableReplicas": 2})
    )
    assert unready(make("Deployment.apps", meta=meta, spec={"replicas": 2}, status={"observedGeneration": 2, "availableReplicas": 2})) == ""
    assert "0 of 1" in unready(make("StatefulSet.apps", spec={}, status={}))
    assert "2" in unready(make("DaemonSet.apps", spec={}, status={"desiredNumberScheduled": 2, "numberAvailable": 1}))
    assert "Pending" in unready(make("Pod", status={"phase": "Pending"}))
    assert unready(make("Pod", status={"conditions": [{"type": "Ready", "status": "True"}]})) == ""
    assert unready(make("APIService.apiregistration.k8s.io", namespace="", status={})) != ""
    one = {
        "metadata": {"labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": [{"addresses": ["1.2.3.4"], "conditions": {"ready": True}}],
    }
    assert served([one], "web") and not served([one], "other")
    assert not served([{**one, "endpoints": [{"addresses": ["1.2.3.4"], "conditions": {"ready": False}}]}], "web")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "data", "spec"]), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert not list(differences(value, value)) and extra_keys_patch(value, value) is None


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), JSON)
def test_what_the_cluster_adds_is_no_difference_but_what_it_changes_is(value: dict[str, Any], other: Any) -> None:
    assert not list(differences({"spec": value}, {"spec": {**value, "added by the server": other}, "status": other}))
    assert list(differences({"spec": {**value, "k": "v"}}, {"spec": {**value, "k": ["v"]}})) == [".spec.k"]
    assert list(differences({"l": [1, 2]}, {"l": [1, 2, 3]})) == [".l"]


def test_a_key_too_many_is_a_difference_where_all_are_the_users() -> None:
    assert list(differences({"data": {"a": "1"}}, {"data": {"a": "1", "b": "2"}})) == [".data.b"]
    assert extra_keys_patch({"data": {"a": "1"}}, {"data": {"a": "1", "b": "2"}}) == {"data": {"b": None}}
    finalizers = {"metadata": {"finalizers": ["f"]}}
    assert not list(differences(finalizers, {"metadata": {"finalizers": ["other", "f"]}}))
    assert list(differences(finalizers, {"metadata": {"finalizers": ["other"]}})) == [".metadata.finalizers"]


@pytest.mark.parametrize(
    ("wanted", "live", "path", "patch"),
    [
        ({}, {"data": {"a": "1"}}, ".data", {"data": None}),
        ({"binaryData": {"b": "x"}}, {"binaryData": {"b": "x"}, "data": {"a": "1"}}, ".data", {"data": None}),
        ({"spec": {"ports": []}}, {"spec": {"ports": [], "selector": {"app": "x"}}}, ".spec.selector", {"spec": {"selector": None}}),
        (
            {"spec": {"podSelector": {}}},  # of a NetworkPolicy: all pods
            {"spec": {"podSelector": {"matchLabels": {"app": "x"}}}},
            ".spec.podSelector.matchLabels",
            {"spec": {"podSelector": {"matchLabels": None}}},
        ),
    ],
)
def test_a_map_of_users_keys_that_only_the_cluster_has_is_a_difference(wanted: Any, live: Any, path: str, patch: Any) -> None:
    assert list(differences(wanted, live)) == [path]
    assert extra_keys_patch(wanted, live) == patch
    assert not list(differences(wanted, {**wanted, "data": {}})) and extra_keys_patch(wanted, {**wanted, "data": {}}) is None


@pytest.mark.parametrize("objects", [[], [make("ConfigMap")]])
def test_a_restore_of_nothing_does_not_pass(objects: list[dict[str, Any]]) -> None:
    with pytest.raises(SalvageError, match="nothing is selected") as caught:
        planned(objects, Choice(include=frozenset({"secrets"})))
    assert caught.value.reason == "bad_input"
