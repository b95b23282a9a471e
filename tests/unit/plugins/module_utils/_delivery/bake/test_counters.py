# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import math

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.counters import (
    CounterTally,
    Point,
    Signals,
    bound_of_p99,
    errors_of,
    rise,
    slower_than,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.judge import Counts
from hypothesis import given
from hypothesis import strategies as st

SIGNALS = Signals()


def requests(code: str, value: float, path: str = "/api") -> Point:
    return Point("http_requests_total", {"code": code, "path": path}, value, 0)


def bucket(le: str, value: float, path: str = "/api") -> Point:
    return Point("http_request_duration_seconds_bucket", {"le": le, "path": path}, value, 0)


def looks(*scrapes: list[Point]) -> list[Counts]:
    tally = CounterTally(SIGNALS)
    return [errors_of([tally.take("p", points)], SIGNALS) for points in scrapes]


def test_what_came_before_the_first_look_does_not_count() -> None:
    assert looks([requests("200", 100)], [requests("200", 110)]) == [Counts(0, 0), Counts(10, 0)]


def test_a_series_that_appears_later_began_at_nothing() -> None:
    """The first errors of a pod make a new series; a rate over it would miss them."""
    assert looks([requests("200", 100)], [requests("200", 110), requests("500", 3)])[1] == Counts(13, 3)


def test_a_pod_that_is_new_since_the_last_look_counts_whole() -> None:
    assert errors_of([CounterTally(SIGNALS).take("p", [requests("500", 3)], new=True)], SIGNALS) == Counts(3, 3)


def test_a_counter_that_began_anew() -> None:
    assert looks([requests("200", 100)], [requests("200", 4)])[1] == Counts(4, 0)


def test_probes_and_scrapes_are_no_users() -> None:
    assert looks([], [requests("200", 5, "/health"), requests("503", 5, "/ready")])[1] == Counts(0, 0)


def test_other_codes() -> None:
    signals = Signals(error_pattern="4..|5..")
    tally = CounterTally(signals)
    tally.take("p", [])
    assert errors_of([tally.take("p", [requests("404", 2), requests("500", 1), requests("200", 7)])], signals) == Counts(10, 3)
    with pytest.raises(SalvageError, match="not a regular expression"):
        Signals(error_pattern="(")


def test_values_that_are_no_numbers_are_left_out() -> None:
    assert looks([], [requests("200", math.nan)])[1] == Counts(0, 0)


def test_slow_is_beyond_the_bucket_of_the_baselines_p99() -> None:
    tally = CounterTally(SIGNALS)
    tally.take("p", [])
    risen = [tally.take("p", [bucket("0.1", 950), bucket("0.25", 992), bucket("1", 999), bucket("+Inf", 1000)])]
    assert bound_of_p99(risen, SIGNALS) == 0.25
    assert slower_than(risen, SIGNALS, 0.25) == Counts(1000, 8)


@pytest.mark.parametrize("points", [[], [bucket("+Inf", 0)], [bucket("0.1", 1), bucket("+Inf", 1000)], [bucket("x", 1)]])
def test_no_bound_where_the_histogram_does_not_tell(points: list[Point]) -> None:
    tally = CounterTally(SIGNALS)
    tally.take("p", [])
    assert bound_of_p99([tally.take("p", points)], SIGNALS) is None


@given(st.lists(st.integers(0, 1000), min_size=1))
def test_a_rise_is_never_negative(values: list[int]) -> None:
    assert all(rise(before, after) >= 0 for before, after in itertools.pairwise(values))
    assert rise(None, values[0]) == 0
