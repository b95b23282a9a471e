# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the guard rails as results show it.  Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .._core.times import iso
from .guard_model import ActionEntry, DecisionEntry, GuardDecision, GuardState

SHOWN_DECISIONS = 20


def answer_view(done: GuardDecision) -> dict[str, Any]:
    return {
        "decision": done.decision,
        "rule": done.rule,
        "reason": done.reason,
        "page": done.page,
        "permit": done.permit,
        "until": iso(int(done.until)) if done.until else "",
        "limits_used": asdict(done.used),
    }


def state_view(state: GuardState, now: float, decisions: int = SHOWN_DECISIONS) -> dict[str, Any]:
    pause = state.pause if state.pause and state.pause.until > now else None
    paused = asdict(pause) | {"since": iso(int(pause.since)), "until": iso(int(pause.until))} if pause else None
    return {
        "pause": paused,
        "open": [_open(one, now) for one in state.actions if not one.outcome],
        "decisions": [_decision(one) for one in state.decisions[:decisions]],
    }


def state_diff(before: GuardState, after: GuardState) -> dict[str, str]:
    return {"before": _lines(before), "after": _lines(after)} if _lines(before) != _lines(after) else {"before": "", "after": ""}


def _lines(state: GuardState) -> str:
    pause = [f"paused by {state.pause.by} until {iso(int(state.pause.until))}: {state.pause.reason}"] if state.pause else []
    actions = [f"{one.permit}: {one.text}, {one.outcome or f'until {iso(int(one.until))}'}" for one in state.actions]
    return "".join(f"{line}\n" for line in [*pause, *actions])


def _open(one: ActionEntry, now: float) -> dict[str, Any]:
    return {
        "permit": one.permit,
        "status": "running" if one.until > now else "expired",
        **{name: getattr(one, name) for name in ("action", "target", "alert", "incident", "who", "run")},
        "at": iso(int(one.at)),
        "until": iso(int(one.until)),
    }


def _decision(one: DecisionEntry) -> dict[str, Any]:
    texts = ("decision", "rule", "reason", "action", "target", "alert", "run")
    return {"at": iso(int(one.at)), "first": iso(int(one.first)), "count": one.count, **{name: getattr(one, name) for name in texts}}
