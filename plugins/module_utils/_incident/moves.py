# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The moves of an incident: what a request adds to its record, or why it can't.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.times import iso
from .._sealing.hashing import canonical
from .duties import checklist
from .model import CANCELLED, MITIGATED, OPEN, RESOLVED, REVIEWED, Incident, Record, alert_key, fold
from .request import Request
from .watch import noticed

AT_ONCE = 50  # alerts in one record
_ENOUGH = 32 * 1024  # bytes of alerts in one record
# From which status a state leads to which; where it is there already nothing is added.
_MOVES = {
    "mitigated": ((OPEN,), MITIGATED),
    "resolved": ((OPEN, MITIGATED), RESOLVED),
    "reviewed": ((RESOLVED,), REVIEWED),
    "cancelled": ((OPEN, MITIGATED), CANCELLED),
}


class OtherIncidentError(Exception):
    """The incident under this name is another one by now than the one that was looked for."""


def additions(records: Sequence[Record], request: Request, now: float) -> list[dict[str, Any]]:
    """The records to add, each with ``at``, ``by``, ``kind`` and ``data``.  Raises SalvageError(conflict, bad_input, not_found)."""
    made: list[dict[str, Any]] = []

    def add(kind: str, /, **data: Any) -> None:
        made.append({"at": iso(int(now)), "by": request.who, "kind": kind, "data": data})

    if not records:
        if request.state != "opened":
            raise SalvageError(f"there is no incident {request.id}; open it first", reason="not_found")
        _open(request, add)
    incident = fold([*records, *_numbered(made, len(records))])
    if records and request.state == "opened" and not request.id and not joins(incident, request):
        raise OtherIncidentError
    if incident.ended:
        return _after_the_end(incident, request)
    if records and request.state == "opened" and request.id and incident.status in {MITIGATED, RESOLVED}:
        add("reopened", before=incident.status, after=OPEN, why=request.why)
    _severity(incident, request, add)
    _facts(incident, request, add)
    _people(incident, request, add)
    if request.state in _MOVES:
        incident = fold([*records, *_numbered(made, len(records))])
        _move(incident, request, add)
    if request.watch:
        incident = fold([*records, *_numbered(made, len(records))])
        for kind, data in noticed(incident, now):
            add(kind, **data)
    return made


def joins(incident: Incident, request: Request) -> bool:
    """Whether what is to be opened is this incident: its alerts are known or come while it is worked on, or its title is the same."""
    if request.cluster and incident.cluster and request.cluster != incident.cluster:
        return False
    if request.alerts:
        return incident.status in {OPEN, MITIGATED} or all(alert_key(one) in incident.alerts for one in request.alerts)
    return incident.status in {OPEN, MITIGATED} and incident.title == request.title


def _numbered(made: Iterable[Record], before: int) -> list[dict[str, Any]]:
    """As they will stand in the chain; its name comes with the first record."""
    return [{**one, "number": number} for number, one in enumerate(made, start=before + 1)]


def _open(request: Request, add: Any) -> None:
    title = request.title or (request.alerts[0]["name"] if request.alerts else "")
    severity = request.severity or request.proposed
    if not title:
        raise SalvageError("title is missing; say in a few words what is wrong", reason="bad_input")
    if not severity:
        raise SalvageError("severity is missing, and there is no fact to propose one from; set P0, P1, P2 or P3", reason="bad_input")
    add(
        "opened",
        title=title,
        severity=severity,
        severity_by="person" if request.severity else "proposal",
        why=request.why,
        public=request.public,
        cluster=request.cluster,
        started_at=request.started_at or None,
        plan=dict(request.plan),
    )
    if not request.alerts:  # who opens it by hand is at work
        add("acknowledged")


def _after_the_end(incident: Incident, request: Request) -> list[dict[str, Any]]:
    """Nothing follows; what says so again, and alerts that were not asked for by the id, add nothing."""
    again = _MOVES.get(request.state, ((), ""))[1] == incident.status
    if again or not request.id or request.watch:
        return []
    raise SalvageError(f"the incident {incident.id} is {incident.status}, so its record is closed; open another one", reason="conflict")


