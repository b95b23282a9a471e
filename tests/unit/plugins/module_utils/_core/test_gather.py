# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.gather import for_each, gather


def refuse() -> str:
    raise SalvageError("no", reason="forbidden")


def test_one_failure_hides_no_other_answer() -> None:
    answers = gather({"a": lambda: "yes", "b": refuse, "c": lambda: "yes"})
    assert list(answers) == ["a", "b", "c"]
    assert answers["a"] == answers["c"] == "yes"
    assert isinstance(answers["b"], SalvageError)


def test_calls_run_side_by_side() -> None:
    together = threading.Barrier(3, timeout=10)
    assert for_each(lambda item: (together.wait(), item)[1], [1, 2, 3], at_once=3) == [1, 2, 3]


@pytest.mark.parametrize("items", [[], [1], [1, 2]])
def test_each_item_is_answered_in_order(items: list[int]) -> None:
    assert for_each(lambda item: item * 2, items) == [item * 2 for item in items]


def test_a_defect_is_not_taken_for_an_answer() -> None:
    with pytest.raises(ZeroDivisionError):
        gather({"a": lambda: 1 // 0, "b": lambda: 1})
