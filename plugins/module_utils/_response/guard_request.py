# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of response_guard as a request and limits.  Pure.

What is not known about an alert is a reason to refuse; a wrong limit is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.hours import hours_end, moment_of
from .._core.redact import excerpt
from .._core.times import parse_duration, when
from .._workloads.lease import Holder
from .guard_model import ActionRequest, ClosedTime, GuardLimits, GuardTarget
from .guard_options import Freeze, GuardOptions, LimitOptions, QuietWindow, TargetOptions
from .guard_state import KEEP

WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_ALERT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_:. -]{0,99}")
_FINGERPRINT = re.compile(r"[A-Za-z0-9]{1,64}")
_INCIDENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,99})?")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_NAMESPACE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9-]{0,64}")
_PLAN = re.compile(r"([0-9a-f]{64})?")

MOST_STORM_TARGETS = 200
_LONGEST_PERMIT = 86400.0
_LARGEST_SKEW = 600.0
_LONGEST_PAUSE = 31 * 86400.0


def action_request(given: GuardOptions, me: Holder, permit: str, clock: float) -> ActionRequest:
    """What the run asks for; a value that is missing or has the wrong form is its ``problem``."""
    target, target_problem = target_of(given.target)
    started = when(given.started_at or "")
    words = (
        ("alert", given.alert or "", _ALERT),
        ("fingerprint", given.fingerprint or "", _FINGERPRINT),
        ("action", given.action or "", WORD),
        ("opposite", given.opposite or "other", WORD),
        ("environment", given.environment or "", _ENVIRONMENT),
        ("incident", given.incident or "", _INCIDENT),
        ("plan_sha256", given.plan_sha256 or "", _PLAN),
    )
    problems = [unknown_word(name, text) for name, text, form in words if not form.fullmatch(text)]
    if started is None or not 0 <= started < 32503680000:
        problems.append(f"started_at is {shown(given.started_at or '')}, which is not a time")
    if given.opposite and given.opposite == given.action:
        problems.append(f"{shown(given.action)} can't be its own opposite")
    return ActionRequest(
        permit=permit,
        alert=excerpt(given.alert or "", 100),
        fingerprint=excerpt(given.fingerprint or "", 64),
        started_at=round(max(started or 0.0, 0.0), 3),
        target=target,
        action=excerpt(given.action or "", 40),
        environment=excerpt(given.environment or "", 63),
        run=me.run,
        who=me.who,
        clock=clock,
        opposite=excerpt(given.opposite or "", 40),
        replicas=given.replicas,
        touched=given.touched,
        incident=excerpt(given.incident or "", 100),
        plan=given.plan_sha256 or "",
        problem="; ".join([*([target_problem] if target_problem else []), *problems])[:400],
    )


def unknown_word(name: str, text: str) -> str:
    return f"{name} is {shown(text)}, which is not known" if text else f"{name} is missing"


def target_of(given: TargetOptions | None) -> tuple[GuardTarget, str]:
    """The target, and what is wrong with it."""
    if given is None:
        return GuardTarget("", "", ""), "target is missing"
    forms = (
        ("kind", given.kind, _KIND),
        ("namespace", given.namespace, _NAMESPACE),
        ("name", given.name, _NAME),
        ("uid", given.uid, _VERSION),
        ("resource_version", given.resource_version, _VERSION),
    )
    problem = "; ".join(unknown_word(f"target.{name}", text) for name, text, form in forms if not form.fullmatch(text))
    parts = [excerpt(text, 253) for _name, text, _form in forms]
    return GuardTarget(*parts), problem


