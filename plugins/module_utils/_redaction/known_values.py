# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known values in a text, in whatever encoding, in one pass whatever their number.  Pure.

Of each way to write a value some parts are in an index, each in one word.  The distinct words of the text are read as numbers of eight
(four) bytes, side by side: of each part so many windows are in the index that one of them is among these numbers wherever the part stands.
Where a part is found, the rest of the value is compared byte by byte: with line ends, indentation and escapes where the text has them and
the value has not.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from .._core.text_words import RUN, distinct_words, places
from .encodings import ESCAPE, encodings, unescaped

# Width of a window, distance of the text's numbers, its name for memoryview.
_SCALES: tuple[tuple[int, int, Literal["Q", "I"]], ...] = ((8, 8, "Q"), (4, 4, "I"), (4, 2, "I"))
_SHORTEST = 5
_BLOCK = 1 << 14  # bytes that are looked at together
_CROWD = 64  # values that share a window
_FOLD = re.compile(rb"(?:=?\r?\n|\\+\r?\n|\\+r|\\+n|[ \t])+")
_FOLD_BEFORE = re.compile(rb"(?:=?\r?\n|\\+\r?\n|\\+r|\\+n|[ \t])+\Z")
_ESCAPE_BEFORE = re.compile(ESCAPE.pattern.join((b"(?:", rb")\Z")))
_REACH = 200  # bytes of indentation and escapes that are looked back at
_CODES = (
    (b"%", re.compile(rb"%[0-9A-Fa-f]{2}")),
    (b"\\u", re.compile(rb"\\u[0-9A-Fa-f]{4}")),
    (b"\\x", re.compile(rb"\\x[0-9A-Fa-f]{2}")),
    (b"&#", re.compile(rb"&#x?[0-9A-Fa-f]{1,6};")),
)
_WORD_END = re.compile(rb"[\s\"'<>]")
_AROUND_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{0,3}={0,2}")
_CUT = re.compile(rb"[^\n]{0,8}\Z|\.\.\.|\xe2\x80\xa6|[ \t]*[\[(<]?truncated", re.IGNORECASE)
_SHORTEST_CUT = 16
_LONGEST_WORD = 12  # letters of what can be a word of a language, and is only looked for as a word by itself
_JOINT = re.compile(rb"[A-Za-z0-9_-]")
_MOST_BROKEN = 1000  # parts in one word without the rest of the value around them
_SHORTEST_BROKEN = 12  # of a value that is looked for over line ends and escapes


@dataclass(frozen=True)
class Known:
    """A place where a known value stands."""

    start: int
    end: int
    value: bytes
    encoding: str


@dataclass(frozen=True)
class _Written:
    """A way to write a value, and where in it the parts are that it is found by."""

    text: bytes
    value: bytes
    encoding: str
    parts: tuple[int, ...]


