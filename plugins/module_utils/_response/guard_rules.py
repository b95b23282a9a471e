# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an action may be taken: the rules in their order, the first that says no decides.  Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .._core.times import iso, span
from .guard_model import (
    ADMITTED,
    BAD_OUTCOMES,
    PROPOSE,
    REFUSED,
    ActionEntry,
    ActionRequest,
    AskedEntry,
    ClosedTime,
    DecisionEntry,
    Grant,
    GuardDecision,
    GuardLimits,
    GuardState,
    LimitsUsed,
)
from .guard_state import KEEP, MOST_ACTIONS, MOST_ASKED, noted, pruned


@dataclass(frozen=True)
class _Case:
    """All that the rules look at.  ``state`` has what was asked for, this request included; ``granted``: a person approved just this."""

    state: GuardState
    request: ActionRequest
    limits: GuardLimits
    now: float
    grant: Grant | None
    closed: ClosedTime | None

    @property
    def granted(self) -> bool:
        return self.grant is not None

    @property
    def on_target(self) -> list[ActionEntry]:
        return [one for one in self.state.actions if one.target == self.request.target.key]

    @property
    def in_episode(self) -> list[ActionEntry]:
        return [one for one in self.state.actions if one.episode == self.request.episode]

    @property
    def near(self) -> list[ActionEntry]:
        """Those on its target or in its episode, the newest first."""
        found = {one.permit: one for one in (*self.on_target, *self.in_episode)}
        return sorted(found.values(), key=lambda one: one.at, reverse=True)


def decide_action(
    state: GuardState,
    request: ActionRequest,
    limits: GuardLimits,
    now: float,
    *,
    grant: Grant | None = None,
    closed: ClosedTime | None = None,
) -> GuardDecision:
    """The answer, and the state with it.  ``now`` is the API server's time; ``closed`` is a time without changes that it is in."""
    mine = next((one for one in state.actions if one.permit == request.permit), None)
    if mine:  # it was written, and the answer to the write was lost
        used = limits_used(state, request, limits, now)
        return GuardDecision(ADMITTED, _admitted_rule(grant), "it was admitted", state, permit=mine.permit, until=mine.until, used=used)
    wrong = clock_problem(state, request.clock, limits, now)
    if wrong:  # nothing is written: by a wrong time it would forget what counts
        return GuardDecision(REFUSED, "clock", wrong, state, page=True)
    kept = pruned(state, now)
    if not request.problem:
        kept = _with_asked(kept, request, limits, now)
    case = _Case(kept, request, limits, now, grant, closed)
    for rule, check, page in _RULES:
        reason = check(case)
        if reason:
            return _decided(case, REFUSED, rule, reason, page=page)
    if grant is None and request.action not in limits.allowed_actions.get(request.environment, ()):
        return _decided(case, PROPOSE, "not_allowed", f"{request.action} needs an approval in {request.environment}")
    reason = f"approved by {grant.by}" if grant else f"{request.action} is allowed in {request.environment}, and within all limits"
    return _decided(case, ADMITTED, _admitted_rule(grant), reason)


def clock_problem(state: GuardState, clock: float, limits: GuardLimits, now: float) -> str:
    """Why no time can be trusted; empty if all clocks agree."""
    skew = limits.max_clock_skew
    if abs(clock - now) > skew:
        return (
            f"the clock of this machine says {iso(int(clock))} and that of the API server {iso(int(now))}; "
            f"at most {span(skew)} are allowed (max_clock_skew), set the clocks"
        )
    times = [*(one.at for one in state.actions), *(one.at for one in state.asked), *(one.at for one in state.decisions)]
    latest = max([*times, *([state.pause.since] if state.pause else [])], default=now)
    if latest - now > skew:
        wrong = f"the state was last written at {iso(int(latest))}, and the clock of the API server says {iso(int(now))}"
        return f"{wrong}; set its clock, or if it was wrong earlier, look at what was done and delete the ConfigMap"
    return ""


def paused_by(state: GuardState, now: float) -> str:
    pause = state.pause
    if pause is None or now >= pause.until:
        return ""
    return f"actions are paused by {pause.by} until {iso(int(pause.until))}: {pause.reason}"


def storm_of(state: GuardState, limits: GuardLimits, now: float) -> str:
    """Why people are paged instead; empty if few targets are concerned."""
    count = _storm_targets(state, limits, now)
    where = f"actions were asked for on {count} targets within {span(limits.storm_window)}"
    if count > limits.storm_targets:
        return f"{where}, more than {limits.storm_targets} (storm_targets): people must look for what they have in common"
    if limits.fleet and count > 1 and count * 100 > limits.fleet * limits.storm_share:
        return f"{where}, more than {limits.storm_share:g} % of {limits.fleet} (storm_share): people must look for what they have in common"
    return ""


