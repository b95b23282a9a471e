# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrong-answer set: evidence that is missing, stale, from the future, contradictory, not finite or empty; no action may follow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.responses_actions import REFUSED_ACTION
from fake_evidence import (
    NOW,
    PODS,
    SETS,
    Evidence,
    ago,
    budget,
    evidence_set,
    headroom,
    history,
    judged,
    memory,
    metric,
    providers,
    risk_events,
)

Change = Callable[[Evidence], Any]
# Which evidence the action of a set rests on.
RESTS_ON = {
    "qek": ("alert", "metric", "changes"),
    "cpu": ("usage", "autoscaler", "headroom"),
    "memory": ("usage", "memory", "budget", "pods"),
    "hvar": ("metric", "request_rate", "providers", "risk_events", "autoscaler", "headroom"),
    "attack": ("metric", "request_rate", "providers", "risk_events"),
    "down": ("alert", "pods", "changes"),
}


def without(name: str) -> Change:
    return lambda evidence: evidence.pop(name)


def put(name: str, **fields: Any) -> Change:
    return lambda evidence: evidence[name].update(fields)


def value(name: str, **fields: Any) -> Change:
    return lambda evidence: evidence[name]["value"].update(fields)


def replaced(found: dict[str, Any]) -> Change:
    return lambda evidence: evidence.update({found["name"]: found})


def each(name: str, listed: str, **fields: Any) -> Change:
    return lambda evidence: [one.update(fields) for one in evidence[name]["value"][listed]]


def scaler(**fields: Any) -> Change:
    return lambda evidence: evidence["autoscaler"]["value"]["autoscaler"].update(fields)


def both(*changes: Change) -> Change:
    return lambda evidence: [one(evidence) for one in changes]


def points(change: Callable[[list[Any]], list[Any]]) -> Change:
    return lambda evidence: [one.update(points=change(one["points"])) for one in evidence["memory"]["value"]["pods"]]


