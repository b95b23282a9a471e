# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.others import JobRun, job_progress, others_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.task import RolloutOptions, perform

APPS, CORE, BATCH = "/apis/apps/v1/namespaces/a", "/api/v1/namespaces/a", "/apis/batch/v1/namespaces/a"
NEVER = {"waiting": {"reason": "ErrImageNeverPull", "message": "not there"}}


def row(kind: str, name: str, api_version: str = "apps/v1", **more: Any) -> dict[str, Any]:
    return {"api_version": api_version, "kind": kind, "namespace": "a", "name": name, "action": "changed", **more}


WORKER = row("Deployment", "worker")


@pytest.fixture
def system(api: Any, shapes: Any) -> Any:
    """`api` is complete; `worker` is a second Deployment, with labels and owners of its own."""
    template = shapes.template("api:1")
    api.put(f"{APPS}/replicasets/api-h1", shapes.replicaset(1, template))
    api.put(f"{APPS}/deployments/api", shapes.deployment(template))
    api.put(f"{CORE}/pods/p1", shapes.pod("p1", 1))
    return api


def put_worker(system: Any, shapes: Any, **status: Any) -> None:
    template = shapes.template("worker:1")
    worker = shapes.deployment(template, **status)
    worker["metadata"] |= {"name": "worker", "uid": "uid-w"}
    system.put(f"{APPS}/deployments/worker", worker)
    keeper = shapes.replicaset(7, template, owner="uid-w")
    system.put(f"{APPS}/replicasets/api-h7", keeper)


def run(system: Any, *also: Any, **more: Any) -> dict[str, Any]:
    given = RolloutOptions(also=list(also), **{"timeout": 0.3, "log_lines": 0, **more})
    return perform(Workload(system, "Deployment", "a", "api"), given, check_mode=False)


def test_all_complete(system: Any, shapes: Any) -> None:
    put_worker(system, shapes)
    result = run(system, row("Deployment", "api"), WORKER, row("ConfigMap", "conf", "v1"), row("Deployment", "x", "example.org/v1"))
    assert not result.get("failed")
    assert [(one["name"], one["rollout"]["status"]) for one in result["others"]] == [("worker", "complete")]


def test_one_that_cannot_succeed_ends_the_wait_at_once(system: Any, shapes: Any) -> None:
    put_worker(system, shapes, availableReplicas=0)
    system.put(f"{CORE}/pods/w1", shapes.pod("w1", 7, ready=False, state=NEVER))
    result = run(system, WORKER, timeout=30, record="passed")
    assert result["failed"]
    assert result["msg"] == "Deployment worker in a: pod w1: ErrImageNeverPull: not there"
    assert result["rollout"]["status"] == "complete"
    assert result["explanation"][0]["pod"] == "w1"
    assert "recorded" not in result


def test_one_that_is_late_fails_at_the_timeout_of_all(system: Any, shapes: Any) -> None:
    put_worker(system, shapes, availableReplicas=1)
    result = run(system, WORKER)
    assert result["msg"].startswith("Deployment worker in a: not complete after 0.3 s: 1 of 2 pods are available")


def test_the_workload_that_was_asked_for_is_named_first(system: Any, shapes: Any) -> None:
    put_worker(system, shapes, availableReplicas=1)
    system.put(f"{APPS}/deployments/api", shapes.deployment(shapes.template("api:1"), availableReplicas=1))
    assert run(system, WORKER)["msg"].startswith("Deployment api in a: not complete after 0.3 s")


def test_one_that_its_strategy_holds_back_is_a_warning(system: Any, shapes: Any) -> None:
    worker = shapes.deployment(wanted=1)
    worker |= {"kind": "DaemonSet", "spec": {**worker["spec"], "updateStrategy": {"type": "OnDelete"}}}
    worker["metadata"] |= {"name": "agent", "uid": "uid-a"}
    worker["status"] = {"observedGeneration": 1, "desiredNumberScheduled": 1, "numberAvailable": 1, "currentNumberScheduled": 1}
    system.put(f"{APPS}/daemonsets/agent", worker)
    result = run(system, row("DaemonSet", "agent"))
    assert not result.get("failed")
    assert result["warnings"] == ["DaemonSet agent in a: its update strategy is OnDelete: pods change only when somebody deletes them"]


def test_one_that_is_not_there_is_an_error(system: Any) -> None:
    with pytest.raises(SalvageError, match="there is no Deployment worker in namespace a"):
        run(system, WORKER)


@pytest.mark.parametrize("one", ["worker", {}, {"kind": "Deployment", "name": "x"}, {**WORKER, "namespace": None}])
def test_only_objects_as_the_module_returns_them_are_taken(system: Any, one: Any) -> None:
    with pytest.raises(SalvageError, match="also takes the objects that the module manifests returned"):
        others_of(Workload(system, "Deployment", "a", "api"), [one])


def job(*conditions: str, **spec: Any) -> dict[str, Any]:
    found = [{"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "message": "it is over"} for kind in conditions]
    return {"metadata": {"name": "once", "namespace": "a", "uid": "uid-j"}, "spec": spec, "status": {"conditions": found, "succeeded": 1}}


@pytest.mark.parametrize(
    ("one", "status", "reason"),
    [
        (job("Complete"), "complete", "1 of 1 pods have succeeded"),
        (job("SuccessCriteriaMet", completions=3), "complete", "1 of 3 pods have succeeded"),
        (job("Failed"), "failed", "it has failed: BackoffLimitExceeded: it is over"),
        (job(suspend=True), "paused", "it is suspended"),
        (job(completions=2), "progressing", "1 of 2 pods have succeeded"),
        ({**job(), "status": {}}, "progressing", "0 of 1 pods have succeeded"),
        (None, "complete", "it has ended and was deleted"),
    ],
)
def test_how_far_a_job_is(one: Any, status: str, reason: str) -> None:
    found = job_progress(one, [])
    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize(
    ("restarts", "state", "status"),
    [
        (0, NEVER, "failed"),
        (5, {"waiting": {"reason": "CrashLoopBackOff"}}, "progressing"),
        (0, {"waiting": {"reason": "ContainerCreating"}}, "progressing"),
    ],
)
def test_a_pod_that_cannot_start_ends_a_job_and_one_that_fails_does_not(shapes: Any, restarts: int, state: Any, status: str) -> None:
    pod = shapes.pod("once-x", 1, ready=False, restarts=restarts, state=state)
    pod["metadata"]["ownerReferences"] = [{"uid": "uid-j", "controller": True}]
    assert job_progress(job(), [pod]).status == status


def test_a_job_of_the_set_is_waited_for(system: Any) -> None:
    with pytest.raises(SalvageError):
        JobRun(system, "a", "once").lists_now()
    system.put(f"{BATCH}/jobs/once", job("Failed"))
    result = run(system, row("Job", "once", "batch/v1"), timeout=30)
    assert result["msg"] == "Job once in a: it has failed: BackoffLimitExceeded: it is over"
    system.put(f"{BATCH}/jobs/once", job("Complete"))
    assert not run(system, row("Job", "once", "batch/v1")).get("failed")
