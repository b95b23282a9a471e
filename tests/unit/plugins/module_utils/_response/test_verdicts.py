# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each question, by the evidence that gives each of its answers."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.evidence_model import (
    JudgeSettings,
    Verdict,
    evidence_from,
    verdict_on,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.responses import OTHER, RESPONSES, progress_since
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.verdict_changes import red_code_problems
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.verdict_statistics import robust_score, theil_sen
from fake_evidence import (
    ATTACK,
    NOW,
    PODS,
    Evidence,
    ago,
    alert,
    autoscaler,
    budget,
    by_name,
    changes,
    firing,
    headroom,
    history,
    hvar,
    known,
    memory,
    metric,
    pods,
    providers,
    qek_details,
    red_code,
    request_rate,
    risk_events,
    usage,
)
from hypothesis import given
from hypothesis import strategies as st

QUESTIONS = {(response.name, one.name): one for response in (*RESPONSES, OTHER) for one in response.questions}


def altered(**fields: Any) -> dict[str, Any]:
    found = red_code()
    found["value"]["copies"][0].update(fields)
    return found


def targets(*health: str) -> dict[str, Any]:
    return known(
        "targets", {"targets": [{"instance": f"i{number}", "health": one, "error": "refused"} for number, one in enumerate(health)]}
    )


def some_hot(count: int, cpu: float = 0.24) -> dict[str, Any]:
    found = usage(0.01)
    for pod in found["value"]["pods"][:count]:
        pod["cpu"] = cpu
    return found


