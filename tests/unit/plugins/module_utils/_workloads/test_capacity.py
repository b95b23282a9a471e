# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.capacity import (
    Size,
    over_quota,
    plan,
    priority_of,
    quantity,
    resources_patch,
    resources_requested,
    room,
    surge_of,
    with_defaults,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = Size(3, 2, 10)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", Fraction(1, 2)),
        ("2", 2),
        ("2Gi", 2**31),
        ("1.5Ki", 1536),
        ("2e3", 2000),
        ("100n", Fraction(1, 10**7)),
        (".5", Fraction(1, 2)),
        ("1k", 1000),
    ],
)
def test_quantities(text: str, value: Any) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1KiB", "--1", "1e999999999", "Gi"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(SalvageError, match="not a quantity"):
        quantity(text)


@given(st.integers(0, 10**6), st.sampled_from(["m", "", "k", "Ki", "Mi", "Gi"]))
def test_quantities_keep_their_order(number: int, suffix: str) -> None:
    assert quantity(f"{number + 1}{suffix}") > quantity(f"{number}{suffix}")


def spec(cpu: str = "500m", **more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "api", "resources": {"requests": {"cpu": cpu}}}], **more}


def node(name: str = "n1", cpu: str = "2", pods: str = "110", *, taints: Any = (), ready: str = "True", **node_spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"disk": "ssd"}},
        "spec": {"taints": list(taints), **node_spec},
        "status": {"allocatable": {"cpu": cpu, "pods": pods}, "conditions": [{"type": "Ready", "status": ready}]},
    }


def on(node_name: str, cpu: str, phase: str = "Running") -> dict[str, Any]:
    return {"spec": {**spec(cpu), "nodeName": node_name}, "status": {"phase": phase}}


def test_room_is_what_is_not_requested() -> None:
    assert room(spec(), [node()], []) == 4
    assert room(spec(), [node(), node("n2", "1")], [on("n1", "1"), on("n1", "900m", phase="Succeeded")]) == 4
    assert room(spec(), [node(pods="2")], [on("n1", "1m")]) == 1
    assert room(spec(), [node()], [on("n1", "3")]) == 0


def affinity(*expressions: Any) -> dict[str, Any]:
    terms = {"nodeSelectorTerms": [{}, {"matchExpressions": list(expressions)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("machine", "asked", "expected"),
    [
        (node(ready="False"), spec(), 0),
        (node(unschedulable=True), spec(), 0),
        (node(taints=[TAINT]), spec(), 0),
        (node(taints=[{**TAINT, "effect": "PreferNoSchedule"}]), spec(), 4),
        (node(taints=[TAINT]), spec(tolerations=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]), 4),
        (node(taints=[TAINT]), spec(tolerations=[{"operator": "Exists"}]), 4),
        (node(taints=[TAINT]), spec(tolerations=[{"key": "gpu", "value": "no"}]), 0),
        (node(), spec(nodeSelector={"disk": "hdd"}), 0),
        (node(), spec(nodeSelector={"disk": "ssd"}), 4),
        (node(), spec(affinity=affinity({"key": "disk", "operator": "In", "values": ["hdd"]})), 0),
        (node(), spec(affinity=affinity({"key": "disk", "operator": "In", "values": ["hdd", "ssd"]})), 4),
        (node(), spec(affinity=affinity({"key": "disk", "operator": "Exists"}, {"key": "gpu", "operator": "Exists"})), 0),
        (node(), spec(affinity=affinity({"key": "disk", "operator": "DoesNotExist"})), 0),
        (node(), spec(affinity=affinity({"key": "disk", "operator": "Gt", "values": ["1"]})), 0),
        (node(), spec(affinity={"nodeAffinity": {}}), 4),
    ],
)
def test_nodes_that_take_no_such_pod(machine: Any, asked: Any, expected: int) -> None:
    assert room(asked, [machine], []) == expected


def test_requests_of_init_containers_limits_and_overhead() -> None:
    pod = {
        "containers": [{"resources": {"limits": {"cpu": "1"}}}, {"resources": {"requests": {"cpu": "500m"}}}],
        "initContainers": [{"resources": {"requests": {"cpu": "2"}}}],
        "overhead": {"cpu": "100m"},
    }
    assert resources_requested(pod) == {"cpu": Fraction(21, 10)}


def quota(hard: dict[str, str], used: dict[str, str], **quota_spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "q"}, "spec": quota_spec, "status": {"hard": hard, "used": used}}


def test_quota() -> None:
    assert "q: pods is 5, 1 of it free" in over_quota(spec(), 2, [quota({"pods": "5"}, {"pods": "4"})])
    assert over_quota(spec(), 1, [quota({"pods": "5"}, {"pods": "4"})]) == ""
    assert "requests.cpu" in over_quota(spec(), 3, [quota({"requests.cpu": "1"}, {})])
    assert over_quota(spec(), 9, [quota({"pods": "1"}, {}, scopes=["BestEffort"])]) == ""


@pytest.mark.parametrize(
    ("now", "asked", "expected"),
    [
        (Size(3), {"replicas": 10}, Size(10)),
        (NOW, {"replicas": 8}, Size(8, 8, 10)),
        (NOW, {"replicas": 12}, Size(12, 12, 12)),
        (NOW, {"replicas": 8, "pin": True}, Size(8, 8, 8)),
        (NOW, {"pin": True}, Size(3, 3, 3)),
        (NOW, {"replicas": 3}, Size(3, 3, 10)),
        (NOW, {"minimum": 5, "maximum": 20}, Size(5, 5, 20)),
        (NOW, {"maximum": 2}, Size(2, 2, 2)),
        (NOW, {}, NOW),
    ],
)
def test_plan(now: Size, asked: dict[str, Any], expected: Size) -> None:
    wanted = {"replicas": None, "minimum": None, "maximum": None, "pin": False, **asked}
    assert plan(now, **wanted, has_hpa=now.maximum is not None) == expected


