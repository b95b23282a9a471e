# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.bundle import Bundle, trim_logs
from hypothesis import given
from hypothesis import strategies as st


def line(second: int, text: str = "words") -> bytes:
    return f"2026-11-26T12:{second // 60:02}:{second % 60:02}.000000000Z {text}\n".encode()


def test_a_file_is_as_it_was_given_with_its_size_and_hash() -> None:
    bundle = Bundle(1000)
    bundle.add("b", [b"two ", b"pieces"])
    bundle.add("a", [])
    assert dict(bundle) == {"a": b"", "b": b"two pieces"}
    assert list(bundle) == ["a", "b"]
    assert (bundle.held("b").size, bundle.held("b").sha256) == (10, hashlib.sha256(b"two pieces").hexdigest())


def test_what_would_make_it_too_large_is_left_out_whole_and_its_place_stays_free() -> None:
    bundle = Bundle(100)
    bundle.add("a", [b"x" * 60])
    with pytest.raises(SalvageError, match="max_size") as caught:
        bundle.add("b", [b"y" * 30, b"y" * 30])
    assert caught.value.reason == "too_large"
    assert "b" not in bundle
    bundle.add("c", [b"z" * 40])
    bundle.add("a", [b"x" * 50])
    bundle.add("d", [b"z" * 10])
    assert bundle.size == 100


def test_logs_are_held_beyond_the_size_for_their_oldest_lines_go_in_the_end() -> None:
    bundle = Bundle(10)
    bundle.add("logs/a/b/c.log", [b"x" * 60])
    assert bundle.size == 60


def test_the_oldest_lines_go_first_and_those_of_pods_in_trouble_last() -> None:
    bundle = Bundle(10_000)
    bundle.add("logs/a/ill/c.log", [line(second) for second in range(10)])
    bundle.add("logs/a/well/c.log", [line(second) for second in range(10)])
    size = len(line(0))
    before, gone = trim_logs(bundle, frozenset({"logs/a/ill/c.log"}), 15 * size)
    assert (before, gone) == ("2026-11-26T12:00:04", 5 * size)
    assert bundle["logs/a/well/c.log"].startswith(line(5))
    assert len(bundle["logs/a/ill/c.log"]) == 10 * size
    trim_logs(bundle, frozenset({"logs/a/ill/c.log"}), 3 * size)
    assert bundle["logs/a/well/c.log"] == b""
    assert bundle["logs/a/ill/c.log"] == b"".join(line(second) for second in range(7, 10))


def test_nothing_goes_where_there_is_room() -> None:
    bundle = Bundle(10_000)
    bundle.add("logs/a/b/c.log", [line(1)])
    assert trim_logs(bundle, frozenset(), 1000) == ("", 0)


def test_lines_without_a_time_go_with_the_one_before() -> None:
    bundle = Bundle(10_000)
    bundle.add("logs/a/b/c.log", [line(1), b"  at Main.java\n", line(2), b"\xff\xfe no time\n"])
    trim_logs(bundle, frozenset(), len(line(2)) + 12)
    assert bundle["logs/a/b/c.log"] == line(2) + b"\xff\xfe no time\n"


@given(st.lists(st.lists(st.integers(0, 600), max_size=20), max_size=5), st.integers(0, 2000), st.booleans())
def test_what_stays_fits_and_no_line_goes_before_an_older_one(logs: list[list[int]], most: int, ill: bool) -> None:
    bundle = Bundle(1)
    for number, seconds in enumerate(logs):
        bundle.add(f"logs/a/{number}/c.log", [line(second) for second in sorted(seconds)])
    _before, gone = trim_logs(bundle, frozenset({"logs/a/0/c.log"} if ill else set()), most)
    left = {path: bundle[path] for path in bundle}
    assert sum(map(len, left.values())) <= most
    assert gone == sum(len(line(0)) * len(seconds) for seconds in logs) - sum(map(len, left.values()))
    for number, seconds in enumerate(logs):
        whole = b"".join(line(second) for second in sorted(seconds))
        assert whole.endswith(left[f"logs/a/{number}/c.log"])
