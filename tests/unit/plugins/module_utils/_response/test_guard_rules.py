# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which actions are admitted: each rule by example, and all of them in any sequence of runs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_model import (
    ADMITTED,
    PROPOSE,
    REFUSED,
    ClosedTime,
    Grant,
    GuardDecision,
    GuardLimits,
    GuardState,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_moves import (
    finish_action,
    pause_actions,
    renew_permit,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_rules import decide_action
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_state import KEEP
from fake_guard import ALLOWED, LIMITS, NOW, asks, target
from hypothesis import given, settings
from hypothesis import strategies as st

EMPTY = GuardState()


def admitted(state: GuardState = EMPTY, permit: str = "p0", now: float = NOW, outcome: str = "ok", **what: Any) -> GuardState:
    """After an action that was admitted by limits that allow anything, and finished."""
    free = GuardLimits(max_actions=99, max_actions_per_incident=99, storm_targets=99, allowed_actions=ALLOWED)
    done = decide_action(state, asks(permit, clock=now, **what), free, now)
    assert done.decision == ADMITTED, done.reason
    return finished(done.state, permit, outcome, now) if outcome else done.state


def finished(state: GuardState, permit: str, outcome: str = "ok", now: float = NOW) -> GuardState:
    return finish_action(state, permit, outcome, run="x", who="x", note="", now=now, take_over=True)


def answer(state: GuardState = EMPTY, limits: GuardLimits = LIMITS, now: float = NOW, **what: Any) -> GuardDecision:
    how = {name: what.pop(name) for name in ("grant", "closed") if name in what}
    return decide_action(state, asks(**{"clock": now, **what}), limits, now, **how)


def test_an_allowed_action_gets_a_permit() -> None:
    done = answer()
    assert (done.decision, done.rule, done.permit, done.until) == (ADMITTED, "allowed", "p1", NOW + LIMITS.permit_duration)
    assert [(one.permit, one.outcome) for one in done.state.actions] == [("p1", "")]
    assert (done.used.actions, done.used.incident_actions, done.used.storm_targets) == (1, 1, 1)
    assert [(one.decision, one.rule, one.count) for one in done.state.decisions] == [(ADMITTED, "allowed", 1)]


@pytest.mark.parametrize(("environment", "action"), [("production", "restart_pod"), ("Production", "restart_pod"), ("staging", "reboot")])
def test_what_nobody_allowed_is_proposed(environment: str, action: str) -> None:
    done = answer(environment=environment, action=action)
    assert (done.decision, done.rule, done.permit, done.state.actions) == (PROPOSE, "not_allowed", "", ())


OTHER = {"fingerprint": "other", "alert": "HighCPU"}
PAUSED = pause_actions(EMPTY, by="bob", reason="migration", until=NOW + 60, run="r", now=NOW)
REFUSALS: list[tuple[str, GuardState, dict[str, Any], str]] = [
    ("paused", PAUSED, {}, "paused by bob until 2026-11-27T"),
    ("unknown", EMPTY, {"problem": "alert is missing"}, "alert is missing"),
    ("unknown", EMPTY, {"replicas": None}, "how many replicas"),
    ("unknown", EMPTY, {"touched": None}, "how many replicas"),
    ("unknown", EMPTY, {"touched": 5}, "5 of 4"),
    ("unknown", EMPTY, {"touched": -1}, "-1 of 4"),
    ("unknown", EMPTY, {"started_at": NOW + 61}, "in the future"),
    ("old", EMPTY, {"started_at": NOW - KEEP}, "not known any more"),
    ("approval", EMPTY, {"grant": Grant("", "", "its signature does not fit its content")}, "does not count: its signature"),
    ("clock", EMPTY, {"clock": NOW + 61}, "clock of this machine"),
    ("clock", EMPTY, {"clock": NOW - 61}, "clock of this machine"),
    ("clock", admitted(now=NOW + 61), OTHER, "last written at"),
    ("running", admitted(outcome=""), OTHER, "is running for alice@a"),
    ("running", admitted(outcome="", target=target("b")), {}, "is running for alice@a"),
    ("unfinished", admitted(now=NOW - 700, outcome=""), OTHER, "nobody knows whether it was done"),
    ("unfinished", admitted(now=NOW - 700, outcome="", target=target("b")), {}, "state=finished permit=p0"),
    ("episode", admitted(), {"run": "bob/2"}, "answered at"),
    ("episode", admitted(), {"run": "bob/2", "action": "scale_up"}, "answered at"),
    ("episode", admitted(), {}, "was done in this episode"),
    ("failed_before", admitted(outcome="worse"), OTHER, "ended as worse"),
    ("failed_before", admitted(outcome="failed", target=target("b")), {"action": "scale_up"}, "ended as failed"),
    ("flapping", admitted(action="scale_up"), {**OTHER, "action": "scale_down"}, "neither is done until"),
    ("cooldown", admitted(now=NOW - 1799), {"fingerprint": "other"}, "the next action is possible after"),
    ("quiet", EMPTY, {"closed": ClosedTime("Christmas", NOW + 5)}, "Christmas"),
    ("share", EMPTY, {"touched": 3}, "3 of 4 replicas"),
    ("share", EMPTY, {"replicas": 1}, "1 of 1 replicas"),
]


@pytest.mark.parametrize(("rule", "state", "what", "words"), REFUSALS, ids=[f"{one[0]}-{number}" for number, one in enumerate(REFUSALS)])
def test_refused(rule: str, state: GuardState, what: dict[str, Any], words: str) -> None:
    done = answer(state, **what)
    assert (done.decision, done.rule) == (REFUSED, rule)
    assert words in done.reason
    assert done.permit == "" and len(done.state.actions) == len(state.actions)
    if rule == "clock":
        assert done.state == state  # by a wrong time it would forget
    else:
        assert (done.state.decisions[0].rule, done.state.decisions[0].reason) == (rule, done.reason)


PASSES: list[tuple[GuardState, dict[str, Any]]] = [
    (admitted(), {"action": "scale_up"}),  # the next step of the same run
    (admitted(outcome="undone"), {"action": "scale_up"}),
    (admitted(), OTHER),
    (admitted(now=NOW - 1800), {"fingerprint": "other"}),
    (admitted(outcome="failed", now=NOW - 3600), OTHER),
    (admitted(outcome="", now=NOW - 700, target=target("b")), OTHER),  # another target of another episode
    (admitted(action="scale_up", now=NOW - 3600), {**OTHER, "action": "scale_down"}),
    (admitted(action="scale_up"), {**OTHER, "action": "restart_pod"}),
    (EMPTY, {"touched": 2}),
    (EMPTY, {"touched": 0, "replicas": 0}),
]


@pytest.mark.parametrize(("state", "what"), PASSES)
def test_not_refused(state: GuardState, what: dict[str, Any]) -> None:
    assert answer(state, **what).decision == ADMITTED


def test_no_more_actions_than_the_window_and_the_incident_allow() -> None:
    state, times = EMPTY, (0, 100, 3599)
    for number, after in enumerate(times):
        state = admitted(state, f"p{number}", NOW + after, fingerprint=f"f{number}", target=target(f"t{number}"), incident="INC-1")
    three, calm = replace(LIMITS, max_actions=3, max_actions_per_incident=9), {"permit": "p9", "fingerprint": "f9", "target": target("t9")}
    assert answer(state, three, NOW + 3599, **calm).rule == "max_actions"
    assert answer(state, three, NOW + 3600, **calm).rule == "allowed"
    assert answer(state, replace(three, max_actions=9), NOW + 3600, incident="INC-1", **calm).rule == "allowed"
    assert (
        answer(state, replace(three, max_actions_per_incident=3), NOW + 3600, incident="INC-1", **calm).rule == "max_actions_per_incident"
    )
    assert answer(EMPTY, replace(LIMITS, max_actions=0)).rule == "max_actions"


def test_an_incident_that_is_opened_later_starts_no_new_count() -> None:
    state = admitted(admitted(), "p1", action="scale_up")
    assert answer(state, replace(LIMITS, max_actions_per_incident=2), permit="p2", action="x", incident="INC-1").rule == (
        "max_actions_per_incident"
    )


@pytest.mark.parametrize(("fleet", "storm_share", "most"), [(0, 25.0, 3), (100, 2.0, 2), (3, 25.0, 1), (10, 0.0, 1)])
def test_many_targets_are_a_storm(fleet: int, storm_share: float, most: int) -> None:
    """Also those that were only proposed, and were refused.  One target is never one."""
    limits = replace(LIMITS, storm_targets=3, fleet=fleet, storm_share=storm_share)
    state, rules = EMPTY, []
    for number in range(5):
        environment = "production" if number % 2 else "staging"
        done = answer(state, limits, permit=f"p{number}", fingerprint=f"f{number}", target=target(f"t{number}"), environment=environment)
        state = done.state
        rules.append(done.rule)
    assert [rule == "storm" for rule in rules] == [number >= most for number in range(5)]
    again = answer(state, limits, permit="p9", fingerprint="f9", target=target("t0"))
    assert (again.rule, again.page) == ("storm", True)
    assert answer(state, limits, NOW + 600, permit="p9", fingerprint="f9", target=target("t9")).decision == ADMITTED


def test_a_flapping_alert_scales_neither_up_nor_down() -> None:
    state = admitted(action="scale_up", now=NOW)
    for number, action in enumerate(["scale_down", "scale_up", "scale_down", "scale_up"], start=1):
        now = NOW + 1900 * number
        done = answer(state, now=now, permit=f"p{number}", action=action, fingerprint=f"f{number}", started_at=now)
        assert (done.rule, done.page) == ("flapping", True)
        state = done.state
    calm = NOW + 1900 * 4 + 3600
    assert answer(state, now=calm, permit="p9", action="scale_up", fingerprint="f9", started_at=calm).decision == ADMITTED


def test_the_opposite_of_an_own_action_is_known_from_either_side() -> None:
    words = {"staging": ("open_valve", "close_valve")}
    limits = replace(LIMITS, allowed_actions=words)
    for first, second in (({"opposite": "close_valve"}, {}), ({}, {"opposite": "open_valve"})):
        done = answer(EMPTY, limits, action="open_valve", **first)
        state = finished(done.state, "p1")
        late = {"permit": "p2", "fingerprint": "f2", "alert": "b", "action": "close_valve", **second}
        assert answer(state, limits, **late).rule in {"flapping", "allowed"}
        assert answer(state, limits, **{**late, "opposite": "open_valve"}).rule == "flapping"


def test_an_approval_is_for_one_action_and_once() -> None:
    grant = Grant("a" * 16, "bob")
    done = answer(environment="production", grant=grant, plan="0" * 64)
    assert (done.decision, done.rule, done.reason) == (ADMITTED, "approved", "approved by bob")
    state = finished(done.state, "p1")
    again = answer(state, permit="p2", environment="production", grant=grant, run="carol/3")
    assert (again.decision, again.rule) == (REFUSED, "approval")
    assert "was used at" in again.reason
    other = Grant("b" * 16, "bob")  # the next step, in another run
    assert answer(state, permit="p2", environment="production", grant=other, run="carol/3").rule == "approved"


@pytest.mark.parametrize(
    ("rule", "state", "what"),
    [(rule, state, what) for rule, state, what, _words in REFUSALS if rule not in {"approval", "episode", "failed_before"}],
)
def test_an_approval_passes_no_other_limit(rule: str, state: GuardState, what: dict[str, Any]) -> None:
    assert answer(state, grant=Grant("a" * 16, "bob"), **what).rule == rule


def test_the_answer_to_a_write_that_was_lost_is_found() -> None:
    first = answer()
    again = answer(first.state, now=NOW + 1)
    assert (again.decision, again.permit, again.until, again.state) == (ADMITTED, "p1", first.until, first.state)


def test_the_same_refusal_is_kept_once_with_its_count() -> None:
    state = admitted()
    for second in range(30):
        state = answer(state, now=NOW + second, permit=f"q{second}", run="bob/2").state
    assert [(one.rule, one.count, one.first, one.at) for one in state.decisions] == [
        ("episode", 30, NOW, NOW + 29),
        ("allowed", 1, NOW, NOW),
    ]


def renewed(state: GuardState, now: float = NOW + 5, run: str = "alice/1", clock: float | None = None) -> GuardDecision:
    return renew_permit(state, "p0", run, LIMITS, now, now if clock is None else clock)


def test_a_long_action_asks_before_each_step() -> None:
    state = admitted(outcome="")
    done = renewed(state)
    assert (done.decision, done.rule, done.permit, done.until) == (ADMITTED, "renewed", "p0", NOW + 605)
    assert renewed(done.state, NOW + 604).decision == ADMITTED
    assert (late := renewed(done.state, NOW + 605)).rule == "unfinished" and late.page
    assert renewed(state, run="bob/2").rule == "permit"
    assert renewed(finished(state, "p0")).rule == "permit"
    assert renewed(EMPTY).rule == "permit"
    assert renewed(state, clock=NOW + 100).rule == "clock"


def test_a_pause_and_a_storm_stop_an_action_at_its_next_step() -> None:
    state = admitted(outcome="")
    paused = pause_actions(state, by="bob", reason="look", until=NOW + 60, run="r", now=NOW)
    assert (done := renewed(paused)).decision == REFUSED and done.rule == "paused" and done.state.decisions[0].rule == "paused"
    assert renewed(paused, NOW + 60).decision == ADMITTED
    for number in range(6):
        state = answer(state, permit=f"q{number}", fingerprint=f"f{number}", target=target(f"t{number}")).state
    assert renewed(state).rule == "storm"


def test_a_clock_that_is_wrong_for_a_moment_forgets_nothing() -> None:
    state, later = admitted(admitted(), "p1", outcome="", **OTHER), NOW + 365 * 86400
    for after in (
        finished(state, "p1", "ok", later),
        pause_actions(state, by="b", reason="r", until=later + 9, run="r", now=later),
        renewed(state, later, clock=NOW).state,
        answer(state, now=later, permit="p9", clock=NOW).state,
    ):
        assert [one.permit for one in after.actions] == ["p0", "p1"]


LETTERS = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "wait": st.sampled_from([0, 0, 1, 30, 120, 700]),
            "do": st.sampled_from(["ask", "ask", "ask", "finish", "pause", "renew"]),
            "target": LETTERS,
            "fingerprint": LETTERS,
            "run": st.sampled_from(["r1", "r2"]),
            "action": st.sampled_from(["scale_up", "scale_down", "restart_pod", "reboot"]),
            "incident": st.sampled_from(["", "INC-1"]),
            "outcome": st.sampled_from(["ok", "worse", "undone", "failed"]),
            "skew": st.sampled_from([0, 0, 0, 0, 90]),
        }
    ),
    max_size=40,
)


