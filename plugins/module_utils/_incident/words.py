# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the people hear of an incident, in one short message each.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .model import CANCELLED, MITIGATED, OPEN, RESOLVED, Incident, Record
from .request import Request
from .stakeholders import proposed_update

_TOLD = {
    "opened": ("trigger", "was opened"),
    "reopened": ("trigger", "was opened again"),
    "acknowledged": ("acknowledge", "was acknowledged"),
    "severity": ("update", "has another severity"),
    "role": ("update", "has another person in charge"),
    "mitigated": ("update", "is mitigated"),
    "resolved": ("resolve", "is resolved"),
    "cancelled": ("resolve", "was cancelled"),
    "reminder": ("update", "has a duty that is due soon"),
    "overdue": ("update", "has a duty that is overdue"),
    "escalation": ("trigger", "needs help"),
    "update_due": ("update", "needs an update for the stakeholders"),
}


def message(incident: Incident, record: Record) -> dict[str, Any] | None:
    """For the module notification; None for a record that needs no message."""
    kind, data = str(record.get("kind")), record.get("data") or {}
    if kind not in _TOLD:
        return None
    action, what = _TOLD[kind]
    key = f"incident-{incident.id}" if kind in _WHOLE else f"incident-{incident.id}-{kind}-{data.get('key') or record.get('number')}"
    facts = {
        "incident": incident.id,
        "status": incident.status,
        "cluster": incident.cluster,
        "commander": incident.roles.get("commander", ""),
        "duty": data.get("title") if kind in _DUTIES else "",
        "deadline": data.get("deadline"),
        "escalate to": data.get("to"),
        "role": data.get("role"),
        "before": data.get("before"),
        "after": data.get("after"),
        "why": data.get("why"),
        "record": f"#{record.get('number')}",
    }
    return {
        "title": f"{incident.severity} incident {incident.id}: {incident.title}",
        "severity": incident.severity,
        "summary": f"The incident {what}"
        + (f": {data['title']}" if kind in _DUTIES else f": {proposed_update(incident)}" if kind == "update_due" else ""),
        "facts": {name: str(value) for name, value in facts.items() if value},
        "links": {},
        "dedup_key": key,
        "audience": "engineers",
        "action": action,
        "kind": f"incident_{kind}",
    }


def said_again(incident: Incident, request: Request, new: Iterable[Record]) -> list[Record]:
    """The record of what is asked for once more: the run that wrote it may have been killed before it sent the message.

    The outbox sends a message once, by its deduplication key.  An alert that goes on is repeated only until somebody has acknowledged it.
    """
    kinds = {"opened", "reopened"} if request.state == "opened" else {request.state}
    if any(record.get("kind") in kinds for record in new) or incident.status != _STATUS_AFTER.get(request.state):
        return []
    if request.state == "opened" and (request.alerts or request.alerts_ended) and incident.acknowledged_at is not None:
        return []
    return [record for record in incident.records if record.get("kind") in kinds][-1:]


_STATUS_AFTER = {"opened": OPEN, "mitigated": MITIGATED, "resolved": RESOLVED, "cancelled": CANCELLED}
_DUTIES = frozenset({"reminder", "overdue", "escalation"})
_WHOLE = frozenset({"opened", "reopened", "acknowledged", "resolved", "cancelled"})
