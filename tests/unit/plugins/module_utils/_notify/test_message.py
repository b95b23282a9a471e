# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of plain data: what is refused, what is cleaned, and what readers outside see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.message import (
    content_hash,
    for_public,
    is_web_link,
    message_from,
    short_key,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.redactor import Redactor
from fake_vendors import message
from hypothesis import given
from hypothesis import strategies as st


def plain(**changes: Any) -> dict[str, Any]:
    return {**message().to_dict(), **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": ""}, "has no title"),
        ({"title": None}, "has no title"),
        ({"title": ["a"]}, "has no title"),
        ({"dedup_key": " "}, "has no dedup_key"),
        ({"kind": 1}, "has no kind"),
        ({"severity": "P4"}, "has the severity 'P4'"),
        ({"severity": None}, "has the severity None"),
        ({"audience": "everybody"}, "has the audience"),
        ({"action": "page"}, "has the action"),
        ({"summary": {"a": 1}}, "has a summary that is not a text"),
        ({"facts": ["a"]}, "has facts that are not names with values"),
        ({"links": "https://example.com"}, "has links that are not names with values"),
        ({"colour": "red"}, "has the unknown key 'colour'"),
    ],
)
def test_what_is_not_a_message(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SalvageError) as caught:
        message_from(plain(**changes), Redactor())
    assert words in str(caught.value) and caught.value.reason == "bad_input"


def test_a_message_is_clean_text() -> None:
    given = plain(
        title="\x1b[31mdown\nfor\u202e all", facts={"n": 3, "ok": True, "list": ["a"], " ": "x", "e": None}, links={"bad": "javascript:x"}
    )
    made = message_from(given, Redactor())
    assert made.title == "down for all"
    assert made.facts == {"n": "3", "ok": "true", "list": '["a"]', "e": "null"}
    assert made.links == {}


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://a.example.com/x?y=1", True),
        ("http://a", True),
        ("ftp://a", False),
        ("//a", False),
        ("https://", False),
        ("https://a b", False),
        ("https://[", False),
        ("", False),
        ("https://a/\n", False),
    ],
)
def test_links(url: str, good: bool) -> None:
    assert is_web_link(url) is good


INSIDE = [
    "service://euystacio-ai/euystacio-api:8000",
    "services://a/b:443/path",
    "forward://monitoring/grafana:3000",
    "opa-service.euystacio-ai.svc",
    "opa.a.svc.cluster.local:8181",
    "db.prod.internal",
    "printer.lan",
    "10.1.2.3",
    "10.1.2.3:6443",
    "fe80::1",
    "2001:db8:0:1:2:3:4:5",
    "::1",
    "euystacio-api-7d9f8b6c5d-x2x4z",
]
FINE = [
    "14:05:30",
    "2026-11-24T14:05:30Z",
    "version 1.2.3",
    "at 12:30",
    "99.9 %",
    "https://status.example.com/a",
    "well-known",
    "1.2.3.4.5",
    "ratio 3:1",
]


@pytest.mark.parametrize("name", INSIDE)
def test_an_address_inside_is_in_no_text_for_everybody(name: str) -> None:
    for text in (name, f"({name})", f"on {name}, and", f"on {name}."):
        made = for_public(message(title=f"x {text}", summary=text, facts={"a": text}), ["a"], [])
        assert name.rstrip(".") not in json.dumps(made.to_dict()), made


@pytest.mark.parametrize("text", FINE)
def test_what_everybody_may_read_stays(text: str) -> None:
    assert for_public(message(summary=text), [], []).summary == text


@given(st.sampled_from(["euystacio-ai", "Bastion.7", "a+b"]), st.text(" .,;:!()", max_size=5), st.booleans())
def test_a_name_that_is_internal_is_hidden_as_a_word(name: str, around: str, upper: bool) -> None:
    shown = name.upper() if upper else name
    made = for_public(message(title=f"the {around}{shown}{around} is"), [], [name])
    assert shown not in made.title
    kept = for_public(message(title=f"the x{shown}x is"), [], [name])
    assert kept.title == f"the x{shown}x is"


def test_facts_and_links_are_dropped_unless_they_are_listed() -> None:
    given = message(facts={"region": "EU", "node": "n1"}, links={"status": "https://s.example.com", "inside": "https://10.0.0.1/x"})
    made = for_public(given, ["region", "status", "inside"], [])
    assert (made.facts, made.links) == ({"region": "EU"}, {"status": "https://s.example.com"})
    assert (for_public(given, [], []).facts, for_public(given, [], []).links) == ({}, {})


def test_the_same_words_are_the_same_message_whatever_stands_for_a_secret() -> None:
    first, second = (message_from(plain(summary="it said VERYSECRETWORD"), Redactor(["VERYSECRETWORD"])) for _ in range(2))
    assert content_hash(first) == content_hash(second) != content_hash(message())
    assert "VERYSECRETWORD" not in first.summary


@given(st.text(min_size=1, max_size=900), st.sampled_from([64, 255, 512]))
def test_a_long_key_stays_a_key_of_its_own(key: str, limit: int) -> None:
    short = short_key(message(dedup_key=key), limit)
    assert len(short) <= limit
    assert short_key(message(dedup_key=key + "x"), limit) != short
