# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of a whole cluster in all that a bundle holds: none is left; and of harmless lines hardly one is changed."""

from __future__ import annotations

import json
from random import Random
from urllib.parse import quote

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import outgoing, redacted
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.redactor import Redactor
from harmless_lines import harmless_lines
from secret_forms import OBJECTS, STAMP, TEXTS, b64, passwords, tokens

NUMBER = "73519046"


def left(secret: str, shown: str) -> list[str]:
    """Ways in which a secret, or the end of one, can still be read."""
    parts = [secret, secret[-6:]] if len(secret) >= 12 else [secret]
    ways = {way for part in parts for way in (part, b64(part)[:-3], quote(part, safe=""), json.dumps(part)[1:-1])}
    return [way for way in (*ways, NUMBER) if way in shown]


@pytest.mark.parametrize("form", OBJECTS)
def test_of_an_object_no_secret_is_left(form: str) -> None:
    redactor = Redactor()
    for secret in passwords(Random(form)).values():
        obj = OBJECTS[form](secret)
        shown = redactor.value(obj)
        assert left(secret, json.dumps(shown)) == []
        assert "[redacted:" in json.dumps(shown)
        assert redactor.value(shown) == shown
        assert left(secret, json.dumps(outgoing(obj)).replace(NUMBER, "")) == []  # no number of a result is changed
        for text in (json.dumps(obj), json.dumps(obj, indent=2), STAMP + json.dumps(obj, separators=(",", ":")) + "\n" + STAMP + "next\n"):
            written = redactor.data(text.encode()).decode()
            assert left(secret, written) == []
            assert isinstance(json.loads(written.removeprefix(STAMP).removesuffix(f"{STAMP}next\n")), dict)


@pytest.mark.parametrize("form", TEXTS)
def test_of_a_text_no_secret_is_left(form: str) -> None:
    redactor = Redactor()
    for secret in passwords(Random(form)).values():
        text = TEXTS[form](secret)
        for written in (
            text,
            f"{STAMP}{text}\n{STAMP}next line\n",
            json.dumps({"msg": text, "n": 1}),
            json.dumps({"a": json.dumps({"log": text})}),
        ):
            shown = redactor.text(written)
            assert left(secret, shown) == []
            assert "[redacted:" in shown
            assert ("next line" in written) == ("next line" in shown)
        assert left(secret, redacted(text)) == []
        assert left(secret, str(outgoing({"message": text}))) == []


@pytest.mark.parametrize("kind", tokens(Random(1)))
def test_a_token_is_recognized_wherever_it_stands(kind: str) -> None:
    redactor = Redactor()
    for seed in range(3):
        token = tokens(Random(seed))[kind]
        for text in (
            token,
            f"got {token} here",
            f"x={token}&y=1",
            f"'{token}'",
            f"({token})",
            f"x:{token},",
            json.dumps({"a": f"b\n{token}"}),
        ):
            assert left(token, redactor.text(text)) == []
        many = "\n".join(f"{number} {one}" for number in range(seed, 60) for one in [tokens(Random(number))[kind]])
        assert left(token, redactor.text(many)) == []


def test_a_value_that_the_cluster_knows_is_left_nowhere() -> None:
    values = [value for seed in range(8) for value in passwords(Random(seed)).values()]
    redactor = Redactor(values)
    for value in values:
        for text in (
            f"the word {value} says nothing",
            f"/path/{value}/x",
            f"{value}",
            json.dumps({"a": [f"x {value}"]}),
            f"event: pulled {b64('x' + value)}",
        ):
            assert left(value, redactor.data(text.encode()).decode()) == []
        assert left(value, json.dumps(redactor.value({"status": {"message": f"it was {value}"}, "labels": {value: "x"}}))) == []
    assert redactor.leaks("\n".join(values).encode()) != []


def test_harmless_lines_stay() -> None:
    lines = [*harmless_lines(1000)]
    together = Redactor().text("\n".join(lines)).split("\n")
    changed = [(line, shown) for line, shown in zip(lines, together, strict=True) if line != shown]
    assert changed == []
    redactor = Redactor()
    assert [line for line in lines[:300] if redactor.text(line) != line] == []


def test_the_names_that_the_user_gives_are_secret_too() -> None:
    redactor = Redactor(names=["x-gate", "Pool Code"])
    assert "blue7" not in redactor.text("X-Gate: blue7\npool code=blue7")
    assert redactor.value({"spec": {"x-gate": "blue7"}})["spec"]["x-gate"].startswith("[redacted:")
    assert Redactor().text("X-Gate: blue7") == "X-Gate: blue7"


