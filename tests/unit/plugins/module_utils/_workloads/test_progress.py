# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.pod_trouble import trouble_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.progress import Progress, progress_of


def look(shapes: Any, pods: list[Any], events: Any = (), **status: Any) -> Progress:
    template = shapes.template("api:2")
    keepers = [shapes.replicaset(1, shapes.template()), shapes.replicaset(2, template)]
    return progress_of("Deployment", shapes.deployment(template, **status), keepers, pods, events)


def test_complete(shapes: Any) -> None:
    progress = look(shapes, [shapes.pod("p1", 2), shapes.pod("p2", 2)])
    assert (progress.status, progress.desired, progress.updated, progress.available) == ("complete", 2, 2, 2)
    assert progress.to_dict()["revision"] == 2


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"observedGeneration": 0}, "not seen the change"),
        ({"updatedReplicas": 1}, "1 of 2 pods are of the new revision"),
        ({"replicas": 3}, "1 pods of the old revision"),
        ({"availableReplicas": 1}, "1 of 2 pods are available"),
        ({"availableReplicas": 0, "updatedReplicas": 0}, "0 of 2"),
    ],
)
def test_still_on_its_way(shapes: Any, status: dict[str, int], words: str) -> None:
    progress = look(shapes, [], **status)
    assert progress.status == "progressing"
    assert words in progress.reason


@pytest.mark.parametrize(
    ("state", "restarts", "words"),
    [
        ({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}, 0, "ImagePullBackOff: Back-off pulling image"),
        ({"waiting": {"reason": "InvalidImageName"}}, 0, "InvalidImageName"),
        ({"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}, 0, 'secret "x" not found'),
        ({"waiting": {"reason": "ImageInspectError"}}, 0, "ImageInspectError"),
        ({"waiting": {"reason": "SignatureValidationFailed"}}, 0, "SignatureValidationFailed"),
        ({"waiting": {"reason": "PostStartHookError"}}, 0, "PostStartHookError"),
        ({"waiting": {"reason": "RegistryUnavailable"}}, 0, "RegistryUnavailable"),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, 2, "restarted 2 times"),
    ],
)
def test_what_can_not_succeed_ends_the_wait(shapes: Any, state: Any, restarts: int, words: str) -> None:
    progress = look(shapes, [shapes.pod("p1", 2, ready=False, restarts=restarts, state=state)], updatedReplicas=1)
    assert progress.status == "failed"
    assert words in progress.reason


def test_the_first_failed_pull_may_be_a_hiccup(shapes: Any) -> None:
    pod = shapes.pod("p1", 2, ready=False, state={"waiting": {"reason": "ErrImagePull"}})
    assert look(shapes, [pod], updatedReplicas=1).status == "progressing"


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("CreateContainerConfigError", "failed to sync configmap cache: timed out waiting for the condition"),
        ("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition"),
        ("CreateContainerError", "context deadline exceeded"),
    ],
)
def test_a_kubelet_that_was_too_slow_tries_again(shapes: Any, reason: str, message: str) -> None:
    pod = shapes.pod("p1", 2, ready=False, state={"waiting": {"reason": reason, "message": message}})
    assert look(shapes, [pod], updatedReplicas=1).status == "progressing"


def test_old_pods_in_trouble_do_not_fail_the_new_revision(shapes: Any) -> None:
    old = shapes.pod("old", 1, ready=False, restarts=9, state={"waiting": {"reason": "CrashLoopBackOff"}})
    assert look(shapes, [old, shapes.pod("p1", 2)], updatedReplicas=1).status == "progressing"


def test_restarts_long_ago_are_no_trouble_now(shapes: Any) -> None:
    assert look(shapes, [shapes.pod("p1", 2, restarts=7), shapes.pod("p2", 2)]).status == "complete"


def test_a_quota_that_is_used_up(shapes: Any) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": 'pods "p" is forbidden: exceeded quota'}
    progress = look(shapes, [], availableReplicas=0, updatedReplicas=0, conditions=[condition])
    assert progress.status == "failed"
    assert "exceeded quota" in progress.reason


