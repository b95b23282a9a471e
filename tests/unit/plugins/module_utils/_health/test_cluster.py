# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.look import check_of
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import GONE, false_healthy
from hypothesis import given
from hypothesis import strategies as st

META = {"namespace": "a", "name": "api", "generation": 2}


def said(check: Any) -> tuple[str, str] | None:
    return None if check is None else (check.status, check.reason)


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-11-24T14:00:00Z"}


def deployment(available: int | None, wanted: int | None = 3, *conditions: dict[str, str], **status: Any) -> dict[str, Any]:
    counted = {} if available is None else {"availableReplicas": available}
    spec = {} if wanted is None else {"replicas": wanted}
    return {"metadata": META, "spec": spec, "status": {"observedGeneration": 2, "conditions": list(conditions), **counted, **status}}


PAUSED = condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
STUCK = condition("Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "api-2" has timed out.')
UNAVAILABLE = condition("Available", "False", "MinimumReplicasUnavailable")
QUOTA = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (deployment(3), None),
        (deployment(4), None),  # a surge
        (deployment(1, None), None),  # replicas that are not given are one
        (deployment(None, 0), None),
        (deployment(3, 3, PAUSED), None),
        (deployment(2, 3, condition("Available", "True")), ("warning", "2 of 3 replicas are available")),  # within maxUnavailable
        (deployment(2, 3, UNAVAILABLE), ("critical", "2 of 3 replicas are available")),
        (deployment(None, 3), ("critical", "0 of 3 replicas are available")),
        (
            deployment(3, 3, STUCK),
            (
                "critical",
                '3 of 3 replicas are available; the rollout is stuck: ProgressDeadlineExceeded: ReplicaSet "api-2" has timed out.',
            ),
        ),
        (deployment(3, 3, QUOTA), ("warning", "new pods cannot be created: FailedCreate: exceeded quota")),  # the old pods serve
        (deployment(1, 3, QUOTA), ("warning", "1 of 3 replicas are available; FailedCreate: exceeded quota")),
        (
            deployment(3, observedGeneration=1),
            ("unknown", "its controller has not looked at it yet, so its status is not of what is asked now"),
        ),
    ],
)
def test_deployments(obj: dict[str, Any], expected: tuple[str, str] | None) -> None:
    check = cluster.workload("Deployment", obj)
    assert said(check) == expected
    if check is not None:
        assert (check.id, check.subject) == (
            "workloads/deployment/a/api",
            {"kind": "Deployment", "namespace": "a", "name": "api"},
        )


def daemons(wanted: int | None, available: int | None, updated: int | None = 2) -> dict[str, Any]:
    status = {"desiredNumberScheduled": wanted, "numberAvailable": available, "updatedNumberScheduled": updated}
    return {"metadata": META, "status": {"observedGeneration": 2, **{name: value for name, value in status.items() if value is not None}}}


@pytest.mark.parametrize(
    ("obj", "status"),
    [
        (daemons(0, None), None),
        (daemons(2, 2), None),
        (daemons(2, 2, 0), "warning"),  # the old pods serve, and no new one comes
        (daemons(2, 2, None), "warning"),
        (daemons(2, 1), "warning"),
        (daemons(2, None), "critical"),
        (daemons(None, None), "unknown"),
    ],
)
def test_daemon_sets(obj: dict[str, Any], status: str | None) -> None:
    check = cluster.workload("DaemonSet", obj)
    assert (check and check.status) == status


def stateful(updated: int | None, *, strategy: dict[str, Any] | None = None, revisions: tuple[str, str] = ("a", "b")) -> dict[str, Any]:
    counted = {} if updated is None else {"updatedReplicas": updated}
    status = {"observedGeneration": 2, "availableReplicas": 3, "currentRevision": revisions[0], "updateRevision": revisions[1], **counted}
    return {"metadata": META, "spec": {"replicas": 3, "updateStrategy": strategy or {}}, "status": status}


@pytest.mark.parametrize(
    ("obj", "status"),
    [
        (stateful(None, revisions=("a", "a")), None),
        (stateful(3), None),
        (stateful(None), "warning"),
        (stateful(2), "warning"),
        (stateful(1, strategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}), None),
        (stateful(0, strategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}), "warning"),
        (stateful(0, strategy={"type": "OnDelete"}), None),
    ],
)
def test_stateful_sets_that_are_not_updated(obj: dict[str, Any], status: str | None) -> None:
    check = cluster.workload("StatefulSet", obj)
    assert (check and check.status) == status


