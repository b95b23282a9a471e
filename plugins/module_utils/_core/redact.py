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
_SHOWN = (None, "", HIDDEN, HIDDEN_CHANGED)  # of what is secret
LONGEST = 1_000_000  # characters of one text that leaves
PLAIN_VALUES = frozenset({"value", "values", "plain", "plainText", "plaintext", "inline", "literal"})  # of ``password: {value: x}``
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
    """A value with every text in it redacted and clean; line ends and tabs stay.  What is secret by its name is hidden too."""
    if isinstance(value, str):
        return clean(redacted(value), keep="\n\t", limit=limit)
    if isinstance(value, Mapping):
        named = next((one for one in (value.get("name"), value.get("key")) if isinstance(one, str)), "")
        is_named = named != "" and is_secret_name(named)
        return {outgoing(key, limit=limit): _under(str(key), one, value.get("kind"), is_named, limit) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return _arguments(value) if _is_command(value) else [outgoing(one, limit=limit) for one in value]
    return value


def _under(key: str, value: Any, kind: Any, is_named: bool, limit: int) -> Any:
    """A value under its key in an object of a kind; ``is_named`` is whether the object has the name of a secret."""
    if isinstance(value, Mapping) and (key == "stringData" or (key == "data" and kind == "Secret")):
        return {name: one if one in _SHOWN else HIDDEN for name, one in value.items()}
    if kind == "SecretList" and key == "items" and isinstance(value, list):
        return [outgoing({"kind": "Secret", **one} if isinstance(one, Mapping) else one, limit=limit) for one in value]
    if (is_named and key == "value") or is_secret_name(key) or _is_plural(key, value):
        return _hidden(value, limit)
    return outgoing(value, limit=limit)


def _is_command(value: Iterable[Any]) -> bool:
    return all(isinstance(one, str) for one in value) and any(one.startswith("-") for one in value)


def _arguments(value: Iterable[str]) -> list[str]:
    """Of a command: what stands behind a flag is seen with it; an argument with a credential is hidden whole."""
    spans = credential_forms().spans(" ".join(value))
    shown, at = [], 0
    for one in value:
        end, own = at + len(one), outgoing(one)
        is_touched = any(start < end and at < stop for start, stop in spans)
        shown.append(HIDDEN if is_touched and own == one else own)
        at = end + 1
    return shown


def _is_plural(name: str, value: Any) -> bool:
    """``passwords`` with a list of texts; the number of tokens is none."""
    return (
        name[-1:] == "s" and isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value) and is_secret_name(name[:-1])
    )


def _hidden(value: Any, limit: int) -> Any:
    """What stands under a name of what is secret: a text, texts, or an object with one."""
    if isinstance(value, (list, tuple)):
        return [_hidden(one, limit) if isinstance(one, str) else outgoing(one, limit=limit) for one in value]
    if isinstance(value, Mapping):
        shown: dict[Any, Any] = outgoing(value, limit=limit)
        return {key: _hidden(one, limit) if key in PLAIN_VALUES else one for key, one in shown.items()}
    return HIDDEN if _is_open(value) else value


def _is_open(value: object) -> bool:
    return isinstance(value, str) and value not in _SHOWN


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
