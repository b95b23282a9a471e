# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload's verbs against an API server without controllers: what is written, and what is not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout import rollback as rollout
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.task import RolloutOptions, perform
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.config_copies import bring_back, digest_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.progress import Patience, Progress
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proof_store import ProofStore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proofs import Proof, Subject
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.revisions import template_hash

APPS = "/apis/apps/v1/namespaces/a"
CORE = "/api/v1/namespaces/a"
DEPLOYMENT = f"{APPS}/deployments/api"
ASKED: dict[str, Any] = {"run": "r1", "timeout": 0.2, "log_lines": 0}


@pytest.fixture
def system(api: Any, shapes: Any) -> Any:
    """Revision 2 runs; both read the ConfigMap conf and the Secret key."""
    reads = {"volumes": [{"name": "k", "secret": {"secretName": "key"}}, {"name": "c", "configMap": {"name": "conf"}}]}
    for n in (1, 2):
        template = shapes.template(f"api:{n}", **reads)
        api.put(f"{APPS}/replicasets/api-h{n}", shapes.replicaset(n, template))
    api.put(DEPLOYMENT, shapes.deployment(template))
    api.put(f"{CORE}/configmaps/conf", {"data": {"level": "info"}})
    api.put(f"{CORE}/secrets/key", {"data": {"k": "djE="}, "type": "Opaque"})
    for name in ("p1", "p2"):
        api.put(f"{CORE}/pods/{name}", shapes.pod(name, 2))
    return api


def run(system: Any, *, check_mode: bool = False, **asked: Any) -> Any:
    given = RolloutOptions(**{**ASKED, **asked})
    return perform(Workload(system, "Deployment", "a", "api", restore_secrets=given.restore_secrets), given, check_mode=check_mode)


def copies_in(system: Any) -> list[Any]:
    return [obj for obj in system.objects.values() if "meta-salvage.euystacio/copy" in (obj["metadata"].get("labels") or {})]