def test_what_says_that_there_is_none_stays() -> None:
    obj = {
        "kind": "Pod",
        "spec": {
            "automountServiceAccountToken": False,
            "imagePullSecrets": [{"name": "regcred"}],
            "volumes": [{"name": "tls", "secret": {"secretName": "api-tls", "items": [{"key": "tls.crt", "path": "tls.crt"}]}}],
            "containers": [
                {
                    "env": [
                        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                        {"name": "TOKEN", "value": ""},
                    ]
                }
            ],
        },
    }
    assert Redactor().value(obj) == obj
    external = {"kind": "ExternalSecret", "spec": {"data": [{"secretKey": "password", "remoteRef": {"key": "db", "property": "pw"}}]}}
    assert Redactor().value(external) == external
    reference = {"spec": {"password": {"valueFrom": {"secretKeyRef": {"name": "db", "key": "pw"}}}, "token": {"name": "a", "key": "b"}}}
    assert Redactor().value(reference) == reference
    assert outgoing(reference) == reference


def test_a_certificate_in_a_secret_stays() -> None:
    certificate = b64("-----BEGIN CERTIFICATE-----\nMIIB" + "abcd1234" * 7 + "\n-----END CERTIFICATE-----\n")
    shown = Redactor().value({"kind": "Secret", "metadata": {}, "data": {"tls.crt": certificate, "tls.key": b64("x" * 40)}})
    assert shown["data"]["tls.crt"] == certificate
    assert shown["data"]["tls.key"].startswith("[redacted:")


def test_one_value_has_one_placeholder_in_objects_and_in_texts() -> None:
    redactor = Redactor(["q7Zk-Long-Value"])
    secret = redactor.value({"kind": "Secret", "metadata": {}, "data": {"a": b64("q7Zk-Long-Value")}})["data"]["a"]
    assert secret in redactor.text("it was q7Zk-Long-Value")
    assert secret in redactor.text("password=q7Zk-Long-Value")
    assert redactor.count == 3


HEX = "b1946ac92492d2347c6235b4d2611184c0ffee42"  # as a commit id has it


@pytest.mark.parametrize(
    "line",
    [
        *(f"token={HEX}", f"curl 'https://ci.example.com/build?token={HEX}&x=1'", f'{{"apiToken":"{HEX}"}}', f"X-Api-Key: {HEX}"),
        *(f"GET /login?next=%2Fjob%3Ftoken%3D{HEX}%26page%3D2", f"next=%252Fjob%253Ftoken%253D{HEX}%2526page%253D2"),
        *(f"body=%7B%22password%22%3A%22{HEX}%22%2C%22n%22%3A1%7D", f"body=%7B%22password%22%3A+%22{HEX}%22%7D"),
        f"/callback#access_token%3d{HEX}",
    ],
)
def test_a_secret_in_the_shape_of_a_commit_id_is_found_by_its_name(line: str) -> None:
    shown = Redactor().text(f"{STAMP}{line}\n{STAMP}commit {HEX[::-1]}\n")
    assert HEX not in shown
    assert HEX[::-1] in shown
    assert "page%" not in line or "page%" in shown


@pytest.mark.parametrize(
    "line", ["token%3Dnull", "next=%2Fapi%2Ftoken%3Fpage%3D2", "path=/token%20list", "LIKE '%password%'", "100%secret%"]
)
def test_of_a_url_what_is_no_secret_stays(line: str) -> None:
    assert Redactor().text(line) == line


UUID = "01234567-89ab-cdef-0123-456789abcdef"
BOT = "AA" + "Hd3kLm9Qw2" * 3 + "x_y"


@pytest.mark.parametrize(
    "text",
    [
        f"pat-na1-{UUID}",
        f"x=pat-eu1-{UUID}",
        f"https://api.telegram.org/bot123456789:{BOT}/sendMessage",
        f"bot:{BOT}",
        f"/{BOT}",
        f"\\n{BOT}",
    ],
)
def test_a_token_around_a_harmless_shape(text: str) -> None:
    shown = Redactor().text(f"{STAMP}sent {text} and {UUID}\n")
    assert f"1-{UUID}" not in shown
    assert BOT not in shown
    assert f"and {UUID}" in shown
