# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.json_values import DuplicateKey, load_json
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 1}', "given twice"),
        ('[{"a": 1, "a": 2}]', "given twice"),
        ("NaN", "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not"),
        (b" \n", "is empty"),
        (b"\xff\x00", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("<html>", "starting with '<html>'"),
    ],
)
def test_what_two_readers_would_read_differently_is_refused(text: str | bytes, words: str) -> None:
    with pytest.raises(SalvageError, match=words):
        load_json(text, strict=True)


def test_without_strict_only_the_value_is_lost() -> None:
    found = load_json('{"a": 1, "a": 2, "b": 1, "b": 1, "c": NaN}')
    assert isinstance(found["a"], DuplicateKey)
    assert (found["b"], found["c"] != found["c"]) == (1, True)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_other_document_comes_back(document: object) -> None:
    assert load_json(json.dumps(document).encode(), strict=True) == document


@given(st.binary())
def test_any_bytes_are_a_document_or_one_sentence(data: bytes) -> None:
    try:
        load_json(data, strict=True)
    except SalvageError as exc:
        assert exc.reason == "invalid"