def _storm_targets(state: GuardState, limits: GuardLimits, now: float) -> int:
    return sum(1 for one in state.asked if one.at > now - limits.storm_window)


def _paused(case: _Case) -> str:
    return paused_by(case.state, case.now)


def _unknown(case: _Case) -> str:
    request = case.request
    if request.problem:
        return request.problem
    if request.replicas is None or request.touched is None:
        return "nobody said how many replicas there are and how many are touched (replicas, touched)"
    if not 0 <= request.touched <= request.replicas:
        return f"{request.touched} of {request.replicas} replicas can't be touched"
    if request.started_at - case.now > case.limits.max_clock_skew:
        return f"the alert starts in the future, at {iso(request.started_at)}"
    return ""


def _old(case: _Case) -> str:
    if case.request.started_at > case.now - KEEP:
        return ""
    return f"the alert started at {iso(case.request.started_at)}; what was done for it more than {span(KEEP)} ago is not known any more"


def _approval(case: _Case) -> str:
    if case.grant is None:
        return ""
    if case.grant.problem:
        return f"the approval does not count: {case.grant.problem}"
    used = next((one for one in case.state.actions if one.approval == case.grant.id), None)
    return f"the approval was used at {iso(int(used.at))} by {used.who}" if used else ""


def _storm(case: _Case) -> str:
    return storm_of(case.state, case.limits, case.now)


def _unfinished(case: _Case) -> str:
    for one in case.near:
        if not one.outcome and one.until <= case.now:
            return (
                f"{one.text} was admitted at {iso(int(one.at))} for {one.who} and never finished, so nobody knows whether it was done; "
                f"look, then record how it ended (state=finished permit={one.permit})"
            )
    return ""


def _running(case: _Case) -> str:
    for one in case.near:
        if not one.outcome:
            return f"{one.text} is running for {one.who} since {iso(int(one.at))}, at most until {iso(int(one.until))}"
    return ""


def _episode(case: _Case) -> str:
    if case.granted:
        return ""
    for one in case.in_episode:
        if one.run != case.request.run:
            return f"this episode of {case.request.alert} was answered at {iso(int(one.at))} by {one.who} ({one.text}, {one.outcome})"
        if (one.action, one.target) == (case.request.action, case.request.target.key):
            return f"{one.text} was done in this episode at {iso(int(one.at))} ({one.outcome})"
    return ""


def _failed_before(case: _Case) -> str:
    since = case.now - case.limits.failure_hold
    for one in () if case.granted else case.near:
        if one.outcome in BAD_OUTCOMES and (one.finished_at > since or one.episode == case.request.episode):
            return f"{one.text} ended as {one.outcome} at {iso(int(one.finished_at))}; people must look before anything else is done"
    return ""


def _flapping(case: _Case) -> str:
    mark = next((one for one in case.state.asked if one.target == case.request.target.key), None)
    if not case.request.takes_back or mark is None or mark.flapping_until <= case.now:
        return ""
    until = iso(int(mark.flapping_until))
    return f"{case.request.action} and its opposite were asked for in turn on {mark.target}; neither is done until {until}"


def _cooldown(case: _Case) -> str:
    for one in case.on_target:
        if one.alert == case.request.alert and one.episode != case.request.episode and one.at > case.now - case.limits.cooldown:
            after = iso(int(one.at + case.limits.cooldown))
            return f"{one.text} was admitted for {one.alert} {span(case.now - one.at)} ago; the next action is possible after {after}"
    return ""


def _quiet(case: _Case) -> str:
    return f"nothing is changed until {iso(int(case.closed.until))}: {case.closed.reason}" if case.closed else ""


def _max_actions(case: _Case) -> str:
    count, most = _in_window(case.state, case.limits, case.now), case.limits.max_actions
    return f"{count} actions were admitted within {span(case.limits.window)}, and {most} are allowed (max_actions)" if count >= most else ""


def _in_window(state: GuardState, limits: GuardLimits, now: float) -> int:
    return sum(1 for one in state.actions if one.at > now - limits.window)


def _max_per_incident(case: _Case) -> str:
    count, most = _for_incident(case.state, case.request), case.limits.max_actions_per_incident
    what = f"the incident {case.request.incident}" if case.request.incident else "this episode"
    return f"{count} actions were admitted for {what}, and {most} are allowed (max_actions_per_incident)" if count >= most else ""


