# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import pods
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.look import check_of
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import GONE, false_healthy
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0


def at(seconds_ago: float) -> str:
    return datetime.datetime.fromtimestamp(NOW - seconds_ago, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def container(state: dict[str, Any], *, name: str = "api", ready: bool = False, restarts: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "api:1", "ready": ready, "restartCount": restarts, "state": state, **more}


def running(**more: Any) -> dict[str, Any]:
    return container({"running": {"startedAt": at(3600)}}, **{"ready": True, **more})


def ended(code: int, reason: str = "Error", seconds_ago: float = 60) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": at(seconds_ago)}}


def ready(status: str = "True", seconds_ago: float = 3600, **more: str) -> dict[str, Any]:
    return {"type": "Ready", "status": status, "lastTransitionTime": at(seconds_ago), **more}


def pod(
    phase: str | None = "Running",
    *containers: dict[str, Any],
    conditions: list[dict[str, Any]] | None = None,
    age: float = 3600,
    metadata: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "a", "name": "p", "creationTimestamp": at(age), **(metadata or {})},
        "spec": {"restartPolicy": "Always", **(spec or {})},
        "status": {
            **({"phase": phase} if phase else {}),
            "conditions": [ready()] if conditions is None else conditions,
            "containerStatuses": list(containers),
            **status,
        },
    }


def finding(obj: dict[str, Any], before: dict[str, int] | None = None) -> tuple[str, str] | None:
    check = pods.examine(obj, before, NOW)
    return None if check is None else (check.status, check.reason)


def row(status: str = "Running", ready: str = "1/1", restarts: Any = "0", **more: Any) -> dict[str, Any]:
    return {"Name": "p", "Ready": ready, "Status": status, "Restarts": restarts, "Age": "5d", **more}


@pytest.mark.parametrize(
    ("one", "suspicious"),
    [
        (row(), False),
        (row(ready="2/2"), False),  # a sidecar counts in READY
        (row("Completed", "0/1"), False),
        (row(ready="1/2"), True),
        (row(ready="0/0"), True),
        (row("CrashLoopBackOff", "0/1", "5 (2m ago)"), True),
        (row(restarts="1 (3d ago)"), True),
        (row(restarts=1), True),  # as servers before 1.22 write it
        (row("Completed", "0/1", "3 (1m ago)"), True),
        *[
            (row(status, "0/1"), True)
            for status in ("Pending", "Init:0/1", "Init:CrashLoopBackOff", "PodInitializing", "Terminating", "Evicted", "NodeLost")
        ],
        *[(row(status, "0/1"), True) for status in ("ContainerStatusUnknown", "Unknown", "Error", "OOMKilled", "NotReady")],
        ({"Name": "p"}, True),
    ],
)
def test_which_rows_are_suspicious(one: dict[str, Any], suspicious: bool) -> None:
    assert pods.is_suspicious("a", one, None) is suspicious


def test_restarts_that_the_last_run_knew_are_not_suspicious() -> None:
    assert not pods.is_suspicious("a", row(restarts="5 (2m ago)"), {"a/p": 5})
    assert pods.is_suspicious("a", row(restarts="6 (2m ago)"), {"a/p": 5})
    assert pods.is_suspicious("b", row(restarts="5 (2m ago)"), {"a/p": 5})


@given(st.dictionaries(st.sampled_from(["Name", "Ready", "Status", "Restarts"]), st.one_of(st.none(), st.text(), st.integers())))
def test_only_a_row_that_says_so_is_well(one: dict[str, Any]) -> None:
    if not pods.is_suspicious("a", one, None):
        assert one["Status"] in {"Running", "Completed", "Succeeded"}
    assert pods.from_row("a", one, "403").status in {"unknown", "warning", "critical"}


