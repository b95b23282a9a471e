# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every text goes through before it leaves the process: no credential in it, and nothing that drives a terminal.

``outgoing`` does both and is what an exit calls; ``redacted`` and ``clean`` are its halves.  Credentials are found by what they look
like and by the name beside them.  It hides too much rather than too little: a hidden word costs a second look, a shown one a rotation.
Each takes time in proportion to the text, whatever the text is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from .credential_addresses import ADDRESS
from .credential_forms import credential_forms

HIDDEN = "(hidden)"
HIDDEN_CHANGED = "(hidden, changed)"  # in a difference, where the value before was another
LONGEST = 1_000_000  # characters of one text that leaves
_PLAIN_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})
_SHORTEST_HEADER = 8
_SHORTEST = 5  # of a password in an address, to be looked for elsewhere

# A colour or a move of the cursor as a whole; of other sequences the control characters go, and the rest is plain text.
_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]")
# Control, format (bidirectional overrides, zero width) and surrogate characters; separators of lines and paragraphs.
_UNCLEAN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str, *, keep: str = "", limit: int = LONGEST) -> str:
    """On one line, unless ``keep`` has the line end: a pod's message must not drive the terminal, nor turn a page's text around."""
    text = text[: 2 * limit]
    if not text.isascii() or not text.isprintable():
        text = _SEQUENCE.sub("", text)
        text = "".join(c if c in keep or unicodedata.category(c) not in _UNCLEAN else " " for c in text)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def redacted(text: str) -> str:
    """The text without what looks like a credential."""
    return replaced(text, credential_forms().spans(text), lambda _value: HIDDEN)


def replaced(text: str, spans: Iterable[tuple[int, int]], hide: Callable[[str], str]) -> str:
    """The text with what ``hide`` gives for each span."""
    parts, done = [], 0
    for start, end in spans:
        parts += [text[done:start], hide(text[start:end])]
        done = end
    return "".join([*parts, text[done:]])


def excerpt(text: str, limit: int) -> str:
    """The start of what someone else said, as one line; redacted before it is cut, for half a credential is not recognized."""
    return " ".join(clean(redacted(text[: 100 * limit])).split())[:limit]


def outgoing(value: Any, *, limit: int = LONGEST) -> Any:
    """A value with every text in it redacted and clean; line ends and tabs stay.  What is secret by its key is hidden too."""
    if isinstance(value, str):
        return clean(redacted(value), keep="\n\t", limit=limit)
    if isinstance(value, Mapping):
        return {
            outgoing(key, limit=limit): HIDDEN if _is_open(one) and is_secret_name(str(key)) else outgoing(one, limit=limit)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [outgoing(one, limit=limit) for one in value]
    return value


def _is_open(value: object) -> bool:
    return isinstance(value, str) and value not in ("", HIDDEN, HIDDEN_CHANGED)


def credentials_in(value: Any, name: str = "") -> set[str]:
    """The texts in a module's options that must be shown nowhere; ``name`` is the one that the value stands under."""
    if isinstance(value, Mapping):
        if name == "headers":  # a header of any name can hold one; a short word is also a word of the result
            plain = {key for key, one in value.items() if str(key).lower() in _PLAIN_HEADERS or len(str(one)) < _SHORTEST_HEADER}
            return {text for key, one in value.items() for text in credentials_in(one, str(key) if key in plain else "secret")}
        if isinstance(value.get("name"), str):  # an environment variable, a header
            return {text for key, one in value.items() for text in credentials_in(one, value["name"] if key == "value" else str(key))}
        return {text for key, one in value.items() for text in credentials_in(one, str(key))}
    if isinstance(value, (list, tuple)):
        return {text for one in value for text in credentials_in(one, name)}
    if not isinstance(value, str) or not value:
        return set()
    if is_secret_name(name):
        return {value}
    if redacted(value) == value:
        return set()
    logins = [found[1].rpartition("@")[0] for found in ADDRESS.finditer(value) if "@" in found[1]]
    parts = {part for login in logins for part in (login, login.partition(":")[2], unquote(login.partition(":")[2]))}
    return {value} | {part for part in parts if len(part) >= _SHORTEST}


def is_secret_name(name: str) -> bool:
    """Whether a value under this name is a credential: DB_PASSWORD, apiToken; not secretName, which only refers to one."""
    return credential_forms().is_name(name)
