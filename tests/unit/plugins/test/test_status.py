# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests in a template: exactly one holds for any value, and healthy only for what is known to be."""

from __future__ import annotations

import jinja2
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.test.status import TestModule
from hypothesis import given
from hypothesis import strategies as st

TESTS = TestModule().tests()


def what(value: object) -> str:
    holding = [name for name, test in TESTS.items() if test(value)]
    assert len(holding) == 1
    return holding[0]


@pytest.mark.parametrize(
    "value",
    [
        "healthy",
        {"status": "healthy"},
        {"report": {"status": "healthy"}},
        ["healthy", {"status": "healthy"}],
        {"status": "healthy", "failed": False},
    ],
)
def test_healthy(value: object) -> None:
    assert what(value) == "healthy"


@pytest.mark.parametrize(
    "value",
    [
        "warning",
        "critical",
        {"status": "warning"},
        ["healthy", "warning"],
        [{"status": "unknown"}, {"status": "critical"}],
        {"status": "critical", "failed": True},
    ],
)
def test_breached(value: object) -> None:
    assert what(value) == "breached"


@pytest.mark.parametrize(
    "value",
    [
        "unknown",
        "ok",
        "",
        None,
        True,
        200,
        [],
        {},
        {"status": 200},
        {"status": ["healthy"]},
        {"report": "healthy"},
        {"status": "healthy", "failed": True},
        {"report": {"status": "healthy"}, "unreachable": True},
        ["healthy", None],
        ["warning", "unknown"],
        jinja2.Undefined(),
        jinja2.StrictUndefined(),
    ],
)
def test_unknown(value: object) -> None:
    assert what(value) == "unknown"


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.sampled_from(["healthy", "warning", "critical", "unknown"]),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["status", "report", "failed"]), inner),
    )
)
def test_exactly_one_holds_for_anything(value: object) -> None:
    what(value)
