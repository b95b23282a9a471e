# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any evidence with one part damaged that an action rests on: no action may follow, and no exception either."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.responses_actions import REFUSED_ACTION
from fake_evidence import SETS, Evidence, evidence_set, judged
from hypothesis import given
from hypothesis import strategies as st

ENVELOPE = ("", "status", "value", "at", "reason", "doubts")
METRIC = ("", "title", "minimum", "maximum", "samples", "samples.*", "samples.*.where", "samples.*.value", "samples.*.at")
CHANGES = ("", "items", "items.*", "items.*.what", "items.*.at", "target", "target.revision", "target.would_change",
           "target.would_change.*", "target_problem", "proofs_problem")  # fmt: skip
CPU = ("", "pods", "pods.*", "pods.*.pod", "pods.*.cpu", "pods.*.cpu_limit", "pods.*.at")
SCALER = ("", "replicas", "autoscaler", *(f"autoscaler.{name}" for name in (
    "name", "minimum", "maximum", "current", "desired", "managed_by", "problem", "conditions", "conditions.ScalingActive"
)))  # fmt: skip
HEADROOM = ("", "current", "target", "quota", "room", "on_demand")
MEMORY = ("", "pods", "pods.*", "pods.*.pod", "pods.*.limit", "pods.*.points", "pods.*.points.*", "pods.*.points.*.0", "pods.*.points.*.1")
RATE = ("", "now", "past", "past.*", "past.*.value")
PROVIDERS = ("", "window", "before_window", "providers", "providers.*",
             *(f"providers.*.{name}" for name in ("provider", "now", "before", "denied")))  # fmt: skip
RISKS = ("", "events", "events.*", "events.*.severity", "events.*.provider", "events.*.at")
# By set, what the answers that its action needs are computed from; * is every entry of a list.
READ: dict[str, dict[str, tuple[str, ...]]] = {
    "qek": {"alert": ("", "name", "starts_at"), "metric": METRIC, "changes": CHANGES},
    "cpu": {"usage": CPU, "autoscaler": SCALER, "headroom": HEADROOM},
    "memory": {
        "usage": ("", "pods", "pods.*", "pods.*.pod", "pods.*.memory", "pods.*.memory_limit", "pods.*.at"),
        "memory": MEMORY,
        "budget": ("", "ready", "desired", "budgets", "budgets.*", "budgets.*.name", "budgets.*.allowed"),
        "pods": ("", "pods", "pods.*", "pods.*.pod", "pods.*.uid", "pods.*.trouble"),
    },
    "hvar": {
        "metric": METRIC,
        "request_rate": RATE,
        "providers": PROVIDERS,
        "risk_events": RISKS,
        "autoscaler": SCALER,
        "headroom": HEADROOM,
    },
    "attack": {"metric": METRIC, "request_rate": RATE, "providers": PROVIDERS, "risk_events": RISKS},
    "down": {
        "alert": ("", "name", "starts_at"),
        "pods": ("", "pods", "pods.*", "pods.*.pod", "pods.*.trouble", "desired", "available"),
        "changes": CHANGES,
    },
}
# What means something where it stands: no autoscaler, no limit on this side, no budget, no risk event, nodes on demand, a metric below 0.
MEANS = {
    ("autoscaler.value.autoscaler", "null"),
    *((f"metric.value.{bound}", how) for bound in ("minimum", "maximum") for how in ("null", "a negative number")),
    ("metric.value.samples.*.value", "a negative number"),
    *(
        (f"{name}{how[0]}", how[1])
        for name in ("budget.value.budgets", "risk_events.value.events")
        for how in (("", "an empty list"), (".*", "gone"))
    ),
    ("risk_events.value.events.*.provider", "a text"),
    ("headroom.value.on_demand", "true"),
}
GONE = object()
DAMAGES: dict[str, Any] = {
    "gone": GONE,
    "null": None,
    "NaN": math.nan,
    "infinite": math.inf,
    "too large": 10**400,
    "a negative number": -1,
    "true": True,
    "a text": "x",
    "an empty list": [],
    "a list of others": [None, {}],
    "an empty object": {},
    "another object": {"x": [1]},
}


def paths(name: str) -> Iterator[str]:
    for piece, parts in READ[name].items():
        yield from (f"{piece}.{part}".rstrip(".") for part in ENVELOPE)
        yield from (f"{piece}.value.{part}" for part in parts if part)


def damage(where: Any, path: list[str], change: Callable[[Any, Any], None]) -> None:
    """``change`` gets each place that the path leads to: what holds it, and its key."""
    step, *rest = path
    keys: list[Any] = list(range(len(where)))[::-1] if step == "*" else [int(step) if step.isdigit() else step]
    for key in keys:
        if rest:
            damage(where[key], rest, change)
        else:
            change(where, key)


def put(value: Any) -> Callable[[Any, Any], None]:
    def change(where: Any, key: Any) -> None:
        if value is GONE:
            del where[key]
        else:
            where[key] = copy.deepcopy(value)

    return change


def is_safe(name: str, evidence: Evidence) -> bool:
    alert_name, action, _evidence = evidence_set(name)
    _verdicts, actions = judged(alert_name, evidence)
    assert "\n" not in actions[action].reason
    return actions[action].decision == REFUSED_ACTION and not [one for one in actions.values() if one.decision == "allowed"]


def is_of_its_kind(path: str, name: str, value: Any) -> bool:
    """Whether the value could as well be a true one: a text for a text, a number that says nothing wrong for itself."""
    there: list[Any] = []
    damage(evidence_set(name)[2], path.split("."), lambda where, key: there.append(where[key]))
    return isinstance(value, str) and all(isinstance(one, str) for one in there) and not path.endswith(("problem", "quota", "managed_by"))


@pytest.mark.parametrize(("name", "path"), [(name, path) for name in SETS for path in paths(name)])
def test_no_part_can_be_damaged_and_an_action_follow(name: str, path: str) -> None:
    wrong = []
    for how, value in DAMAGES.items():
        _alert, _action, evidence = evidence_set(name)
        if (path, how) in MEANS or is_of_its_kind(path, name, value):
            continue
        damage(evidence, path.split("."), put(value))
        if evidence != evidence_set(name)[2] and not is_safe(name, evidence):
            wrong.append(how)
    assert not wrong


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WHOLE = [(name, f"{piece}.value") for name, pieces in READ.items() for piece in pieces]


@given(st.sampled_from(WHOLE), JSON)
def test_no_document_in_the_place_of_evidence_leads_to_an_action(where: tuple[str, str], document: Any) -> None:
    name, path = where
    _alert, _action, evidence = evidence_set(name)
    damage(evidence, path.split("."), put(document))
    assert is_safe(name, evidence)
