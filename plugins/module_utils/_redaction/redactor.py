# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redaction of whole texts and bundles: what looks like a credential, and the values that are known to be secret.  Pure."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .._core.credential_forms import credential_forms
from .._core.text_words import WORD_BYTES, distinct_words
from .known_parts import known_parts
from .known_values import Known, KnownValues
from .objects import ObjectWalk, dump_like, load_nested

_PIECE = 2 << 20  # bytes that are looked at together
_LONGEST_LINE = 8 << 20
_LONGEST_DOCUMENT = 64 << 20
_NEW_LINE = re.compile(rb"\n(?=[0-9{\[IWE])")
_DIGITS_OF_JSON = re.compile(rb"[:,\[]\s*\Z")


# Words of a line of JSON in which the whole object says what is secret, and not a text in it.
_SIGNS = (
    *((b"Secret", '"Secret"'), (b"SecretList", '"SecretList"'), (b"Secret", "kind: Secret"), (b"curl", '"curl"'), (b"mysql", '"mysql"')),
    *((name.encode(), f'"{name}"') for name in ("mongodump", "mongorestore", "mongosh", "ldapsearch", "sqlcmd", "cypher-shell")),
    *((b"mysqldump", '"mysqldump"'), (b"redis-cli", '"redis-cli"'), (b"sshpass", '"sshpass"'), (b"login", '"login"')),
)


@dataclass(frozen=True)
class Leak:
    """A known value that was found: where, and in which encoding; never the value."""

    offset: int
    encoding: str


class Redactor:
    """``known``: values to hide wherever they are. ``names``: more names of what is secret. ``key``: of the placeholders' hash."""

    def __init__(self, known: Iterable[str | bytes] = (), names: Iterable[str] = (), key: bytes | None = None) -> None:
        self._key = hashlib.sha256(key).digest() if key is not None else secrets.token_bytes(32)
        self._forms = credential_forms(tuple(sorted(set(names))))
        values = {one.encode(errors="surrogateescape") if isinstance(one, str) else one for one in known}
        self._known = KnownValues(sorted({part for value in values for part in known_parts(value, self._forms)}))
        self.count = 0

    def text(self, text: str) -> str:
        return self.data(text.encode(errors="surrogatepass")).decode(errors="surrogatepass")

    def data(self, data: bytes) -> bytes:
        """Line ends, and JSON that is valid, stay as they are."""
        if data.lstrip()[:1] in {b"{", b"["} and len(data) <= _LONGEST_DOCUMENT and (document := self._document(data)) is not None:
            return document
        return b"".join([self._piece(piece) for piece in _pieces(data)])

    def value(self, value: Any) -> Any:
        """A JSON-like object, as Kubernetes has them, or a list of such."""
        return ObjectWalk(self, self._forms).redacted(value)

    def leaks(self, data: bytes) -> list[Leak]:
        """The known values in what was written: none, or it must not be shown."""
        found, start = [], 0
        for piece in _pieces(data):
            found += [Leak(start + one.start, one.encoding) for one in self._known.find(piece)]
            start += len(piece)
        return found

    def hidden(self, value: str | bytes) -> str:
        """What stands for a value: the same for the same, and for nobody without the key to guess it by."""
        self.count += 1
        data = value.encode(errors="surrogatepass") if isinstance(value, str) else value
        return f"[redacted:{hashlib.blake2b(data.strip(), key=self._key, digest_size=4).hexdigest()}]"

    def touched(self, text: str) -> list[tuple[int, int]]:
        """Where something is to be hidden, roughly: positions are of characters."""
        data = text.encode(errors="surrogatepass")
        found = [(one.start, one.end) for one in self._known.find(data)]
        if found and len(data) != len(text):
            found = [(len(data[:start].decode(errors="replace")), len(data[:end].decode(errors="replace"))) for start, end in found]
        return [*found, *self._forms.spans(text)]

    def _document(self, data: bytes) -> bytes | None:
        try:
            shown = self._json(data.decode())
            return None if shown is None else shown.encode()
        except UnicodeError:
            return None

    def _piece(self, data: bytes) -> bytes:
        words = distinct_words(data)
        if found := self._known.find(data, words):
            data = self._without(data, found, words)
        try:
            text = data.decode()
            errors = "strict"
        except UnicodeDecodeError:
            text, errors = data.decode(errors="surrogateescape"), "surrogateescape"
        spans = self._forms.spans(text, words)
        signs = [sign for word, sign in _SIGNS if word in words]
        if not spans and not signs:
            return data
        return self._replaced(text, spans, signs).encode(errors=errors)

    def _without(self, data: bytes, found: list[Known], words: set[bytes]) -> bytes:
        """``words``: what a value leaves of the word that it stood in is added."""
        parts, done = [], 0
        for one in found:
            mark = self.hidden(one.value).encode()
            if data[one.start : one.end].isdigit() and _DIGITS_OF_JSON.search(data[max(0, one.start - 8) : one.start]):
                line = data[data.rfind(b"\n", 0, one.start) + 1 : one.start].lstrip()
                mark = b'"%s"' % mark if line.startswith((b"{", b"[")) else mark
            parts += [data[done : one.start], mark]
            done = one.end
        parts.append(data[done:])
        for part in parts:
            seen = part.translate(WORD_BYTES)
            words.update(seen.split(None, 1)[:1])
            words.update(seen.rsplit(None, 1)[-1:])
        return b"".join(parts)

    def _replaced(self, text: str, spans: list[tuple[int, int]], signs: list[str]) -> str:
        """Lines of JSON by what they hold, so that they stay JSON; everything else by its text."""
        lines: dict[tuple[int, int], tuple[int, int]] = {}
        end, line = -1, None
        for span in sorted([*spans, *((at, at) for sign in signs for at in _positions(text, sign))]):
            if span[0] >= end:
                end = text.find("\n", span[0])
                end = end if end >= 0 else len(text)
                line = _line_of_json(text, span[0], end)
            if line and line[0] <= span[0]:
                lines[span] = line
        as_json = {line: self._json(text[line[0] : line[1]]) for line in dict.fromkeys(lines.values())}
        plain = [(start, end, None) for start, end in spans if as_json.get(lines.get((start, end), (0, 0))) is None]
        parts, done = [], 0
        for start, end, shown in sorted(
            [*plain, *((*line, shown) for line, shown in as_json.items() if shown is not None)], key=lambda one: one[:2]
        ):
            if start >= done:
                parts += [text[done:start], self.hidden(text[start:end]) if shown is None else shown]
                done = end
        return "".join([*parts, text[done:]])

    def _json(self, line: str) -> str | None:
        found = load_nested(line)
        if found is None:
            return None
        shown = self.value(found)
        return line if shown == found else dump_like(shown, line)


def _positions(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + len(part))


def _line_of_json(text: str, at: int, end: int) -> tuple[int, int] | None:
    """From the first brace of the line to its end."""
    brace = text.find("{", text.rfind("\n", 0, at) + 1, end)
    return (brace, end) if brace >= 0 and text[max(brace, end - 100) : end].rstrip().endswith("}") else None


def _pieces(data: bytes) -> Iterator[bytes]:
    """Cut where a line ends that the next one does not belong to."""
    start = 0
    while start < len(data):
        end = start + _PIECE
        if end < len(data):
            line = _NEW_LINE.search(data, end, end + _LONGEST_LINE)
            end = line.start() + 1 if line else min(len(data), end + _LONGEST_LINE)
        yield data[start:end]
        start = end
