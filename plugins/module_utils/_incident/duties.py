# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of an incident: its duties with their deadlines, by severity.  Pure."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.times import parse_duration
from .model import SEVERITIES, Incident
from .working_time import Calendar, calendar_of, working_after

HOURS = ("always", "business")
_TABLE = {"hours", "update_every", "remind_at", "escalation", "phases"}
_PHASE = {"name", "starts", "ends", "duties"}
_DUTY = {"id", "title", "done_by", "ends"}


@dataclass(frozen=True)
class Duty:
    """One line of the checklist.  ``state`` is open, done or skipped; times are Unix seconds."""

    id: str
    title: str
    phase: str
    starts_at: float
    deadline: float
    state: str
    number: int | None
    done_by: str


def read_plan(data: Mapping[str, Any]) -> dict[str, Any]:
    """A plan as the first record keeps it, with durations in seconds.  Raises SalvageError(bad_input) that says where."""
    _keys("plan", data, {"calendar", "severities"}, {"severities"})
    severities = data["severities"]
    if not isinstance(severities, Mapping) or set(severities) != set(SEVERITIES):
        raise SalvageError(f"plan.severities must have {', '.join(SEVERITIES)}, and nothing else", reason="bad_input")
    tables = {name: _table(f"plan.severities.{name}", severities[name]) for name in SEVERITIES}
    business = any(table["hours"] == "business" for table in tables.values())
    if business or data.get("calendar"):
        calendar_of(data.get("calendar"))
    return {"calendar": json.loads(json.dumps(data.get("calendar"), default=str)), "severities": tables}


def _table(where: str, data: Any) -> dict[str, Any]:
    _keys(where, data, _TABLE, {"phases"})
    hours = data.get("hours", "always")
    if hours not in HOURS:
        raise SalvageError(f"{where}.hours is {shown(hours)}; write {' or '.join(HOURS)}", reason="bad_input")
    share = data.get("remind_at", 0.8)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
        raise SalvageError(f"{where}.remind_at is {shown(share)}; write a share of the time to a deadline, such as 0.8", reason="bad_input")
    levels = []
    for number, level in enumerate(_list(f"{where}.escalation", data.get("escalation") or [])):
        _keys(f"{where}.escalation[{number}]", level, {"after", "to"}, {"after", "to"})
        levels.append({"after": parse_duration(level["after"], f"{where}.escalation[{number}].after"), "to": str(level["to"])})
    duties = [
        duty for number, phase in enumerate(_list(f"{where}.phases", data["phases"])) for duty in _phase(f"{where}.phases[{number}]", phase)
    ]
    twice = [duty["id"] for duty in duties if [other["id"] for other in duties].count(duty["id"]) > 1]
    if twice:
        raise SalvageError(f"{where} has the duty {shown(twice[0])} twice; an id is given once", reason="bad_input")
    every = data.get("update_every")
    return {
        "hours": hours,
        "remind_at": float(share),
        "update_every": None if every is None else _positive(every, f"{where}.update_every"),
        "escalation": sorted(levels, key=lambda level: float(level["after"])),
        "duties": duties,
    }


def _phase(where: str, data: Any) -> list[dict[str, Any]]:
    _keys(where, data, _PHASE, {"name", "ends", "duties"})
    starts = parse_duration(data.get("starts", 0), f"{where}.starts")
    ends = _positive(data["ends"], f"{where}.ends")
    if ends <= starts:
        raise SalvageError(f"{where} ends before it starts", reason="bad_input")
    found = []
    for number, duty in enumerate(_list(f"{where}.duties", data["duties"])):
        place = f"{where}.duties[{number}]"
        _keys(place, duty, _DUTY, {"id", "title"})
        if not isinstance(duty["id"], str) or not duty["id"] or not isinstance(duty["title"], str) or not duty["title"]:
            raise SalvageError(f"{place} needs an id and a title, both texts", reason="bad_input")
        until = _positive(duty["ends"], f"{place}.ends") if "ends" in duty else ends
        found.append(
            {
                "id": duty["id"],
                "title": duty["title"],
                "phase": str(data["name"]),
                "starts": starts,
                "within": until,
                "done_by": str(duty.get("done_by") or ""),
            }
        )
    return found


def _positive(value: object, where: str) -> float:
    seconds = parse_duration(value, where)
    if seconds <= 0:
        raise SalvageError(f"{where} is {shown(value)}; write a duration above 0", reason="bad_input")
    return seconds


def _list(where: str, data: Any) -> list[Any]:
    if not isinstance(data, (list, tuple)):
        raise SalvageError(f"{where} is {shown(data)}; write a list", reason="bad_input")
    return list(data)


def _keys(where: str, data: Any, known: set[str], required: set[str]) -> None:
    if not isinstance(data, Mapping):
        raise SalvageError(f"{where} is {shown(data)}; write an object", reason="bad_input")
    unknown, missing = sorted(map(str, set(data) - known)), sorted(required - set(data))
    if unknown or missing:
        what = f"does not know {unknown[0]}" if unknown else f"lacks {missing[0]}"
        raise SalvageError(f"{where} {what}; it has {', '.join(sorted(known))}", reason="bad_input")


def table_of(incident: Incident) -> Mapping[str, Any]:
    """The part of its plan for its severity; empty where it has no plan."""
    return (incident.plan.get("severities") or {}).get(incident.severity) or {}


def hours_of(incident: Incident) -> Calendar | None:
    """The calendar that its deadlines go by; None: all hours count."""
    if table_of(incident).get("hours") != "business":
        return None
    return _calendar(json.dumps(incident.plan.get("calendar"), sort_keys=True))


@functools.lru_cache(maxsize=16)
def _calendar(text: str) -> Calendar:
    return calendar_of(json.loads(text))


def checklist(incident: Incident) -> list[Duty]:
    """Its duties in the order of their deadlines, counted from the opening, or from when its severity was raised."""
    hours, begun = hours_of(incident), incident.clock_from
    found = []
    for duty in table_of(incident).get("duties") or ():
        noted = incident.items.get(duty["id"])
        event = incident.happened.get(duty["done_by"]) if duty["done_by"] else None
        state = str(noted["state"]) if noted else "done" if event else "open"
        number = noted["number"] if noted else event.get("number") if event else None
        starts, deadline = working_after(begun, duty["starts"], hours), working_after(begun, duty["within"], hours)
        found.append(Duty(duty["id"], duty["title"], duty["phase"], starts, deadline, state, number, duty["done_by"]))
    return sorted(found, key=lambda duty: duty.deadline)