def _for_incident(state: GuardState, request: ActionRequest) -> int:
    """Those of the episode too, since its incident may have been opened later."""
    known = bool(request.incident)
    return sum((known and one.incident == request.incident) or one.episode == request.episode for one in state.actions)


def _share(case: _Case) -> str:
    replicas, touched = case.request.replicas or 0, case.request.touched or 0
    if touched * 100 <= replicas * case.limits.max_share:
        return ""
    return f"{touched} of {replicas} replicas would be touched at once, and {case.limits.max_share:g} % are allowed (max_share)"


def _full(case: _Case) -> str:
    count = len(case.state.actions)
    return f"the state is full: it keeps {count} actions (of {span(KEEP)}, and those without an outcome)" if count >= MOST_ACTIONS else ""


# The token, the rule, and whether people must look now when it says no.
_RULES: tuple[tuple[str, Callable[[_Case], str], bool], ...] = (
    ("paused", _paused, False),
    ("unknown", _unknown, True),
    ("old", _old, True),
    ("approval", _approval, False),
    ("storm", _storm, True),
    ("unfinished", _unfinished, True),
    ("running", _running, False),
    ("episode", _episode, False),
    ("failed_before", _failed_before, True),
    ("flapping", _flapping, True),
    ("cooldown", _cooldown, False),
    ("quiet", _quiet, False),
    ("max_actions", _max_actions, True),
    ("max_actions_per_incident", _max_per_incident, True),
    ("share", _share, True),
    ("full", _full, True),
)


def _with_asked(state: GuardState, request: ActionRequest, limits: GuardLimits, now: float) -> GuardState:
    """With this request noted for its target, and the target as flapping where the last one was for the opposite."""
    key = request.target.key
    before = next((one for one in state.asked if one.target == key), AskedEntry(key, now))
    after = replace(before, at=now)
    if request.takes_back:
        earlier = [(before.action, before.opposite, before.action_at)]
        earlier += [(one.action, one.opposite, one.at) for one in state.actions if one.target == key]
        turns = any(at > now - limits.flap_window and _opposed(request, action, opposite) for action, opposite, at in earlier)
        until = now + limits.flap_window if turns else before.flapping_until
        after = replace(after, action=request.action, opposite=request.takes_back, action_at=now, flapping_until=until)
    return replace(state, asked=(after, *(one for one in state.asked if one.target != key))[:MOST_ASKED])


def _opposed(request: ActionRequest, action: str, opposite: str) -> bool:
    return bool(action) and (request.takes_back == action or opposite == request.action)


def _admitted_rule(grant: Grant | None) -> str:
    return "approved" if grant else "allowed"


def _decided(case: _Case, decision: str, rule: str, reason: str, *, page: bool = False) -> GuardDecision:
    request, state, now = case.request, case.state, case.now
    until = 0.0
    if decision == ADMITTED:
        until = now + case.limits.permit_duration
        entry = ActionEntry(
            permit=request.permit,
            at=now,
            until=until,
            alert=request.alert,
            fingerprint=request.fingerprint,
            started_at=request.started_at,
            action=request.action,
            target=request.target.key,
            incident=request.incident,
            run=request.run,
            who=request.who,
            plan=request.plan,
            opposite=request.takes_back,
            approval=case.grant.id if case.grant else "",
        )
        state = replace(state, actions=(*state.actions, entry))
    state = noted(state, decision_entry(request, decision, rule, reason, now))
    used = limits_used(state, request, case.limits, now)
    permit = request.permit if decision == ADMITTED else ""
    return GuardDecision(decision, rule, reason, state, page=page, permit=permit, until=until, used=used)


def limits_used(state: GuardState, request: ActionRequest, limits: GuardLimits, now: float) -> LimitsUsed:
    return LimitsUsed(
        actions=_in_window(state, limits, now),
        max_actions=limits.max_actions,
        incident_actions=_for_incident(state, request),
        max_actions_per_incident=limits.max_actions_per_incident,
        storm_targets=_storm_targets(state, limits, now),
        max_storm_targets=limits.storm_targets,
    )


def decision_entry(request: ActionRequest, decision: str, rule: str, reason: str, now: float) -> DecisionEntry:
    return DecisionEntry(
        at=now,
        first=now,
        count=1,
        decision=decision,
        rule=rule,
        reason=reason,
        alert=request.alert,
        fingerprint=request.fingerprint,
        started_at=request.started_at,
        action=request.action,
        target=request.target.key,
        run=request.run,
    )
