# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import when
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.options import (
    COLLECTORS,
    DiagnosticsOptions,
    bounds_of,
    namespaces_of,
    wanted_of,
    window_of,
)

NOW = 1_800_000_000.0


def test_the_window_ends_now_or_so_long_after_the_time_of_interest_but_never_later_than_now() -> None:
    assert window_of("1h", None, NOW).start == NOW - 3600
    middle = when("2026-11-24T14:00:00Z")
    assert middle is not None
    window = window_of("30m", "2026-11-24T15:00:00+01:00", middle + 600)
    assert (window.start, window.around, window.end) == (middle - 1800, middle, middle + 600)


@pytest.mark.parametrize(
    ("since", "around", "words"),
    [
        ("0", None, "since: '0'"),
        ("9999999d", None, "since"),
        ("soon", None, "not a duration"),
        ("", None, "not a duration"),
        ("1h", "yesterday", "not a time"),
        ("1h", "2026-11-24 14:00:00", "not a time"),
        ("1h", "2999-01-01T00:00:00Z", "of the past"),
        ("1h", "0001-01-01T00:00:00Z", "of the past"),
    ],
)
def test_a_window_that_is_none(since: str, around: str | None, words: str) -> None:
    with pytest.raises(SalvageError, match=words) as caught:
        window_of(since, around, NOW)
    assert caught.value.reason == "bad_input"


def test_only_and_exclude() -> None:
    assert wanted_of([], []) == COLLECTORS
    assert wanted_of(["logs", "events"], ["logs"]) == ("events",)
    with pytest.raises(SalvageError, match="nothing is left"):
        wanted_of(["logs"], ["logs"])


@pytest.mark.parametrize("names", [[], [""], ["A"], ["a/b"], ["a" * 64], ["a", None], ["é"], ["../x"]])
def test_namespaces_that_are_none(names: list[Any]) -> None:
    with pytest.raises(SalvageError, match="namespaces"):
        namespaces_of(names)


def test_namespaces_come_once() -> None:
    assert namespaces_of(["b", "a", "b"]) == ("b", "a")


@pytest.mark.parametrize("option", ["max_size", "max_log_size", "log_lines", "collector_timeout", "request_timeout"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_bound_that_is_none(option: str, value: float) -> None:
    with pytest.raises(SalvageError, match=option):
        bounds_of(DiagnosticsOptions("x", **{option: value}))


def test_bounds_are_sizes_as_people_write_them() -> None:
    bounds = bounds_of(DiagnosticsOptions("x"))
    assert (bounds.size, bounds.log_size) == (200 * 1024**2, 2 * 1024**2)
