# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML and JSON as kubectl reads them.  Pure.

kubectl reads with Go's yaml.v2, which is neither YAML 1.1 nor 1.2: `yes` and `on` are booleans, 0644 is octal, and dates, 1:30 and = are
text.
Aliases are copied, and the copies count against the limits, so a small text cannot become a large object.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import SalvageError

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]

MAX_BYTES = 16 * 1024 * 1024
MAX_NODES = 500_000
MAX_DEPTH = 200

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_TAG = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}
_MERGE = object()


@dataclass(frozen=True)
class Document:
    """One document of a text; ``line`` is the line that it starts on."""

    line: int
    value: Any


def documents(text: str, where: str) -> list[Document]:
    """The documents that are not empty.  Raises SalvageError(bad_input), which names ``where`` and the line."""
    if len(text) > MAX_BYTES:
        raise SalvageError(f"{where} is larger than {MAX_BYTES} bytes; split it", reason="bad_input")
    if text.lstrip()[:1] == "{":
        found = _json_documents(text, where)
        if found is not None:
            return found
    if yaml is None:
        raise SalvageError(
            "the Python library PyYAML is missing where the module runs; install it with the kubernetes library", reason="missing_library"
        )
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return [one for one in _Builder(where).run(yaml.parse(text, Loader=loader)) if one.value is not None]
    except yaml.YAMLError as exc:  # only what it says, never the text that it quotes
        mark, problem = getattr(exc, "problem_mark", None), getattr(exc, "problem", None) or "it is not YAML"
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise SalvageError(f"{where}{line} is not YAML: {problem}", reason="bad_input") from None
    except RecursionError:
        raise SalvageError(f"{where} is nested more than {MAX_DEPTH} levels deep", reason="bad_input") from None


def written(value: Any) -> str:
    """A text that ``documents`` reads as the value."""
    plain = json.loads(json.dumps(value))
    return json.dumps(plain, indent=2) if yaml is None else str(yaml.safe_dump(plain, sort_keys=False, width=1000))