class KnownValues:
    def __init__(self, values: Iterable[bytes]) -> None:
        self._ways: list[_Written] = []
        self._without_words: list[_Written] = []
        self._index: list[dict[int, list[int] | int]] = [{} for _scale in _SCALES]
        seen = set()
        for value in values:
            for encoding, text in encodings(value):
                if text not in seen and len(text) >= _SHORTEST:
                    seen.add(text)
                    self._add(text, value, encoding)

    def find(self, data: bytes, words: set[bytes] | None = None) -> list[Known]:
        """In order, none overlapping another; the longest where several begin. ``words``: of the text, if they are known."""
        if not self._ways and not self._without_words:
            return []
        found = [*self._found(data, distinct_words(data) if words is None else words), *self._coded(data)]
        found.sort(key=lambda one: (one.start, -one.end))
        kept: list[Known] = []
        for one in found:
            if not kept or one.start >= kept[-1].end:
                kept.append(one)
            elif one.end > kept[-1].end:
                kept[-1] = Known(kept[-1].start, one.end, kept[-1].value, kept[-1].encoding)
        return kept

    def _add(self, text: bytes, value: bytes, encoding: str) -> None:
        runs = [found.span() for found in RUN.finditer(text)]
        longest = max((end - start for start, end in runs), default=0)
        scale = next((at for at, (width, step, _more) in enumerate(_SCALES) if longest >= width + step - 1), None)
        if scale is None:
            self._without_words.append(_Written(text, value, encoding, ()))
            return
        width, step, _more = _SCALES[scale]
        reach, index, number = width + step - 1, self._index[scale], len(self._ways)
        parts: dict[int, None] = {}
        for start, end in runs:
            if end - start >= reach:
                parts |= dict.fromkeys((end - reach, start, *range(start + 40, end - reach, 40)))
        kept: list[int] = []
        for part in parts:
            windows = [int.from_bytes(text[at : at + width], sys.byteorder) for at in range(part, part + step)]
            there = index.get(windows[0])
            if kept and isinstance(there, list) and len(there) > _CROWD:
                continue
            kept.append(part)
            for window in windows:
                there = index.get(window)
                if there is None:
                    index[window] = number
                elif isinstance(there, int):
                    if there != number:
                        index[window] = [there, number]
                elif there[-1] != number:
                    there.append(number)
        self._ways.append(_Written(text, value, encoding, tuple(kept)))

    def _found(self, data: bytes, words: set[bytes]) -> Iterator[Known]:
        for way in self._without_words:
            at = data.find(way.text)
            while at >= 0:
                yield Known(at, at + len(way.text), way.value, way.encoding)
                at = data.find(way.text, at + len(way.text))
        hits = self._hits(words)
        done: dict[int, int] = {}  # of a way, where the last place of it ends
        for place, number, part in sorted(
            (at + offset, number, part) for at, word in places(data, hits) for offset, number, part in hits[word]
        ):
            if place >= done.get(number, 0) and (one := _at(data, place, self._ways[number], part)):
                done[number] = one.end
                yield one

    def _hits(self, words: set[bytes]) -> dict[bytes, list[tuple[int, int, int]]]:
        """In which words which part of which way begins, and where in the word."""
        together = b"\n".join(words)
        hits: dict[bytes, list[tuple[int, int, int]]] = {}
        for index, (width, step, kind) in zip(self._index, _SCALES, strict=True):
            reach, begin, end, word, broken = width + step - 1, 0, -1, b"", 0
            done: dict[int, int] = {}  # of a way, where the last place ends that has all of it
            for place in sorted(_places(together, index, width, step, kind)) if index else ():
                window = together[place : place + width]
                numbers = index[int.from_bytes(window, sys.byteorder)]
                if not begin <= place < end:
                    begin, end = together.rfind(b"\n", 0, place) + 1, together.find(b"\n", place)
                    end = end if end >= 0 else len(together)
                    word, broken = together[begin:end], 0
                for number in (numbers,) if isinstance(numbers, int) else numbers:
                    if place < done.get(number, 0):
                        continue
                    text = self._ways[number].text
                    for part in self._ways[number].parts:
                        whole = text[part : part + reach]
                        starts = [place - at for at in _offsets(window, whole) if together.startswith(whole, place - at)]
                        complete = [at for at in starts if at >= part and together.startswith(text, at - part)]
                        for at in complete[:1] or starts:
                            if complete:
                                done[number] = at - part + len(text) - width
                            elif (broken := broken + 1) > _MOST_BROKEN:
                                break
                            hits.setdefault(word, []).append((at - begin, number, part))
                        if complete:
                            break
        return hits

    def _coded(self, data: bytes) -> Iterator[Known]:
        """Words with escapes: any of their characters may be one."""
        done = 0
        for code in sorted(_codes(data)):
            if code < done:
                continue
            before = data[max(done, code - 4096) : code]
            start = code - len(before) + max(before.rfind(mark) for mark in (b" ", b"\n", b"\t", b'"', b"'", b"<", b">")) + 1
            over = _WORD_END.search(data, code + 1)
            done = over.start() if over else len(data)
            yield from self._in_word(data[start:done], start)

    def _in_word(self, word: bytes, start: int) -> Iterator[Known]:
        parts, ends, raw, length, at = [], [0], [0], 0, 0
        for escape in ESCAPE.finditer(word):
            for part, end in ((word[at : escape.start()], escape.start()), (unescaped(escape[0]), escape.end())):
                parts.append(part)
                length += len(part)
                ends.append(length)
                raw.append(end)
            at = escape.end()
        decoded = b"".join([*parts, word[at:]])
        for one in self._found(decoded, distinct_words(decoded)):
            first, last = bisect_right(ends, one.start) - 1, bisect_right(ends, one.end - 1) - 1
            begin = raw[first] + (0 if _is_escape(first, ends) else one.start - ends[first])
            end = raw[last + 1] if _is_escape(last, ends) else raw[last] + one.end - ends[last]
            yield Known(start + begin, start + end, one.value, one.encoding)


