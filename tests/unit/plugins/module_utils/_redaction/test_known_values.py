# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import html
import json
import quopri
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.redactor import Redactor
from hypothesis import given
from hypothesis import strategies as st

VALUES = [
    "hunt/er2 p@ss\"w\\x'&<y",
    "S3cr3t" + "T0kenValue-abcdef0123456789",
    "sh0rt7!",
    "pässwörd-mit-umlaut",
    "correct horse battery staple of some length",
    "Zm9v" * 20 + "Yg==",
]
PEM = (
    "-----BEGIN EC PRIVATE "  # not one word, for the scanners of repositories
    "KEY-----\n" + "\n".join(("MHcCAQEEIB" + "QqWv9x" * 9, "AwEHoUQDQg" + "Zx81pL" * 9, "kq==")) + "\n-----END EC PRIVATE KEY-----\n"
)


def folded(text: str, width: int, between: str) -> str:
    return between.join(text[at : at + width] for at in range(0, len(text), width))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


WAYS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": b64,
    "base64 after one": lambda text: b64("x" + text),
    "base64 after two": lambda text: b64("xy" + text + "z"),
    "base64 of a URL": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64, 64 columns": lambda text: folded(b64("prefix of some length " * 4 + text + " and a suffix" * 5), 64, "\n"),
    "base64, 76 columns, CRLF": lambda text: folded(b64("prefix of some length " * 4 + text + " and a suffix" * 5), 76, "\r\n"),
    "base64, folded, in JSON": lambda text: json.dumps(folded(b64("x" * 50 + text + "y" * 50), 64, "\n")),
    "base64, indented": lambda text: folded(b64("x" * 50 + text + "y" * 50), 76, "\n    "),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "url": lambda text: quote(text, safe=""),
    "url, small": lambda text: quote(text, safe="").lower() if text.islower() else quote(text, safe=""),
    "url, path": quote,
    "url, form": quote_plus,
    "url, all": lambda text: "".join(f"%{one:02x}" for one in text.encode()),
    "url, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": json.dumps,
    "json, as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "json, slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "json in json": lambda text: json.dumps(json.dumps({"a": text})),
    "json in json in json": lambda text: json.dumps(json.dumps(json.dumps({"a": text}))),
    "json, of Go": lambda text: json.dumps(text).replace("<", "\\u003c").replace("&", "\\u0026"),
    "json, all": lambda text: "".join(f"\\u{one:04x}" for one in text.encode("utf-16-be")[1::2]) if text.isascii() else json.dumps(text),
    "html": html.escape,
    "html, numbers": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "quoted-printable, long": lambda text: quopri.encodestring(("x" * 60 + text).encode()).decode(),
    "shell": lambda text: "'" + text.replace("'", "'\\''") + "'",
    "yaml": lambda text: "'" + text.replace("'", "''") + "'",
    "yaml, folded": lambda text: "\n    ".join(
        textwrap.wrap("some words before it " * 3 + text, 60, break_long_words=False, break_on_hyphens=False)
    ),
    "split": lambda text: text if len(text) < 25 else folded(text, len(text) // 2 + 1, "\n   "),
    "utf-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "inside a word": lambda text: f"abc{text}def",
}


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("way", WAYS)
def test_a_known_value_is_found_however_it_is_written(way: str, value: str) -> None:
    redactor = Redactor([value], key=b"k")
    written = WAYS[way](value)
    data = f"2026-11-26T10:00:00Z before {written} after\n".encode("latin-1" if way == "utf-16" else "utf-8")
    assert redactor.leaks(data) != []
    shown = redactor.data(data)
    assert redactor.leaks(shown) == []
    assert b"[redacted:" in shown
    assert value.encode() not in shown
    assert shown.startswith(b"2026-11-26T10:00:00Z before")


