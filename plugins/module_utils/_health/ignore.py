# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings that people know of and ignore until a date.  Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.status import HEALTHY
from .._core.times import iso, when
from .model import Check, Part, part

DAY = 86400.0


@dataclass(frozen=True)
class IgnoreRule:
    """``name`` is a shell pattern for what comes after the part in a check's id; ``until`` is in unix seconds, None for no end."""

    part: str
    name: str
    reason: str
    until: float | None = None

    def ignores(self, part_name: str, check: Check, now: float) -> bool:
        """Whether the rule holds and is about this finding; a group of pods only if it is about each of them."""
        if part_name != self.part or (self.until is not None and now >= self.until):
            return False
        subject = check.subject or {}
        where = f"{subject['namespace']}/" if subject.get("namespace") else ""
        names = [f"{where}{one}" for one in check.evidence.get("names") or [subject.get("name", "")]]
        whole = int(check.evidence.get("count", 1)) <= len(names)
        own = check.id.partition("/")[2]
        return fnmatch.fnmatchcase(own, self.name) or (whole and all(fnmatch.fnmatchcase(one, self.name) for one in names))


def parse_rule(rule: Mapping[str, Any], where: str) -> IgnoreRule:
    """Raises SalvageError(bad_input)."""
    if not str(rule["reason"]).strip():
        raise SalvageError(f"{where}.reason is empty; say why the finding is ignored", reason="bad_input")
    until = rule.get("until")
    if until in {None, ""}:
        return IgnoreRule(rule["part"], rule["name"], rule["reason"])
    # A date is a whole day.
    moment = when(until)
    day = when(f"{until}T00:00:00Z") if moment is None else None
    if moment is None and day is None:
        raise SalvageError(f"{where}.until: {shown(until)} is not a date; write 2026-12-31 or 2026-12-31T18:00:00Z", reason="bad_input")
    return IgnoreRule(rule["part"], rule["name"], rule["reason"], moment if moment is not None else (day or 0.0) + DAY)


def ignore(parts: Sequence[Part], rules: Sequence[IgnoreRule], now: float) -> tuple[list[Part], list[dict[str, Any]]]:
    """The parts, with what is ignored as healthy and marked so, and each rule with the ids of the findings that it ignores."""
    matched: dict[IgnoreRule, list[str]] = {rule: [] for rule in rules}

    def judged(part_name: str, check: Check) -> Check:
        rule = next((one for one in rules if one.ignores(part_name, check, now)), None)
        if check.status == HEALTHY or rule is None:
            return check
        matched[rule].append(check.id)
        evidence = {**check.evidence, "ignored": check.status}
        return replace(check, status=HEALTHY, reason=f"ignored ({rule.reason}), {check.status}: {check.reason}", evidence=evidence)

    found = []
    for one in parts:
        checks = [judged(one.name, check) for check in one.checks]
        if tuple(checks) != one.checks:
            one = replace(part(one.name, checks, healthy=one.healthy, summary=one.summary), duration_s=one.duration_s)
        found.append(one)
    listed = [
        {
            "part": rule.part,
            "name": rule.name,
            "reason": rule.reason,
            "until": None if rule.until is None else iso(rule.until),
            "expired": rule.until is not None and now >= rule.until,
            "ignores": ids,
        }
        for rule, ids in matched.items()
    ]
    return found, listed
