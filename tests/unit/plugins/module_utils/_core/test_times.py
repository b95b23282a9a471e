# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import rfc3339
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("1970-01-01T01:30:00+01:30", 0),
        ("1969-12-31T22:30:00-01:30", 0),
        ("2028-02-29T00:00:00Z", 1_835_395_200 * 10**9),
        *(
            (text, None)
            for text in ("", "soon", "0000-01-01T00:00:00Z", "2027-02-29T00:00:00Z", "1970-01-01T00:00:60Z", "1970-01-01t00:00:00Z")
        ),
        *((value, None) for value in (None, 0, 1.5, True, [], b"1970-01-01T00:00:00Z")),
    ],
)
def test_a_time_is_read_as_every_reader_does_or_not_at_all(text: object, nanoseconds: int | None) -> None:
    assert rfc3339(text) == nanoseconds


@given(st.datetimes(timezones=st.just(datetime.timezone.utc)))
def test_any_time_comes_back(moment: datetime.datetime) -> None:
    found = rfc3339(moment.isoformat(timespec="microseconds").replace("+00:00", "Z"))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    assert found == (moment - epoch) // datetime.timedelta(microseconds=1) * 1000