def guard_limits(given: LimitOptions, now: float) -> GuardLimits:
    """Raises SalvageError(bad_input) for limits that do not limit."""
    closed_time(given, None, now)  # a wrong time is found by the first run, not by the first night
    return GuardLimits(
        window=_seconds("window", given.window, KEEP, least=1.0),
        max_actions=_count("max_actions", given.max_actions),
        max_actions_per_incident=_count("max_actions_per_incident", given.max_actions_per_incident),
        cooldown=_seconds("cooldown", given.cooldown, KEEP),
        max_share=_percent("max_share", given.max_share),
        storm_window=_seconds("storm_window", given.storm_window, KEEP, least=1.0),
        storm_targets=_count("storm_targets", given.storm_targets, MOST_STORM_TARGETS),
        storm_share=_percent("storm_share", given.storm_share),
        fleet=_count("fleet", given.fleet, 10**9),
        flap_window=_seconds("flap_window", given.flap_window, KEEP),
        failure_hold=_seconds("failure_hold", given.failure_hold, KEEP),
        permit_duration=_seconds("permit_duration", given.permit_duration, _LONGEST_PERMIT, least=1.0),
        approval_max_age=_seconds("approval_max_age", given.approval_max_age, KEEP),
        max_clock_skew=_seconds("max_clock_skew", given.max_clock_skew, _LARGEST_SKEW, least=1.0),
        allowed_actions=_allowed(given.allowed_actions),
    )


def closed_time(given: LimitOptions, environment: str | None, now: float) -> ClosedTime | None:
    """The time without changes that is now, for this environment (None: any), and ends last.  Raises SalvageError(bad_input)."""
    found: list[ClosedTime] = []
    for hours in given.quiet_hours:
        end = hours_end(now, hours.days, hours.start, hours.end, hours.timezone, "limits.quiet_hours")
        if end is not None and _is_for(hours, environment):
            found.append(ClosedTime(excerpt(hours.reason, 100), end))
    for one in given.freezes:
        start, end = (moment_of(text, one.timezone, "limits.freezes") for text in (one.start, one.end))
        if start >= end:
            raise SalvageError(f"limits.freezes: it ends at {shown(one.end)}, before it starts; exchange them", reason="bad_input")
        if start <= now < end and _is_for(one, environment):
            found.append(ClosedTime(excerpt(one.reason, 100), end))
    return max(found, key=lambda one: one.until, default=None)


def _is_for(window: QuietWindow | Freeze, environment: str | None) -> bool:
    return environment is None or not window.environments or environment in window.environments


def pause_end(text: str, now: float) -> float:
    """When a pause ends: a time, or after how long.  Raises SalvageError(bad_input)."""
    moment = when(text)
    until = moment if moment is not None else now + parse_duration(text, "until")
    if not 0 < until - now <= _LONGEST_PAUSE:
        raise SalvageError(f"until is {shown(text)}; write a time in the next 31 days, or how long", reason="bad_input")
    return float(int(until))


def _seconds(name: str, text: str, most: float, least: float = 0.0) -> float:
    seconds = parse_duration(text, f"limits.{name}")
    if not least <= seconds <= most:
        raise SalvageError(f"limits.{name} is {shown(text)}; write {least:g} to {most:g} seconds", reason="bad_input")
    return seconds


def _count(name: str, number: int, most: int = 10**6) -> int:
    if not 0 <= number <= most:
        raise SalvageError(f"limits.{name} is {number}; write a number from 0 to {most}", reason="bad_input")
    return number


def _percent(name: str, number: float) -> float:
    if not 0 <= number <= 100:  # not for NaN either
        raise SalvageError(f"limits.{name} is {number}; write percent, from 0 to 100", reason="bad_input")
    return number


def _allowed(given: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {}
    for environment, actions in given.items():
        words = [one for one in actions if isinstance(one, str) and WORD.fullmatch(one)] if isinstance(actions, (list, tuple)) else None
        if words is None or len(words) != len(list(actions)) or not _ENVIRONMENT.fullmatch(environment):
            sentence = f"limits.allowed_actions has {shown({environment: actions})}; write a list of actions for each environment"
            raise SalvageError(f"{sentence}, such as staging: [restart_pod]", reason="bad_input")
        found[environment] = words
    return found
