# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to an action after it was admitted, and the pause: renewed, finished, paused, resumed.  Pure.

Only what has compared the clocks forgets what is old.
"""

from __future__ import annotations

from dataclasses import replace

from .._core.errors import SalvageError
from .._core.times import iso
from .guard_model import ADMITTED, REFUSED, ActionEntry, DecisionEntry, GuardDecision, GuardLimits, GuardState, PauseEntry
from .guard_rules import clock_problem, paused_by, storm_of
from .guard_state import noted, pruned


def renew_permit(state: GuardState, permit: str, run: str, limits: GuardLimits, now: float, clock: float) -> GuardDecision:
    """Whether an action may go on with its next step."""
    entry = _found(state, permit)
    wrong = clock_problem(state, clock, limits, now)
    if wrong:
        return GuardDecision(REFUSED, "clock", wrong, state, page=True)
    if entry is None:
        return GuardDecision(REFUSED, "permit", f"there is no permit {permit}", state, page=True)
    checks = (
        ("permit", "" if entry.run == run else f"the permit is of {entry.who}, run {entry.run}", True),
        ("permit", f"the action has ended as {entry.outcome} at {iso(int(entry.finished_at))}" if entry.outcome else "", True),
        ("unfinished", f"the permit expired at {iso(int(entry.until))}; record how the action ended" if entry.until <= now else "", True),
        ("paused", paused_by(state, now), False),
        ("storm", storm_of(state, limits, now), True),
    )
    kept = pruned(state, now)
    for rule, reason, page in checks:
        if reason:
            return GuardDecision(REFUSED, rule, reason, noted(kept, _of_entry(entry, REFUSED, rule, reason, now, run)), page=page)
    until = max(entry.until, now + limits.permit_duration)
    kept = _replaced(kept, replace(entry, until=until))
    return GuardDecision(ADMITTED, "renewed", "the action may go on", kept, permit=permit, until=until)


def finish_action(
    state: GuardState, permit: str, outcome: str, *, run: str, who: str, note: str, now: float, take_over: bool = False
) -> GuardState:
    """With the outcome.  Raises SalvageError where there is no such action, another run works on it, or it has ended otherwise."""
    entry = _found(state, permit)
    if entry is None:
        raise SalvageError(f"there is no permit {permit}; state=reported shows those that are open", reason="not_found")
    if entry.outcome == outcome:
        return state
    if entry.outcome:
        sentence = f"{entry.text} ended as {entry.outcome} at {iso(int(entry.finished_at))}, recorded by {entry.finished_by}"
        raise SalvageError(f"{sentence}; it can't end as {outcome} too", reason="conflict")
    if entry.run != run and entry.until > now and not take_over:
        sentence = f"{entry.text} is running for {entry.who}, run {entry.run}, at most until {iso(int(entry.until))}"
        raise SalvageError(f"{sentence}; wait, or set take_over=true if you know that this run has ended", reason="conflict")
    return _replaced(state, replace(entry, outcome=outcome, finished_at=now, finished_by=who, note=note))


def pause_actions(state: GuardState, *, by: str, reason: str, until: float, run: str, now: float) -> GuardState:
    pause = state.pause
    if pause and now < pause.until and (pause.reason, pause.until) == (reason, until):
        return state
    text = f"{reason} (until {iso(int(until))})"
    return noted(replace(state, pause=PauseEntry(by, reason, now, until)), _switch("paused", by, text, run, now))


def resume_actions(state: GuardState, *, by: str, run: str, now: float) -> GuardState:
    pause = state.pause
    if pause is None or now >= pause.until:
        return state
    text = f"the pause by {pause.by} was ended: {pause.reason}"
    return noted(replace(state, pause=None), _switch("resumed", by, text, run, now))


def _found(state: GuardState, permit: str) -> ActionEntry | None:
    return next((one for one in state.actions if one.permit == permit), None)


def _replaced(state: GuardState, entry: ActionEntry) -> GuardState:
    return replace(state, actions=tuple(entry if one.permit == entry.permit else one for one in state.actions))


def _of_entry(entry: ActionEntry, decision: str, rule: str, reason: str, now: float, run: str) -> DecisionEntry:
    return DecisionEntry(
        now, now, 1, decision, rule, reason, entry.alert, entry.fingerprint, entry.started_at, entry.action, entry.target, run
    )


def _switch(rule: str, by: str, reason: str, run: str, now: float) -> DecisionEntry:
    return DecisionEntry(now, now, 1, rule, rule, f"{by}: {reason}", "", "", 0.0, "", "", run)
