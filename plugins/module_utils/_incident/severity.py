# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which severity the facts speak for.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.json_values import finite
from .._core.status import CRITICAL, HEALTHY, STATUSES, UNKNOWN

DOWN, DEGRADED, PARTIAL = 0.5, 0.05, 0.01  # shares of requests that fail
SEVERAL = 2  # alerts at once
_QUIET = frozenset({"info", "none"})  # severities of alerts that nobody wakes up for


@dataclass(frozen=True)
class Facts:
    """What is known of the trouble; None: it was not looked at."""

    error_rate: object = None
    failed_journeys: Sequence[str] = ()
    journeys: int | None = None
    data_loss: bool = False
    security_breach: bool = False
    health: Mapping[str, Any] | None = None
    alerts: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Proposal:
    severity: str
    why: str


def propose(facts: Facts) -> Proposal | None:
    """The severity with the reason; None without any fact.  What is unknown is at least P2: it is not known to be minor."""
    found = [*_stated(facts), *_errors(facts.error_rate), *_journeys(facts), *_health(facts.health), *_alerts(facts.alerts)]
    if not found:
        return None
    severity = min(one.severity for one in found)
    return Proposal(severity, "; ".join(one.why for one in found if one.severity == severity))


def _stated(facts: Facts) -> list[Proposal]:
    return [
        *([Proposal("P0", "data is lost")] if facts.data_loss else []),
        *([Proposal("P0", "there is a security breach")] if facts.security_breach else []),
    ]


def _errors(rate: object) -> list[Proposal]:
    if rate is None:
        return []
    value, problem = finite(rate)
    if value is None or not 0 <= value <= 1:
        return [Proposal("P2", f"the share of failing requests is unknown: {problem or 'it is not between 0 and 1'}")]
    severity = "P0" if value >= DOWN else "P1" if value >= DEGRADED else "P2" if value >= PARTIAL else "P3"
    return [Proposal(severity, f"{value:.1%} of requests fail")]


def _journeys(facts: Facts) -> list[Proposal]:
    failed, total = len(facts.failed_journeys), facts.journeys
    if not failed:
        return [] if total is None else [Proposal("P3", f"all {total} user journeys work")] if total > 0 else []
    if total is not None and failed >= total:
        return [Proposal("P0", f"all {failed} user journeys fail")]
    return [Proposal("P1", f"user journeys fail: {', '.join(facts.failed_journeys[:5])}")]


def _health(report: Mapping[str, Any] | None) -> list[Proposal]:
    if report is None:
        return []
    parts = report.get("parts")
    by_name = {part.get("name"): part for part in parts if isinstance(part, Mapping)} if isinstance(parts, (list, tuple)) else {}
    service = by_name.get("api")
    if service and service.get("status") == CRITICAL:
        return [Proposal("P0", f"the service does not answer: {service.get('reason') or 'no reason given'}")]
    status = report.get("status") if report.get("status") in STATUSES else UNKNOWN
    if status == HEALTHY:
        return [Proposal("P3", "the health check is healthy")]
    bad = sorted(str(part.get("name")) for part in by_name.values() if part.get("status") == status)
    return [Proposal("P1" if status == CRITICAL else "P2", f"the health check is {status}" + (f" ({', '.join(bad)})" if bad else ""))]


def _alerts(alerts: Sequence[Mapping[str, Any]]) -> list[Proposal]:
    loud = [one for one in alerts if str(one.get("severity") or "").lower() not in _QUIET]
    if not alerts:
        return []
    if not loud:
        return [Proposal("P3", f"{len(alerts)} alerts, all for information")]
    names = ", ".join(sorted({str(one.get("name")) for one in loud})[:5])
    if len(loud) >= SEVERAL:
        return [Proposal("P1", f"{len(loud)} alerts at once: {names}")]
    return [Proposal("P2", f"one alert: {names}")]