ABLE = condition("AbleToScale", "True", "ReadyForNewScale")
ACTIVE = condition("ScalingActive", "True", "ValidMetricFound")


def hpa(now: int, *conditions: dict[str, str], least: int | None = 3, most: int = 10) -> dict[str, Any]:
    spec = {"maxReplicas": most} if least is None else {"minReplicas": least, "maxReplicas": most}
    return {"metadata": META, "spec": spec, "status": {"currentReplicas": now, "conditions": list(conditions)}}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (hpa(3, ABLE, ACTIVE), None),
        (hpa(10, ABLE, ACTIVE), ("warning", "at its maximum of 10 replicas, it can't follow more load")),
        (hpa(10, ABLE, ACTIVE, condition("ScalingLimited", "False", "DesiredWithinRange")), None),  # it is satisfied
        (
            hpa(10, ABLE, ACTIVE, condition("ScalingLimited", "True", "TooManyReplicas")),
            ("warning", "at its maximum of 10 replicas, it can't follow more load"),
        ),
        (hpa(3, ABLE, ACTIVE, condition("ScalingLimited", "True", "TooFewReplicas")), None),
        (hpa(3, ABLE, ACTIVE, least=3, most=3), None),  # that it can't scale is what was asked for
        (hpa(1, ABLE, ACTIVE, least=None, most=1), None),
        (hpa(3), ("unknown", "it has no conditions: no controller has looked at it yet")),
        (hpa(3, ABLE), ("unknown", "not scaling: it has no condition ScalingActive")),
        (
            hpa(3, condition("AbleToScale", "False", "FailedGetScale", "no such scale")),
            ("warning", "unable to scale: FailedGetScale: no such scale"),
        ),
        (
            hpa(
                0,
                ABLE,
                condition("ScalingActive", "False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero"),
            ),
            None,  # the workload was scaled to 0
        ),
        (hpa(3, ABLE, condition("ScalingActive", "Unknown")), ("unknown", "not scaling: no reason given")),
    ],
)
def test_autoscalers(obj: dict[str, Any], expected: tuple[str, str] | None) -> None:
    assert said(cluster.autoscaler(obj)) == expected


def node(*conditions: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "n1"}, "spec": spec, "status": {"conditions": list(conditions)}}


READY = condition("Ready", "True", "KubeletReady")


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (node(READY, condition("MemoryPressure", "False")), None),
        (node(READY, unschedulable=True), ("warning", "cordoned: no new pod is placed here")),
        (node(), ("unknown", "it has no condition Ready")),
        (
            node(condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")),
            ("critical", "not Ready (Ready is Unknown): NodeStatusUnknown: Kubelet stopped posting node status."),
        ),
        (node({"type": "Ready"}), ("critical", "not Ready (Ready is missing): no reason given")),
        (
            node(READY, condition("DiskPressure", "True", "KubeletHasDiskPressure", "disk is full")),
            ("critical", "DiskPressure: disk is full"),
        ),
        (
            node(READY, condition("PIDPressure", "Unknown", "NodeStatusNeverUpdated")),
            ("unknown", "PIDPressure is not known: NodeStatusNeverUpdated"),
        ),
        (
            node(READY, condition("ReadonlyFilesystem", "True", "FilesystemIsReadOnly")),
            ("critical", "ReadonlyFilesystem: FilesystemIsReadOnly"),
        ),
        (
            node(READY, condition("KernelDeadlock", "True", "DockerHung", "task docker:7 blocked")),
            ("critical", "KernelDeadlock: task docker:7 blocked"),
        ),
        (node(READY, condition("KernelDeadlock", "False", "KernelHasNoDeadlock")), None),
        (node(READY, condition("EtcdIsVoter", "True", "MemberNotLearner")), None),
        (node(READY, condition("EtcdIsVoter", "False", "MemberIsLearner")), ("critical", "not EtcdIsVoter: MemberIsLearner")),
        (
            node(READY, condition("Example", "True", "Why")),
            ("unknown", "whether its condition Example is a problem is not known: Why"),
        ),
    ],
)
def test_nodes(obj: dict[str, Any], expected: tuple[str, str] | None) -> None:
    check = cluster.node(obj)
    assert said(check) == expected
    if check is not None:
        assert check.id == "nodes/n1"


