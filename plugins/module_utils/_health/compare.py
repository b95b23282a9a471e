# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed between two reports of a cluster.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.json_values import is_integer, mappings
from .._core.status import HEALTHY, STATUSES, UNKNOWN

_SOURCES = {"alerts/prometheus", "alerts/alertmanager"}


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each part or check that has a different status: ``{"id", "from", "to"}``, by id.

    Healthy things need not be listed in a report: what is not there is healthy where its part, its namespace and its source were looked at,
    and nothing can be said of it where they were not.  No earlier report: no changes.
    """
    if not before:
        return []
    old, new = _parts(before), _parts(after)
    found: dict[str, tuple[str, str]] = {}
    for name in old.keys() & new.keys():
        was, now = old[name], new[name]
        found[name] = (was[""], now[""])
        for key in was.keys() | now.keys():
            if key and _told(key, was) and _told(key, now):
                found[key] = (was.get(key, HEALTHY), now.get(key, HEALTHY))
    return [{"id": key, "from": was, "to": now} for key, (was, now) in sorted(found.items()) if was != now]


def restarts(report: Mapping[str, Any] | None) -> dict[str, int] | None:
    """The pods' restarts that the report remembers, None if there is no report that looked at pods."""
    remembered = (report or {}).get("restarts")
    if not isinstance(remembered, Mapping):
        return None
    return {str(name): count for name, count in remembered.items() if is_integer(count)}


def _parts(report: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Statuses by id, the part's own under the empty one."""
    found: dict[str, dict[str, str]] = {}
    for part in mappings(report.get("parts")):
        found[str(part.get("name"))] = {
            "": _status(part),
            **{str(check.get("id")): _status(check) for check in mappings(part.get("checks"))},
        }
    return found


def _told(key: str, part: Mapping[str, str]) -> bool:
    """Whether the part says how the thing is, whether it lists the thing or leaves it out."""
    if key in part:
        return True
    if part[""] == UNKNOWN and len(part) == 1:
        return False
    # A check of a namespace, or of a source of alerts, that is not well stands for all that is behind it.
    pieces = key.split("/")
    behind = {"/".join(pieces[:end]) for end in range(1, len(pieces))} | (_SOURCES if pieces[0] == "alerts" else set())
    return all(part.get(one, HEALTHY) == HEALTHY for one in behind)


def _status(of: Mapping[str, Any]) -> str:
    status = of.get("status")
    return status if status in STATUSES else UNKNOWN
