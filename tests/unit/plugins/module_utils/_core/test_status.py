# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.status import STATUSES, worst
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
