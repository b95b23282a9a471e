# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.pod_trouble import trouble_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.progress import Progress, progress_of

PULL = 'Back-off pulling image "localhost/timeout:1": ErrImagePull: failed to pull and unpack image "localhost/timeout:1": {}'


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
        (
            {"waiting": {"reason": "ImagePullBackOff", "message": PULL.format("x: not found")}},
            0,
            "ImagePullBackOff: Back-off pulling image",
        ),
        ({"waiting": {"reason": "InvalidImageName"}}, 0, "InvalidImageName"),
        (
            {"waiting": {"reason": "CreateContainerConfigError", "message": "container has runAsNonRoot and image will run as root"}},
            0,
            "root",
        ),
        ({"waiting": {"reason": "ImageInspectError"}}, 0, "ImageInspectError"),
        ({"waiting": {"reason": "SignatureValidationFailed"}}, 0, "SignatureValidationFailed"),
        ({"waiting": {"reason": "PostStartHookError"}}, 0, "PostStartHookError"),
        ({"waiting": {"reason": "RunContainerError", "message": 'exec: "/nonsense": no such file or directory'}}, 0, "/nonsense"),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, 2, "restarted 2 times"),
    ],
)
def test_what_can_not_succeed_ends_the_wait(shapes: Any, state: Any, restarts: int, words: str) -> None:
    progress = look(shapes, [shapes.pod("p1", 2, ready=False, restarts=restarts, state=state)], updatedReplicas=1)
    assert progress.status == "failed"
    assert words in progress.reason


@pytest.mark.parametrize(
    "cause",
    [
        "localhost/timeout:1: not found",
        "rpc error: code = NotFound desc = failed to resolve reference",
        "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
        "unexpected status from HEAD request to https://r/v2/x/manifests/1: 403 Forbidden",
        "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope",
        "manifest unknown: manifest unknown",
        "requested access to the resource is denied",
        "invalid reference format",
        "no match for platform in manifest: not found",
    ],
)
@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_a_registry_that_says_no_is_final(shapes: Any, reason: str, cause: str) -> None:
    pod = shapes.pod("p1", 2, ready=False, state={"waiting": {"reason": reason, "message": PULL.format(cause)}})
    assert look(shapes, [pod], updatedReplicas=1).status == "failed"


@pytest.mark.parametrize(
    "cause",
    [
        'failed to do request: Head "http://127.0.0.1/v2/late/manifests/1": dial tcp 127.0.0.1:80: connect: connection refused',
        "dial tcp: lookup registry.invalid on 10.0.0.10:53: no such host",
        "dial tcp 10.0.0.1:443: i/o timeout",
        "net/http: TLS handshake timeout",
        "429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit",
        "unexpected status from HEAD request to https://r/v2/x/manifests/1: 503 Service Unavailable",
        "unexpected status code [manifests 1]: 502 Bad Gateway",
        "received unexpected HTTP status: 500 Internal Server Error",
        "failed to authorize: failed to fetch anonymous token: unexpected status: 504 Gateway Timeout: not found",
        "context deadline exceeded",
        "read tcp 10.0.0.2:4711->10.0.0.1:443: read: connection reset by peer",
        "unexpected EOF",
        "",
        "something new",
    ],
)
@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"])
def test_a_registry_that_can_not_answer_may_do_so_later(shapes: Any, reason: str, cause: str) -> None:
    pod = shapes.pod("p1", 2, ready=False, state={"waiting": {"reason": reason, "message": PULL.format(cause)}})
    progress = look(shapes, [pod], updatedReplicas=1)
    assert progress.status == "progressing"
    assert f"pod p1: {reason}: Back-off" in progress.reason


@pytest.mark.parametrize(
    "message",
    [
        'secret "from-vault" not found',
        'configmap "c" not found',
        "couldn't find key password in Secret a/from-vault",
        "couldn't find key x in ConfigMap a/c",
        "references non-existent secret key: ca.crt",
    ],
)
def test_a_secret_that_an_operator_makes_a_moment_later(shapes: Any, message: str) -> None:
    pod = shapes.pod("p1", 2, ready=False, state={"waiting": {"reason": "CreateContainerConfigError", "message": message}})
    progress = look(shapes, [pod], updatedReplicas=1)
    assert progress.status == "progressing"
    assert message in progress.reason
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    progress = look(shapes, [pod], updatedReplicas=1, conditions=[late])
    assert progress.status == "failed"
    assert message in progress.reason