@settings(max_examples=100)
@given(STEPS, st.integers(0, 3), st.integers(0, 3))
def test_no_sequence_of_runs_exceeds_a_limit(steps: list[dict[str, Any]], most: int, per_incident: int) -> None:
    limits = GuardLimits(
        window=300.0,
        max_actions=most,
        max_actions_per_incident=per_incident,
        cooldown=200.0,
        storm_targets=2,
        storm_window=100.0,
        flap_window=250.0,
        failure_hold=150.0,
        permit_duration=60.0,
        allowed_actions=ALLOWED,
    )
    state, now, permits = EMPTY, NOW, []
    paused_until = 0.0
    for number, step in enumerate(steps):
        now += step["wait"]
        if step["do"] == "finish" and permits:
            open_now = [one for one in state.actions if not one.outcome]
            state = finished(state, open_now[-1].permit, step["outcome"], now) if open_now else state
        elif step["do"] == "pause":
            paused_until = now + 40
            state = pause_actions(state, by="b", reason="r", until=paused_until, run="r", now=now)
        elif step["do"] == "renew" and permits:
            entry = next(one for one in state.actions if one.permit == permits[-1])
            done = renew_permit(state, permits[-1], step["run"], limits, now, now)
            if done.decision == ADMITTED:
                assert entry.until > now and not entry.outcome and entry.run == step["run"] and now >= paused_until
            state = done.state
        elif step["do"] == "ask":
            request = asks(
                f"p{number}",
                target=target(step["target"]),
                clock=now + step["skew"],
                **{name: step[name] for name in ("fingerprint", "run", "action", "incident")},
            )
            before = state
            done = decide_action(state, request, limits, now)
            state = done.state
            if done.decision != ADMITTED:
                assert state.actions == before.actions
                continue
            permits.append(request.permit)
            assert now >= paused_until and step["skew"] == 0 and step["action"] in ALLOWED["staging"]
            same_target = [one for one in before.actions if one.target == request.target.key]
            assert all(one.outcome for one in same_target)
            assert not [one for one in same_target if one.outcome in {"worse", "failed"} and one.finished_at > now - 150]
            assert not [one for one in same_target if {one.action, request.action} == {"scale_up", "scale_down"} and one.at > now - 250]
    times = [one.at for one in state.actions]
    assert all(later - earlier >= 300 for earlier, later in zip(times, times[most:], strict=False)) if most else not times
    assert sum(1 for one in state.actions if one.incident == "INC-1") <= per_incident
    once = [(one.fingerprint, one.action, one.target) for one in state.actions]
    assert len(once) == len(set(once))
    assert all(len({one.run for one in state.actions if one.fingerprint == letter}) <= 1 for letter in "abc")
    for earlier, later in pairwise(sorted(state.actions, key=lambda one: (one.target, one.alert, one.at))):
        if (earlier.target, earlier.alert) == (later.target, later.alert) and earlier.episode != later.episode:
            assert later.at - earlier.at >= 200
