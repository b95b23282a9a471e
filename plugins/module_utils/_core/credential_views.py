# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text as its reader sees it: without what colours it, and with the marks that an escape stands for.  Pure.

A coloured log has a sequence between a name and its value, .NET writes ``\\u0022`` for a quote in JSON, PHP ``\\/`` for a slash, and a
template of HTML ``&#34;``.  Only lines that have one of these are in the view; of each of its characters the place in the text is known.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

Span = tuple[int, int]

# What drives a terminal, as it is or as logs write it; control characters and those without a width.
_NOTHING = (
    r"(?:\x1b|\\{1,8}u001[bB]|\\{1,8}x1[bB]|\\{1,8}033|\\{1,8}e|\^\[)\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x9b[0-?]{0,64}[ -/]{0,8}[@-~]"
    "|[\\x00-\\x08\\x0e-\\x1a\\x1c-\\x1f\\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+"
)
_MARK = (
    r"\\{1,8}[ux](?P<hex>(?:00)?(?:2[267fFbB]|3[cdeCDE]))|&(?P<name>quot|apos|amp|lt|gt);"
    r"|&#(?:0?(?P<dec>3[489]|43|47|6[012])|[xX](?P<ent>2[267bBfF]|3[cdeCDE]));|(?P<slash>\\{1,8}/)"
)
_IN_URL = r"|%(?:25){0,3}(?P<url>[2-6][0-9A-Fa-f]|7[0-9A-Ea-e])"
_SEEN = re.compile(f"(?P<nothing>{_NOTHING})|{_MARK}")
_SEEN_IN_URL = re.compile(f"(?P<nothing>{_NOTHING})|{_MARK}{_IN_URL}")
_NAMES = {"quot": '"', "apos": "'", "amp": "&", "lt": "<", "gt": ">"}
# By the character that each begins with: most texts do not have it.
_SIGNS = (
    ("\\", re.compile(r"\\(?:/|u00[0-3]|x[1-3]|033\[|e\[)", re.IGNORECASE)),
    ("&", re.compile(r"&(?:#|quot;|amp;|apos;)")),
    ("^[[", re.compile(r"\^\[\[")),
)
_URL_SIGN = re.compile(r"%(?:25){0,3}2f%(?:25){0,3}2f", re.IGNORECASE)
_ODD = re.compile("[\\x00-\\x08\\x0e-\\x1a\\x1c-\\x1f\\x7f\x9b\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")

_CONTROL = bytes(one for one in range(128) if _ODD.match(chr(one)))


@dataclass(frozen=True)
class View:
    """``starts``: where a piece begins in the view; ``places``: where it stands in the text, and how long it is there."""

    text: str
    starts: list[int]
    places: list[Span]

    def place(self, span: Span) -> Span:
        """Of a part of the view in the text."""
        first, last = self._at(span[0]), self._at(span[1] - 1)
        return first[0], last[1]

    def _at(self, at: int) -> Span:
        piece = bisect_right(self.starts, at) - 1
        start, end = self.places[piece]
        length = (self.starts[piece + 1] if piece + 1 < len(self.starts) else len(self.text)) - self.starts[piece]
        if length != end - start:
            return start, end  # one mark in the way of an escape
        place = start + at - self.starts[piece]
        return place, place + 1


def view_of(text: str) -> View | None:
    """The lines that look different from how they are written; None where no line does."""
    is_url = "%" in text and _URL_SIGN.search(text) is not None
    is_odd = "\x1b[" in text or (_has_control(text) if text.isascii() else _ODD.search(text) is not None)
    if not is_url and not is_odd and not any(sign in text and pattern.search(text) for sign, pattern in _SIGNS):
        return None
    pattern = _SEEN_IN_URL if is_url else _SEEN
    parts: list[str] = []
    starts: list[int] = []
    places: list[Span] = []
    size = done = 0
    line_end = -1

    def add(shown: str, start: int, end: int) -> None:
        nonlocal size
        if shown:
            parts.append(shown)
            starts.append(size)
            places.append((start, end))
            size += len(shown)

    for found in pattern.finditer(text):
        if found.start() > line_end:  # of another line
            if line_end >= 0:
                add(text[done : line_end + 1], done, line_end + 1)
            done = text.rfind("\n", 0, found.start()) + 1
        add(text[done : found.start()], done, found.start())
        add(_mark(found), *found.span())
        done = found.end()
        line_end = text.find("\n", done)
        line_end = len(text) if line_end < 0 else line_end
    if not places:
        return None
    add(text[done : line_end + 1], done, min(len(text), line_end + 1))
    return View("".join(parts), starts, places)


def _has_control(text: str) -> bool:
    data = text.encode()
    return len(data.translate(None, _CONTROL)) < len(data)


def _mark(found: re.Match[str]) -> str:
    if found["nothing"]:
        return ""
    if found["slash"]:
        return "/"
    if found["name"]:
        return _NAMES[found["name"]]
    if found["dec"]:
        return chr(int(found["dec"]))
    code = found["hex"] or found["ent"] or found["url"] if "url" in found.re.groupindex else found["hex"] or found["ent"]
    return chr(int(code, 16))
