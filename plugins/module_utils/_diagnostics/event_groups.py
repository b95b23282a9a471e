# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events as a person reads them: one line for each thing that happened, with how often, sorted by when it last did.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._core.json_values import is_integer
from .._core.times import when

Event = dict[str, Any]


def group_events(events: Iterable[Mapping[str, Any]]) -> list[Event]:
    groups: dict[tuple[str, ...], Event] = {}
    for event in events:
        one = _line(event)
        key = tuple(str(one[name]) for name in ("type", "reason", "namespace", "kind", "name", "message"))
        if before := groups.get(key):
            before["count"] += one["count"]
            before["first"] = min(before["first"], one["first"], key=_order)
            before["time"] = max(before["time"], one["time"], key=_order)
        else:
            groups[key] = one
    return sorted(groups.values(), key=lambda one: (_order(one["time"]), one["namespace"], one["name"], one["reason"], one["message"]))


def _order(text: str) -> float:
    return when(text) or 0.0


def _line(event: Mapping[str, Any]) -> Event:
    subject, series, source = (_mapping(event.get(name)) for name in ("involvedObject", "series", "source"))
    metadata = _mapping(event.get("metadata"))
    made = metadata.get("creationTimestamp")
    first = event.get("firstTimestamp") or event.get("eventTime") or made
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or made
    counts = [one for one in (series.get("count"), event.get("count")) if is_integer(one) and one > 0]
    return {
        "time": str(last or ""),
        "first": str(first or ""),
        "count": counts[0] if counts else 1,
        "type": str(event.get("type") or ""),
        "reason": str(event.get("reason") or ""),
        "namespace": str(subject.get("namespace") or metadata.get("namespace") or ""),
        "kind": str(subject.get("kind") or ""),
        "name": str(subject.get("name") or ""),
        "message": str(event.get("message") or ""),
        "source": str(source.get("component") or event.get("reportingComponent") or ""),
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
