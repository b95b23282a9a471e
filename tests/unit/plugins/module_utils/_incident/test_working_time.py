# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.working_time import (
    calendar_of,
    is_working,
    working_after,
    working_between,
)
from hypothesis import given
from hypothesis import strategies as st

OFFICE = {"timezone": "Europe/Vienna", "days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00", "holidays": []}
ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ROUND = {**OFFICE, "days": ALL_DAYS, "start": "00:00", "end": "24:00"}
NIGHT = {**OFFICE, "days": ALL_DAYS, "start": "01:00", "end": "05:00"}
HOUR = 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("calendar", "since", "hours", "until"),
    [
        # within a day, over a night, over a weekend
        (OFFICE, "2026-11-25T10:00+01:00", 4, "2026-11-25T14:00+01:00"),
        (OFFICE, "2026-11-25T15:00+01:00", 4, "2026-11-26T11:00+01:00"),
        (OFFICE, "2026-11-27T16:00+01:00", 2, "2026-11-30T10:00+01:00"),
        (OFFICE, "2026-11-28T12:00+01:00", 1, "2026-11-30T10:00+01:00"),
        (OFFICE, "2026-11-25T22:00+01:00", 1, "2026-11-26T10:00+01:00"),
        (OFFICE, "2026-11-25T03:00+01:00", 0, "2026-11-25T09:00+01:00"),
        (OFFICE, "2026-11-25T09:00+01:00", 8, "2026-11-25T17:00+01:00"),
        (OFFICE, "2026-11-25T09:00+01:00", 40, "2026-12-01T17:00+01:00"),
        # a holiday on a Thursday
        ({**OFFICE, "holidays": ["2026-11-26"]}, "2026-11-25T16:00+01:00", 2, "2026-11-27T10:00+01:00"),
        # clocks go forward on 29 March 2026: Friday 16:00 is +01:00, Monday is +02:00
        (OFFICE, "2026-03-27T16:00+01:00", 2, "2026-03-30T10:00+02:00"),
        # 02:00 to 03:00 does not exist: 01:00 to 05:00 has three hours
        (NIGHT, "2026-03-29T01:00+01:00", 3, "2026-03-29T05:00+02:00"),
        (NIGHT, "2026-03-29T01:00+01:00", 4, "2026-03-30T02:00+02:00"),
        # clocks go back on 25 October 2026: 01:00 to 05:00 has five hours
        (OFFICE, "2026-10-23T16:00+02:00", 2, "2026-10-26T10:00+01:00"),
        (NIGHT, "2026-10-25T01:00+02:00", 5, "2026-10-25T05:00+01:00"),
        (NIGHT, "2026-10-25T01:00+02:00", 6, "2026-10-26T02:00+01:00"),
        (ROUND, "2026-03-28T12:00+01:00", 24, "2026-03-29T13:00+02:00"),
        (ROUND, "2026-10-24T12:00+02:00", 24, "2026-10-25T11:00+01:00"),
        # the same moment, another zone: in Tokyo it is evening
        ({**OFFICE, "timezone": "Asia/Tokyo"}, "2026-11-25T10:00+01:00", 1, "2026-11-26T10:00+09:00"),
        ({**OFFICE, "timezone": "America/New_York"}, "2026-11-25T10:00+01:00", 1, "2026-11-25T10:00-05:00"),
        # without a calendar all time counts
        (None, "2026-11-28T23:00+01:00", 4, "2026-11-29T03:00+01:00"),
    ],
)
def test_hours_of_work_later(calendar: Any, since: str, hours: float, until: str) -> None:
    hours_of_work = calendar_of(calendar) if calendar else None
    assert working_after(at(since), hours * HOUR, hours_of_work) == at(until)
    assert working_between(at(since), at(until), hours_of_work) == hours * HOUR


@pytest.mark.parametrize(
    ("moment", "works"),
    [
        ("2026-11-25T08:59:59+01:00", False),
        ("2026-11-25T09:00:00+01:00", True),
        ("2026-11-25T16:59:59+01:00", True),
        ("2026-11-25T17:00:00+01:00", False),
        ("2026-11-28T12:00:00+01:00", False),
        ("2026-11-26T02:00:00+01:00", False),
    ],
)
def test_whether_somebody_works(moment: str, works: bool) -> None:
    assert is_working(at(moment), calendar_of(OFFICE)) is works
    assert is_working(at(moment), None)


@given(st.floats(1.7e9, 1.9e9), st.floats(0, 200 * HOUR), st.floats(0, 200 * HOUR), st.sampled_from([OFFICE, NIGHT, ROUND]))
def test_hours_add_up(since: float, first: float, second: float, calendar: Any) -> None:
    hours = calendar_of(calendar)
    middle = working_after(since, first, hours)
    assert middle >= since
    assert working_between(since, middle, hours) == pytest.approx(first, abs=1e-3)
    if second > 1e-3:
        assert working_after(since, first + second, hours) == pytest.approx(working_after(middle, second, hours), abs=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timezone": "Mars/Olympus"}, "calendar.timezone is 'Mars/Olympus'"),
        ({"timezone": ""}, "calendar.timezone"),
        ({"timezone": "../../etc/passwd"}, "calendar.timezone"),
        ({"days": []}, "calendar.days"),
        ({"days": ["monday"]}, "calendar.days"),
        ({"days": "mon"}, "calendar.days"),
        ({"start": "9"}, "calendar.start is '9'"),
        ({"start": 540}, "calendar.start is 540"),
        ({"end": "24:01"}, "calendar.end"),
        ({"end": "09:00"}, "calendar.end is '09:00'"),
        ({"holidays": ["Christmas"]}, "calendar.holidays"),
        ({"holidays": 5}, "calendar.holidays"),
        ({"lunch": "12:00"}, "calendar is"),
    ],
)
def test_a_calendar_that_is_none(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SalvageError) as failure:
        calendar_of({**OFFICE, **change})
    assert words in str(failure.value)