def test_what_a_row_alone_tells() -> None:
    check = pods.from_row("a", row("CrashLoopBackOff", "0/1", "5 (2m ago)"), "403")
    assert (check.id, check.status) == ("pods/a/p", "critical")
    assert check.reason == "CrashLoopBackOff, 0/1 ready, 5 (2m ago) restarts (403)"


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (row(restarts="1 (2m ago)"), "warning"),
        (row(ready="0/1"), "unknown"),
        (row(**{"Readiness Gates": "0/1"}), "unknown"),
        (row("Init:CrashLoopBackOff", "0/1"), "critical"),
        (row("ImagePullBackOff", "0/1"), "critical"),
        *[(row(word, "0/1"), "warning") for word in ("Evicted", "Error", "OOMKilled", "Terminating", "ExitCode:3", "Completed")],
        *[(row(word, "0/1"), "critical") for word in ("Pending", "ContainerCreating", "Init:0/1", "SchedulingGated")],
        *[(row(word, "0/1", Age="10s"), "warning") for word in ("Pending", "ContainerCreating", "PodInitializing", "Init:0/1")],
        *[(row(word, "0/1"), "unknown") for word in ("NodeLost", "Unknown", "NotReady", "Shiny", "")],
    ],
)
def test_a_row_is_no_worse_than_the_whole_pod_would_be(one: dict[str, Any], status: str) -> None:
    assert pods.from_row("a", one, "403").status == status


@pytest.mark.parametrize(
    ("cell", "ages"),
    [("59s", (59, 60)), ("5m1s", (301, 302)), ("40m", (2400, 2460)), ("2d3h", (183_600, 187_200)), ("3y20d", None), ("<unknown>", None)],
)
def test_the_age_of_a_row(cell: str, ages: tuple[float, float] | None) -> None:
    found = pods.age_in_row({"Age": cell})
    assert found == (ages if cell != "3y20d" else (3 * 365 * 86400 + 20 * 86400, 3 * 365 * 86400 + 21 * 86400))


def test_restarts_of_init_containers_do_not_count_once_the_pod_is_initialised() -> None:
    init = container(ended(0, "Completed", 172_800), name="migrate", restarts=7)
    sidecar = container({"running": {}}, name="proxy", restarts=2, ready=True)
    conditions = [ready(), {"type": "Initialized", "status": "True"}]
    obj = pod("Running", running(restarts=2), conditions=conditions, initContainerStatuses=[init, sidecar])
    obj["spec"]["initContainers"] = [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}]
    assert pods.counted_restarts(obj) == 4
    assert finding(obj, {"a/p": 3}) == ("warning", "restarted once since the last run")
    assert finding(obj, {"a/p": 4}) is None
    waiting = pod("Pending", conditions=[ready("False")], initContainerStatuses=[container(CRASHED, restarts=7)])
    assert pods.counted_restarts(waiting) == 7


def test_a_lower_count_is_another_pod() -> None:
    assert pods.is_suspicious("a", row(restarts="3 (2m ago)"), {"a/p": 5})
    assert not pods.is_suspicious("a", row(), {"a/p": 5})
    obj = pod("Running", running(restarts=3, lastState=ended(1)))
    assert finding(obj, {"a/p": 5}) == ("warning", "restarted 3 times since the last run, last exit 1 (Error)")


def test_pods_are_grouped_by_workload_status_and_trouble() -> None:
    def failed(name: str, owner: str | None, reason: str) -> Any:
        metadata = {"name": name, "ownerReferences": [{"kind": "ReplicaSet", "name": owner, "controller": True}] if owner else []}
        return pods.examine(pod("Failed", metadata=metadata, reason=reason), None, NOW)

    many = [failed(f"ev-{n}", "ev", "Evicted") for n in range(12)]
    others = [failed("ev-x", "ev", "Shutdown"), failed("b-1", "b", "Evicted"), failed("alone", None, "Evicted")]
    found = pods.grouped([*many, *others])
    assert sorted(one.id for one in found) == [
        "pods/a/ReplicaSet/ev: Failed: Evicted",
        "pods/a/alone",
        "pods/a/b-1",
        "pods/a/ev-x",
    ]
    (group,) = [one for one in found if one.evidence.get("count")]
    assert (group.evidence["count"], group.status) == (12, "warning")


CRASHED = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}