CASES: list[tuple[str, str, str, Evidence]] = [
    ("qek_below_minimum", "state", "breached", by_name(metric(0.82))),
    ("qek_below_minimum", "state", "healthy", by_name(metric(0.9, "healthy"))),
    ("qek_below_minimum", "state", "healthy", by_name(metric(0.85, "healthy"))),  # the limit itself is in
    ("qek_below_minimum", "state", "unknown", by_name(metric(0.9, "healthy") | {"doubts": ["pod://a/app-3 did not answer"]})),
    ("qek_below_minimum", "state", "breached", by_name(metric(0.82) | {"doubts": ["pod://a/app-3 did not answer"]})),
    ("hvar_above_maximum", "state", "breached", by_name(metric(0.12, minimum=None, maximum=0.1))),
    ("hvar_above_maximum", "state", "healthy", by_name(metric(0.1, "healthy", minimum=None, maximum=0.1))),
    ("qek_below_minimum", "persists", "yes", by_name(alert("a"), metric(), history())),
    ("qek_below_minimum", "persists", "not_yet", by_name(alert("a"), metric(), history(0.82, 400))),
    ("qek_below_minimum", "persists", "yes", by_name(alert("a", 901), metric())),
    ("qek_below_minimum", "persists", "not_yet", by_name(alert("a", 60), metric())),
    ("qek_below_minimum", "red_code", "intact", by_name(red_code())),
    ("qek_below_minimum", "red_code", "altered", by_name(altered(problems=["core_truth is empty"]))),
    ("qek_below_minimum", "red_code", "altered", by_name(altered(digest="d2"))),
    ("qek_below_minimum", "red_code", "altered", by_name(altered(digest=None, problems=["it is not JSON"]))),
    ("qek_below_minimum", "red_code", "unknown", by_name(red_code() | {"doubts": ["app-2: it did not answer"]})),
    ("qek_below_minimum", "input_data", "good", by_name(qek_details())),
    ("qek_below_minimum", "input_data", "poor", by_name(qek_details(0.4))),
    ("qek_below_minimum", "input_data", "unknown", by_name(qek_details(1.5))),
    ("qek_below_minimum", "input_data", "unknown", by_name(qek_details(math.nan))),
    ("qek_below_minimum", "recent_change", "changed", by_name(alert("a"), changes())),
    ("qek_below_minimum", "recent_change", "unchanged", by_name(alert("a"), changes(items=[]))),
    ("qek_below_minimum", "recent_change", "unknown", by_name(alert("a"), changes(items=[]) | {"doubts": ["Secret a: forbidden"]})),
    ("qek_below_minimum", "way_back", "proven", by_name(changes())),
    ("qek_below_minimum", "way_back", "none", by_name(changes(target=None))),
    ("high_cpu", "state", "breached", by_name(some_hot(1))),
    ("high_cpu", "state", "healthy", by_name(usage(0.1))),
    ("high_cpu", "load", "broad", by_name(some_hot(2))),
    ("high_cpu", "load", "single", by_name(some_hot(1))),
    ("high_cpu", "autoscaling", "none", by_name(known("autoscaler", {"replicas": 3, "autoscaler": None}))),
    ("high_cpu", "autoscaling", "at_maximum", by_name(autoscaler())),
    ("high_cpu", "autoscaling", "working", by_name(autoscaler(maximum=10))),
    ("high_cpu", "autoscaling", "broken", by_name(autoscaler(conditions={"ScalingActive": "False"}))),
    ("high_cpu", "headroom", "enough", by_name(headroom())),
    ("high_cpu", "headroom", "enough", by_name(headroom(room=0, on_demand=True))),
    ("high_cpu", "headroom", "short", by_name(headroom(room=1))),
    ("high_cpu", "headroom", "short", by_name(headroom(quota="the quota is used up"))),
    ("high_cpu", "headroom", "not_needed", by_name(headroom(current=8))),
    ("high_memory", "state", "breached", by_name(usage(memory=120e6))),
    ("high_memory", "state", "healthy", by_name(usage(memory=60e6))),
    ("high_memory", "growth", "leak", by_name(memory())),
    ("high_memory", "growth", "steady", by_name(memory(0.0))),
    ("high_memory", "out_of_memory", "killed", by_name(pods(oom_at=ago(60)))),
    ("high_memory", "out_of_memory", "none", by_name(pods(oom_at=ago(90000)))),
    ("high_memory", "disruption", "allowed", by_name(budget(), pods())),
    ("high_memory", "disruption", "blocked", by_name(budget(0), pods())),
    ("high_memory", "disruption", "blocked", by_name(budget(1, 1), pods())),
    ("hvar_above_maximum", "traffic", "spike", by_name(request_rate())),
    ("hvar_above_maximum", "traffic", "normal", by_name(request_rate(10.5))),
    ("hvar_above_maximum", "traffic", "drop", by_name(request_rate(2.0))),
    ("hvar_above_maximum", "traffic", "normal", by_name(request_rate(0.05, 0.0))),  # hardly any traffic
    ("hvar_above_maximum", "origin", "broad", by_name(providers())),
    ("hvar_above_maximum", "origin", "few", by_name(providers(ATTACK))),
    ("hvar_above_maximum", "origin", "none", by_name(providers([("a", 10, 60, 0), ("b", 10, 90, 0)]))),
    ("hvar_above_maximum", "risk", "usual", by_name(risk_events())),
    ("hvar_above_maximum", "risk", "usual", by_name(known("risk_events", {"events": [], "total": 0}))),
    ("hvar_above_maximum", "risk", "elevated", by_name(risk_events("critical", count=1))),
    ("hvar_above_maximum", "risk", "elevated", by_name(risk_events("high", count=3))),
    ("hvar_above_maximum", "cause", "legitimate", hvar()),
    ("hvar_above_maximum", "cause", "anomalous", hvar(providers=providers(ATTACK, 0.9))),
    ("hvar_above_maximum", "cause", "no_spike", hvar(request_rate=request_rate(10.1))),
    ("hvar_above_maximum", "cause", "unknown", hvar(risk_events=risk_events("critical", "provider-z"))),
    ("peace_bonds_violation", "violation", "threat", by_name(providers(ATTACK, 0.9))),
    ("peace_bonds_violation", "violation", "denied", by_name(providers(ATTACK, 0.3))),
    ("peace_bonds_violation", "violation", "none", by_name(providers())),
    ("peace_bonds_violation", "violation", "unknown", by_name(providers([("(masked)", 9, 9, 9)]))),
    ("peace_bonds_violation", "state", "breached", by_name(firing())),
    ("peace_bonds_violation", "state", "healthy", by_name(firing(False))),
    ("peace_bonds_violation", "state", "unknown", by_name(firing(False) | {"doubts": ["Alertmanager did not answer"]})),
    ("unknown_alert", "state", "breached", by_name(firing())),
    ("unknown_alert", "state", "unknown", by_name(firing(False))),
    ("api_down", "state", "breached", by_name(pods("CrashLoopBackOff", 1))),
    ("api_down", "state", "healthy", by_name(pods(), targets("up", "up"), firing())),
    ("api_down", "state", "healthy", by_name(pods(), targets(), firing(False))),
    ("api_down", "state", "breached", by_name(pods(), targets("up", "down"), firing())),  # ready, and nobody reaches it
    ("opa_down", "state", "breached", by_name(pods(), targets("down"), firing())),
    ("api_down", "state", "unknown", by_name(pods(), targets(), firing(False) | {"doubts": ["Alertmanager did not answer"]})),
    ("api_down", "state", "unknown", by_name(pods(), targets(), firing())),
    ("api_down", "state", "unknown", by_name(pods(), targets("up", "unknown"), firing())),
    ("api_down", "cause", "crash", by_name(pods("CrashLoopBackOff, last exit code 1 (Error)", 0))),
    ("api_down", "cause", "image", by_name(pods("ImagePullBackOff: not found", 0))),
    ("api_down", "cause", "memory", by_name(pods("restarts: restarted 4 times, last exit code 137 (OOMKilled)", 0))),
    ("api_down", "cause", "configuration", by_name(pods('CreateContainerConfigError: secret "a" not found', 0))),
    ("api_down", "cause", "scheduling", by_name(pods("not scheduled: 0/3 nodes are available", 0))),
    ("api_down", "cause", "not_ready", by_name(pods("not ready: api", 0))),
    ("api_down", "cause", "none", by_name(pods())),
    ("target_down", "state", "breached", by_name(targets("up", "down"))),
    ("target_down", "state", "healthy", by_name(targets("up", "up"))),
    ("target_down", "state", "unknown", by_name(targets())),
    ("target_down", "state", "unknown", by_name(targets("up", "unknown"))),
    ("backup_too_old", "state", "breached", by_name(known("backup", {"age": 93601.0}))),
    ("backup_too_old", "state", "healthy", by_name(known("backup", {"age": 60.0}))),
    ("backup_too_old", "state", "unknown", by_name(known("backup", {"age": -60.0}))),
]


