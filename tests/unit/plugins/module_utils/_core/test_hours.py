# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hours by the clocks of a time zone: in winter and in summer, over midnight and at weekends."""

from __future__ import annotations

import datetime
import zoneinfo

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.hours import DAYS, hours_end, moment_of
from hypothesis import given
from hypothesis import strategies as st

ROME = "Europe/Rome"
WEEKEND, WORKDAYS = DAYS[5:], DAYS[:5]


def at(text: str, zone: str = ROME) -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp()


def shown(seconds: float | None, zone: str = ROME) -> str | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, zoneinfo.ZoneInfo(zone)).isoformat(timespec="minutes")


HOURS = [
    ("2027-01-15T21:59", DAYS, "22:00", "07:00", None),
    ("2027-01-15T22:00", DAYS, "22:00", "07:00", "2027-01-16T07:00+01:00"),
    ("2027-01-16T06:59", DAYS, "22:00", "07:00", "2027-01-16T07:00+01:00"),
    ("2027-01-16T07:00", DAYS, "22:00", "07:00", None),
    ("2027-07-15T23:00", DAYS, "22:00", "07:00", "2027-07-16T07:00+02:00"),
    # The short night and the long one end when the clock says so.
    ("2027-03-27T23:00", DAYS, "22:00", "07:00", "2027-03-28T07:00+02:00"),
    ("2027-10-30T23:00", DAYS, "22:00", "07:00", "2027-10-31T07:00+01:00"),
    # An end that the short night does not have, and one that the long night has twice.
    ("2027-03-28T01:59", DAYS, "22:00", "02:30", "2027-03-28T03:30+02:00"),
    ("2027-10-31T01:59", DAYS, "22:00", "02:30", "2027-10-31T02:30+02:00"),
    # The night belongs to the day that it begins on: Friday's ends on Saturday.
    ("2027-01-16T03:00", WORKDAYS, "22:00", "07:00", "2027-01-16T07:00+01:00"),
    ("2027-01-17T03:00", WORKDAYS, "22:00", "07:00", None),
    ("2027-01-18T03:00", WEEKEND, "22:00", "07:00", "2027-01-18T07:00+01:00"),
    # Office hours, a whole day, and a whole day from noon.
    ("2027-01-15T12:00", WORKDAYS, "09:00", "17:00", "2027-01-15T17:00+01:00"),
    ("2027-01-16T12:00", WORKDAYS, "09:00", "17:00", None),
    ("2027-01-16T12:00", WEEKEND, "00:00", "00:00", "2027-01-17T00:00+01:00"),
    ("2027-01-15T23:59", WEEKEND, "00:00", "00:00", None),
    ("2027-01-17T11:00", ("sat",), "12:00", "12:00", "2027-01-17T12:00+01:00"),
    ("2027-01-17T12:00", ("sat",), "12:00", "12:00", None),
    ("2027-01-15T12:00", (), "00:00", "00:00", None),
]


@pytest.mark.parametrize(("now", "days", "start", "end", "until"), HOURS)
def test_hours(now: str, days: tuple[str, ...], start: str, end: str, until: str | None) -> None:
    assert shown(hours_end(at(now), days, start, end, ROME, "it")) == until


@given(st.integers(1_700_000_000, 1_900_000_000), st.sampled_from([ROME, "America/New_York", "Asia/Kolkata", "UTC", "Australia/Lord_Howe"]))
def test_of_a_day_and_its_rest_one_holds_at_any_time(now: int, zone: str) -> None:
    """At each moment exactly one of two ranges that make a day together, and its end is later."""
    first, second = hours_end(now, DAYS, "08:15", "19:45", zone, "it"), hours_end(now, DAYS, "19:45", "08:15", zone, "it")
    assert (first is None) != (second is None)
    end = first or second
    assert end is not None and now < end <= now + 14 * 3600


@pytest.mark.parametrize("text", ["", "soon", "2027-13-01T00:00", "2027-01-01T25:00", "99999-01-01"])
def test_what_is_not_a_time(text: str) -> None:
    with pytest.raises(SalvageError, match="is not a time"):
        moment_of(text, "UTC", "it")
