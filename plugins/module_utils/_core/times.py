# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times and durations: read, compared, and written for machines and for people."""

from __future__ import annotations

import calendar
import contextlib
import datetime
import functools
import math
import re
import time

from .errors import SalvageError, shown

_FRACTION = re.compile(r"\.(\d+)")
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


def iso(timestamp: float) -> str:
    """As 2026-11-24T14:00:00Z; for times that ``datetime`` can hold."""
    moment = datetime.datetime.fromtimestamp(timestamp, tz=datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def rfc3339(text: object) -> int | None:
    """Unix nanoseconds of a time that every reader of RFC 3339 takes: capital T and Z, no leap second, up to nine digits of a fraction."""
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    minute, seconds, fraction, sign, hours, minutes = match.groups()
    try:
        total = _minute(minute) + int(seconds)
    except (ValueError, OverflowError):
        return None
    if sign:
        total -= int(f"{sign}1") * (int(hours) * 3600 + int(minutes) * 60)
    return total * 10**9 + int(f"{fraction or 0:0<9}")


@functools.lru_cache(maxsize=4096)  # the lines of a log come by the minute
def _minute(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M"))


def when(text: object) -> float | None:
    """Unix seconds of an RFC 3339 time, None if it is none."""
    # Prometheus writes nanoseconds; before Python 3.11 a fraction has six digits.
    plain = _FRACTION.sub(lambda found: f".{found[1]:0<6.6}", str(text)).replace("Z", "+00:00")
    try:
        moment = datetime.datetime.fromisoformat(plain)
        return moment.timestamp() if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def ago(text: object, now: float) -> str:
    """``for 3 min`` of a time; empty if it is none."""
    moment = when(text)
    return "" if moment is None else f"for {span(max(0.0, now - moment))}"


def span(seconds: float) -> str:
    """A duration as a person says it."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds / size)} {unit}"
    return f"{int(seconds)} s"


def parse_duration(value: object, where: str) -> float:
    """Seconds of 90, "90", "90s", "15m" or "1h30m".  Raises SalvageError(bad_input)."""
    match = None
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):  # an int of thousands of digits
            match = _DURATION.fullmatch(str(value).strip())
    if not match or not any(match.groups()):
        raise _not_a_duration(where, value)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not math.isfinite(total):
        raise _not_a_duration(where, value)
    return total


def _not_a_duration(where: str, value: object) -> SalvageError:
    return SalvageError(f"{where}: {shown(value)} is not a duration; write seconds, or 90s, 15m, 1h30m", reason="bad_input")