maybe_int = st.none() | st.integers(0, 5)
conditions = st.none() | st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["Ready", "Available", "Progressing", "AbleToScale", "ScalingActive", "MemoryPressure"]),
            "status": st.sampled_from(["True", "False", "Unknown", None]),
            "reason": st.none() | st.text(max_size=3),
        },
    ),
    max_size=4,
)
holes = st.fixed_dictionaries(
    {"metadata": st.fixed_dictionaries({"namespace": st.just("a"), "name": st.just("x")}, optional={"generation": maybe_int})},
    optional={
        "spec": st.none() | st.fixed_dictionaries({}, optional={"replicas": maybe_int, "maxReplicas": maybe_int, "minReplicas": maybe_int}),
        "status": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "observedGeneration": maybe_int,
                "availableReplicas": maybe_int,
                "currentReplicas": maybe_int,
                "desiredNumberScheduled": maybe_int,
                "numberAvailable": maybe_int,
                "conditions": conditions,
            },
        ),
    },
)


@given(holes, st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]))
def test_objects_with_holes_are_judged_and_never_well(obj: dict[str, Any], kind: str) -> None:
    status, asked = obj.get("status") or {}, obj.get("spec") or {}
    if cluster.workload(kind, obj) is None:
        replicas = 1 if asked.get("replicas") is None else asked["replicas"]  # as the API server takes it
        wanted = status.get("desiredNumberScheduled") if kind == "DaemonSet" else replicas
        assert (status.get("numberAvailable" if kind == "DaemonSet" else "availableReplicas") or 0) >= wanted
    told = {one.get("type"): one.get("status") for one in status.get("conditions") or ()}
    if cluster.autoscaler(obj) is None:
        assert told["AbleToScale"] == told["ScalingActive"] == "True"  # no reason of three letters is ScalingDisabled
    if cluster.node(obj) is None:
        assert told["Ready"] == "True"


def status_of(judge: Any) -> Any:
    def status(obj: Any) -> str:
        check = check_of(judge, "group", obj)
        assert check is None or check.reason
        return "healthy" if check is None else check.status

    return status


AVAILABLE, PROGRESSING = condition("Available", "True"), condition("Progressing", "True", "NewReplicaSetAvailable")
NO_FAILURE = condition("ReplicaFailure", "False")


@pytest.mark.parametrize(
    ("kind", "good", "places", "honest"),
    [
        (
            "Deployment",
            deployment(3, 3, AVAILABLE, PROGRESSING, NO_FAILURE),
            ["metadata", "status", "spec/replicas", "status/observedGeneration", "status/availableReplicas", "status/conditions/0/status",
             "status/conditions/1/status", "status/conditions/2/status"],
            {"spec/replicas": [None, GONE, 0]},  # the API server takes null and nothing as 1
        ),
        (
            "StatefulSet",
            stateful(3),
            ["status", "spec/replicas", "status/availableReplicas", "status/updatedReplicas", "status/currentRevision",
             "status/updateRevision", "status/observedGeneration"],
            {"spec/replicas": [None, GONE, 0], "status/currentRevision": ["Perhaps", "true", "NaN", " "],
             "status/updateRevision": ["Perhaps", "true", "NaN", " "]},  # names as good as others: all pods are of the new one
        ),
        (
            "DaemonSet",
            daemons(2, 2),
            ["status", "status/desiredNumberScheduled", "status/numberAvailable", "status/updatedNumberScheduled",
             "status/observedGeneration"],
            {"status/desiredNumberScheduled": [0]},
        ),
    ],
)  # fmt: skip
def test_a_workload_with_one_place_wrong_is_never_healthy(kind: str, good: Any, places: list[str], honest: Any) -> None:
    assert false_healthy(status_of(lambda obj: cluster.workload(kind, obj)), good, *places, honest=honest) == []


