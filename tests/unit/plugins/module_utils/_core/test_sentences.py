# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.sentences import some_of


@pytest.mark.parametrize(
    ("names", "says"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b and 1 more"), (["a", "b", "c", "d"], "a, b and 2 more")],
)
def test_the_first_names_and_how_many_more_there_are(names: list[str], says: str) -> None:
    assert some_of(names, 2) == says


def test_words_of_the_caller() -> None:
    assert some_of(["a", "b", "c"], 2, between="; ", what="more fields") == "a; b and 1 more fields"
