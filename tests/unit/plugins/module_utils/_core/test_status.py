# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.status import STATUSES, worst, worst_result
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.sampled_from(STATUSES), min_size=1))
def test_the_worst_counts_wherever_it_stands(statuses: list[str]) -> None:
    assert worst(statuses) == max(statuses, key=STATUSES.index)


@pytest.mark.parametrize("word", ["", "ok", "HEALTHY", " healthy", "none"])
def test_a_word_that_is_not_in_the_table_is_unknown(word: str) -> None:
    assert worst([word]) == worst(["healthy", word]) == "unknown"
    assert worst([word, "critical"]) == "critical"


def test_nothing_is_not_healthy() -> None:
    assert worst([]) == "unknown"


GOOD = frozenset({"PASS", "healthy", "warning"})
WORDS = st.sampled_from([*STATUSES, "PASS", "PARTIAL", "FAIL", "pass", "PASS ", "COMPLETE", "ok", ""]) | st.text(max_size=4)
ANYTHING = WORDS | st.none() | st.booleans() | st.integers() | st.dictionaries(WORDS, WORDS, max_size=1) | st.lists(WORDS, max_size=1)


@given(st.lists(ANYTHING, max_size=6) | ANYTHING)
def test_a_result_is_never_better_than_the_worst_of_its_steps(steps: Any) -> None:
    result, known = worst_result(steps), isinstance(steps, list) and steps
    good = known and all(isinstance(step, str) and step in GOOD for step in steps)
    usable = known and all(isinstance(step, str) and step in {*GOOD, "PARTIAL", "unknown", "critical"} for step in steps)
    assert result == ("PASS" if good else "PARTIAL" if usable else "FAIL")
