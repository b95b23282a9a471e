# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a health check: a cluster has parts, a part has checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .._core.status import CRITICAL, HEALTHY, STATUSES, UNKNOWN, WARNING, worst

PARTS = ("pods", "workloads", "nodes", "api", "thresholds", "opa", "alerts", "storage", "certificates", "backup")
WORST_FIRST = (CRITICAL, UNKNOWN, WARNING, HEALTHY)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.  ``reason`` says why it is not healthy; ``since`` is a time as the API server writes it."""

    id: str
    status: str
    reason: str = ""
    subject: Mapping[str, str] | None = None
    value: float | None = None
    limit: float | None = None
    unit: str | None = None
    since: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """What a part found.  ``healthy`` counts what is healthy and not listed, for there may be thousands."""

    name: str
    status: str
    summary: str = ""
    reason: str = ""
    checks: tuple[Check, ...] = ()
    healthy: int = 0
    duration_s: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As in the report."""
        return {
            "name": self.name,
            "status": self.status,
            "summary": self.summary,
            "reason": self.reason,
            "checks": [asdict(check) for check in self.checks],
            "healthy": self.healthy,
            "duration_s": round(self.duration_s, 3),
        }


def part(name: str, checks: Iterable[Check], *, healthy: int = 0, summary: str = "", nothing: str = "there was nothing to look at") -> Part:
    """The part that these checks make: as bad as the worst of them, and unknown, for ``nothing``, if there is none at all."""
    listed = sorted(checks, key=lambda check: (WORST_FIRST.index(check.status), check.id))
    if not listed and not healthy:
        return Part(name, UNKNOWN, summary, nothing)
    status = worst([check.status for check in listed] + [HEALTHY] * bool(healthy))
    return Part(name, status, summary, _reason(listed), tuple(listed), healthy)


def unknown_part(name: str, reason: str) -> Part:
    """A part that could not be looked at."""
    return Part(name, UNKNOWN, "not looked at", reason)


def _reason(checks: list[Check]) -> str:
    found = [check for check in checks if check.status != HEALTHY]
    if not found:
        return ""
    first = f"{found[0].id.partition('/')[2] or found[0].id}: {found[0].reason}"
    return first if len(found) == 1 else f"{first}, and {len(found) - 1} more"


def counts(parts: Iterable[Part]) -> dict[str, int]:
    """How many things have each status; a part without checks counts as one."""
    total = dict.fromkeys(STATUSES, 0)
    for one in parts:
        total[HEALTHY] += one.healthy
        for check in one.checks:
            total[check.status] += int(check.evidence.get("count", 1))  # a group of pods is one check
        if not one.checks and not one.healthy:
            total[one.status] += 1
    return total