def _codes(data: bytes) -> Iterator[int]:
    """Where an escape begins."""
    for mark, code in _CODES:
        at = data.find(mark)
        while at >= 0:
            if code.match(data, at):
                yield at
            at = data.find(mark, at + len(mark))


def _places(data: bytes, index: Mapping[int, object], width: int, step: int, kind: Literal["Q", "I"]) -> Iterator[int]:
    """Where a window of the index stands, in order for each shift."""
    view, windows = memoryview(data), index.keys()
    for shift in range(0, width, step):
        end = shift + (len(data) - shift) // width * width
        for start in range(shift, end, _BLOCK):
            block = view[start : min(start + _BLOCK, end)].cast(kind)
            if not windows.isdisjoint(block):
                yield from (start + at * width for at, window in enumerate(block) if window in index)


def _is_word(text: bytes) -> bool:
    return len(text) < _LONGEST_WORD and text.isalpha() and text.islower()


def _offsets(window: bytes, whole: bytes) -> Iterator[int]:
    at = whole.find(window)
    while at >= 0:
        yield at
        at = whole.find(window, at + 1)


def _at(data: bytes, at: int, way: _Written, part: int) -> Known | None:
    """``at``: of a part of this way."""
    text, start, end = way.text, at - part, at - part + len(way.text)
    if start < 0 or not data.startswith(text, start):
        if len(text) < _SHORTEST_BROKEN:
            return None
        begin = _back(data, at, text, part)
        over = _on(data, at + 1, text, part + 1) if begin is not None else None
        if begin is None or over is None:
            return None
        start, end = begin, over
    elif way.encoding == "plain" and _is_word(text) and (_JOINT.match(data[start - 1 : start]) or _JOINT.match(data, end)):
        return None  # the name of an application, in that of its pods
    if way.encoding == "base64" and (around := _AROUND_BASE64.match(data, end)):
        end = around.end()
    return Known(start, end, way.value, way.encoding)


def _is_escape(part: int, ends: list[int]) -> bool:
    return part % 2 == 1 and part + 1 < len(ends)


def _on(data: bytes, at: int, written: bytes, offset: int) -> int | None:
    """Where the rest of a value ends in the text, or that it is not there."""
    while offset < len(written):
        if at < len(data) and data[at] == written[offset]:
            at, offset = at + 1, offset + 1
            continue
        fold, blank = _FOLD.match(data, at), _blanks(written, offset)
        if fold and (blank > offset or b"n" in fold[0] or b"\n" in fold[0]):
            at, offset = fold.end(), blank
        elif escape := ESCAPE.match(data, at):
            meant = unescaped(escape[0])
            if not written.startswith(meant, offset):
                return None
            at, offset = escape.end(), offset + len(meant)
        elif data[at : at + 1] == b"+" and written[offset : offset + 1] == b" ":
            at, offset = at + 1, offset + 1
        elif offset >= _SHORTEST_CUT and _CUT.match(data, at) and (at == len(data) or data[at : at + 1] in b".\xe2[(<t "):
            return at
        else:
            return None
    return at


def _back(data: bytes, at: int, written: bytes, offset: int) -> int | None:
    """Where a value begins in the text."""
    while offset > 0:
        if at > 0 and data[at - 1] == written[offset - 1]:
            at, offset = at - 1, offset - 1
            continue
        before, blank = data[max(0, at - _REACH) : at], offset
        while blank > 0 and written[blank - 1 : blank] in b" \t\r\n":
            blank -= 1
        fold = _FOLD_BEFORE.search(before)
        if fold and (blank < offset or b"n" in fold[0] or b"\n" in fold[0]):
            at, offset = at - len(fold[0]), blank
        elif escape := _ESCAPE_BEFORE.search(before):
            meant = unescaped(escape[0])
            if not written.endswith(meant, 0, offset):
                return None
            at, offset = at - len(escape[0]), offset - len(meant)
        else:
            return None
    return at


def _blanks(written: bytes, offset: int) -> int:
    while offset < len(written) and written[offset : offset + 1] in b" \t\r\n":
        offset += 1
    return offset
