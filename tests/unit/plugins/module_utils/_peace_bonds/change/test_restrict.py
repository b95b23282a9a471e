# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restrictions of providers as policy files."""

from __future__ import annotations

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change import restrict
from hypothesis import given
from hypothesis import strategies as st

FILES = {"p.rego": "package p\n", "p_test.rego": "package p_test\n", "policy_data.json": '{"a": {"b": 1, "c": 2}}'}
ONE = restrict.Restriction("alpha", "2026-11-25T00:00:00Z", 'a "reason"')
TWO = restrict.Restriction("beta", "2026-11-26T00:00:00Z", "why")
NOW = 1795543200.0  # 2026-11-24T18:00:00Z


def test_restrictions_come_back_out_of_the_files() -> None:
    files = restrict.with_restrictions(FILES, [ONE, TWO], "euystacio/peace_bonds")
    assert restrict.present(files) == [ONE, TWO]
    assert "package euystacio.peace_bonds\n" in files[restrict.RULE_FILE]
    assert restrict.with_restrictions(files, [], "euystacio/peace_bonds") == FILES
    assert restrict.present(FILES) == []


def test_restrictions_are_added_kept_lifted_and_end() -> None:
    assert restrict.changed([ONE], [], [], NOW) == ([ONE], [], [])
    assert restrict.changed([ONE], [TWO], [], NOW) == ([ONE, TWO], [TWO], [])
    assert restrict.changed([ONE, TWO], [], ["alpha"], NOW) == ([TWO], [], [ONE])
    assert restrict.changed([ONE, TWO], [], [], NOW + 86400) == ([TWO], [], [ONE])
    longer = restrict.Restriction("alpha", "2026-12-01T00:00:00Z", "still")
    assert restrict.changed([ONE], [longer], [], NOW) == ([longer], [longer], [])


def test_bad_restrictions_are_one_sentence() -> None:
    for data, words in (
        ({"provider": "", "until": ONE.until, "reason": "x"}, "needs a provider"),
        ({"provider": "x", "until": ONE.until, "reason": " \r"}, "needs a provider"),
        ({"provider": "x", "until": "soon", "reason": "x"}, "not a time such as"),
    ):
        with pytest.raises(SalvageError, match=words):
            restrict.parse_restriction(data)
    with pytest.raises(SalvageError, match="which is past"):
        restrict.changed([], [ONE], [], NOW + 1e6)
    for text in ("", "active := nonsense", "active := [1]"):
        with pytest.raises(SalvageError, match="changed by hand"):
            restrict.present({restrict.DATA_FILE: text})


@given(*[st.text().filter(lambda text: bool(text.split()))] * 2)
def test_any_name_and_reason_survive(provider: str, reason: str) -> None:
    item = restrict.parse_restriction({"provider": provider, "until": ONE.until, "reason": reason})
    assert restrict.present(restrict.with_restrictions(FILES, [item], "p/q")) == [item]