@pytest.mark.parametrize(
    ("obj", "said"),
    [
        (pod("Running", running()), None),
        (pod("Succeeded", container(ended(0, "Completed"))), None),
        (
            pod("Running", container(CRASHED, restarts=5, lastState=ended(1)), conditions=[ready("False")]),
            (
                "critical",
                "CrashLoopBackOff: container api restarted 5 times, last exit 1 (Error)",
            ),
        ),
        (
            pod(
                "Pending",
                container({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off\n pulling"}}),
                conditions=[ready("False")],
            ),
            ("critical", "ImagePullBackOff: container api, image api:1: Back-off pulling"),
        ),
        (
            pod("Running", running(restarts=1, lastState=ended(137, "OOMKilled", 300))),
            ("warning", "restarted once, last 5 min ago, last exit 137 (OOMKilled)"),
        ),
        (pod("Running", running(restarts=9, lastState=ended(137, "OOMKilled", 90_000))), None),
        (
            pod("Running", container(ended(2)), running(name="sidecar"), conditions=[ready("False")], spec={"restartPolicy": "Never"}),
            ("critical", "container api ended, last exit 2 (Error)"),
        ),
        (
            pod("Running", container({"running": {}}), conditions=[ready("False", 30, message="containers with unready status: [api]")]),
            ("warning", "not ready for 30 s: containers with unready status: [api]"),
        ),
        (
            pod("Running", container({"running": {}}), conditions=[ready("False", 600, reason="ContainersNotReady")]),
            ("critical", "not ready for 10 min: ContainersNotReady"),
        ),
        (
            pod(
                "Pending",
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}],
            ),
            ("critical", "Pending 60 min, not scheduled: Unschedulable: 0/1 nodes are available"),
        ),
        (
            pod("Pending", container({"waiting": {"reason": "ContainerCreating"}}), conditions=[ready("False")], age=30),
            ("warning", "Pending 30 s: ContainerCreating"),
        ),
        (pod("Pending", conditions=[], age=30), ("warning", "Pending 30 s: its node has not started it")),
        (
            pod("Unknown", conditions=[], message="the node is gone"),
            ("unknown", "its phase is Unknown: its node does not say how it is: the node is gone"),
        ),
        (pod(None, conditions=[]), ("unknown", "its phase is missing: its node does not say how it is")),
    ],
)
def test_what_a_pod_suffers_from(obj: dict[str, Any], said: tuple[str, str] | None) -> None:
    assert finding(obj) == said


def test_an_init_container_that_crashes() -> None:
    obj = pod(
        "Pending", conditions=[ready("False")], initContainerStatuses=[container(CRASHED, name="migrate", restarts=2, lastState=ended(3))]
    )
    assert finding(obj) == (
        "critical",
        "CrashLoopBackOff: container migrate restarted 2 times, last exit 3 (Error)",
    )


def test_an_init_container_that_is_at_work() -> None:
    obj = pod("Pending", container({"waiting": {"reason": "PodInitializing"}}), conditions=[ready("False")], age=20)
    obj["status"]["initContainerStatuses"] = [container({"running": {"startedAt": at(10)}}, name="migrate")]
    assert finding(obj) == ("warning", "Pending 20 s: PodInitializing")


def test_the_part_of_a_job_that_is_done_is_no_trouble() -> None:
    done = container(ended(0, "Completed"), name="done")
    conditions = [ready("False", 600, reason="ContainersNotReady")]
    assert finding(pod("Running", done, running(), conditions=conditions, spec={"restartPolicy": "Never"})) is None
    # but where containers are to run on and on, and where one that is not done is not ready, it is
    assert finding(pod("Running", done, running(), conditions=conditions)) is not None
    waits = container({"running": {}})
    assert finding(pod("Running", done, waits, conditions=conditions, spec={"restartPolicy": "Never"})) is not None


@pytest.mark.parametrize(
    ("late", "said"),
    [(-20, None), (60, None), (240, ("warning", "stuck terminating: 4 min past its grace period, held by the finalizers a.io/b"))],
)
def test_terminating(late: float, said: tuple[str, str] | None) -> None:
    assert finding(pod("Running", running(), metadata={"deletionTimestamp": at(late), "finalizers": ["a.io/b"]})) == said


def test_a_pod_of_a_lost_node_is_unknown_even_while_it_terminates() -> None:
    obj = pod(
        "Running",
        running(),
        metadata={"deletionTimestamp": at(5)},
        reason="NodeLost",
        message="Node n1 which was running pod p is unresponsive",
    )
    assert finding(obj) == ("unknown", "its node does not answer: Node n1 which was running pod p is unresponsive")


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        (None, ("critical", "Failed: Evicted: low on memory")),
        ("ReplicaSet", ("warning", "Failed: Evicted: low on memory, its ReplicaSet replaces it")),
        ("Job", ("warning", "Failed: Evicted: low on memory")),
    ],
)
def test_failed(owner: str | None, said: tuple[str, str]) -> None:
    metadata = {"ownerReferences": [{"kind": owner, "controller": True}]} if owner else {}
    assert finding(pod("Failed", metadata=metadata, reason="Evicted", message="low on memory")) == said


