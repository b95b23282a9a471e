# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hours of the day and moments, by the clocks of a time zone.  Pure."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from datetime import datetime, timedelta
from datetime import time as time_of_day

from .errors import SalvageError, shown

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def hours_end(now: float, days: Sequence[str], start: str, end: str, timezone: str, where: str) -> float | None:
    """When the hours end that are now; None outside.  The days are those that they begin on; from one time to the same is a whole day."""
    zone = zone_of(timezone, where)
    first, last = _clock(start, where), _clock(end, where)
    today = datetime.fromtimestamp(now, zone).date()
    for back in (1, 0):
        day = today - timedelta(days=back)
        begins = datetime.combine(day, first, zone).timestamp()
        ends = datetime.combine(day + timedelta(days=last <= first), last, zone).timestamp()
        if begins <= now < ends and DAYS[day.weekday()] in days:
            return ends
    return None


def moment_of(text: str, timezone: str, where: str) -> float:
    """Unix seconds of a time with an offset, or of one in the time zone.  Raises SalvageError(bad_input)."""
    zone = zone_of(timezone, where)
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError, AttributeError):
        raise SalvageError(
            f"{where}: {shown(text)} is not a time; write 2026-11-24T22:00 or 2026-11-24T22:00:00+01:00", reason="bad_input"
        ) from None


def zone_of(name: str, where: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        sentence = f"{where}: {shown(name)} is not a time zone of this machine; write a name such as Europe/Rome, or install tzdata"
        raise SalvageError(sentence, reason="bad_input") from None


def _clock(text: str, where: str) -> time_of_day:
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        raise SalvageError(f"{where}: {shown(text)} is not a time of day; write it in quotes as '22:00'", reason="bad_input")
    return time_of_day(int(found[1]), int(found[2]))
