# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is genuine is also what is meant: of this cluster, and young enough.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .._core.times import span, when

CLOCK_SKEW = 60.0  # seconds


class Origin(NamedTuple):
    """A cluster: the name that its backups were given, and the UID of its namespace kube-system.  Empty: unknown."""

    name: str
    uid: str

    def __str__(self) -> str:
        return self.name or self.uid


def origin_of(record: Mapping[str, Any]) -> Origin:
    cluster = record.get("cluster")
    said = [cluster.get(field) for field in Origin._fields] if isinstance(cluster, dict) else ["", ""]
    return Origin(*(one if isinstance(one, str) else "" for one in said))


def foreign(record: Mapping[str, Any], asked: str | None, live: str, *, allow_unknown: bool) -> str:
    """Why the backup is not of the cluster that is ``asked`` for by its name or UID, else not of the ``live`` one; empty where it is."""
    origin = origin_of(record)
    if asked:
        if asked in origin:
            return ""
        if origin.name:
            return f"it is of the cluster {origin}, not of {asked}"
        unknown = f"its record does not name its cluster, so it may be of another one than {asked}"
    elif origin.uid and live:
        return "" if origin.uid == live else f"it is of another cluster, {origin}; to use it here, set cluster={origin}"
    else:
        where = "its record does not say of which cluster it is" if not origin.uid else "the namespace kube-system can't be read"
        unknown = f"{where}, so it may be of another one"
    return "" if allow_unknown else f"{unknown}; if you know that it is the right one, set allow_unknown_cluster=true"


def too_old(record: Mapping[str, Any], max_age: float, now: float) -> str:
    """Why its age is not allowed, in seconds; 0 allows any."""
    if not max_age:
        return ""
    created = when(record.get("created"))
    if created is None or created - now > CLOCK_SKEW:
        return f"its age is not known: it was created at {record.get('created')}; set max_age=0 to allow any age"
    age = now - created
    return "" if age <= max_age else f"it is {span(age)} old, and max_age allows {span(max_age)}; set max_age=0 to allow any age"
