# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redaction without any short cut: each pattern over the whole text, and the whole decision at each place of a name.

What the collection passes over because no pattern could match there is looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core import credential_addresses as addresses
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core import credential_blocks as blocks
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core import credential_forms as forms
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core import credential_tokens as tokens
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.credential_names import KEY_WORDS
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.credential_views import view_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.text_words import places

Span = tuple[int, int]
_WORD = re.compile(r"[\0A-Za-z0-9_.~+/=$-]{16,}")
_LINES = re.compile(r"(?<![A-Za-z0-9+/])" + tokens._ENCODED_LINES.pattern)
_ALWAYS = (blocks._PRIVATE_KEY, blocks._PRIVATE_KEY_BASE64)


def slow_spans(text: str, depth: int = 0) -> list[Span]:
    found = [*_found(text, depth)]
    if view := view_of(text):
        found += [view.place(span) for span in _found(view.text, depth) if span[0] < span[1]]
    return forms.merged_spans(text, found)


def _found(text: str, depth: int) -> Iterator[Span]:
    for pattern in _ALWAYS:
        yield from (one.span() for one in pattern.finditer(text))
    yield from (one.span("v") for one in forms._PGPASS.finditer(text))
    quick = forms.credential_forms()
    yield from filter(None, (blocks._before_end(text, one.start()) for one in blocks._PRIVATE_KEY_END.finditer(text)))
    if blocks._SECRET_OBJECT.search(text):
        yield from blocks._secret_objects(text)
    yield from blocks._secret_maps(text)
    yield from _tokens(text, depth)
    yield from _addresses(text)
    yield from _named(quick, text)


def _tokens(text: str, depth: int) -> Iterator[Span]:
    found: dict[str, list[Span]] = {}
    for word in {one[0] for one in _WORD.finditer(text)}:
        found[word] = [*tokens._tokens_in(word)]
        if len(word) >= tokens._SHORTEST_ENCODED and not word.islower():
            for one in tokens._ENCODED.finditer(word):
                if _holds(one[0], depth):
                    rest = tokens._REST.match(word, one.end())
                    found[word].append((one.start(), rest.end() if rest else one.end()))
    for at, word in places(text, {word: spans for word, spans in found.items() if spans}):
        yield from ((at + start, at + end) for start, end in found[word])
    for one in _LINES.finditer(text):
        if _holds(re.sub(r"\\n|\s", "", one[0]), depth):
            yield one.span()


def _holds(encoded: str, depth: int) -> bool:
    text = tokens._decoded(encoded)
    return text == tokens._RELEASE or (text != "" and depth < forms._DEEPEST and bool(slow_spans(text, depth + 1)))


def _addresses(text: str) -> Iterator[Span]:
    start = 0
    for line in text.split("\n"):
        if "@" in line:
            end = start + len(line)
            for found in addresses.ADDRESS.finditer(text, start, end):
                last = found[1].rfind("@")
                if last >= 0 and (span := addresses._userinfo(text, found.start(1), found.start(1) + last)):
                    yield span
            for pattern in (addresses._SPACED_USERINFO, addresses._NO_SCHEME, addresses._ORACLE):
                yield from (found.span("v") for found in pattern.finditer(text, start, end))
        start += len(line) + 1
    for found in re.finditer(r"@(?:tcp|unix)\(", text):
        if span := addresses._go_password(text, found.start()):
            yield span
    at = text.rfind("//")
    if at >= 0 and (cut := addresses._CUT_USERINFO.match(text, at)):
        yield cut.span("v")


def _named(quick: forms.Forms, text: str) -> Iterator[Span]:
    low = forms.ascii_lower(text)
    hits = sorted(
        (found.start(), word)
        for word in quick._words
        for found in re.finditer(re.escape(word), low)
        if word != "key" or _may_be_key(low, found.start())
    )
    done = 0
    for at, word in hits:
        if at >= done:
            for span in quick._at(text, at, word):
                done = max(done, span[1])
                yield span


def _may_be_key(low: str, at: int) -> bool:
    return low[max(0, at - 14) : at].rstrip("_.- ").endswith(KEY_WORDS)