def test_failed_by_its_own_exit() -> None:
    assert finding(pod("Failed", container(ended(0, "Completed")), container(ended(3), name="b"))) == (
        "critical",
        "Failed: container b ended with exit 3 (Error)",
    )
    assert finding(pod("Failed", container(ended(137, "ContainerStatusUnknown")))) == (
        "critical",
        "Failed: container api ended with exit 137 (ContainerStatusUnknown)",
    )
    assert finding(pod("Failed")) == ("critical", "Failed: no reason given")


def test_restarts_since_the_last_run() -> None:
    obj = pod("Running", running(restarts=5, lastState=ended(1, seconds_ago=90_000)))
    assert finding(obj, {"a/p": 3}) == ("warning", "restarted 2 times since the last run, last exit 1 (Error)")
    assert finding(obj, {"a/p": 4}) == ("warning", "restarted once since the last run, last exit 1 (Error)")
    assert finding(obj, {"a/p": 5}) is None


def test_the_last_of_several_ends_is_told() -> None:
    obj = pod(
        "Running",
        running(restarts=1, lastState=ended(0, "Completed", 7200)),
        running(name="b", restarts=1, lastState=ended(137, "OOMKilled", 30)),
    )
    assert finding(obj) == ("warning", "restarted 2 times, last 30 s ago, last exit 137 (OOMKilled)")


def test_an_end_by_signal() -> None:
    crashed = container(CRASHED, restarts=1, lastState={"terminated": {"signal": 9}})
    check = pods.examine(pod("Running", crashed, conditions=[ready("False", 60)]), {"a/p": 1}, NOW)
    assert check is not None
    assert check.reason == "CrashLoopBackOff: container api restarted once, last exit by signal 9 (no reason given)"
    assert (check.since, check.evidence) == (at(60), {"container": "api", "image": "api:1"})


def test_a_condition_without_a_time_has_no_since() -> None:
    check = pods.examine(pod("Pending", conditions=[{"type": "Ready", "status": "False"}]), None, NOW)
    assert check is not None
    assert check.since is None


maybe = st.none() | st.text(max_size=5)
terminated = st.fixed_dictionaries(
    {}, optional={"exitCode": st.integers(-1, 255), "reason": maybe, "finishedAt": maybe, "signal": st.just(9)}
)
waiting = st.fixed_dictionaries({}, optional={"reason": maybe | st.just("CrashLoopBackOff"), "message": maybe})
state = st.fixed_dictionaries({}, optional={"waiting": waiting, "terminated": terminated | st.none(), "running": st.just({})})
container_status = st.fixed_dictionaries(
    {},
    optional={
        "name": maybe,
        "ready": st.booleans(),
        "restartCount": st.integers(0, 9),
        "state": state | st.none(),
        "lastState": state | st.none(),
    },
)
condition = st.fixed_dictionaries(
    {},
    optional={"type": st.sampled_from(["Ready", "PodScheduled"]), "status": st.sampled_from(["True", "False", "Unknown"]), "reason": maybe},
)
phases = st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown", "Shiny"])
objects = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"namespace": st.just("a"), "name": st.just("p")},
            optional={"creationTimestamp": maybe, "ownerReferences": st.none() | st.lists(st.just({"controller": True}))},
        )
    },
    optional={
        "spec": st.none() | st.just({"restartPolicy": "Never"}),
        "status": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "phase": phases,
                "reason": maybe,
                "message": maybe,
                "conditions": st.none() | st.lists(condition, max_size=3),
                "containerStatuses": st.none() | st.lists(container_status, max_size=3),
                "initContainerStatuses": st.lists(container_status, max_size=2),
            },
        ),
    },
)


