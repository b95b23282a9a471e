# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Working hours: when a time is one, and what is some hours of work later.  Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.hours import DAYS

try:
    import zoneinfo
except ImportError:  # pragma: no cover
    zoneinfo = None  # type: ignore[assignment]

_LONGEST = 3660  # days to look ahead
_DAY = 86400.0


@dataclass(frozen=True)
class Calendar:
    """The hours of work on some days of the week, by the clocks of a time zone; ``start`` and ``end`` in minutes after midnight."""

    zone: Any
    days: frozenset[int]
    start: int
    end: int
    holidays: frozenset[datetime.date]

    def windows(self, since: float) -> Iterator[tuple[float, float]]:
        """The times of work that end after ``since``, in Unix seconds."""
        day = datetime.datetime.fromtimestamp(since, tz=self.zone).date() - datetime.timedelta(days=1)
        for _day in range(_LONGEST):
            if day.weekday() in self.days and day not in self.holidays:
                begin, finish = self._moment(day, self.start), self._moment(day, self.end)
                if finish > max(since, begin):
                    yield max(begin, since), finish
            day += datetime.timedelta(days=1)

    def _moment(self, day: datetime.date, minutes: int) -> float:
        """By the clock on the wall, whatever the clocks were changed by on that day."""
        later, minute = divmod(minutes, 24 * 60)
        local = datetime.datetime.combine(day + datetime.timedelta(days=later), datetime.time(minute // 60, minute % 60), tzinfo=self.zone)
        return local.timestamp()


def working_after(since: float, seconds: float, calendar: Calendar | None) -> float:
    """The time some seconds of work after another one; without a calendar all time counts."""
    if calendar is None:
        return since + seconds
    left = seconds
    for begin, finish in calendar.windows(since):
        if left <= finish - begin:
            return begin + left
        left -= finish - begin
    raise SalvageError(f"calendar: there are no working hours within {_LONGEST} days; check days and holidays", reason="bad_input")


def working_between(since: float, until: float, calendar: Calendar | None) -> float:
    """The seconds of work between two times."""
    if calendar is None or until <= since:
        return max(0.0, until - since)
    total = 0.0
    for begin, finish in calendar.windows(since):
        if begin >= until:
            break
        total += min(finish, until) - begin
    return total


def is_working(now: float, calendar: Calendar | None) -> bool:
    return calendar is None or next(calendar.windows(now), (now + _DAY,))[0] <= now


def calendar_of(data: object) -> Calendar:
    """From a plan: timezone, days, start, end, holidays.  Raises SalvageError(bad_input)."""
    if not isinstance(data, Mapping) or set(data) - {"timezone", "days", "start", "end", "holidays"}:
        raise _wrong("calendar", data, "an object with timezone, days, start, end and holidays")
    try:
        zone = zoneinfo.ZoneInfo(str(data.get("timezone") or ""))
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        hint = "a time zone such as Europe/Vienna; where the system has no time zones, install the Python package tzdata"
        raise _wrong("calendar.timezone", data.get("timezone"), hint) from None
    days = data.get("days")
    if not isinstance(days, (list, tuple)) or not days or not set(map(str, days)) <= set(DAYS):
        raise _wrong("calendar.days", days, f"a list of {', '.join(DAYS)}")
    start, end = _minutes("start", data.get("start")), _minutes("end", data.get("end"))
    if start >= end:
        raise _wrong("calendar.end", data.get("end"), f"a time after {data.get('start')}")
    holidays = data.get("holidays") or []
    try:
        free = frozenset(datetime.date.fromisoformat(str(one)) for one in holidays)
    except (ValueError, TypeError):
        raise _wrong("calendar.holidays", holidays, "a list of dates such as 2026-12-25") from None
    return Calendar(zone, frozenset(DAYS.index(str(day)) for day in days), start, end, free)


def _minutes(name: str, text: object) -> int:
    hours, colon, minutes = str(text).partition(":")
    if isinstance(text, str) and colon and hours.isdecimal() and minutes.isdecimal() and len(hours) <= 2 and len(minutes) == 2:
        total = int(hours) * 60 + int(minutes)
        if total <= 24 * 60 and int(minutes) < 60:
            return total
    raise _wrong(f"calendar.{name}", text, "a time such as '09:00', in quotes")


def _wrong(where: str, value: object, wanted: str) -> SalvageError:
    return SalvageError(f"{where} is {shown(value)}; write {wanted}", reason="bad_input")