def test_the_same_value_has_the_same_placeholder_in_each_encoding() -> None:
    value = VALUES[1]
    redactor = Redactor([value], key=b"k")
    marks = {redactor.text(f"a {written} b").split()[1] for written in (value, b64(value), value.encode().hex(), quote(value, safe=""))}
    assert len(marks) == 1
    assert marks == {Redactor([value], key=b"k").text(value)}
    assert marks != {Redactor([value], key=b"other").text(value)}
    assert Redactor([value]).text(value) != Redactor([value]).text(value)


@pytest.mark.parametrize("way", [str, json.dumps, b64, lambda text: text.replace("\n", "\\n"), lambda text: text.replace("\n", "\n      ")])
def test_of_several_lines_each_is_hidden(way: Callable[[str], str]) -> None:
    redactor = Redactor([PEM])
    shown = redactor.text(f"x: {way(PEM)}")
    assert "QqWv9x" not in shown
    assert "Zx81pL" not in shown
    assert redactor.leaks(shown.encode()) == []
    assert "QqWv9x" not in redactor.text("only a line: " + PEM.splitlines()[1])


@pytest.mark.parametrize(
    "value", ["true", "default", "admin", "a1b2", "5432", "10.0.0.1", "db.prod.svc.cluster.local", "https://host.example.com/", ""]
)
def test_a_common_value_is_not_looked_for_everywhere(value: str) -> None:
    text = f"the value {value} is in many lines"
    assert Redactor([value]).text(text) == text


def test_a_plain_word_is_looked_for_as_a_word() -> None:
    redactor = Redactor(["orders", "hunter"])
    assert redactor.text("pod orders-7d9f8b6c5-abcde, Headhunter, preorders") == "pod orders-7d9f8b6c5-abcde, Headhunter, preorders"
    shown = redactor.text("orders logged in with hunter; redis://x:hunter@h, orders")
    assert "hunter" not in shown
    assert "orders" not in shown


def test_what_is_inside_a_value_is_known_too() -> None:
    docker = json.dumps({"auths": {"r.example.com": {"auth": b64("bob:Wq81x-Pass")}}})
    redactor = Redactor([docker, "postgres://app:Zz91-Other@db:5432/x", "user=app\nsome_token=Kk44-Third\nlevel=debug-and-more\n"])
    for part in ("Wq81x-Pass", "Zz91-Other", "Kk44-Third"):
        assert part not in redactor.text(f"it said {part} here")
    assert redactor.text("level=debug-and-more app") == "level=debug-and-more app"


def test_a_public_certificate_is_not_a_secret() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB" + "abcd1234" * 7 + "\n-----END CERTIFICATE-----\n"
    assert Redactor([certificate]).text(certificate) == certificate


def test_a_value_that_was_cut_at_the_end_is_hidden() -> None:
    value = "Ab12" * 10
    assert "Ab12" not in Redactor([value]).text(f"token was {value[:25]}...")
    assert "Ab12" not in Redactor([value]).text(f"token was {value[:25]}")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=8, max_size=40), min_size=1, max_size=5), st.data())
def test_any_value_is_found_at_any_place(values: list[str], data: st.DataObject) -> None:
    redactor = Redactor(values)
    value = data.draw(st.sampled_from(values))
    before = data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
    shown = redactor.data(f"{before}{value}\n".encode())
    assert redactor.leaks(shown) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(["{}", "id={}", "{}={}", "a/{}.b", "{}+x/{}-{}"])), max_size=30
    )
)
def test_each_place_is_found_in_whatever_words_and_order(drawn: list[tuple[int, int, str]]) -> None:
    values = ["e49ec846db", "0b1b8a4fc4d2", "Xy-7f3a9c"]
    text = " and ".join(form.format(values[one], values[other], values[one]) for one, other, form in drawn)
    shown = Redactor(values).text(text)
    assert not [value for value in values if value in shown]


def test_thousands_of_values_are_found_in_one_pass() -> None:
    values = [f"value-{number:05d}-{number * 7919 % 99991:05d}" for number in range(3000)]
    redactor = Redactor(values)
    shown = redactor.text("\n".join(f"line {number} {value}" for number, value in enumerate(values)))
    assert shown.count("[redacted:") == 3000
    assert "value-" not in shown