def asked(response: str, question: str, evidence: Evidence, settings: JudgeSettings | None = None) -> Verdict:
    one = QUESTIONS[response, question]
    return verdict_on(one.name, one.judge, one.answers, evidence_from(list(evidence.values())), NOW, settings or JudgeSettings())


@pytest.mark.parametrize(("response", "question", "answer", "evidence"), CASES, ids=[f"{r}-{q}-{a}" for r, q, a, _e in CASES])
def test_the_answer(response: str, question: str, answer: str, evidence: Evidence) -> None:
    found = asked(response, question, evidence)
    assert found.answer == answer, found.reason
    assert found.reason
    assert set(found.rests_on) <= {*evidence}


def test_every_answer_of_every_question_has_a_case() -> None:
    seen = {(question, answer) for _response, question, answer, _evidence in CASES}
    wanted = {(one.name, answer) for one in QUESTIONS.values() for answer in one.answers}
    assert wanted - seen <= {("scraped", "breached"), ("scraped", "healthy")}  # the same judge as the state of target_down


def test_the_newest_healthy_sample_ends_a_breach() -> None:
    found = history()
    found["value"]["points"][-30][1] = 0.9
    verdict = asked("qek_below_minimum", "persists", by_name(alert("a"), metric(), found))
    assert (verdict.answer, verdict.details["by"]) == ("not_yet", "history")


def test_a_hole_in_the_history_is_not_taken_for_a_breach() -> None:
    found = history()
    del found["value"]["points"][10:-10]
    verdict = asked("qek_below_minimum", "persists", by_name(alert("a", 60), metric(), found))
    assert (verdict.answer, verdict.details["by"]) == ("not_yet", "alert")


