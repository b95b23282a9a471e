# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The distinct words of a text: a log repeats its words, so to look at each once is ten times as fast as to look at the text.  Pure.

A word is what has no space, no quote, and no other mark in it that separates; what is short and stands in a text stands in one of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import AnyStr

_MARKS = "_.~+/=$-"
WORD_BYTES = bytes(one if (chr(one).isalnum() and one < 128) or one == 0 or chr(one) in _MARKS else 32 for one in range(256))
RUN = re.compile(rb"[\0A-Za-z0-9_.~+/=$-]+")
_RUN_TEXT = re.compile(r"[\0A-Za-z0-9_.~+/=$-]+")
_FEW = 20  # words that are looked for one by one


def distinct_words(data: bytes) -> set[bytes]:
    return set(data.translate(WORD_BYTES).split())


def places(text: AnyStr, words: Collection[AnyStr]) -> Iterator[tuple[int, AnyStr]]:
    """Where each of these words stands; where one is in another, too, if they are few."""
    if len(words) > _FEW:
        pattern: re.Pattern[AnyStr] = RUN if isinstance(text, bytes) else _RUN_TEXT
        yield from ((found.start(), found[0]) for found in pattern.finditer(text) if found[0] in words)
        return
    for word in words:
        at = text.find(word)
        while at >= 0:
            yield at, word
            at = text.find(word, at + len(word))