YOUNG = value("alert", starts_at=NOW - 60)
# Of each piece of evidence that an action rests on.
GENERAL: dict[str, Callable[[str], Change]] = {
    "missing": without,
    "unreachable": lambda name: put(name, status="unknown", value=None, reason="it did not answer"),
    "null": lambda name: put(name, value=None),
    "stale": lambda name: put(name, at=NOW - 3600),
    "future": lambda name: put(name, at=NOW + 3600),
    "undated": lambda name: put(name, at=None),
    "no number for its time": lambda name: put(name, at=math.nan),
    "another form": lambda name: put(name, value=["not", "an", "object"]),
    "an empty object": lambda name: put(name, value={}),
}
SPECIAL: list[tuple[str, str, Change]] = [
    ("qek", "the metric is NaN", each("metric", "samples", value=math.nan)),
    ("qek", "the metric is null", each("metric", "samples", value=None)),
    ("qek", "the metric is a text", each("metric", "samples", value="0.82")),
    ("qek", "the metric is true", each("metric", "samples", value=True)),
    ("qek", "the samples are old", each("metric", "samples", at=NOW - 3600)),
    ("qek", "a sample calls itself healthy and is not", each("metric", "samples", status="healthy")),
    ("qek", "no replica", value("metric", samples=[])),
    ("qek", "no limit", value("metric", minimum=None)),
    ("qek", "the limit is NaN", value("metric", minimum=math.nan)),
    ("qek", "in its limits again", replaced(metric(0.93, "healthy"))),
    ("qek", "the history has it healthy and the alert is young", both(replaced(history(0.93)), YOUNG)),
    ("qek", "the alert is young and there is no history", both(without("history"), YOUNG)),
    ("qek", "the alert is from the future", value("alert", starts_at=NOW + 900)),
    ("qek", "the alert does not say since when", value("alert", starts_at=None)),
    ("qek", "the start of the alert is NaN", value("alert", starts_at=math.nan)),
    ("qek", "no revision is proven", value("changes", target=None, target_problem="no revision is proven good")),
    ("qek", "proofs can't be read", value("changes", proofs_problem="forbidden")),
    ("qek", "the revision to go back to is no number", value("changes", target={"revision": "six"})),
    ("qek", "nothing was changed", value("changes", items=[])),
    ("qek", "the change is of yesterday", each("changes", "items", at=ago(90000))),
    ("qek", "the change is after the alert", each("changes", "items", at=ago(10))),
    ("qek", "the change is from the future", each("changes", "items", at=ago(-4000))),
    ("qek", "the change has no time", each("changes", "items", at=None)),
    ("cpu", "no pod", value("usage", pods=[])),
    ("cpu", "the usage is NaN", each("usage", "pods", cpu=math.nan)),
    ("cpu", "the usage is infinite", each("usage", "pods", cpu=math.inf)),
    ("cpu", "the usage is negative", each("usage", "pods", cpu=-1.0)),
    ("cpu", "no limit", each("usage", "pods", cpu_limit=None)),
    ("cpu", "a limit of 0", each("usage", "pods", cpu_limit=0)),
    ("cpu", "the samples are old", each("usage", "pods", at=NOW - 3600)),
    ("cpu", "one pod is busy, the others are not", lambda e: [one.update(cpu=0.01) for one in e["usage"]["value"]["pods"][1:]]),
    ("cpu", "a pod is missing", put("usage", doubts=["the metrics API does not know app-4"])),
    ("cpu", "the autoscaler adds pods itself", scaler(maximum=10)),
    ("cpu", "the autoscaler does not say whether it scales", scaler(conditions={})),
    ("cpu", "its condition is a word that nobody knows", scaler(conditions={"ScalingActive": "Maybe"})),
    ("cpu", "its bounds contradict each other", scaler(minimum=9)),
    ("cpu", "its maximum is NaN", scaler(maximum=math.nan)),
    ("cpu", "KEDA manages it", scaler(managed_by="ScaledObject app")),
    ("cpu", "the nodes have no room", replaced(headroom(room=2))),
    ("cpu", "the room is not known", replaced(headroom(room=None))),
    ("cpu", "a quota is in the way", replaced(headroom(quota="5 more pods would break the quota small: pods is 4, 1 of it free"))),
    ("cpu", "it has that size already", replaced(headroom(current=8))),
    ("memory", "no samples", each("memory", "pods", points=[])),
    ("memory", "too few samples", points(lambda them: them[-5:])),
    ("memory", "a sample is NaN", points(lambda them: [*them, [NOW - 1, math.nan]])),
    ("memory", "the samples are old", points(lambda them: [[at - 3600, one] for at, one in them])),
    ("memory", "no limit", each("memory", "pods", limit=None)),
    ("memory", "the limit is NaN", each("memory", "pods", limit=math.nan)),
    ("memory", "it does not grow", replaced(memory(0.0))),
    ("memory", "it grows too slowly", replaced(memory(200_000.0))),
    ("memory", "what grows is not what is near its limit", lambda e: e["usage"]["value"]["pods"][0].update(memory=50e6)),
    ("memory", "it is below its limit again", each("usage", "pods", memory=50e6)),
    ("memory", "the budget allows none", replaced(budget(0))),
    ("memory", "the budget is NaN", lambda e: e["budget"]["value"]["budgets"][0].update(allowed=math.nan)),
    ("memory", "two budgets", lambda e: e["budget"]["value"]["budgets"].append({"name": "other", "allowed": 1})),
    ("memory", "another pod is not ready", replaced(budget(1, 2))),
    ("memory", "it is the only pod", lambda e: e["budget"]["value"].update(ready=1, desired=1)),
    ("hvar", "the rate is NaN", value("request_rate", now=math.nan)),
    ("hvar", "the rate is negative", value("request_rate", now=-1.0)),
    ("hvar", "the past is empty", value("request_rate", past=[])),
    ("hvar", "three days are known", lambda e: [one.update(value=None) for one in e["request_rate"]["value"]["past"][:4]]),
    ("hvar", "the past is NaN", each("request_rate", "past", value=math.nan)),
    ("hvar", "the traffic is as usual", value("request_rate", now=10.2)),
    ("hvar", "no provider is listed", value("providers", providers=[])),
    ("hvar", "a part of the decision log is missing", put("providers", doubts=["pod/opa-1: it did not answer"])),
    ("hvar", "most is of providers without a name", replaced(providers([("(not named)", 900, 30, 0), ("provider-a", 30, 60, 0)]))),
    ("hvar", "more was denied than decided", replaced(providers([("provider-a", 10, 9, 90)]))),
    ("hvar", "a provider is listed twice", replaced(providers([("provider-a", 90, 9, 0), ("provider-a", 90, 9, 0)]))),
    ("hvar", "a count is negative", replaced(providers([("provider-a", -5, 9, 0)]))),
    ("hvar", "a risk event of a severity that nobody knows", replaced(risk_events("apocalyptic"))),
    ("hvar", "risk events of the future", lambda e: [one.update(at=ago(-9000)) for one in e["risk_events"]["value"]["events"]]),
    ("hvar", "spread traffic and critical risk events", replaced(risk_events("critical", "provider-z"))),
    ("attack", "the risk score of all is low and nothing was denied", replaced(providers([("provider-x", 500, 30, 0), ("b", 20, 60, 0)]))),
    ("attack", "H-VAR is in its limits", each("metric", "samples", value=0.05, status="healthy")),
    ("down", "all pods are available", value("pods", available=3)),
    ("down", "the trouble is one that nobody knows", each("pods", "pods", trouble="Bewildered")),
    ("down", "no node has room, which no rollback changes", each("pods", "pods", trouble="not scheduled: 0/3 nodes are available")),
    ("down", "the number of pods is NaN", value("pods", desired=math.nan)),
    ("down", "the controller has not looked yet", put("pods", doubts=["the controller has not seen the newest one"])),
]  # fmt: skip
WRONG = [
    *(
        (name, f"{piece} is {what}", change(piece))
        for name, pieces in RESTS_ON.items()
        for piece in pieces
        for what, change in GENERAL.items()
    ),
    *SPECIAL,
]


