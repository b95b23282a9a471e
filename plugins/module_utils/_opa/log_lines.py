# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON documents in the lines of a log: one or several a line, or one over many lines, also inside of what a collector wraps around."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_LINE = 4 * 1024 * 1024
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ZSTD = b"\x28\xb5\x2f\xfd"
_WRAPPERS = ("log", "line", "message")  # of Docker, of Loki's logcli, of shippers
_DEPTH = 3  # of wrappers in wrappers
_STARTS = 6  # places in a line at which a document may begin


@dataclass
class Reading:
    """What was read, and what could not be: a summary must say both."""

    bytes: int = 0
    lines: int = 0
    records: int = 0
    other: int = 0
    cut: int = 0
    broken: int = 0
    too_long: int = 0
    problems: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass
class Parts:
    """A line that comes in parts; of one that is too long only the size is kept."""

    held: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, part: bytes) -> None:
        self.size += len(part)
        if self.size <= MAX_LINE:
            self.held.append(part)
        else:
            self.held.clear()


def as_utf8(pieces: Iterable[bytes], reading: Reading) -> Iterator[bytes]:
    """The pieces in UTF-8 without a byte order mark.  PowerShell redirects in UTF-16."""
    source = iter(pieces)
    head = b""
    while len(head) < 4 and (piece := next(source, None)) is not None:
        head += piece
    if head.startswith(_ZSTD):
        reading.problems.append("it is compressed by zstd; decompress it first")
        return
    mark, encoding = next((one for one in _BYTE_ORDER_MARKS if head.startswith(one[0])), (b"", ""))
    if encoding in {"", "utf-8"}:
        yield head[len(mark) :]
        yield from source
        return
    decode = codecs.getincrementaldecoder(encoding)("replace").decode
    yield decode(head[len(mark) :]).encode()
    for piece in source:
        yield decode(piece).encode()


class Documents:
    """Documents from lines.  ``lines`` counts those that hold something, ``hint`` says what a log of none of the forms looks like."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._open: Parts | None = None  # a document over many lines
        self._depth = 0  # of wrappers around it
        self._wrapped: dict[str, Parts] = {}  # Docker splits long lines too
        self.lines = 0
        self.hint = ""

    def read(self, lines: Iterable[tuple[bytes, bool, bool]]) -> Iterator[Any]:
        """The documents of ``(line, whether it is whole, whether it is the first)``."""
        for line, whole, first in lines:
            self.lines += bool(line.strip())
            yield from self._of_line(line, whole=whole, first=first, depth=0)
        self._reading.cut += (self._open is not None) + len(self._wrapped)

    def _of_line(self, line: bytes, *, whole: bool, first: bool, depth: int) -> Iterator[Any]:
        try:
            document = json.loads(line) if line[:1] in (b"{", b"[") and (self._open is None or depth < self._depth) else None
        except (ValueError, RecursionError):
            document = None
        if document is not None:
            yield from self._inside(document, depth)
        else:
            yield from self._of_other_line(line, whole=whole, first=first, depth=depth)

    def _inside(self, document: Any, depth: int) -> Iterator[Any]:
        """The document, or those in the text that a collector wraps."""
        name = next((one for one in _WRAPPERS if isinstance(document.get(one), str)), "") if isinstance(document, dict) else ""
        if not name or "decision_id" in document or depth >= _DEPTH:
            yield document
            return
        text: str = document[name]
        stream = str(document.get("stream", ""))
        if name == "log" and not text.endswith("\n"):
            self._wrapped.setdefault(stream, Parts()).add(text.encode())
            if not self._joined_is_whole(stream):
                return
            text = b"".join(self._wrapped.pop(stream).held).decode()
        elif name == "log" and stream in self._wrapped:
            parts = self._wrapped.pop(stream)
            parts.add(text.encode())
            if parts.size > MAX_LINE:
                self._reading.too_long += 1
                return
            text = b"".join(parts.held).decode()
        for line in text.encode().splitlines():
            yield from self._of_line(line, whole=True, first=False, depth=depth + 1)

    def _joined_is_whole(self, stream: str) -> bool:
        """Whether the parts are a document already: shippers take the end of the line off."""
        parts = self._wrapped[stream]
        if parts.size > MAX_LINE:
            self._reading.too_long += 1
            del self._wrapped[stream]
            return False
        if len(parts.held) > 1:  # to read them all again with each part would take quadratic time
            return False
        joined = parts.held[0]
        if joined[:1] != b"{":
            return True
        try:
            json.loads(joined)
        except (ValueError, RecursionError):
            return False
        return True

    def _of_other_line(self, line: bytes, *, whole: bool, first: bool, depth: int) -> Iterator[Any]:
        if self._open is not None:
            if not line.startswith((b'{"', b'[{"')):
                yield from self._continued(self._open, line, depth)
                return
            self._open = None  # a document that never ended
            self._reading.cut += 1
            yield from self._of_line(line, whole=whole, first=first, depth=depth)
            return
        stripped = line.strip()
        if stripped in (b"{", b"[", b"[{") and whole:
            self._open, self._depth = Parts(), depth
            self._open.add(line + b"\n")
            return
        found, rest = _documents_in(stripped)
        for document in found:
            yield from self._inside(document, depth)
        if found and b"decision_id" not in rest:
            return
        if stripped and (not whole or (first and (b'"decision_id":' in stripped or stripped[:1] == b"{" or stripped[-1:] == b"}"))):
            self._reading.cut += 1  # rotation cuts there
        elif b'"decision_id"' in stripped and b"{" in stripped:
            self._reading.broken += 1
        elif stripped:
            self._reading.other += 1
        if b"level=" in stripped and b"msg=" in stripped:
            self.hint = "OPA's --log-format=text; use json"

    def _continued(self, parts: Parts, line: bytes, depth: int) -> Iterator[Any]:
        parts.add(line + b"\n")
        if parts.size > MAX_LINE:
            self._reading.too_long += 1
            self._open = None
        elif line.rstrip() in (b"}", b"]", b"}]"):
            try:
                document = json.loads(b"".join(parts.held))
            except (ValueError, RecursionError):
                if line.rstrip() == b"}" and parts.held[0].lstrip()[:1] == b"[":
                    return  # an array of documents goes on
                self._open = None
                self._reading.broken += 1
                return
            self._open = None
            yield from self._inside(document, depth)


def _documents_in(line: bytes) -> tuple[list[Any], bytes]:
    """The documents in a line after whatever stands before them, and the rest of the line that is none."""
    text = line.decode("utf-8", "replace")
    decoder = json.JSONDecoder()
    start = -1
    for _try in range(_STARTS):
        start = text.find('{"', start + 1)
        if start < 0:
            return [], line
        found: list[Any] = []
        place = start
        try:
            while place < len(text):
                document, place = decoder.raw_decode(text, place)
                found.append(document)
                while place < len(text) and text[place] in " \t\r,":
                    place += 1
        except (ValueError, RecursionError):
            pass
        # What else can be read may be a part of a document that is cut off.
        if any(isinstance(one, dict) and "decision_id" in one for one in found):
            return found, text[place:].encode()
    return [], line