@pytest.mark.parametrize(
    ("now", "asked", "words"),
    [
        (Size(3), {"replicas": 0}, "would stop the service"),
        (NOW, {"minimum": 0}, "hpa_min is 0"),
        (Size(3), {"pin": True}, "no autoscaler"),
        (Size(0, 2, 10), {"pin": True}, "runs no pod"),
        (NOW, {"minimum": 11}, "above its maximum"),
    ],
)
def test_plans_that_make_no_sense(now: Size, asked: dict[str, Any], words: str) -> None:
    wanted = {"replicas": None, "minimum": None, "maximum": None, "pin": False, **asked}
    with pytest.raises(SalvageError, match=words):
        plan(now, **wanted, has_hpa=now.maximum is not None)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 50), st.integers(1, 60), st.booleans())
def test_a_plan_is_always_within_its_bounds(replicas: int, low: int, more: int, wanted: int, pin: bool) -> None:
    after = plan(Size(replicas, low, low + more), wanted, None, None, pin=pin, has_hpa=True)
    assert after.minimum is not None
    assert after.maximum is not None
    assert after.minimum <= after.replicas <= after.maximum
    assert after.minimum == wanted


TEMPLATE = {
    "spec": {"containers": [{"name": "a"}, {"name": "api", "resources": {"requests": {"cpu": "0.5"}, "limits": {"memory": "1Gi"}}}]}
}


def test_resources() -> None:
    assert resources_patch(TEMPLATE, {"api": {"requests": {"cpu": "500m"}}}) == []
    (operation,) = resources_patch(TEMPLATE, {"api": {"requests": {"memory": "512Mi"}, "limits": {"cpu": "2"}}})
    assert operation["path"] == "/spec/template/spec/containers/1/resources"
    assert operation["value"] == {"requests": {"cpu": "0.5", "memory": "512Mi"}, "limits": {"memory": "1Gi", "cpu": "2"}}
    with pytest.raises(SalvageError, match="above its limit"):
        resources_patch(TEMPLATE, {"api": {"requests": {"memory": "2Gi"}}})
    with pytest.raises(SalvageError, match="no container x; it has a, api"):
        resources_patch(TEMPLATE, {"x": {}})


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({"rollingUpdate": {"maxSurge": 2}}, 2),
        ({"rollingUpdate": {"maxSurge": "25%"}}, 10),
        ({"rollingUpdate": {"maxSurge": 0}}, 0),
        ({"type": "Recreate"}, 0),
        ({}, 10),
        (None, 10),
    ],
)
def test_surge(strategy: Any, expected: int) -> None:
    assert surge_of("Deployment", {"metadata": {}, "spec": {"replicas": 40, "strategy": strategy}}) == expected


def test_a_statefulset_and_a_daemonset_replace_pods_in_place() -> None:
    assert surge_of("StatefulSet", {"metadata": {}, "spec": {"replicas": 40}}) == 0
    status = {"desiredNumberScheduled": 8}
    assert surge_of("DaemonSet", {"metadata": {}, "spec": {}, "status": status}) == 0
    surging = {"updateStrategy": {"rollingUpdate": {"maxSurge": "50%"}}}
    assert surge_of("DaemonSet", {"metadata": {}, "spec": surging, "status": status}) == 4


def test_pods_of_a_lower_priority_make_room() -> None:
    placeholder = {"spec": {**spec("1500m"), "nodeName": "n1", "priority": -10}}
    assert room(spec(), [node()], [placeholder]) == 1
    assert room(spec(), [node()], [placeholder], 0) == 4
    assert room(spec(), [node()], [placeholder], -10) == 1
    classes = [
        {"metadata": {"name": "high"}, "value": 100},
        {"metadata": {"name": "polite"}, "value": 100, "preemptionPolicy": "Never"},
        {"metadata": {"name": "usual"}, "value": 7, "globalDefault": True},
    ]
    asked = [priority_of({"priorityClassName": name}, classes) for name in ("high", "polite", "none")]
    assert asked == [100, None, 0]
    assert priority_of({}, classes) == 7
    assert priority_of({}, []) == 0


def test_what_a_limit_range_gives_counts() -> None:
    limits = [{"type": "Container", "default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}}, {"type": "Pod", "max": {"cpu": "9"}}]
    ranges = [{"spec": {"limits": limits}}]
    bare = with_defaults({"containers": [{"name": "a"}, {"name": "b", "resources": {"limits": {"cpu": "3"}}}]}, ranges)
    assert resources_requested(bare) == {"cpu": 4}
    assert resources_requested(bare, "limits") == {"cpu": 5}
    assert with_defaults(spec(), []) == spec()


@given(st.text())
def test_a_record_that_nobody_can_read_is_none(text: str) -> None:
    assert Size.from_annotation(text) is None or isinstance(Size.from_annotation(text), Size)


def test_a_record_survives() -> None:
    size = Size(3, 2, 10, {"api": {"requests": {"cpu": "1"}}})
    assert Size.from_annotation(size.to_annotation()) == size
