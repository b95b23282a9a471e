# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is passed over quickly has nothing to hide in it: with and without the short cuts the same is found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from urllib.parse import quote

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.credential_forms import credential_forms
from harmless_lines import harmless_lines
from hypothesis import example, given, settings
from hypothesis import strategies as st
from secret_forms import OBJECTS, STAMP, TEXTS, b64, passwords, tokens
from slow_forms import slow_spans

HARMLESS = [*harmless_lines(300, seed=7)]
# Ends and beginnings that a pattern, or what is looked for before it, can stumble over.
JOINTS = [
    *(
        "",
        " ",
        "\n",
        "\r\n",
        "\t",
        "\\n",
        '"',
        '\\"',
        "'",
        ",",
        ":",
        "=",
        "@",
        "//",
        "/",
        "-",
        "--",
        ".",
        "_",
        "n",
        "\u00e4",
        "\u017f",
        "\u212a",
    ),
    *(
        "value: ",
        '"value":"x","name":"',
        "-----",
        "%",
        "password",
        "token ",
        " is ",
        "[",
        "{",
        "<",
        ">",
        "\U0001f680",
        "sha256",
        "@sha256:",
    ),
    *("https://user:", "user:pw@host", "//a:b c@d", "thin:a/b@c", "machine a login b password c", "pat-na1-", "SK", "u", "re_", "abcdef."),
]


def secret_texts(seed: int) -> list[str]:
    random = Random(seed)
    words = passwords(random).values()
    texts = [form(secret) for secret in words for form in TEXTS.values()]
    objects = [json.dumps(form(secret)) for secret in words for form in OBJECTS.values()]
    return [*texts, *objects, *tokens(random).values()]


SECRETS = secret_texts(3)
wholes = st.sampled_from(HARMLESS) | st.sampled_from(SECRETS) | st.sampled_from(JOINTS)
cuts = st.tuples(wholes, st.integers(0, 200), st.integers(1, 400)).map(lambda one: one[0][one[1] :][: one[2]])
wrapped = wholes.map(b64) | wholes.map(json.dumps) | wholes.map(lambda text: quote(text, safe=""))
folded = wholes.map(lambda text: "\n".join(b64(text * 3)[at : at + 64] for at in range(0, len(b64(text * 3)), 64)))
texts = st.lists(wholes | cuts | wrapped | folded | st.sampled_from(JOINTS), min_size=1, max_size=8).map("".join)


def hidden(text: str, spans: Sequence[tuple[int, int]]) -> set[int]:
    """Where something is hidden; whether the end of a line between two hidden parts is hidden too makes no difference."""
    return {at for start, end in spans for at in range(start, end) if not text[at].isspace()}


@settings(max_examples=300, deadline=None)
@given(texts)
@example("ab//c:d@e")
@example("to dbAGE-SECRET-KEY-1ESGYKTSUEHWGW6M6U6RYWFRTPV5Z2EXU6AF7MXTMPS7SZKXUY4C7UHPCG3")
@example(b64("next=http%3A%2F%2Fbob%3AK9ExvJK%40h%2Fx " * 2))
@example("\x1b[36mpassword\x1b[0m=q7Zk9ab")
@example(b64('patch {"stringData":{"a":"q7Zk9ab"}} x'))
@example("sqlplus a/p<w@db")
@example('{"value":"q7Zk9ab","name":"DB_PASSWORD"}')
@example("x" * 30 + "\n" + b64("password=q7Zk9abcdefgh " * 6)[:76] + "\n" + b64("password=q7Zk9abcdefgh " * 6)[76:])
def test_the_short_cuts_pass_over_nothing(text: str) -> None:
    assert hidden(text, credential_forms().spans(text)) == hidden(text, slow_spans(text))


@pytest.mark.parametrize("seed", range(2))
def test_many_lines_together(seed: int) -> None:
    random = Random(seed)
    lines = [*HARMLESS, *secret_texts(seed)]
    random.shuffle(lines)
    text = "\n".join(STAMP + line for line in lines)
    assert hidden(text, credential_forms().spans(text)) == hidden(text, slow_spans(text))