def plain_scalar(text: str) -> Any:
    """The value of a scalar without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[:1]
    if not (first.isascii() and first.isdigit()) and first not in ("+", "-", "."):
        return text
    digits = text if first == "." else text.replace("_", "")
    whole = _INTEGER.fullmatch(digits)
    if whole:
        base, number = next((base, whole[name]) for name, base in _BASES.items() if whole[name])
        value = int(number, base) if len(number) <= 64 else 2**64  # digits without an end are a float, as for Go
        value = -value if whole["sign"] == "-" else value
        if -(2**63) <= value < 2**64:
            return value
    if _FLOAT.fullmatch(digits):
        real = float(digits)
        return text if math.isinf(real) else _number(real)
    return text


def _number(value: float) -> int | float:
    """Go writes a whole number without a point."""
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


@dataclass
class _Frame:
    """A collection that is being built."""

    value: Any
    anchor: str | None
    line: int
    key: Any = None
    has_key: bool = False
    size: int = 1
    height: int = 1
    given: set[str] = field(default_factory=set)


class _Builder:
    def __init__(self, where: str) -> None:
        self._where = where
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._open: set[str] = set()
        self._nodes = 0
        self._line = 0
        self._root: Any = None

    def run(self, events: Any) -> Iterator[Document]:
        start = 1
        for event in events:
            self._line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._root, start = {}, None, 0
            elif isinstance(event, yaml.DocumentEndEvent):
                yield Document(start or self._line, self._root)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                start = start or self._line
                self._begin({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                done = self._frames.pop()
                self._add(done.value, done.anchor, done.size, done.height, done.line)
            elif isinstance(event, yaml.ScalarEvent):
                start = start or self._line
                self._count(1)
                self._add(self._scalar(event), event.anchor, 1, 0, self._line)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(str(event.anchor))

    def _fail(self, says: str) -> SalvageError:
        return SalvageError(f"{self._where}, line {self._line}: {says}", reason="bad_input")

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self._fail(f"the text has more than {MAX_NODES} values, with those that its aliases repeat; split it")

    def _begin(self, value: Any, anchor: str | None) -> None:
        self._count(1)
        if len(self._frames) >= MAX_DEPTH:
            raise self._fail(f"it is nested more than {MAX_DEPTH} levels deep")
        self._frames.append(_Frame(value, anchor, self._line))

    def _alias(self, name: str) -> None:
        if name not in self._anchors:
            inside = any(frame.anchor == name for frame in self._frames)
            raise self._fail(f"the alias *{name} " + ("contains itself" if inside else "has no anchor"))
        value, size, height = self._anchors[name]
        self._count(size)
        if len(self._frames) + height > MAX_DEPTH:
            raise self._fail(f"with its aliases it is nested more than {MAX_DEPTH} levels deep")
        self._add(_copied(value), None, size, height, self._line)

    def _add(self, value: Any, anchor: str | None, size: int, height: int, line: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, size, height)
        if not self._frames:
            self._root = None if value is _MERGE else value
            return
        frame = self._frames[-1]
        frame.size, frame.height = frame.size + size, max(frame.height, height + 1)
        if isinstance(frame.value, list):
            frame.value.append("<<" if value is _MERGE else value)
        elif not frame.has_key:
            frame.key, frame.has_key = value, True
        else:
            frame.has_key = False
            if frame.key is _MERGE:
                self._merge(frame, "<<" if value is _MERGE else value)
            else:
                name = self._key(frame.key)
                if name in frame.given:
                    raise self._fail(f"the key {name} is in one mapping twice; remove one of them")
                frame.given.add(name)
                frame.value[name] = "<<" if value is _MERGE else value

    def _merge(self, frame: _Frame, value: Any) -> None:
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise self._fail("<< merges mappings only")
        for part in reversed(parts):  # the first of several wins
            frame.value.update(_copied(part))

    def _key(self, key: Any) -> str:
        if isinstance(key, bool):
            return "true" if key else "false"
        if isinstance(key, (str, int, float)):
            return str(key)
        raise self._fail("a key must be text; put it in quotes")

    def _scalar(self, event: Any) -> Any:
        text, tag = event.value, event.tag
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise self._fail("the text has half a character (a surrogate)")
        if tag is None:
            if not event.implicit[0]:
                return text
            value = _MERGE if text == "<<" else plain_scalar(text)
        elif tag == f"{_TAG}binary":
            return self._binary(text)
        elif tag.removeprefix(_TAG) in _TYPES and tag.startswith(_TAG):
            value = plain_scalar(text)
            types = _TYPES[tag.removeprefix(_TAG)]
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise self._fail(f"the value is not of its tag !!{tag.removeprefix(_TAG)}")
        else:
            return text
        if isinstance(value, float) and not math.isfinite(value):
            raise self._fail("JSON has no such number; put it in quotes if it is text")
        return value

    def _binary(self, text: str) -> str:
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode()
        except (binascii.Error, ValueError):
            raise self._fail("!!binary must be base64 of UTF-8 text; use binaryData for other bytes") from None


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_copied(one) for one in value]
    return value


class _NotJsonError(Exception):
    """The text is not what JSON allows, which the YAML reader then explains."""


def _json_documents(text: str, where: str) -> list[Document] | None:
    """A sequence of JSON objects; None if it is not JSON."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_real, parse_constant=_no_constant)
    found, at = [], 0
    try:
        while at < len(text):
            begin = at + len(text[at:]) - len(text[at:].lstrip())
            if begin == len(text):
                break
            value, at = decoder.raw_decode(text, begin)
            found.append(Document(text.count("\n", 0, begin) + 1, value))
    except (ValueError, _NotJsonError):
        return None
    except RecursionError:
        raise SalvageError(f"{where} is nested more than {MAX_DEPTH} levels deep", reason="bad_input") from None
    if any(_deeper_than(one.value, MAX_DEPTH) for one in found):
        raise SalvageError(f"{where} is nested more than {MAX_DEPTH} levels deep", reason="bad_input")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotJsonError
    return found


def _real(text: str) -> int | float:
    value = float(text)
    if math.isinf(value):
        raise _NotJsonError
    return _number(value)


def _no_constant(text: str) -> Any:
    raise _NotJsonError


def _deeper_than(value: Any, levels: int) -> bool:
    level = [value]
    for _step in range(levels + 1):
        level = [inner for one in level if isinstance(one, (dict, list)) for inner in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return False
    return True