def test_an_autoscaler_with_one_place_wrong_is_never_healthy() -> None:
    good = hpa(3, ABLE, ACTIVE, condition("ScalingLimited", "False", "DesiredWithinRange"))
    places = [
        "metadata",
        "status",
        "status/conditions",
        *(f"status/conditions/{place}/{name}" for place in (0, 1) for name in ("type", "status")),
    ]
    assert false_healthy(status_of(cluster.autoscaler), good, *places, "status/conditions/2/status") == []
    limits = ["status/currentReplicas", "spec/maxReplicas"]
    assert false_healthy(status_of(cluster.autoscaler), hpa(3, ABLE, ACTIVE), *limits, honest={limits[0]: [None, GONE, 0, -1]}) == []
    # the reason alone switches nothing off
    for stated in ("True", "Unknown", "Perhaps", None):
        check = cluster.autoscaler(hpa(10, ABLE, {**ACTIVE, "status": stated, "reason": "ScalingDisabled"}))  # type: ignore[dict-item]
        assert check is not None


def test_a_node_with_one_place_wrong_is_never_healthy() -> None:
    good = node(READY, condition("MemoryPressure", "False"), condition("NetworkingReady", "True"))
    places = [
        "metadata",
        "status",
        "status/conditions",
        *(f"status/conditions/{place}/{name}" for place in range(3) for name in ("type", "status")),
    ]
    assert false_healthy(status_of(cluster.node), good, *places) == []


WORD = st.text(max_size=12) | st.sampled_from(["true", "TRUE", "Yes", "Ok", "1", "Unknown", "Failure", "NotReady"])


@given(WORD.filter(lambda word: word not in {"True", "False"}))
def test_a_status_of_a_condition_that_is_not_in_the_table_is_never_healthy(word: str) -> None:
    for name in ("Available", "Progressing", "ReplicaFailure"):
        assert cluster.workload("Deployment", deployment(3, 3, condition(name, word))) is not None
    for name in ("AbleToScale", "ScalingActive", "ScalingLimited"):
        conditions = {one["type"]: one for one in (ABLE, ACTIVE, condition(name, word))}
        assert cluster.autoscaler(hpa(3, *conditions.values())) is not None
    for name in ("Ready", "MemoryPressure", "KernelDeadlock", "StorageReady", "Example"):
        assert cluster.node(node(*{one["type"]: one for one in (READY, condition(name, word))}.values())) is not None


@given(WORD, st.sampled_from(["True", "False"]))
def test_a_condition_of_a_node_that_is_not_in_the_table_is_unknown(word: str, stated: str) -> None:
    check = cluster.node(node(READY, condition(word, stated)))
    assert check is not None or word in {"Ready", "Failure"}
    assert check is None or check.status in {"unknown", "critical"}


@pytest.mark.parametrize("name", ["KernelReady", "NetworkingReady", "StorageReady", "AcceleratedHardwareReady", "ContainerRuntimeReady"])
def test_conditions_that_are_well_when_they_are_true(name: str) -> None:
    assert cluster.node(node(READY, condition(name, "True"))) is None
    assert said(cluster.node(node(READY, condition(name, "False", "Why")))) == ("critical", f"not {name}: Why")


@pytest.mark.parametrize("name", ["ContainerRuntimeProblem", "FrequentSystemdRestart", "CorruptImageStore", "SwapPressure"])
def test_conditions_that_are_well_when_they_are_false(name: str) -> None:
    assert cluster.node(node(READY, condition(name, "False"))) is None
    assert said(cluster.node(node(READY, condition(name, "True", "Why")))) == ("critical", f"{name}: Why")


@pytest.mark.parametrize(
    ("reason", "status"), [("ScaleUpLimit", None), ("ScaleDownLimit", None), ("TooFewReplicas", None), ("Other", "unknown")]
)
def test_why_an_autoscaler_is_limited(reason: str, status: str | None) -> None:
    check = cluster.autoscaler(hpa(3, ABLE, ACTIVE, condition("ScalingLimited", "True", reason)))
    assert (check and check.status) == status


def test_a_condition_that_is_given_twice_says_nothing() -> None:
    for one in (
        node(condition("Ready", "False"), READY),
        node(READY, condition("DiskPressure", "True"), condition("DiskPressure", "False")),
    ):
        check = cluster.node(one)
        assert check is not None
        assert check.status in {"unknown", "critical"}
    assert said(cluster.workload("Deployment", deployment(3, 3, STUCK, PROGRESSING))) == (
        "unknown",
        "Progressing is not known: it is given twice",
    )


def test_a_deployment_that_contradicts_itself_is_unknown() -> None:
    assert said(cluster.workload("Deployment", deployment(3, 3, UNAVAILABLE))) == (
        "unknown",
        "all its replicas count as available, but it is not: MinimumReplicasUnavailable",
    )