def test_a_new_namespace_gets_its_service_account_in_a_moment(shapes: Any) -> None:
    message = 'pods "p" is forbidden: error looking up service account new/default: serviceaccount "default" not found'
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    assert look(shapes, [], availableReplicas=0, updatedReplicas=0, conditions=[condition]).status == "progressing"
    condition["message"] = message.replace("default", "mine")
    assert look(shapes, [], availableReplicas=0, updatedReplicas=0, conditions=[condition]).status == "failed"


def test_the_progress_deadline(shapes: Any) -> None:
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    progress = look(shapes, [shapes.pod("p1", 2, ready=False)], availableReplicas=1, conditions=[condition])
    assert progress.status == "failed"
    assert progress.reason == "the progress deadline passed: 1 of 2 pods are available; pod p1: not ready: api"


def test_paused(shapes: Any) -> None:
    deployment = shapes.deployment()
    deployment["spec"]["paused"] = True
    assert progress_of("Deployment", deployment, [], []).status == "paused"


def test_scaled_to_nothing_is_complete_but_without_a_replicaset_it_is_not_yet(shapes: Any) -> None:
    assert progress_of("Deployment", shapes.deployment(wanted=0), [], []).status == "complete"
    assert progress_of("Deployment", shapes.deployment(), [], []).status == "progressing"


def stateful(**status: Any) -> dict[str, Any]:
    full = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    revisions = {"updateRevision": "db-2", "currentRevision": "db-2"}
    return {"metadata": {"uid": "s", "generation": 1, "name": "db"}, "spec": {"replicas": 2}, "status": {**full, **revisions, **status}}


HISTORY = [
    {
        "metadata": {"name": "db-2", "ownerReferences": [{"uid": "s", "controller": True}]},
        "revision": 2,
        "data": {"spec": {"template": {"spec": {}}}},
    }
]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, "complete"),
        ({"updatedReplicas": 1}, "progressing"),
        ({"currentRevision": "db-1"}, "progressing"),
        ({"readyReplicas": 1, "availableReplicas": 1}, "progressing"),
    ],
)
def test_statefulset(status: dict[str, Any], expected: str) -> None:
    assert progress_of("StatefulSet", stateful(**status), HISTORY, []).status == expected


def test_a_statefulset_whose_pods_are_refused() -> None:
    def event(reason: str, at: str) -> dict[str, Any]:
        return {"involvedObject": {"uid": "s"}, "reason": reason, "lastTimestamp": at, "message": "pods is forbidden: exceeded quota"}

    lacking = stateful(updatedReplicas=1, readyReplicas=1, availableReplicas=1)
    assert progress_of("StatefulSet", lacking, HISTORY, [], [event("FailedCreate", "2")]).status == "failed"
    later = [event("FailedCreate", "1"), event("SuccessfulCreate", "2")]
    assert progress_of("StatefulSet", lacking, HISTORY, [], later).status == "progressing"


def test_on_delete_waits_for_nobody() -> None:
    workload = stateful(updatedReplicas=0)
    workload["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert "OnDelete" in progress_of("StatefulSet", workload, HISTORY, []).reason


def test_daemonset() -> None:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}
    workload = {"metadata": {"uid": "s", "generation": 1}, "spec": {}, "status": status}
    assert progress_of("DaemonSet", workload, HISTORY, []).reason == "2 of 3 pods are available"
    status["numberAvailable"] = 3
    assert progress_of("DaemonSet", workload, HISTORY, []).status == "complete"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient cpu"}]}, "Insufficient cpu"),
        ({"phase": "Failed", "reason": "Evicted", "containerStatuses": []}, "failed: Evicted"),
    ],
)
def test_trouble_of_a_pod_without_containers(shapes: Any, status: dict[str, Any], words: str) -> None:
    trouble = trouble_of(shapes.pod("p", 1, **status))
    assert trouble is not None
    assert words in trouble.reason


def test_a_pod_that_is_well_or_leaving_is_no_trouble(shapes: Any) -> None:
    assert trouble_of(shapes.pod("p", 1)) is None
    leaving = shapes.pod("p", 1, ready=False)
    leaving["metadata"]["deletionTimestamp"] = "now"
    assert trouble_of(leaving) is None
