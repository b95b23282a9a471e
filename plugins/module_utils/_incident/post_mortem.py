# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The draft of a post-mortem: sentences that are derived from the record, each with the entries that it is derived from.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .._core.times import span, when
from .duties import checklist
from .model import Incident, Record
from .timeline import entry_text, entry_time, shown_time

CHANGES = frozenset({"deploy", "rollback", "blue_green", "scale", "restore", "rebuild", "policy", "peace_bonds"})
_BEFORE = 86400.0  # a change this long before the start may have to do with it


@dataclass(frozen=True)
class Sentence:
    """``cites`` are the numbers of the entries."""

    text: str
    cites: tuple[int, ...] = ()


@dataclass(frozen=True)
class PostMortem:
    title: str
    summary: tuple[Sentence, ...]
    impact: tuple[Sentence, ...]
    times: tuple[tuple[str, float | None, Sentence], ...]
    worked: tuple[Sentence, ...]
    missed: tuple[Sentence, ...]
    changes: tuple[Sentence, ...]
    actions: tuple[dict[str, Any], ...]
    timeline: tuple[Record, ...]


def times_of(incident: Incident) -> dict[str, float | None]:
    """Seconds: to detect since the start, to acknowledge, mitigate and resolve since the opening.

    None where it did not come to that, and where it came before the opening: a clock was wrong, so nobody knows how long it took.
    """
    opened = incident.opened_at
    ends = {"acknowledge": incident.acknowledged_at, "mitigate": incident.mitigated_at, "resolve": incident.resolved_at}
    detected = None if incident.started_at is None or incident.started_at > opened else opened - incident.started_at
    return {"detect": detected, **{name: None if at is None or at < opened else at - opened for name, at in ends.items()}}


def draft(incident: Incident) -> PostMortem:
    return PostMortem(
        title=f"Incident {incident.id}: {incident.title}",
        summary=tuple(_summary(incident)),
        impact=tuple(_impact(incident)),
        times=tuple(_times(incident)),
        worked=tuple(_worked(incident)),
        missed=tuple(_missed(incident)),
        changes=tuple(_changes(incident)),
        actions=tuple(incident.actions.values()),
        timeline=tuple(incident.records),
    )


def _numbers(incident: Incident, *kinds: str) -> tuple[int, ...]:
    return tuple(int(one["number"]) for one in incident.records if one.get("kind") in kinds)


def _records(incident: Incident, kind: str) -> list[Record]:
    return [one for one in incident.records if one.get("kind") == kind]


def _summary(incident: Incident) -> Iterable[Sentence]:
    first = incident.records[0]
    data = first.get("data") or {}
    by = "by the facts" if data.get("severity_by") == "proposal" else f"by {first.get('by')}"
    where = f" in the cluster {incident.cluster}" if incident.cluster else ""
    yield Sentence(f"{incident.title}: opened {shown_time(incident.opened_at)}{where} as {data.get('severity')}, set {by}.", (1,))
    if incident.started_at is not None:
        cites = _numbers(incident, "alerts")[:1] if not data.get("started_at") else (1,)
        yield Sentence(f"It began {shown_time(incident.started_at)}.", cites or (1,))
    for one in _records(incident, "severity"):
        change = one["data"]
        why = f": {change.get('why')}" if change.get("why") else ""
        yield Sentence(
            f"The severity went from {change.get('before')} to {change.get('after')} at {entry_time(one)}{why}.", (one["number"],)
        )
    for kind, what in (("mitigated", "mitigated"), ("resolved", "resolved"), ("cancelled", "cancelled"), ("reopened", "opened again")):
        for one in _records(incident, kind):
            why = f": {one['data'].get('why')}" if one["data"].get("why") else ""
            yield Sentence(f"It was {what} {entry_time(one)}{why}.", (one["number"],))
    if incident.status in {"open", "mitigated"}:
        yield Sentence(f"The incident is {incident.status}; this is a draft.", (int(incident.records[-1]["number"]),))