@given(objects, st.none() | st.dictionaries(st.just("a/p"), st.integers(0, 9)))
def test_an_object_with_holes_is_judged_and_never_well(obj: dict[str, Any], before: dict[str, int] | None) -> None:
    check = pods.examine(obj, before, NOW)
    status = obj.get("status") or {}
    if check is None:
        assert status.get("phase") in {"Running", "Succeeded", "Pending"}
        done = obj.get("spec") and status.get("containerStatuses")
        assert status["phase"] == "Succeeded" or done or any(one.get("type") == "Ready" for one in status.get("conditions") or ())
    else:
        assert check.status in {"critical", "unknown", "warning"}
        assert check.reason


def test_a_row_with_one_cell_wrong_is_never_taken_for_well() -> None:
    def status(one: dict[str, Any]) -> str:
        return "to look at" if pods.is_suspicious("a", one, None) else "healthy"

    gated = row(**{"Readiness Gates": "1/1"})
    honest = {"Restarts": [0], "Readiness Gates": [None, GONE, ""]}  # a server that has no such column
    assert false_healthy(status, gated, "Ready", "Status", "Restarts", "Readiness Gates", honest=honest) == []


@given(st.text() | st.sampled_from(["running", "Running ", "Ready", "OK", "Healthy"]))
def test_a_status_of_a_row_that_is_not_in_the_table_is_looked_at(word: str) -> None:
    well = {"Running", "Completed", "Succeeded"}
    assert pods.is_suspicious("a", row(word), None) == (word not in well)
    assert pods.serves(row(word)) == (word == "Running")
    if word not in well:
        assert pods.from_row("a", row(word), "403").status != "healthy"


def status_of(obj: dict[str, Any], before: dict[str, int] | None) -> str:
    check = check_of(lambda found: pods.examine(found, before, NOW), "pods", obj)
    assert check is None or check.reason
    return "healthy" if check is None else check.status


@pytest.mark.parametrize("before", [None, {}, {"a/p": 0}])
def test_a_pod_with_one_place_wrong_is_never_healthy(before: dict[str, int] | None) -> None:
    container = "status/containerStatuses/0"
    places = ["metadata", "metadata/name", "status", "status/phase", "status/conditions", "status/conditions/0/type",
              "status/conditions/0/status", f"{container}/ready", f"{container}/restartCount"]  # fmt: skip
    honest = {"metadata/name": ["", " ", "Perhaps", "true", "NaN"],
              f"{container}/restartCount": [-1]}  # fmt: skip
    good = pod("Running", running())
    assert false_healthy(lambda obj: status_of(obj, before), good, *places, honest=honest) == []


def test_a_pod_that_terminates_or_restarted_at_no_time_is_never_healthy() -> None:
    gone = pod("Running", running(), metadata={"deletionTimestamp": at(0)})
    honest = {"metadata/deletionTimestamp": [None, False, 0, "", [], {}, GONE]}  # then it does not terminate, and it runs
    assert false_healthy(lambda obj: status_of(obj, None), gone, "metadata/deletionTimestamp", honest=honest) == []
    restarted = pod("Running", running(restarts=1, lastState=ended(1, seconds_ago=3 * 86400)))
    place = "status/containerStatuses/0/lastState/terminated/finishedAt"
    assert false_healthy(lambda obj: status_of(obj, None), restarted, place) == []


@pytest.mark.parametrize(
    "state", [{"waiting": {"reason": "Perhaps"}}, {"terminated": {"exitCode": 0}}, {"terminated": {}}, {"paused": {}}, {"waiting": None}]
)
def test_a_ready_pod_with_a_container_that_does_not_run_is_unknown(state: dict[str, Any]) -> None:
    assert status_of(pod("Running", running(), {**running(), "name": "b", "state": state}), None) == "unknown"
    assert status_of(pod("Running", running(ready=False)), None) == "unknown"


@given(st.text() | st.sampled_from(["running", "Completed", "Ready"]))
def test_a_phase_of_a_pod_that_is_not_in_the_table_is_unknown(word: str) -> None:
    found = status_of(pod(word, running()), None)
    assert found == {"Running": "healthy", "Pending": "healthy", "Succeeded": "healthy", "Failed": "critical"}.get(word, "unknown")


@given(st.text().filter(lambda word: word != "True"))
def test_a_status_of_ready_that_is_not_in_the_table_is_never_healthy(word: str) -> None:
    assert status_of(pod("Running", running(), conditions=[ready(word)]), None) == "critical"
