# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Alertmanager says of its silences, and matchers as people write them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.silences import (
    SKEW,
    Matcher,
    listed_silences,
    parse_matchers,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0


def silence(state: str = "active", starts: float = -60, ends: float = 60, **more: Any) -> dict[str, Any]:
    return {
        "id": "s1", "status": {"state": state}, "createdBy": "me", "comment": "work", "updatedAt": iso(NOW - 60),
        "startsAt": iso(NOW + starts), "endsAt": iso(NOW + ends),
        "matchers": [{"name": "namespace", "value": "a", "isRegex": False, "isEqual": True}], **more,
    }  # fmt: skip


def read(*listed: Any) -> Any:
    return listed_silences(list(listed), NOW, lambda creator, comment: creator == "me")


@pytest.mark.parametrize(
    ("text", "name", "operator", "value"),
    [
        ("a=b", "a", "=", "b"),
        (' severity =~ "warning|critical" ', "severity", "=~", "warning|critical"),
        ("a!=b", "a", "!=", "b"),
        ("a!~b.*", "a", "!~", "b.*"),
        ('a=""', "a", "=", ""),
        (r'a="say \"hi\" \\ \n"', "a", "=", 'say "hi" \\ \n'),
        ('a="x=~y, {z}"', "a", "=", "x=~y, {z}"),
        ("a=é", "a", "=", "é"),
    ],
)
def test_matchers(text: str, name: str, operator: str, value: str) -> None:
    (found,) = parse_matchers([text])
    assert (found.name, found.operator, found.value) == (name, operator, value)
    assert parse_matchers([str(found)]) == {found}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "a=",
        "=b",
        "a==b",
        "1a=b",
        "a=b c",
        "a=b,c=d",
        "{a=b}",
        'a="b',
        'a=b"',
        r'a="\d"',
        "a=~a{2}",
        "a-b=c",
        "a=b\nc=d",
        "a='b'",
    ],
)
def test_what_is_no_matcher(text: str) -> None:
    with pytest.raises(SalvageError, match=r"^matchers: .* is none; write label=value") as caught:
        parse_matchers([text])
    assert caught.value.reason == "bad_input"


@given(st.text(), st.sampled_from(["=", "!=", "=~", "!~"]))
def test_any_value_survives_quoting(value: str, operator: str) -> None:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    assert parse_matchers([f'a{operator}"{text}"']) == {Matcher("a", operator, value)}


def test_a_silence_and_the_operators_of_its_matchers() -> None:
    flags = [(regex, equal) for regex in (False, True) for equal in (True, False)]
    matchers = [{"name": f"l{regex}{equal}", "value": "v", "isRegex": regex, "isEqual": equal} for regex, equal in flags]
    (found,) = read(silence(matchers=[*matchers, {"name": "old", "value": "v", "isRegex": False}]))
    assert sorted(one.operator for one in found.matchers) == ["!=", "!~", "=", "=", "=~"]
    assert found.live and (found.starts_at, found.ends_at) == (NOW - 60, NOW + 60)
    assert found.to_dict()["starts_at"] == "2027-01-15T07:59:00Z"


@pytest.mark.parametrize("state", ["active", "pending", "expired"])
def test_what_is_true_is_taken_with_clocks_that_are_a_little_apart(state: str) -> None:
    times = {"active": (SKEW, 60), "pending": (-SKEW, 60), "expired": (-60, SKEW)}[state]
    assert read(silence(state, *times))[0].state == state


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (silence(id=None), "a silence has no id"),
        (silence(id="  "), "a silence has no id"),
        (silence(comment=None), "has no comment"),
        (silence(createdBy=None), "has no createdBy"),
        (silence(status={}), "has the state None"),
        (silence(status=None), "has the state None"),
        (silence(status={"state": "ACTIVE"}), "has the state 'ACTIVE'"),
        (silence(status={"state": ["active"]}), r"has the state \['active'\]"),
        (silence(startsAt=None), "the startsAt of the silence 's1' is None"),
        (silence(endsAt="soon"), "the endsAt of the silence 's1' is 'soon', not a time"),
        (silence(updatedAt=5), "the updatedAt"),
        (silence("active", -60, -60), "can't be active at 2027-01-15T08:00:00Z"),
        (silence("active", 60, 120), "can't be active"),
        (silence("pending", -60, 60), "can't be pending"),
        (silence("expired", -60, 60), "can't be expired"),
        (silence(matchers=[]), "has no matchers"),
        (silence(matchers={}), "has no matchers"),
        (silence(matchers=[None]), "a matcher of the silence 's1' lacks"),
        (silence(matchers=[{"name": "a", "value": "b"}]), "lacks name, value, isRegex or isEqual"),
        (silence(matchers=[{"name": "a", "value": "b", "isRegex": "false"}]), "lacks"),
        (silence(matchers=[{"name": "a", "value": "b", "isRegex": False, "isEqual": None}]), "lacks"),
        (silence(matchers=[{"name": "", "value": "b", "isRegex": False}]), "lacks"),
    ],
)
def test_an_answer_that_lacks_something_or_cannot_be_true(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(SalvageError, match=words) as caught:
        read(wrong)
    assert caught.value.reason == "invalid"
    if isinstance(wrong["createdBy"], str) and isinstance(wrong["comment"], str):
        assert read({**wrong, "createdBy": "somebody else"}) == []


@pytest.mark.parametrize("data", [None, {}, "", [None], [[]], {"data": []}])
def test_what_is_no_list_of_silences(data: Any) -> None:
    with pytest.raises(SalvageError, match="not a list of silences"):
        listed_silences(data, NOW, lambda creator, comment: True)


def test_one_id_twice_is_a_contradiction() -> None:
    with pytest.raises(SalvageError, match="is there twice"):
        read(silence(), copy.deepcopy(silence()))
