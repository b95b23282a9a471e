# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All incidents of a store: which one is meant, and the name of a new one."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.gather import for_each
from .._records.chain_store import check_stored
from .model import MITIGATED, OPEN, RESOLVED, Incident, alert_key, fold
from .moves import joins
from .options import Opened
from .request import Request

NAME = re.compile(r"[0-9]{8}-[0-9]{1,5}")
_RECENT = 100  # incidents that are looked through for an alert that was recorded already


def by_age(names: Iterable[str]) -> list[str]:
    """Names of incidents, the newest first."""
    return sorted((name for name in names if NAME.fullmatch(name)), key=lambda name: tuple(map(int, name.split("-"))), reverse=True)


def new_name(names: Iterable[str], now: float) -> str:
    """The day, and a number on it."""
    day = f"{datetime.datetime.fromtimestamp(now, tz=datetime.timezone.utc):%Y%m%d}"
    newest = max((int(name.partition("-")[2]) for name in by_age(names) if name.startswith(day)), default=0)
    return f"{day}-{newest + 1}"


def known_name(name: str) -> str:
    """Raises SalvageError(bad_input)."""
    if not NAME.fullmatch(name):
        raise SalvageError(f"id is {shown(name)}; write the id of an incident, such as 20261124-1", reason="bad_input")
    return name


def recent(opened: Opened, names: Iterable[str]) -> list[Incident]:
    """The newest first."""

    def read(name: str) -> Incident:
        return fold([item.record for item in check_stored(name, opened.store.load(name), opened.keys)])

    return [one for one in for_each(read, by_age(names)[:_RECENT]) if one.id]


def knowing(opened: Opened, alerts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The incidents that are not ended and know one of the alerts."""
    wanted = {alert_key(one) for one in alerts}
    return [one.id for one in recent(opened, opened.store.names()) if not one.ended and wanted & one.alerts.keys()]


def find(opened: Opened, names: Iterable[str], request: Request) -> str:
    """The incident that a request is about; empty where there is none yet.  Raises SalvageError(bad_input, not_found, conflict)."""
    if request.id:
        return known_name(request.id)
    found = recent(opened, names)
    if request.state == "opened":
        return _to_open(found, request)
    worked_on = {"reviewed": {RESOLVED}}.get(request.state, {OPEN, MITIGATED})
    fits = [one for one in found if one.status in worked_on]
    if not fits and request.state == "updated":
        fits = [one for one in found if one.status == RESOLVED]
    if len(fits) != 1:
        ids = ", ".join(one.id for one in fits)
        what = f"{len(fits)} incidents can be {request.state}: {ids}" if fits else f"there is no incident that can be {request.state}"
        raise SalvageError(f"{what}; set id", reason="conflict" if fits else "not_found")
    return fits[0].id


def _to_open(found: list[Incident], request: Request) -> str:
    """One that knows all of its alerts, else the newest one that it joins."""
    wanted = {alert_key(one) for one in (*request.alerts, *request.alerts_ended)}
    known = [one for one in found if wanted and wanted <= one.alerts.keys()]
    if not known and not request.alerts:
        known = [one for one in found if wanted & one.alerts.keys()]
    if not known and not (request.alerts_ended and not request.alerts):
        known = [one for one in found if joins(one, request)]
    return known[0].id if known else ""