def _impact(incident: Incident) -> Iterable[Sentence]:
    blast = incident.blast_radius
    cite = (int(blast["number"]),) if blast else ()
    if blast.get("failing_share") is not None:
        yield Sentence(f"{float(blast['failing_share']):.1%} of requests failed.", cite)
    for name, what in (("workloads", "Workloads"), ("services", "Services"), ("providers", "Providers"), ("nodes", "Nodes")):
        if blast.get(name):
            yield Sentence(f"{what} affected: {', '.join(blast[name])}.", cite)
    if blast.get("pods"):
        yield Sentence(f"Pods affected: {blast['pods']}.", cite)
    for unknown in blast.get("unknown") or ():
        yield Sentence(f"Not known: {unknown}.", cite)
    if incident.alerts:
        names = sorted({str(one["name"]) for one in incident.alerts.values()})
        ended = sum(1 for one in incident.alerts.values() if one["ended"])
        alerts = "1 alert" if len(incident.alerts) == 1 else f"{len(incident.alerts)} alerts"
        words = f"{alerts} fired ({', '.join(names[:10])}{', ...' if len(names) > 10 else ''}); {ended} of them ended."
        yield Sentence(words, _numbers(incident, "alerts", "alerts_ended"))
    end = incident.mitigated_at if incident.mitigated_at is not None else incident.resolved_at
    begun = incident.opened_at if incident.started_at is None else incident.started_at
    if end is not None:
        cites = (1, *_numbers(incident, "mitigated", "resolved")[:1])
        lasted = f"It lasted {span(end - begun)} until it was mitigated."
        yield Sentence(lasted if end >= begun else "How long it lasted is not known: by the entries it ended before it began.", cites)
    if incident.public:
        yield Sentence(f"Users noticed: {incident.public}", (*_numbers(incident, "public")[-1:],) or (1,))
    if not blast:
        yield Sentence("The blast radius was not assessed.", (1,))


def _times(incident: Incident) -> Iterable[tuple[str, float | None, Sentence]]:
    kinds = {"acknowledge": ("acknowledged",), "mitigate": ("mitigated", "resolved"), "resolve": ("resolved",)}
    for name, seconds in times_of(incident).items():
        then = [one["number"] for kind in kinds.get(name, ()) for one in _records(incident, kind) if _after(incident, one) == seconds]
        numbers = (1, *then[:1]) if seconds is not None else (1, len(incident.records))
        came = any(_records(incident, kind) for kind in kinds.get(name, ()))
        words = "not known" if name == "detect" else "not known: a clock was wrong" if came else "it did not come to that"
        yield name, seconds, Sentence(words if seconds is None else span(seconds), tuple(dict.fromkeys(numbers)))


def _after(incident: Incident, record: Record) -> float | None:
    at = when(record.get("at"))
    return None if at is None else max(0.0, at - incident.opened_at)


def _worked(incident: Incident) -> Iterable[Sentence]:
    by_number = {one["number"]: one for one in incident.records}
    for duty in checklist(incident):
        done = by_number.get(duty.number) if duty.state == "done" else None
        at = when(done.get("at")) if done else None
        if at is not None and at <= duty.deadline:
            early = span(duty.deadline - at)
            yield Sentence(f"{duty.title}: done {early} before the deadline.", (int(duty.number or 0),))


def _missed(incident: Incident) -> Iterable[Sentence]:
    for one in _records(incident, "overdue"):
        yield Sentence(f"{one['data'].get('title')}: missed the deadline {one['data'].get('deadline')}.", (one["number"],))
    for one in _records(incident, "escalation"):
        yield Sentence(f"{one['data'].get('title')}: escalated to {one['data'].get('to')} at {entry_time(one)}.", (one["number"],))
    for one in _records(incident, "item"):
        if one["data"].get("state") == "skipped":
            yield Sentence(f"{one['data'].get('item')}: skipped, {one['data'].get('why')}.", (one["number"],))


def _changes(incident: Incident) -> Iterable[Sentence]:
    for one in _records(incident, "evidence"):
        if one["data"].get("kind") in CHANGES:
            yield Sentence(f"{entry_time(one)}: {entry_text(one)}.", (one["number"],))