def test_the_restart_names_what_grows_by_revision() -> None:
    found = asked("high_memory", "growth", by_name(memory(20e6, PODS[:2])))
    assert [one["pod"] for one in found.details["leaks"]] == list(PODS[:2])
    assert found.details["revisions"] == {"r2": {"leaks": 2, "steady": 1}}
    assert found.details["leaks"][0]["seconds_to_limit"] == pytest.approx(8e6 / (20e6 / 3600), rel=0.05)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"core_truth": ""}, "core_truth is empty"),
        ({"core_truth": None}, "core_truth is None, not a text"),
        ({"ai_signature": {"verified": False}}, "ai_signature.verified is False, not true"),
        ({"ai_signature": {"verified": "true"}}, "ai_signature.verified is 'true', not true"),
        ({"ai_signature": {}}, "ai_signature.verified is None"),
        ({"ai_signature": []}, "not an object"),
        ({"symbiosis_level": 1.5}, "not from 0 to 1"),
        ({"symbiosis_level": True}, "not a number"),
        ({"guardian_mode": 0}, "not true or false"),
    ],
)
def test_a_red_code_that_is_not_whole(change: dict[str, Any], words: str) -> None:
    whole = {"core_truth": "a", "ai_signature": {"verified": True}, "symbiosis_level": 0.8, "guardian_mode": False}
    assert red_code_problems(whole) == []
    assert any(words in one for one in red_code_problems({**whole, **change}))
    assert any("is missing" in one for one in red_code_problems({}))
    assert red_code_problems([])


def state(answer: str, value: float | None) -> Verdict:
    return Verdict("state", answer, "why", (), {} if value is None else {"value": value})


@pytest.mark.parametrize(
    ("name", "before", "after", "outcome"),
    [
        ("qek_below_minimum", 0.82, state("healthy", 0.9), "healthy"),
        ("qek_below_minimum", 0.70, state("breached", 0.82), "better"),
        ("qek_below_minimum", 0.82, state("breached", 0.70), "worse"),
        ("qek_below_minimum", 0.82, state("breached", 0.821), "same"),
        ("high_cpu", 0.95, state("breached", 0.5), "better"),
        ("high_cpu", 0.85, state("breached", 0.99), "same"),
        ("high_cpu", 0.50, state("breached", 0.99), "worse"),
        ("high_cpu", 0.95, state("unknown", None), "unknown"),
        ("high_cpu", math.nan, state("breached", 0.9), "unknown"),
        ("high_cpu", None, state("breached", 0.9), "unknown"),
    ],
)
def test_what_an_action_did(name: str, before: float | None, after: Verdict, outcome: str) -> None:
    response = next(one for one in RESPONSES if one.name == name)
    assert progress_since(response, state("breached", before).to_dict(), after)[0] == outcome


def test_a_line_through_noise_and_outliers() -> None:
    generator = random.Random(7)
    points = [(float(at), 5.0 + 0.5 * at + generator.gauss(0, 1)) for at in range(100)]
    points[50] = (50.0, 1e6)
    line = theil_sen(points)
    assert line.slope == pytest.approx(0.5, rel=0.05)
    assert line.certain
    assert not theil_sen([(float(at), generator.gauss(0, 1)) for at in range(100)]).certain
    with pytest.raises(ValueError, match="three moments"):
        theil_sen([(0.0, 1.0), (1.0, 2.0)])


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_a_line_is_found_again(slope: float, offset: float) -> None:
    found = theil_sen([(float(at), offset + slope * at) for at in range(500)])
    assert found.slope == pytest.approx(slope, abs=1e-6)


@given(st.lists(st.floats(0, 1e6), min_size=5, max_size=7), st.floats(0, 1e6))
def test_a_score_is_finite_and_has_the_right_sign(past: list[float], value: float) -> None:
    score = robust_score(value, past)
    assert math.isfinite(score)
    assert (score > 0) == (value > sorted(past)[len(past) // 2]) or len(past) % 2 == 0
