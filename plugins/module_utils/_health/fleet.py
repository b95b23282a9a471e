# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a task returned for a cluster to that cluster's entry in the fleet's report.  Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .._core.json_values import mappings
from .render import Entry, status_of, text


def entry(host: str, outcome: object, previous: Mapping[str, Any] | None, now: str) -> Entry:
    """The entry of a cluster.  One that gave no report gets one that says so, and keeps the last that knew something."""
    result = outcome if isinstance(outcome, Mapping) else {}
    before = previous or {}
    was_dead = isinstance(before.get("last_known"), Mapping)
    known: Mapping[str, Any] = before["last_known"] if was_dead else before
    report = result.get("report")
    if isinstance(report, Mapping):
        digest = plain(report)
        if was_dead:
            digest["changes"] = [
                {"id": "cluster", "from": "unknown", "to": status_of(digest.get("status"))},
                *mappings(digest.get("changes")),
            ]
    else:
        digest = _dead(_why(result), before, known, now)
    return Entry(host=host, report=digest, previous_at=text(known.get("generated_at")) or None)


def fleet_digest(host: str, report: Mapping[str, Any] | None) -> list[str]:
    """The findings of a report, a line each, without what differs from run to run."""
    if report is None:
        return []
    lines = [f"{host}: {status_of(report.get('status'))}"]
    for part in mappings(report.get("parts")):
        about = [(text(part.get("name")), part), *((text(check.get("id")), check) for check in mappings(part.get("checks")))]
        lines += sorted(f"{host} {name}: {status}" for name, item in about if (status := status_of(item.get("status"))) != "healthy")
    return lines


def plain(value: Any) -> Any:
    """As JSON has it: no NaN or infinity, and none of the marks that Ansible puts on strings."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, str) else value


def _dead(reason: str, before: Mapping[str, Any], known: Mapping[str, Any], now: str) -> dict[str, Any]:
    was = status_of(before.get("status")) if before.get("status") else "unknown"
    return {
        "schema": 1,
        "status": "unknown",
        "reason": reason,
        "generated_at": now,
        "cluster": {},
        "counts": {"healthy": 0, "warning": 0, "critical": 0, "unknown": 1},
        "parts": [],
        "metrics": [],
        "changes": [{"id": "cluster", "from": was, "to": "unknown"}] if was != "unknown" else [],
        "last_known": dict(known),
    }


def _why(result: Mapping[str, Any]) -> str:
    said = text(result.get("msg")) or text(result.get("module_stderr")) or text(result.get("exception"))
    if result.get("unreachable"):
        return f"the host that checks this cluster is unreachable: {said or 'no reason given'}"
    if result.get("skipped"):
        return "its check was skipped"
    return said or "it was not checked in this run"