def image(system: Any) -> str:
    return str(system.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"])


def test_complete_changes_nothing(system: Any) -> None:
    result = run(system)
    assert (result["changed"], result["rollout"]["status"]) == (False, "complete")
    assert not system.writes


def test_a_wait_tells_what_it_waits_for_and_each_thing_once(system: Any, shapes: Any) -> None:
    told: list[Any] = []
    system.put(DEPLOYMENT, shapes.deployment(system.objects[DEPLOYMENT]["spec"]["template"], availableReplicas=1))
    workload = Workload(system, "Deployment", "a", "api", tell=told.append)
    assert workload.wait(1.2).status == "progressing"
    assert [step["says"] for step in told] == ["0 s, 1 of 2 pods are available"]


def test_a_quota_is_given_the_time_that_its_controller_takes_to_try_again() -> None:
    def at(seconds: float, status: str, *, quota: bool = True) -> bool:
        return patience.waits(Progress(status, "", out_of_quota=quota), seconds)

    patience = Patience()
    assert not at(1, "failed")  # pods never made room
    patience = Patience()
    assert at(1, "progressing")
    assert at(31, "progressing")
    assert at(70, "failed")
    assert not at(77, "failed")
    assert not at(33, "failed", quota=False)


def test_a_pass_keeps_immutable_copies_owned_by_the_revision(system: Any) -> None:
    result = run(system, record="passed")
    assert result["changed"]
    copies = copies_in(system)
    assert sorted(item for copy in copies for item in copy["data"].items()) == [("k", "djE="), ("level", "info")]
    assert {copy["metadata"]["ownerReferences"][0]["name"] for copy in copies} == {"api-h2"}
    assert result["recorded"]["proven"]
    assert not run(system, record="passed")["changed"]


def test_the_contents_come_back_with_the_revision(system: Any, shapes: Any) -> None:
    run(system, record="passed")
    bad = shapes.template("api:3")
    system.put(f"{APPS}/replicasets/api-h3", shapes.replicaset(3, bad))
    system.put(DEPLOYMENT, {**system.objects[DEPLOYMENT], "spec": {**system.objects[DEPLOYMENT]["spec"], "template": bad, "paused": True}})
    system.put(f"{CORE}/configmaps/conf", {"data": {"level": "debug", "new": "x"}})
    system.remove(f"{CORE}/secrets/key")

    planned = run(system, state="rolled_back", check_mode=True)
    assert planned["changed"]
    assert planned["diff"]["before"]["images"] == ["api:3"]
    assert planned["diff"]["after"]["images"] == ["api:2"]
    assert image(system) == "api:3"

    result = run(system, state="rolled_back")
    assert sorted(result["contents"]) == ["ConfigMap/conf", "Secret/key"]
    assert image(system) == "api:2"
    assert system.objects[f"{CORE}/configmaps/conf"]["data"] == {"level": "info"}
    assert system.objects[f"{CORE}/secrets/key"]["data"] == {"k": "djE="}
    assert system.objects[DEPLOYMENT]["metadata"]["annotations"] == {"team": "ours"}
    assert system.objects[DEPLOYMENT]["spec"]["paused"] is False
    assert not run(system, state="rolled_back")["changed"]


def test_a_changed_config_alone_is_rolled_back_too(system: Any) -> None:
    run(system, record="passed")
    system.put(f"{CORE}/configmaps/conf", {"data": {"level": "debug"}})
    result = run(system, state="rolled_back", wait=False)
    assert result["contents"] == ["ConfigMap/conf"]
    annotations = system.objects[DEPLOYMENT]["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations


@pytest.mark.parametrize(
    ("created", "image_id", "stays"),
    [("14:00", "api@1", True), ("14:30", "api@1", False), ("14:00", "api@moved", False), ("", "api@1", False)],
)
def test_pods_that_run_since_before_a_changed_config_are_not_replaced(
    system: Any, shapes: Any, created: str, image_id: str, stays: bool
) -> None:
    with_images(system, shapes, 2, "api@1")
    run(system, record="passed")
    for copied in copies_in(system):
        copied["metadata"]["creationTimestamp"] = "2026-11-24T14:10:00Z"
    template = copy.deepcopy(system.objects[DEPLOYMENT]["spec"]["template"])
    restarted = {**template, "metadata": {**template["metadata"], "annotations": {"kubectl.kubernetes.io/restartedAt": "x"}}}
    system.put(f"{APPS}/replicasets/api-h3", shapes.replicaset(3, restarted))
    system.put(DEPLOYMENT, shapes.deployment(restarted, availableReplicas=1))
    with_images(system, shapes, 2, image_id)
    for name in ("p1", "p2"):
        system.objects[f"{CORE}/pods/{name}"]["metadata"] |= {"creationTimestamp": f"2026-11-24T{created}:00Z"} if created else {}
    system.put(f"{CORE}/pods/p3", shapes.pod("p3", 3, ready=False))
    system.put(f"{CORE}/configmaps/conf", {"data": {"level": "debug"}})
    assert run(system, state="rolled_back", wait=False)["contents"] == ["ConfigMap/conf"]
    assert (system.objects[DEPLOYMENT]["spec"]["template"] == template) is stays


def test_a_way_back_that_was_killed_before_the_pods_started_anew_is_gone_on(system: Any) -> None:
    run(system, record="passed")
    system.put(f"{CORE}/configmaps/conf", {"data": {"level": "bad"}})
    template = copy.deepcopy(system.objects[DEPLOYMENT]["spec"]["template"])
    workload = Workload(system, "Deployment", "a", "api")

    def killed_after(*args: Any, **how: Any) -> None:
        bring_back(*args, **how)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollout, "bring_back", killed_after)
        with pytest.raises(KeyboardInterrupt):
            workload.go_back(workload.targets(None, unproven=False)[0], dry_run=False)
    assert system.objects[f"{CORE}/configmaps/conf"]["data"] == {"level": "info"}
    assert system.objects[DEPLOYMENT]["spec"]["template"] == template
    assert run(system, state="rolled_back", wait=False)["changed"]
    assert system.objects[DEPLOYMENT]["spec"]["template"] != template
    assert system.objects[DEPLOYMENT]["metadata"]["annotations"] == {"team": "ours"}


def test_a_copy_that_was_tampered_with_is_not_brought_back(system: Any) -> None:
    run(system, record="passed")
    copy = next(path for path, obj in system.objects.items() if obj.get("immutable") and "/configmaps/" in path)
    system.put(copy, {**system.objects[copy], "data": {"level": "evil"}})
    system.put(f"{CORE}/configmaps/conf", {"data": {"level": "debug"}})
    with pytest.raises(SalvageError, match="does not hold what was recorded"):
        run(system, state="rolled_back")
    assert system.objects[f"{CORE}/configmaps/conf"]["data"] == {"level": "debug"}


def test_an_immutable_config_is_told(system: Any) -> None:
    run(system, record="passed")
    system.put(f"{CORE}/configmaps/conf", {"data": {"level": "debug"}, "immutable": True})
    with pytest.raises(SalvageError, match="is immutable"):
        run(system, state="rolled_back")


@pytest.fixture
def restarting(system: Any, shapes: Any) -> Any:
    """A controller makes a revision of a restart."""

    def controller(path: str) -> None:
        template = system.objects[DEPLOYMENT]["spec"]["template"]
        if path == DEPLOYMENT and "annotations" in template["metadata"] and f"{APPS}/replicasets/api-h3" not in system.objects:
            system.put(f"{APPS}/replicasets/api-h3", shapes.replicaset(3, template))
            for name in ("p1", "p2"):
                system.put(f"{CORE}/pods/{name}", shapes.pod(name, 3))

    system.controller = controller
    return system


def test_the_proof_goes_along_with_a_restart(restarting: Any) -> None:
    system = restarting
    run(system, record="passed")
    assert run(system, state="restarted")["rollout"]["revision"] == 3
    assert run(system, state="rolled_back", check_mode=True)["changed"] is False
    copies = copies_in(system)
    assert len(copies) == 2
    for one in copies:
        assert [owner["name"] for owner in one["metadata"]["ownerReferences"]] == ["api-h2", "api-h3"]


def test_a_restart_needs_no_right_to_read_secrets(restarting: Any) -> None:
    system = restarting
    system.stumble = lambda method, path: "403" if "/secrets/" in path else None
    result = run(system, state="restarted")
    assert "go with the revision before this one" in result["warnings"][0]
    with pytest.raises(SalvageError, match="403"):
        run(system, state="rolled_back")


def test_the_baseline_is_kept_with_the_proof(system: Any) -> None:
    run(system, record="passed", baseline={"source": "seen"})
    (proven,) = [revision for revision in Workload(system, "Deployment", "a", "api").revisions() if revision.proven]
    assert proven.to_dict()["proof"]["baseline"] == {"source": "seen"}


def test_a_secret_with_old_contents_is_named_because_that_undoes_a_rotation(system: Any) -> None:
    run(system, record="passed")
    system.put(f"{CORE}/secrets/key", {"data": {"k": "djI="}, "type": "Opaque"})
    left = run(system, state="rolled_back", wait=False, restore_secrets=False)
    assert (left["changed"], left["secrets"], "warnings" in left) == (False, [], False)
    system.put(f"{CORE}/configmaps/conf", {"data": {"level": "debug"}})
    left = run(system, state="rolled_back", wait=False, restore_secrets=False)
    assert left["contents"] == ["ConfigMap/conf"]
    assert left["left"] == ["Secret/key: Secrets are not restored"]
    assert system.objects[f"{CORE}/secrets/key"]["data"] == {"k": "djI="}
    result = run(system, state="rolled_back", wait=False)
    assert result["secrets"] == ["Secret/key"]
    assert "Secret/key have the contents again" in result["warnings"][0]


def test_what_was_not_there_is_removed_and_a_copy_of_it_is_kept(system: Any) -> None:
    system.remove(f"{CORE}/configmaps/conf")
    run(system, record="passed")
    assert not run(system, state="rolled_back")["changed"]
    system.put(f"{CORE}/configmaps/conf", {"data": {"level": "broken"}})
    assert run(system, state="rolled_back", check_mode=True)["contents"] == ["ConfigMap/conf"]
    assert f"{CORE}/configmaps/conf" in system.objects
    assert run(system, state="rolled_back", wait=False)["contents"] == ["ConfigMap/conf"]
    assert f"{CORE}/configmaps/conf" not in system.objects
    assert {"level": "broken"} in [copy["data"] for copy in copies_in(system)]


@pytest.mark.parametrize(
    "marks",
    [
        {"ownerReferences": [{"kind": "Certificate", "name": "app", "uid": "u", "controller": True}]},
        {"annotations": {"cert-manager.io/certificate-name": "app"}},
        {"labels": {"config.openshift.io/inject-trusted-cabundle": "true"}},
        {"managedFields": [{"manager": "external-secrets", "fieldsV1": {"f:data": {}}}]},
    ],
)
@pytest.mark.parametrize("since", ["the start", "later"])
def test_what_a_controller_writes_is_not_brought_back(system: Any, marks: Any, since: str) -> None:
    if since == "the start":
        system.put(f"{CORE}/secrets/key", {"data": {"k": "djE="}, "type": "Opaque", "metadata": marks})
    run(system, record="passed")
    assert [copy["kind"] for copy in copies_in(system)] == (["ConfigMap"] if since == "the start" else ["Secret", "ConfigMap"])
    system.put(f"{CORE}/secrets/key", {"data": {"k": "djI="}, "type": "Opaque", "metadata": marks})
    assert not run(system, state="rolled_back")["changed"]
    system.put(f"{CORE}/configmaps/conf", {"data": {"level": "debug"}})
    result = run(system, state="rolled_back", wait=False)
    assert result["contents"] == ["ConfigMap/conf"]
    assert result["left"] == ([] if since == "the start" else ["Secret/key: a controller writes it"])
    assert system.objects[f"{CORE}/secrets/key"]["data"] == {"k": "djI="}


def test_a_token_of_a_service_account_is_not_copied(system: Any) -> None:
    token = {"type": "kubernetes.io/service-account-token", "data": {"token": "eA=="}}
    system.put(f"{CORE}/secrets/key", token)
    run(system, record="passed")
    assert [copy["kind"] for copy in copies_in(system)] == ["ConfigMap"]


def test_a_secret_in_the_place_of_a_copy_is_refused(system: Any) -> None:
    name = f"key.{digest_of(system.objects[f'{CORE}/secrets/key'])}"
    system.put(f"{CORE}/secrets/{name}", {"data": {"k": "ZXZpbA=="}, "type": "Opaque"})
    with pytest.raises(SalvageError, match="should be a copy of key and has other content"):
        run(system, record="passed")


def with_images(system: Any, shapes: Any, number: int, image_id: str) -> None:
    for name in ("p1", "p2"):
        pod = shapes.pod(name, number)
        pod["status"]["containerStatuses"][0]["imageID"] = image_id
        system.put(f"{CORE}/pods/{name}", pod)


def test_a_tag_that_was_used_again_is_not_proven(system: Any, shapes: Any) -> None:
    with_images(system, shapes, 2, "api@sha256:1")
    assert run(system, record="passed")["recorded"]["proof"]["images"] == {"api": ["api@sha256:1"]}
    assert not run(system, state="rolled_back", check_mode=True)["changed"]
    with_images(system, shapes, 2, "api@sha256:2")
    (current, _older) = Workload(system, "Deployment", "a", "api").revisions()
    assert (current.proven, current.moved) == (False, ("api",))
    with pytest.raises(SalvageError, match="no revision is recorded as proven good"):
        run(system, state="rolled_back")
    run(system, record="passed")
    assert not run(system, state="rolled_back")["changed"]


def test_a_rollback_that_brings_other_software_up_has_failed(system: Any, shapes: Any) -> None:
    with_images(system, shapes, 2, "api@sha256:1")
    run(system, record="passed")
    good = system.objects[DEPLOYMENT]["spec"]["template"]
    bad = shapes.template("api:3")
    system.put(f"{APPS}/replicasets/api-h3", shapes.replicaset(3, bad))
    system.put(DEPLOYMENT, shapes.deployment(bad))
    with_images(system, shapes, 2, "api@sha256:2")
    result = run(system, state="rolled_back")
    assert system.objects[DEPLOYMENT]["spec"]["template"] == good
    assert result["failed"]
    assert "revision 2 runs other images than it was proven with, under the same names: api" in result["msg"]


def test_a_template_that_no_pod_runs_is_not_recorded_as_passed(system: Any, shapes: Any) -> None:
    for name in ("p1", "p2"):
        system.remove(f"{CORE}/pods/{name}")
    system.put(DEPLOYMENT, shapes.deployment(system.objects[DEPLOYMENT]["spec"]["template"], wanted=0))
    with pytest.raises(SalvageError, match="0 of 0 pods of Deployment api run revision 2"):
        run(system, record="passed")


def test_what_was_not_looked_at_is_not_recorded(system: Any) -> None:
    with pytest.raises(SalvageError, match="runs revision 2 now, not 1"):
        run(system, record="passed", revision=1)
    assert not system.writes


def test_a_failure_takes_the_proof_away(system: Any) -> None:
    run(system, record="passed")
    run(system, record="failed", record_reason="errors")
    with pytest.raises(SalvageError, match="no revision is recorded"):
        run(system, state="rolled_back")


def test_targets_that_fail_are_tried_once_each(system: Any, shapes: Any) -> None:
    for n in (3, 4):
        system.put(f"{APPS}/replicasets/api-h{n}", shapes.replicaset(n, shapes.template(f"api:{n}")))
    proofs = Workload(system, "Deployment", "a", "api").revisions()
    subject = Subject("Deployment", "a", "api", "uid-d")
    hashes = {revision.number: template_hash(revision.template) for revision in proofs}
    for n in (1, 3):
        found = Proof("passed", f"2026-11-17T14:0{n}:00Z", hashes[n])
        ProofStore(system).add(subject, found, hashes.values(), dry_run=False)
    bad = shapes.deployment(shapes.template("api:4"), availableReplicas=0)
    system.put(DEPLOYMENT, bad)
    result = run(system, state="rolled_back")
    assert [attempt["revision"] for attempt in result["attempts"]] == [3, 1]
    assert result["failed"]
    assert "0 of 2 pods are available" in result["msg"]


def test_a_proven_revision_that_does_not_come_up_is_not_the_end_of_a_rollback(system: Any, shapes: Any) -> None:
    run(system, record="passed")
    older = {**system.objects[f"{APPS}/replicasets/api-h1"]["spec"]["template"], "metadata": {"labels": {"app": "api"}}}
    proof = Proof("passed", "2026-11-17T14:00:00Z", template_hash(older))
    every = {template_hash(one.template) for one in Workload(system, "Deployment", "a", "api").revisions()}
    ProofStore(system).add(Subject("Deployment", "a", "api", "uid-d"), proof, every, dry_run=False)
    bad = shapes.template("api:3")
    system.put(f"{APPS}/replicasets/api-h3", shapes.replicaset(3, bad))
    system.put(DEPLOYMENT, shapes.deployment(bad, availableReplicas=0))
    first = run(system, state="rolled_back", wait=False)
    assert (first["changed"], first.get("rollout"), image(system)) == (True, None, "api:2")
    assert not run(system, state="rolled_back", check_mode=True)["changed"]
    result = run(system, state="rolled_back")
    assert (image(system), result["changed"], result["failed"]) == ("api:1", True, True)
    assert [attempt["revision"] for attempt in result["attempts"]] == [1]


def test_pause_and_resume(system: Any) -> None:
    system.put(DEPLOYMENT, system.objects[DEPLOYMENT])
    assert run(system, state="paused", wait=False)["changed"]
    assert not run(system, state="paused", wait=False)["changed"]
    assert run(system)["failed"]
    assert run(system, state="resumed", wait=False)["changed"]


def test_only_a_deployment_can_be_paused(system: Any) -> None:
    with pytest.raises(SalvageError, match="only a Deployment"):
        Workload(system, "StatefulSet", "a", "api").pause(True, dry_run=False)


def test_a_restart_in_check_mode_changes_nothing(system: Any) -> None:
    before = system.objects[DEPLOYMENT]
    assert run(system, state="restarted", check_mode=True)["changed"]
    assert system.objects[DEPLOYMENT] == before
    assert run(system, state="restarted", wait=False)["changed"]


def test_what_is_not_there_is_told(api: Any) -> None:
    with pytest.raises(SalvageError, match="there is no DaemonSet x-1 in namespace a"):
        Workload(api, "DaemonSet", "a", "x-1").read()


def test_pods_in_trouble_are_explained(system: Any, shapes: Any) -> None:
    crashing = shapes.pod("p1", 2, ready=False, restarts=3, state={"waiting": {"reason": "CrashLoopBackOff"}})
    system.put(f"{CORE}/pods/p1", crashing)
    system.put(f"{CORE}/events/e1", {"type": "Warning", "reason": "BackOff", "message": "Back-off restarting", "lastTimestamp": "1"})
    result = run(system, log_lines=5)
    assert result["failed"]
    assert result["explanation"][0]["events"] == ["BackOff: Back-off restarting"]


def test_a_digest_is_of_the_content_alone() -> None:
    assert digest_of({"data": {"a": "1"}, "metadata": {"name": "x"}}) == digest_of({"data": {"a": "1"}, "metadata": {"name": "y"}})
    assert digest_of({"data": {"a": "1"}}) != digest_of({"data": {"a": "2"}})
