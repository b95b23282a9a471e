# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a record in words, and where they stand on the axis of time.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._core.sentences import some_of
from .._core.times import iso, when
from .model import Record

_WORDS = {
    "opened": "opened as {severity}: {title}",
    "acknowledged": "acknowledged",
    "proposal": "the facts speak for {severity}: {why}",
    "severity": "severity {before} -> {after}: {why}",
    "role": "{role}: {before} -> {after}",
    "item": "{item}: {state} {why}",
    "note": "{text}",
    "public": "for the public: {text}",
    "evidence": "{kind}: {title} {link}",
    "blast_radius": "blast radius assessed",
    "stakeholder_update": "update for {audience} {channel}: {text}",
    "action": "action: {title}, {owner}, due {due}",
    "mitigated": "mitigated: {why}",
    "resolved": "resolved: {why}",
    "reviewed": "reviewed: {why}",
    "cancelled": "cancelled: {why}",
    "reopened": "opened again: {why}",
    "overdue": "overdue since {deadline}: {title}",
    "reminder": "due {deadline}: {title}",
    "escalation": "escalated to {to}: {title}",
    "clock_ahead": "the clock was ahead at {noted}: the duties count from here",
    "update_due": "the next update of the stakeholders is due",
}


class _Fields(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def entry_text(record: Record) -> str:
    """An entry in one line."""
    kind, data = str(record.get("kind")), record.get("data") or {}
    if kind in {"alerts", "alerts_ended"}:
        names = [str(one.get("name")) for one in data.get("alerts") or ()]
        return f"{len(names)} alerts {'fired' if kind == 'alerts' else 'ended'}: {some_of(names, 5)}"
    text = _WORDS.get(kind, kind).format_map(_Fields({key: "" if value is None else value for key, value in data.items()}))
    facts = data.get("facts") if kind == "evidence" else None
    extra = f" ({', '.join(f'{name}: {value}' for name, value in sorted(facts.items()))})" if facts else ""
    return " ".join((text.strip().rstrip(":") + extra).split())


def entry_time(record: Record) -> str:
    at = when(record.get("at"))
    return "at an unknown time" if at is None else shown_time(at)


def shown_time(at: float) -> str:
    """As people read it."""
    return iso(int(at)).replace("T", " ").replace("Z", " UTC")


@dataclass(frozen=True)
class PlottedEntry:
    """An entry on the plot: its place from 0 to 1, and its row."""

    number: int
    share: float
    row: int
    text: str


def points(records: Sequence[Record], rows: int = 6) -> list[PlottedEntry]:
    times = [when(one.get("at")) for one in records]
    known = [at for at in times if at is not None]
    if not known:
        return []
    low, high = min(known), max(known)
    return [
        PlottedEntry(int(one["number"]), (at - low) / (high - low) if high > low else 0.5, place % rows, entry_text(one))
        for place, (one, at) in enumerate(zip(records, times, strict=True))
        if at is not None
    ]
