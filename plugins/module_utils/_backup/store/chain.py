# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each record names the one before it, so that one that was taken away is missed.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..._sealing.hashing import canonical, digest


class RecordMark(NamedTuple):
    """A record by its name and its hash."""

    name: str
    sha256: str


def mark_of(record: Mapping[str, Any]) -> RecordMark:
    return RecordMark(str(record["name"]), digest(canonical(record)))


def previous_of(record: Mapping[str, Any]) -> RecordMark | None:
    """The newest backup when this one was published."""
    said = record.get("previous")
    return RecordMark(str(said.get("name")), str(said.get("sha256"))) if isinstance(said, dict) else None


def removed(seen: RecordMark, names: Sequence[str], genuine: Callable[[str], Mapping[str, Any] | None]) -> str:
    """Whether the newest backup that was ``seen`` before was taken away, and not by the retention.

    ``names`` are those in the store, newest first; ``genuine`` gives the record of one, or None.  Each record names the one before it.
    """
    if seen.name in names:
        return ""
    record = next((found for name in names if (found := genuine(name))), None)
    if record is None or str(record["name"]) < seen.name:
        return f"the backup {seen.name} was the newest here before, and is gone"
    for _link in names:
        previous = previous_of(record)
        if previous is None:
            first = "previous" in record and record["previous"] is None
            return f"the backup {seen.name} was here before, and {record['name']} says that there was none before it" if first else ""
        if previous.name <= seen.name:
            return "" if previous == seen else f"the backup {seen.name} was here before, and {record['name']} follows {previous.name}"
        following = genuine(previous.name) if previous.name in names else None
        if following is None or previous.name >= str(record["name"]):
            return ""  # what is older was deleted by the retention
        record = following
    return ""
