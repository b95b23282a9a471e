# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import time

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.analyze import analyze, rules_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.patterns import bounded
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.rule_files import shipped_rules
from fake_bundle import NOW, FakeBundle, ago
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+$", ".*x", "a{1,}", "(?:a|a){0,40}b", "(a{0,10}){0,10}", ".{0,90}.{0,90}", "(a)\\1", "(?=a)a", "(?<!a)b", "(?P<x>a)(?P=x)"),
        *("", "x" * 600, "(", "a{0,99999999999}", "a?", "a|", None, 3, ["a"], "(?>a+)b", "a++b", "(" * 400 + ")" * 400),
    ],
)
def test_a_pattern_that_could_take_long_or_says_nothing_is_refused(pattern: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        bounded(pattern)


@pytest.mark.parametrize("pattern", ["no such host", "lookup .{1,80}: no", "(a|b)c?", "[a-z]{2,9}\\.svc", "^x\\b", "(ab){0,3}x"])
def test_a_pattern_with_bounds_is_taken(pattern: str) -> None:
    compiled, cost = bounded(pattern)
    assert compiled.flags & re.IGNORECASE
    assert 1 <= cost <= 4000


@given(st.text("ab.(|)[]{}019,?+*\\^$", max_size=12))
def test_whatever_is_taken_ends_soon(pattern: str) -> None:
    try:
        compiled, _cost = bounded(pattern)
    except ValueError:
        return
    started = time.process_time()
    compiled.search("ab" * 500)
    assert time.process_time() - started < 1


def test_hostile_logs_end_soon() -> None:
    rules = rules_of(shipped_rules())
    words = " ".join(sorted({word.decode() for rule in rules if rule.log for word in rule.log.has}))
    evil = [
        words * 20,
        "failed calling webhook " + "lookup " * 200_000,
        "lookup " + "a" * 1_000_000,
        "x509:" * 100_000,
        "\x1b[31m\0" * 5000,
    ]
    log = (
        b"".join(f"{ago(60)} {line}\n".encode() for line in evil) * 5
        + f"{ago(60)} lookup {words}".encode() * 300
        + b"\xff\xfe lookup" * 10000
    )
    files = {**FakeBundle().pod().files(), **{f"logs/shop/api-7d9-x{n}/app.log": log for n in range(3)}}
    started = time.process_time()
    analyze(files, rules, NOW)
    assert time.process_time() - started < 20
