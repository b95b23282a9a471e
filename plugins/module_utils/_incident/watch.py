# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody who watches the clock notices: reminders, missed deadlines, escalations, the next update of the stakeholders.  Pure."""

from __future__ import annotations

from typing import Any

from .._core.times import iso
from .duties import Duty, checklist, hours_of, table_of
from .model import CLOCKS_DIFFER, MITIGATED, OPEN, RESOLVED, Incident
from .working_time import is_working, working_after, working_between

Notice = tuple[str, dict[str, Any]]


def noticed(incident: Incident, now: float) -> list[Notice]:
    """The records that a look at the clock adds, each of them once.  Deadlines in business hours are looked at in business hours."""
    if incident.status not in {OPEN, MITIGATED, RESOLVED} or not is_working(now, hours_of(incident)):
        return []
    if incident.clock_from > now + CLOCKS_DIFFER:
        return [("clock_ahead", {"key": "clock", "noted": iso(incident.clock_from)})]  # from now on the duties count
    found: list[Notice] = []
    for duty in waiting(incident):
        found += _of_duty(incident, duty, now)
    if incident.status != RESOLVED:
        found += _update(incident, now)
    return [(kind, data) for kind, data in found if (kind, data["key"]) not in incident.noticed]


def waiting(incident: Incident) -> list[Duty]:
    """Its open duties; of a resolved incident only those with a deadline after its end."""
    duties = [duty for duty in checklist(incident) if duty.state == "open"]
    if incident.status == RESOLVED and incident.resolved_at is not None:
        return [duty for duty in duties if duty.deadline > incident.resolved_at]
    return duties


def _of_duty(incident: Incident, duty: Duty, now: float) -> list[Notice]:
    hours, table = hours_of(incident), table_of(incident)
    about = {"item": duty.id, "title": duty.title, "deadline": iso(duty.deadline)}
    if now <= duty.deadline:
        begun = max(duty.starts_at, incident.clock_from)
        remind = working_after(begun, working_between(begun, duty.deadline, hours) * float(table.get("remind_at") or 1.0), hours)
        return [("reminder", {"key": duty.id, **about})] if now >= remind else []
    found: list[Notice] = [("overdue", {"key": duty.id, **about})]
    for level, step in enumerate(table.get("escalation") or (), start=1):
        if now > working_after(duty.deadline, step["after"], hours):
            found.append(("escalation", {"key": f"{duty.id}/{level}", **about, "level": level, "to": step["to"]}))
    return found


def _update(incident: Incident, now: float) -> list[Notice]:
    every = table_of(incident).get("update_every")
    if not every:
        return []
    last = incident.updated_at if incident.updated_at is not None else incident.clock_from
    missed = int(working_between(last, now, hours_of(incident)) / every)
    return [("update_due", {"key": f"{incident.updates}/{missed}", "since": iso(last)})] if missed else []