def test_there_are_enough() -> None:
    assert len(SPECIAL) >= 60
    assert len({(name, what) for name, what, _change in WRONG}) == len(WRONG)


@pytest.mark.parametrize("name", sorted(SETS))
def test_the_action_follows_from_the_evidence_as_it_is(name: str) -> None:
    alert_name, action, evidence = evidence_set(name)
    verdicts, actions = judged(alert_name, evidence)
    assert actions[action].decision != REFUSED_ACTION, actions[action].reason
    assert verdicts["state"].answer == "breached"
    assert actions[action].rests_on
    assert all(one.reason and one.rests_on for one in verdicts.values())


@pytest.mark.parametrize(("name", "what", "change"), WRONG, ids=[f"{name}: {what}" for name, what, _change in WRONG])
def test_no_action_follows_from_wrong_evidence(name: str, what: str, change: Change) -> None:
    alert_name, action, evidence = evidence_set(name)
    change(evidence)
    _verdicts, actions = judged(alert_name, evidence)
    assert actions[action].decision == REFUSED_ACTION, actions[action]
    assert actions[action].reason and "\n" not in actions[action].reason
    assert not [one for one in actions.values() if one.decision == "allowed"]


def test_a_restart_never_takes_the_whole_deployment() -> None:
    alert_name, action, evidence = evidence_set("memory")
    evidence["memory"] = memory(20e6, PODS)
    _verdicts, actions = judged(alert_name, evidence)
    assert actions[action].touched == 1
    assert len(actions[action].parameters["pods"]) < len(PODS)
