# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that are made to take long: the time grows with the text and not faster."""

from __future__ import annotations

import time

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.redactor import Redactor
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = 1 << 15
LONGEST = 10.0  # seconds of this process; what grows with the square takes minutes
PIECES = [
    *("a", "=", '"', "\\", '\\"', '"\\', "'", '{"', '{"a":', "[[", "//", "//a:", "a:", "@", "a@", "//a:b@", "%41", "%"),
    *("\\u0041", "&#65;", "\n", " ", "\x00", "password", "password ", "password=", "password: |\n ", "password>", 'password="'),
    *('password=\\"', "--token ", 'secret"', '"secret":', "api_key", "key", "auth", "authorization:", "authorization: bearer "),
    *('cookie: a="', "bearer ", "basic YTpi", "curl -u ", "mysql -p", "login -p ", "identified by '"),
    *("-----BEGIN PRIVATE KEY-----", "LS0tLS1CRUdJTi", "eyJ", "eyJaaaaaaaa.", "H4sI", "YWFh", "ghp_", "ghp_" + "a" * 36 + " "),
    *("SG.", "abcdef.", "AKIA", "$2y$", ":5432:", "h:5432:d:u:", "kind: Secret\n", "kind: Secret\ndata:\n", "data:\n  a: b\n"),
    *('"value":"x","name":"password",', "machine a login b password c\n", "A" * 76 + "\n", "password is ", "code=&"),
    *('{"a":"password=x"}\n', "S3cr3tT0ken", "S3cr3tT0k%65n", "S3cr3tT0\n", "3tT0kenV ", "(hidden)", "[redacted:01234567]"),
    *(
        "&#",
        "&#34;",
        "\x1b[",
        "\x1b[36m",
        "^[[",
        "\\u0022",
        "\\/",
        "%2F%2F",
        "a:b@tcp(",
        "stringData:{a:",
        '"data":{"a":"b',
        "-----END PRIVATE KEY-----",
    ),
    *(
        "mongo -p ",
        "htpasswd -b ",
        "unseal key 1: ",
        "unseal_keys_b64: [",
        "define('a_pass', '",
        "a_passwd x\n",
        "alias set ",
        "password=<<A\n",
    ),
    *("password: {value: ", "--token\n  ", "value: x\n  name: token\n", "ldapsearch -w ", "from-literal=a=", "rabbitmqctl add_user "),
]
KNOWN = ["S3cr3tT0kenValue-abcdef0123456789", "p@ss w0rd/x", "sh0rt7!", "a" * 40, "=" * 20 + "x", 'x\\"\\"' * 5]


@pytest.mark.parametrize("before", ["", "password=", '{"a":"'], ids=["alone", "behind a name", "in JSON"])
@pytest.mark.parametrize("piece", PIECES)
def test_the_time_grows_with_the_text_whatever_it_is(piece: str, before: str) -> None:
    redactor = Redactor(KNOWN)
    data = (before + piece * (SIZE // len(piece)) + ('"}' if before.startswith("{") else "")).encode()
    started = time.process_time()
    redactor.leaks(redactor.data(data))
    assert time.process_time() - started < LONGEST


@pytest.mark.parametrize("piece", ["samlresponse=", "scram-sha-1$", "argon2id$", "proxy_set_header x-key ", "authorization: digest "])
def test_a_value_that_goes_on_with_its_own_word(piece: str) -> None:
    started = time.process_time()
    Redactor().text(piece * ((1 << 19) // len(piece)))
    assert time.process_time() - started < LONGEST


@pytest.mark.parametrize("piece", ["a", "=", '"', "\\", '\\"', "'\"", '{"a":"'])
def test_a_megabyte_of_one_thing(piece: str) -> None:
    started = time.process_time()
    Redactor().text(piece * ((1 << 20) // len(piece)))
    assert time.process_time() - started < LONGEST


def test_a_line_of_a_megabyte_is_redacted_in_place() -> None:
    line = "x" * 500_000 + " password=q7Zk9ab " + "y" * 500_000
    shown = Redactor().text(f"before\n{line}\nafter")
    assert "q7Zk9ab" not in shown
    assert shown.startswith("before\nxxx")
    assert shown.endswith("yyy\nafter")


def test_a_value_across_the_border_of_two_pieces_is_found() -> None:
    value = "q7Zk-Long-Value-81"
    redactor = Redactor([value])
    data = b"2026-11-26 some line of a log\n" * 69_904 + f"it was {value}\n".encode() * 20_000
    shown = redactor.data(data)
    assert value.encode() not in shown
    assert shown.count(b"\n") == data.count(b"\n")
    assert [one.offset for one in redactor.leaks(data[: 30 * 69_904 + 40])] == [30 * 69_904 + 7]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_taken(data: bytes) -> None:
    redactor = Redactor(KNOWN)
    redactor.leaks(redactor.data(data))


NAMES = ["kind", "data", "items", "password", "value", "name", "Secret"]
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.sampled_from(NAMES)
names = st.text(max_size=8) | st.sampled_from(NAMES)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=20)


@settings(max_examples=200, deadline=None)
@given(values)
def test_any_object_is_taken_and_what_is_hidden_stays_hidden(value: object) -> None:
    redactor = Redactor()
    shown = redactor.value(value)
    assert redactor.value(shown) == shown


def test_an_object_that_is_nested_too_deeply_is_cut() -> None:
    value: object = "password=q7Zk9ab"
    for _ in range(300):
        value = [value]
    assert "q7Zk9ab" not in str(Redactor().value(value))
    assert b"q7Zk9ab" not in Redactor().data(b'{"password":' * 5000 + b'"q7Zk9ab"' + b"}" * 5000)
