# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML as kubectl reads it; the values were compared with kubectl 1.32."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.yaml_text import documents, plain_scalar
from hypothesis import given
from hypothesis import strategies as st

AS_KUBECTL: dict[str, Any] = {
    "y": True, "n": False, "on": True, "off": False, "Yes": True, "NO": False, "true": True, "True": True, "tRUE": "tRUE",
    "0644": 420, "08": 8, "0o17": 15, "0O17": 15, "0x1F": 31, "0X1f": 31, "+0x1F": 31, "0b11": 3, "-0b11": -3, "-0o7": -7, "0_7": 7,
    "1_000": 1000, "1__0": 10, "_1": "_1", "00": 0, "-0": 0, "0b2": "0b2", "0x": "0x", "09.5": 9.5, "1_000.5": 1000.5,
    "1e3": 1000, "12e03": 12000, ".5e3": 500, "0.": 0, "1.e3": 1000, "1e400": "1e400", "1e": "1e", "+": "+", "-": "-", ".": ".",
    ".5": 0.5, "5.": 5, "+.5": 0.5, "1.0": 1, "1.5e21": 1.5e21, "0.1": 0.1,
    "1:30": "1:30", "190:20:30": "190:20:30", "2001-01-01": "2001-01-01", "2001-01-01T00:00:00Z": "2001-01-01T00:00:00Z",
    "=": "=", "!=": "!=", "~": None, "": None, "null": None, "nULL": "nULL", "18446744073709551615": 18446744073709551615,
    "18446744073709551616": 18446744073709551616, "100000000000000000000000": 1e23, "\u0661": "\u0661",
}  # fmt: skip


def values(text: str) -> list[Any]:
    return [one.value for one in documents(text, "app.yaml")]


def refused(text: str) -> str:
    with pytest.raises(SalvageError) as error:
        documents(text, "app.yaml")
    assert error.value.reason == "bad_input"
    return str(error.value)


@pytest.mark.parametrize("text", AS_KUBECTL)
def test_a_scalar_without_quotes_means_what_kubectl_makes_of_it(text: str) -> None:
    found, wanted = plain_scalar(text), AS_KUBECTL[text]
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: !!str 5", {"a": "5"}),
        ("a: !thing b", {"a": "b"}),
        ('a: !!int "7"', {"a": 7}),
        ("a: !!float 3", {"a": 3}),
        ("a: !!binary aGFsbG8=", {"a": "hallo"}),
        ("a: '5'", {"a": "5"}),
        ("a: |\n  yes\n", {"a": "yes\n"}),
        ("on: 2", {"true": 2}),
        ("1: a\n1.5: b\n0x10: c", {"1": "a", "1.5": "b", "16": "c"}),
        ("[<<]", ["<<"]),
        ("b: &a {q: 1, r: 2}\nc: {<<: *a, q: 3}", {"b": {"q": 1, "r": 2}, "c": {"q": 3, "r": 2}}),
        ("b: &a {q: 1, r: 2}\nd: {q: 3, <<: [*a, {z: 1, r: 5}]}", {"b": {"q": 1, "r": 2}, "d": {"q": 1, "r": 2, "z": 1}}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("enum: ['!=', =, =~]", {"enum": ["!=", "=", "=~"]}),
        ("a:\r\n  b: 1\r\n", {"a": {"b": 1}}),
    ],
)
def test_documents_mean_what_kubectl_makes_of_them(text: str, value: Any) -> None:
    assert values(text) == [value]


def test_aliases_are_copies() -> None:
    (found,) = values("a: &x {k: 1}\nb: *x")
    found["a"]["k"] = 2
    assert found["b"] == {"k": 1}


def test_each_document_has_its_line_and_empty_ones_do_not_count() -> None:
    found = documents("# head\n---\na: 1\n---\n# only a comment\n---\n\n---\nb: 2\n...\n", "app.yaml")
    assert [(one.line, one.value) for one in found] == [(3, {"a": 1}), (9, {"b": 2})]


def test_json_documents_may_follow_each_other() -> None:
    found = documents('{"a": 1}\n{"b": 1.0}{"c": [1.5]}\n', "app.json")
    assert [(one.line, one.value) for one in found] == [(1, {"a": 1}), (2, {"b": 1}), (2, {"c": [1.5]})]
    assert values("{a: 1}\n---\n{b: yes}") == [{"a": 1}, {"b": True}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\n---\nb: [", "app.yaml, line 4 is not YAML"),
        ("a: 'x", "is not YAML"),
        ("a: &x [*x]", "app.yaml, line 1: the alias *x contains itself"),
        ("a: *y", "the alias *y has no anchor"),
        ("a: &x 1\n---\nb: *x", "app.yaml, line 3: the alias *x has no anchor"),
        ("a:\n  b: 1\n  b: 2", "app.yaml, line 3: the key b is in one mapping twice"),
        ("yes: 1\non: 2", "the key true is in one mapping twice"),
        ('{"a": 1, "a": 2}', "the key a is in one mapping twice"),
        ("a: .nan", "JSON has no such number"),
        ("a: -.inf", "JSON has no such number"),
        ("a: !!int x", "not of its tag !!int"),
        ("a: !!bool maybe", "not of its tag !!bool"),
        ("a: !!int yes", "not of its tag !!int"),
        ("a: !!binary '%'", "!!binary must be base64"),
        ("? [a]\n: 1", "a key must be text"),
        ("~: 1", "a key must be text"),
        ("a: {<<: 1}", "<< merges mappings only"),
        ("[" * 300 + "]" * 300, "200 levels deep"),
        ('{"a":' * 300 + "1" + "}" * 300, "200 levels deep"),
        ('{"a":' * 100000 + "1" + "}" * 100000, "levels deep"),
        ("a: \x01", "is not YAML"),
    ],
)
def test_what_cannot_be_read_is_told_with_file_and_line(text: str, says: str) -> None:
    assert says in refused(text)


def test_an_error_does_not_quote_the_text() -> None:
    assert "hunter2" not in refused("password: hunter2\n  more: [")


def test_small_texts_do_not_become_large_objects() -> None:
    bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{n}: &{n} [{','.join([f'*{m}'] * 10)}]\n" for m, n in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "more than 500000 values" in refused(bomb)
    nested = "x0: &x0 " + "[" * 90 + "]" * 90 + "\n" + "".join(f"x{n + 1}: &x{n + 1} {'[' * 90}*x{n}{']' * 90}\n" for n in range(3))
    assert "with its aliases it is nested" in refused(nested)
    assert "larger than" in refused(" " * (17 * 1024 * 1024))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, min_size=1, max_size=3))
def test_json_is_read_as_json(value: dict[str, Any]) -> None:
    assert values(json.dumps(value)) == [value]


@given(st.text())
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    try:
        documents(text, "app.yaml")
    except SalvageError as error:
        assert str(error).startswith("app.yaml")
