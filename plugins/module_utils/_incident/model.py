# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An incident, as its records tell it.  Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.times import iso, when
from .._records.chain_store import is_entry

SEVERITIES = ("P0", "P1", "P2", "P3")
OPEN, MITIGATED, RESOLVED, REVIEWED, CANCELLED = STATUSES = ("open", "mitigated", "resolved", "reviewed", "cancelled")
ENDED = frozenset({REVIEWED, CANCELLED})  # nothing is added to the record any more
CLOCKS_DIFFER = 60.0  # seconds that two machines may
ROLES = ("commander", "scribe", "communications")

Record = Mapping[str, Any]


@dataclass
class Incident:
    """What the records add up to.  Times are Unix seconds, numbers are those of records."""

    id: str = ""
    title: str = ""
    status: str = OPEN
    severity: str = ""
    severity_by: str = ""
    proposed: str = ""
    proposed_why: str = ""
    cluster: str = ""
    public: str = ""
    started_at: float | None = None
    opened_at: float = 0.0
    acknowledged_at: float | None = None
    mitigated_at: float | None = None
    resolved_at: float | None = None
    reviewed_at: float | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    evidence: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    blast_radius: Mapping[str, Any] = field(default_factory=dict)
    happened: dict[str, Record] = field(default_factory=dict)
    noticed: set[tuple[str, str]] = field(default_factory=set)
    clock_from: float = 0.0
    updated_at: float | None = None
    updates: int = 0
    records: Sequence[Record] = ()

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def to_dict(self) -> dict[str, Any]:
        """For a module's result."""
        times = {
            name: None if (value := getattr(self, name)) is None else iso(value)
            for name in ("started_at", "opened_at", "acknowledged_at", "mitigated_at", "resolved_at", "reviewed_at")
        }
        plain = ("id", "title", "status", "severity", "severity_by", "proposed", "proposed_why", "cluster", "public", "roles")
        return {
            **{name: getattr(self, name) for name in plain},
            **times,
            "alerts": list(self.alerts.values()),
            "evidence": list(self.evidence.values()),
            "actions": list(self.actions.values()),
            "blast_radius": dict(self.blast_radius),
            "entries": len(self.records),
        }


def alert_key(alert: Mapping[str, Any]) -> str:
    """One firing of one alert."""
    return f"{alert.get('fingerprint')}@{alert.get('starts_at')}"


def fold(records: Iterable[Record]) -> Incident:
    """The incident of these records, in their order."""
    made = Incident(records=tuple(record for record in records if is_entry(record)))
    for record in made.records:
        apply = _APPLY.get(record["kind"])
        if apply:
            with contextlib.suppress(TypeError, AttributeError, KeyError, ValueError):  # nobody but us writes it so: it adds nothing
                apply(made, record["data"], record)
        if made.clock_from > _at(record) + CLOCKS_DIFFER:
            made.clock_from = _at(record)  # a clock was ahead: by it no duty would be due
    return made


def _at(record: Record) -> float:
    return when(record.get("at")) or 0.0


def _opened(made: Incident, data: Record, record: Record) -> None:
    made.id, made.opened_at = str(record.get("chain")), _at(record)
    made.clock_from = made.opened_at
    made.title, made.plan = str(data.get("title")), data.get("plan") or {}
    made.cluster, made.public = str(data.get("cluster") or ""), str(data.get("public") or "")
    made.severity, made.severity_by = str(data.get("severity")), str(data.get("severity_by") or "")
    made.started_at = when(data.get("started_at"))
    _notice(made, "opened", record)


def _severity(made: Incident, data: Record, record: Record) -> None:
    before, made.severity = made.severity, str(data.get("after"))
    made.severity_by = str(data.get("by") or "")
    if made.severity < before:  # P0 is before P1: nobody could do the duties of the higher severity before it was set
        made.clock_from = _at(record)


def _proposal(made: Incident, data: Record, _record: Record) -> None:
    made.proposed, made.proposed_why = str(data.get("severity")), str(data.get("why"))


def _acknowledged(made: Incident, _data: Record, record: Record) -> None:
    if made.acknowledged_at is None:
        made.acknowledged_at = _at(record)
    _notice(made, "acknowledged", record)


def _role(made: Incident, data: Record, record: Record) -> None:
    made.roles[str(data.get("role"))] = str(data.get("after"))
    _notice(made, str(data.get("role")), record)


def _item(made: Incident, data: Record, record: Record) -> None:
    made.items[str(data.get("item"))] = {"state": data.get("state"), "number": record.get("number"), "at": record.get("at")}


def _alerts(made: Incident, data: Record, record: Record) -> None:
    for alert in data.get("alerts") or ():
        made.alerts.setdefault(alert_key(alert), {**alert, "ended": None, "number": record.get("number")})
        begun = when(alert.get("starts_at"))
        if begun is not None and made.started_at is None:
            made.started_at = begun


def _alerts_ended(made: Incident, data: Record, record: Record) -> None:
    for alert in data.get("alerts") or ():
        if alert_key(alert) in made.alerts:
            made.alerts[alert_key(alert)]["ended"] = record.get("at")


def _evidence(made: Incident, data: Record, record: Record) -> None:
    made.evidence[str(record.get("number"))] = {**data, "number": record.get("number"), "at": record.get("at")}
    _notice(made, str(data.get("kind")), record)


def _action(made: Incident, data: Record, record: Record) -> None:
    made.actions[str(data.get("title"))] = {**data, "number": record.get("number")}


def _blast(made: Incident, data: Record, record: Record) -> None:
    made.blast_radius = {**data, "number": record.get("number")}
    _notice(made, "blast_radius", record)


def _public(made: Incident, data: Record, _record: Record) -> None:
    made.public = str(data.get("text"))


def _stakeholder_update(made: Incident, _data: Record, record: Record) -> None:
    made.updated_at, made.updates = _at(record), made.updates + 1
    _notice(made, "stakeholder_update", record)


def _move(made: Incident, _data: Record, record: Record) -> None:
    kind = str(record.get("kind"))
    made.status = OPEN if kind == "reopened" else kind
    if kind == "reopened":
        made.mitigated_at = made.resolved_at = None
        made.happened.pop("mitigated", None)
        made.happened.pop("resolved", None)
    elif kind == "resolved":
        made.resolved_at = _at(record)
        made.mitigated_at = made.resolved_at if made.mitigated_at is None else made.mitigated_at
    elif kind == "mitigated":
        made.mitigated_at = _at(record)
    elif kind == "reviewed":
        made.reviewed_at = _at(record)
    if kind == "resolved":
        _notice(made, "mitigated", record)
    _notice(made, kind, record)


def _noticed(made: Incident, data: Record, record: Record) -> None:
    made.noticed.add((str(record.get("kind")), str(data.get("key"))))


def _notice(made: Incident, what: str, record: Record) -> None:
    """Something that does a duty by itself."""
    made.happened.setdefault(what, record)


_APPLY = {
    "opened": _opened,
    "severity": _severity,
    "proposal": _proposal,
    "acknowledged": _acknowledged,
    "role": _role,
    "item": _item,
    "alerts": _alerts,
    "alerts_ended": _alerts_ended,
    "evidence": _evidence,
    "action": _action,
    "blast_radius": _blast,
    "public": _public,
    "stakeholder_update": _stakeholder_update,
    **dict.fromkeys(("mitigated", "resolved", "reviewed", "cancelled", "reopened"), _move),
    **dict.fromkeys(("overdue", "reminder", "escalation", "update_due", "clock_ahead"), _noticed),
}