def _severity(incident: Incident, request: Request, add: Any) -> None:
    proposed = request.proposed if (request.proposed, request.proposed_why) != (incident.proposed, incident.proposed_why) else ""
    if proposed:
        add("proposal", severity=proposed, why=request.proposed_why)
    if request.severity and request.severity != incident.severity:
        add("severity", before=incident.severity, after=request.severity, by="person", why=request.why)
    elif request.severity and incident.severity_by != "person":
        add("severity", before=incident.severity, after=request.severity, by="person", why=request.why or "confirmed")
    elif proposed and proposed < incident.severity and incident.severity_by == "proposal":
        add("severity", before=incident.severity, after=proposed, by="proposal", why=request.proposed_why)


def _facts(incident: Incident, request: Request, add: Any) -> None:
    fresh = [one for one in request.alerts if alert_key(one) not in incident.alerts]
    for some in _batches(fresh):
        add("alerts", alerts=some)
    known = {**incident.alerts, **{alert_key(one): {**one, "ended": None} for one in fresh}}
    ended = [one for one in request.alerts_ended if (there := known.get(alert_key(one))) is not None and not there["ended"]]
    for some in _batches(ended):
        add("alerts_ended", alerts=some)
    if request.blast_radius and dict(request.blast_radius) != {k: v for k, v in incident.blast_radius.items() if k != "number"}:
        add("blast_radius", **request.blast_radius)
    recorded = [{key: value for key, value in one.items() if key not in {"number", "at"}} for one in incident.evidence.values()]
    for piece in request.evidence:
        if piece not in recorded:
            add("evidence", **piece)
    if request.public and request.public != incident.public:
        add("public", text=request.public)
    if request.text:
        add("note", text=request.text)


def _batches(alerts: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """As many at once as one record has room for."""
    found: list[list[dict[str, Any]]] = []
    size = 0
    for one in alerts:
        length = len(canonical(one))
        if not found or len(found[-1]) == AT_ONCE or size + length > _ENOUGH:
            found.append([])
            size = 0
        found[-1].append(one)
        size += length
    return found


def _people(incident: Incident, request: Request, add: Any) -> None:
    if request.acknowledged and incident.acknowledged_at is None:
        add("acknowledged")
    for role, name in request.roles.items():
        if incident.roles.get(role) != name:
            add("role", role=role, before=incident.roles.get(role, ""), after=name)
    known = {duty.id for duty in checklist(incident)}
    marked = [*((item, "done", "") for item in request.done), *((item, "skipped", why) for item, why in request.skipped)]
    for item, state, why in marked:
        if item not in known:
            duties = ", ".join(sorted(known)) or "none"
            raise SalvageError(f"the incident {incident.id} has no duty {shown(item)}; its duties are {duties}", reason="bad_input")
        if (incident.items.get(item) or {}).get("state") != state:
            add("item", item=item, state=state, why=why)
    for action in request.actions:
        if {key: value for key, value in incident.actions.get(action["title"], {}).items() if key != "number"} != action:
            add("action", **action)
    if request.update:
        add("stakeholder_update", **request.update)


def _move(incident: Incident, request: Request, add: Any) -> None:
    before, after = _MOVES[request.state]
    if incident.status == after:
        return
    if incident.status not in before:
        raise SalvageError(
            f"the incident {incident.id} is {incident.status}, so it can't be {request.state}; this follows {' or '.join(before)}",
            reason="conflict",
        )
    if request.state == "cancelled" and not request.why:
        raise SalvageError("why is missing; say why this is not an incident", reason="bad_input")
    if request.state == "reviewed":
        left = ", ".join(duty.id for duty in checklist(incident) if duty.state == "open" and duty.done_by != "reviewed")
        if left:
            raise SalvageError(
                f"the incident {incident.id} has open duties: {left}; mark them done, or skipped with a reason",
                reason="conflict",
            )
    add(request.state, before=incident.status, after=after, why=request.why)
