# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redaction of JSON-like objects by what they are: a Secret's data, a variable's value by its name, an argument behind its flag.  Pure.

All texts of an object are searched together, as one; only those in which something was found are looked at one by one.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Protocol

from .._core.credential_forms import Forms
from .._core.credential_values import is_harmless, is_placeholder
from .._core.redact import PLAIN_VALUES
from .known_parts import without_public

_DEEPEST = 100
_TOO_DEEP = "(nested too deeply)"
_LONG_NUMBER = 10_000_000
_ARGUMENTS = frozenset({"args", "command"})


class Texts(Protocol):
    def text(self, text: str) -> str:
        """Redacted."""

    def hidden(self, value: str | bytes) -> str:
        """Its placeholder."""

    def touched(self, text: str) -> list[tuple[int, int]]:
        """Where something is to be hidden."""


def load_nested(text: str) -> Any:
    """An object or a list that is written as JSON, or None."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, (dict, list)) and found else None


def dump_like(value: Any, text: str) -> str:
    """JSON in the way of ``text``."""
    head = text[:2000]
    indent = 2 if head.lstrip()[1:].lstrip(" \t\r")[:1] == "\n" else None
    separators = None if indent or '": ' in head else (",", ":")
    return json.dumps(value, ensure_ascii=text.isascii(), indent=indent, separators=separators) + ("\n" if text.endswith("\n") else "")


class ObjectWalk:
    def __init__(self, texts: Texts, forms: Forms) -> None:
        self._texts = texts
        self._forms = forms
        self._touched: set[str] = set()
        self._done: dict[str, str] = {}
        self._is_name = lru_cache(maxsize=100_000)(forms.is_name)  # objects have the same few names again and again

    def redacted(self, value: Any) -> Any:
        self._touched = self._suspects(value)
        return self._any(value, 0)

    def _suspects(self, value: Any) -> set[str]:
        """The texts that something is to be hidden in."""
        texts = list(_texts_in(value, {}, 0))
        starts, length = [], 0
        for text in texts:
            starts.append(length)
            length += len(text) + 1
        found = {text for text in texts if text[:1] in "{[" or ("//" in text and "@" not in text and text.count(":") > 1)}
        for start, end in self._texts.touched("\n".join(texts)):
            found.update(texts[bisect_right(starts, start) - 1 : bisect_right(starts, max(start, end - 1))])
        return found

    def _any(self, value: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            return _TOO_DEEP
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (dict, Mapping)):  # the plain type first: it takes a tenth of the time
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple)):
            return self._list(value, depth)
        if isinstance(value, int) and abs(value) >= _LONG_NUMBER and str(value) in self._touched:
            return self._text(str(value))
        return value

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        kind = value.get("kind")
        is_secret = kind == "Secret" and ("data" in value or "stringData" in value or "metadata" in value)
        of_list = kind[:-4] if isinstance(kind, str) and kind.endswith("List") and len(kind) > 4 else ""
        named = next(
            (one for one in (value.get("name"), value.get("key"), value.get("Name"), value.get("Key")) if isinstance(one, str)), ""
        )
        is_named = bool(named) and self._is_name(named)
        shown: dict[Any, Any] = {}
        for name, one in value.items():
            key = self._text(name) if isinstance(name, str) else name
            if (is_secret and name == "data") or (name == "stringData" and isinstance(one, Mapping)):
                shown[key] = self._secret(one, is_encoded=name == "data")
            elif of_list and name == "items" and isinstance(one, list):
                shown[key] = [
                    self._any(_of_kind(item, of_list), depth + 2)
                    if _of_kind(item, of_list) is item
                    else _without_kind(self._any(_of_kind(item, of_list), depth + 2))
                    for item in one
                ]
            elif (is_named and name in {"value", "Value", "val"}) or (self._is_secret(name, one) and not _is_key(name, value)):
                shown[key] = self._by_name(one, depth + 1)
            elif name in _ARGUMENTS and _are_texts(one):
                shown[key] = self._arguments(one)
            else:
                shown[key] = self._any(one, depth + 1)
        return shown

    def _is_secret(self, name: Any, value: Any) -> bool:
        """Several texts can be under a name in the plural."""
        return isinstance(name, str) and (self._is_name(name) or (name[-1:] == "s" and _are_texts(value) and self._is_name(name[:-1])))

    def _by_name(self, value: Any, depth: int) -> Any:
        """What stands under a name of what is secret."""
        if isinstance(value, str):
            return value if not value.strip() or is_harmless(value) else self._hide(value)
        if isinstance(value, list):
            return [self._by_name(one, depth + 1) if isinstance(one, str) else self._any(one, depth + 1) for one in value]
        if isinstance(value, Mapping) and any(isinstance(value.get(name), (str, list)) for name in PLAIN_VALUES):
            return {
                name: self._by_name(one, depth + 1) if name in PLAIN_VALUES else self._any(one, depth + 1) for name, one in value.items()
            }
        if type(value) in {int, float} and abs(value) >= 1000:
            return self._hide(str(value))
        return self._any(value, depth)

    def _hide(self, value: str) -> str:
        return value if is_placeholder(value) else self._texts.hidden(value)

    def _list(self, value: Any, depth: int) -> list[Any]:
        shown: list[Any] = []
        flag = ""
        for one in value:
            if flag and isinstance(one, str) and not one.startswith("-"):
                shown.append(self._by_name(one, depth))
            else:
                shown.append(self._any(one, depth + 1))
            is_flag = isinstance(one, str) and one.startswith("-") and "=" not in one and self._is_name(one)
            flag = one if is_flag else ""
        return shown

    def _arguments(self, value: list[str]) -> list[Any]:
        """As a command line: ``curl -u user:password``."""
        shown = self._list(value, 0)
        line = " ".join(value)
        starts, length = [], 0
        for one in value:
            starts.append(length)
            length += len(one) + 1
        for start, end in self._forms.spans(line):
            for at in range(bisect_right(starts, start) - 1, bisect_right(starts, max(start, end - 1))):
                if shown[at] == value[at]:
                    part = value[at][max(0, start - starts[at]) : end - starts[at]]
                    shown[at] = value[at].replace(part, self._texts.hidden(part)) if part.strip() else value[at]
        return shown

    def _secret(self, value: Any, *, is_encoded: bool) -> Any:
        if isinstance(value, Mapping):
            return {name: self._secret(one, is_encoded=is_encoded) for name, one in value.items()}
        if not isinstance(value, str) or not value:
            return value if value in (None, "") else self._texts.hidden(json.dumps(value, default=str))
        plain = value.encode(errors="surrogatepass")
        if is_encoded:
            with suppress(ValueError):
                plain = base64.b64decode(value, validate=True)
        is_public = plain.startswith(b"-----BEGIN") and not without_public(plain).strip()
        return value if is_public or is_placeholder(value) else self._texts.hidden(plain)

    def _text(self, value: str) -> str:
        if value not in self._touched:
            return value
        if value not in self._done:
            nested = load_nested(value)
            self._done[value] = self._texts.text(value) if nested is None else self._nested(nested, value)
        return self._done[value]

    def _nested(self, nested: Any, text: str) -> str:
        inner = ObjectWalk(self._texts, self._forms).redacted(nested)
        return text if inner == nested else dump_like(inner, text)


def _is_key(name: Any, value: Mapping[Any, Any]) -> bool:
    """Of an ExternalSecret: the key that a value will stand under."""
    return name == "secretKey" and ("remoteRef" in value or "sourceRef" in value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _of_kind(item: Any, kind: str) -> Any:
    return {"kind": kind, **item} if isinstance(item, Mapping) and "kind" not in item else item


def _without_kind(item: Any) -> Any:
    return {name: one for name, one in item.items() if name != "kind"} if isinstance(item, dict) else item


def _texts_in(value: Any, found: dict[str, None], depth: int) -> dict[str, None]:
    """Each text once, as the keys of ``found``: no generator, for that takes as many steps for a text as it lies deep."""
    if depth > _DEEPEST:
        return found
    if isinstance(value, str):
        found[value] = None
    elif isinstance(value, (list, tuple)):
        for one in value:
            _texts_in(one, found, depth + 1)
    elif isinstance(value, int):
        if abs(value) >= _LONG_NUMBER:
            found[str(value)] = None
    elif isinstance(value, (dict, Mapping)):
        for name, one in value.items():
            if isinstance(name, str):
                found[name] = None
            if isinstance(one, str):
                found[one] = None
            else:
                _texts_in(one, found, depth + 1)
    return found