def evicted(shapes: Any, **status: Any) -> Any:
    return shapes.pod("evicted", 2, ready=False, restarts=3, phase="Failed", reason="Evicted", **status)


def test_an_evicted_pod_that_was_replaced_is_left_out(shapes: Any) -> None:
    progress = look(shapes, [evicted(shapes), shapes.pod("p1", 2), shapes.pod("p2", 2)])
    assert (progress.status, progress.troubles, progress.restarts) == ("complete", (), 0)
    assert [pod["metadata"]["name"] for pod in progress.pods] == ["p1", "p2"]


def test_an_evicted_pod_explains_what_is_lacking(shapes: Any) -> None:
    progress = look(shapes, [evicted(shapes), shapes.pod("p1", 2)], availableReplicas=1)
    assert (progress.status, progress.reason) == ("progressing", "1 of 2 pods are available; pod evicted: failed: Evicted")


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


def refused(message: str) -> dict[str, str]:
    return {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}


def test_a_quota_is_waited_for_while_pods_of_the_workload_end(shapes: Any) -> None:
    full = refused('pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2')
    status = {"updatedReplicas": 0, "availableReplicas": 1, "conditions": [full]}
    old, ending = shapes.pod("old", 1), shapes.pod("ending", 1)
    ending["metadata"]["deletionTimestamp"] = "2026-11-24T14:00:00Z"
    progress = look(shapes, [old, ending], **status)
    assert (progress.status, progress.out_of_quota) == ("progressing", True)
    assert "pods can't be created yet: pods" in progress.reason
    assert look(shapes, [old], **status).status == "progressing"  # the other one has just gone
    assert look(shapes, [ending], **status).status == "progressing"
    gone = look(shapes, [], **status)
    assert (gone.status, gone.out_of_quota) == ("failed", True)
    assert look(shapes, [old, shapes.pod("old2", 1)], **status).status == "failed"  # the surge has no room, and nothing ends


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            'failed calling webhook "v.kb.io": Post "https://w.a.svc:443/m": dial tcp 10.0.0.9:443: connect: connection refused',
            "progressing",
        ),
        ('failed calling webhook "v.kb.io": failed to call webhook: context deadline exceeded', "progressing"),
        ('failed calling webhook "v.kb.io": no endpoints available for service "w"', "progressing"),
        ("etcdserver: request timed out", "progressing"),
        ("Internal error occurred: resource quota evaluation timed out", "progressing"),
        ('admission webhook "timeout.kb.io" denied the request: the timeout must be set', "failed"),
        ('pods "p" is forbidden: violates PodSecurity "restricted:latest": privileged', "failed"),
        ('pods "p" is forbidden: error looking up service account a/mine: serviceaccount "mine" not found', "failed"),
        ('Pod "p" is invalid: spec.containers[0].image: Required value', "failed"),
    ],
)
def test_who_says_no_is_final_and_who_is_down_is_not(shapes: Any, message: str, expected: str) -> None:
    assert look(shapes, [], availableReplicas=0, updatedReplicas=0, conditions=[refused(message)]).status == expected


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


@pytest.mark.parametrize(
    ("partition", "updated", "expected", "words"),
    [
        (2, 0, "failed", "0 of 2 pods are of the new revision: the partition 2 keeps the others on the old one"),
        (9, 0, "failed", "the partition 9"),
        (1, 0, "progressing", "0 of 1 pods are of the new revision"),
        (1, 1, "complete", "1 of 2 pods are of the new revision: the partition 1"),
        (0, 2, "complete", "2 of 2 available, all of revision 2"),
    ],
)
def test_a_partition_that_holds_pods_back_is_told(partition: int, updated: int, expected: str, words: str) -> None:
    workload = stateful(updatedReplicas=updated, currentRevision="db-1" if partition else "db-2")
    workload["spec"]["updateStrategy"] = {"rollingUpdate": {"partition": partition}}
    progress = progress_of("StatefulSet", workload, HISTORY, [])
    assert (progress.status, words in progress.reason) == (expected, True), progress.reason


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
