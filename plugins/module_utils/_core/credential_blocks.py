# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that are whole blocks of a text: private keys, and the data of Secrets in YAML and JSON, whole or cut off.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .credential_values import value_span

Span = tuple[int, int]

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----BEGIN).){0,40000}?-----END [A-Z0-9 ]{0,40}-----|[A-Za-z0-9+/=\s\\]*)",
    re.DOTALL,
)
_PRIVATE_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_LINE_OF_KEY = re.compile(r"(?:[^\n]*[\s\"'])?(?P<v>[A-Za-z0-9+/=]+)(?:\\r)?\r?")
_LINES_OF_KEY, _LONGEST_LINE, _SHORTEST_LINE = 200, 400, 40
_PRIVATE_KEY_BASE64 = re.compile(r"LS0tLS1CRUdJTi(?!BDRVJUSUZJQ0FUR|BQVUJMSUMgS0VZ)[A-Za-z0-9+/=\s\\]{8,}")
_SECRET_OBJECT = re.compile(r"^(?P<indent>[ \t]*(?:- )?)kind:[ \t]*[\"']?Secret[\"']?[ \t]*\r?$", re.MULTILINE)
_SECRET_FIELD = re.compile(
    r"^(?P<indent>[ \t]*)(?:data|stringData):[ \t]*\r?\n(?P<body>(?:(?P=indent)[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+)", re.MULTILINE
)
_SECRET_ENTRY = re.compile(r"^[ \t]+[^\s:]+:[ \t]*(?P<v>[^\s|>][^\n]*|[|>][^\n]*\n)|^[ \t]+(?P<w>[^\s:]+)[ \t]*$", re.MULTILINE)
_SECRET_MAP = re.compile(r"(?<![A-Za-z])(?P<name>stringData|data)(?P<closed>\\*[\"']?)\s{0,8}:\s{0,8}\{")
_IS_SECRET = re.compile(r"kind\\*[\"']?\s{0,8}:\s{0,8}\\*[\"']?Secret(?![A-Za-z])")
_MAP_KEY = re.compile(r"[{,\s\"'\\]*[\w.-]{1,253}\\*[\"']?\s{0,8}:\s{0,8}")


def block_spans(text: str) -> Iterator[Span]:
    if "PRIVATE KEY" in text:
        yield from (one.span() for one in _PRIVATE_KEY.finditer(text))
        yield from filter(None, (_before_end(text, one.start()) for one in _PRIVATE_KEY_END.finditer(text)))
    if "LS0tLS1CRUdJTi" in text:
        yield from (one.span() for one in _PRIVATE_KEY_BASE64.finditer(text))
    if "kind: " in text and _SECRET_OBJECT.search(text):
        yield from _secret_objects(text)
    if "stringData" in text or ("Secret" in text and _IS_SECRET.search(text)):
        yield from _secret_maps(text)


def _before_end(text: str, end: int) -> Span | None:
    """The last lines of a key, as at the start of a log that is cut off; each may have a time before it."""
    start, at, short = None, end, True
    for _line in range(_LINES_OF_KEY):
        mark = max(text.rfind("\n", max(0, at - _LONGEST_LINE), at), text.rfind("\\n", max(0, at - _LONGEST_LINE), at))
        first = mark + (2 if text.startswith("\\n", mark) else 1) if mark >= 0 else max(0, at - _LONGEST_LINE)
        line = _LINE_OF_KEY.fullmatch(text, first, at)
        if line is None and not (at == end and not text[first:at].strip(" \t\r\\n")):
            # What stands before the mark of the end on its own line: a time, or nothing.
            if at != end or mark < 0:
                break
        elif line is not None:
            if len(line["v"]) < _SHORTEST_LINE and not short:
                break
            start, short = line.start("v"), False
        if mark < 0:
            break
        at = mark
    return None if start is None else (start, end)


def _secret_objects(text: str) -> Iterator[Span]:
    for field in _SECRET_FIELD.finditer(text):
        for entry in _SECRET_ENTRY.finditer(field["body"]):
            group = entry.lastgroup or "v"
            if entry[group][0] not in "|>":
                yield field.start("body") + entry.start(group), field.start("body") + entry.end(group)


def _secret_maps(text: str) -> Iterator[Span]:
    """In braces, as JSON of any depth of quotes and the flow style of YAML have them; the closing one may be missing."""
    line, is_secret, at = (0, -1), False, 0
    for found in _SECRET_MAP.finditer(text):
        if found.start() > line[1]:
            end = text.find("\n", found.start())
            line = text.rfind("\n", 0, found.start()) + 1, end if end >= 0 else len(text)
            # In YAML the kind stands on a line nearby.
            start = text.rfind("\n", 0, max(0, line[0] - 200)) + 1 if not found["closed"] else line[0]
            is_secret = _IS_SECRET.search(text, start, line[1]) is not None
        if found.start() < at or (found["name"] == "data" and not is_secret):
            continue
        at = found.end()
        while key := _MAP_KEY.match(text, at, line[1]):
            span = value_span(text, at, key.end(), ":", '"')
            if span is None or span[1] > line[1]:
                break
            yield span
            at = span[1]
