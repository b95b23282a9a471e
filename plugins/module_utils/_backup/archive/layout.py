# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an archive holds: a line of canonical JSON for each object, then the manifest, then its signature; gzip inside age.

`age -d -i IDENTITY FILE | gunzip` shows all of it, so that a backup outlives this collection.  Everything here is a stream in memory;
nothing knows files, so no plaintext can reach one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any, BinaryIO

from ..._core.errors import SalvageError
from ..._core.json_values import is_integer
from ..._sealing.age import Unpacker, unsealed
from ..._sealing.envelope import Ed25519
from ..._sealing.hashing import canonical, digest

SCHEMA = 1
_MARGIN, _LONGEST = 1 << 16, 1 << 29
_ROWS = b'"objects":['  # in canonical JSON this can't be part of a text
_OBJECT, _MANIFEST, _SIGNATURE = b'{"object":', b'{"manifest":', b'{"signature":'


def entry_of(item: Mapping[str, Any], line: bytes) -> list[Any]:
    """The object's row of the manifest; the last column says that it was being deleted, so that it is not restored."""
    metadata = item["metadata"]
    return [
        intern(item["apiVersion"]),
        intern(item["kind"]),
        intern(metadata.get("namespace") or ""),
        metadata["name"],
        digest(line),
        "deletionTimestamp" in metadata,
    ]


def root_of(entries: Iterable[Sequence[Any]]) -> str:
    total = hashlib.sha256()
    for entry in entries:
        total.update(canonical(entry) + b"\n")
    return total.hexdigest()


@dataclass(frozen=True)
class Ceilings:
    """How many bytes an archive and its longest line have at most, unpacked."""

    total: int
    line: int


def ceilings(record: Mapping[str, Any]) -> Ceilings:
    """As the signed record says.  Earlier releases did not say it: what gzip can reach at most."""
    size, total, line = (record.get(name) for name in ("size", "plain_size", "longest_line"))
    if is_integer(total) and is_integer(line):
        return Ceilings(total, line)
    reached = 1032 * size + _MARGIN if is_integer(size) else 0
    return Ceilings(reached, min(reached, _LONGEST))


class Plain:
    """The lines in clear; ``facts`` are asked after the last object, for then the holes are known, and ``manifest`` is there.

    ``ceilings`` are what was counted on the way.
    """

    def __init__(self, items: Iterable[Mapping[str, Any]], facts: Callable[[], Mapping[str, Any]], key: Ed25519) -> None:
        self._items, self._facts, self._key = items, facts, key
        self.manifest: dict[str, Any] = {}
        self.ceilings = Ceilings(0, 0)

    def __iter__(self) -> Iterator[bytes]:
        self.ceilings = Ceilings(0, 0)
        for line in self._lines():
            self.ceilings = Ceilings(self.ceilings.total + len(line), max(self.ceilings.line, len(line)))
            yield line

    def _lines(self) -> Iterator[bytes]:
        entries = []
        for item in self._items:
            line = canonical(item)
            entries.append(entry_of(item, line))
            yield b"%b%b}\n" % (_OBJECT, line)
        entries.sort()
        self.manifest = {**self._facts(), "schema": SCHEMA, "objects": entries, "root": root_of(entries)}
        manifest = canonical(self.manifest)
        yield b"%b%b}\n" % (_MANIFEST, manifest)
        yield _signature_line(self._key.sign(manifest)) + b"\n"


def _signature_line(signature: bytes) -> bytes:
    return _SIGNATURE + canonical(base64.b64encode(signature).decode()) + b"}"


class _Checker:
    """Takes what was decrypted, piece by piece, and compares it with its manifest; holds one line at a time."""

    def __init__(self, key: Ed25519, most: Ceilings, take: Callable[[Any], object]) -> None:
        self._key, self._longest, self._take = key, most.line, take
        self._gzip = Unpacker(self._unpacked, most.total, _broken)
        self._rest: list[bytes] = []  # of the line that has not ended; joined only when it has, for the manifest's may be long
        self._held = 0
        self._entries: list[list[Any]] = []
        self._manifest = b""
        self._signature = b""

    def write(self, data: bytes) -> int:
        self._gzip.write(data)
        return len(data)

    def _unpacked(self, piece: bytes) -> None:
        self._rest.append(piece)
        self._held += len(piece)
        if b"\n" in piece:
            joined, self._rest = b"".join(self._rest), []  # not all three forms at once, for the manifest's line may be long
            *whole, rest = joined.split(b"\n")
            self._rest, self._held = [rest], len(rest)
            del joined
            for line in whole:
                self._line(line)
        if self._held > self._longest:
            raise _broken("a line in it is longer than its signed record says")

    def _line(self, line: bytes) -> None:
        if line.startswith(_OBJECT) and not self._manifest:
            content = line[len(_OBJECT) : -1]
            try:
                item = json.loads(content)
                self._entries.append(entry_of(item, content))
            except (ValueError, KeyError, TypeError, RecursionError):
                raise _broken("an object in it cannot be read") from None
            self._take(item)
        elif line.startswith(_MANIFEST) and not self._manifest:
            self._manifest = line[len(_MANIFEST) : -1]
        elif line.startswith(_SIGNATURE) and self._manifest and not self._signature:
            self._signature = line
        else:
            raise _broken("a line in it is in the wrong place")

    def finish(self) -> dict[str, Any]:
        """The manifest, proven.  Raises SalvageError(invalid)."""
        if any(self._rest) or not self._signature or not self._gzip.ended:
            raise _broken("its end is missing")
        try:
            signature = base64.b64decode(json.loads(self._signature)["signature"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise _broken("its signature cannot be read") from None
        if self._signature != _signature_line(signature):
            raise _broken("its signature is not in the encoding that it was written in")
        if not self._key.verifies(self._manifest, signature):
            raise _broken("it is not signed with this key")
        self._entries.sort()
        manifest = self._read_manifest()
        if manifest.get("schema") != SCHEMA:
            raise _broken(f"it has the schema {manifest.get('schema')}, which this version does not support")
        if self._entries != manifest["objects"] or root_of(self._entries) != manifest["root"]:
            raise _broken("its objects are not those of its manifest")
        return manifest

    def _read_manifest(self) -> dict[str, Any]:
        """The manifest; its rows, most of it, are not read again where they are written as those of the objects are."""
        rows = bytearray(_ROWS)
        for entry in self._entries:
            rows += canonical(entry) + b","
        if self._entries:
            rows.pop()
        rows += b"]"
        head, same, tail = self._manifest.partition(rows)
        found: dict[str, Any] = json.loads(head + _ROWS + b"]" + tail if same else self._manifest)
        return {**found, "objects": self._entries} if same else found


def _broken(why: str) -> SalvageError:
    return SalvageError(f"the archive is refused: {why}; take another backup", reason="invalid")


def verify_archive(
    source: BinaryIO, key: Ed25519, having: Sequence[Any], most: Ceilings, take: Callable[[Any], object] = lambda item: None
) -> dict[str, Any]:
    """The proven manifest of an encrypted archive; ``take`` gets each object before it is proven.  Raises SalvageError(invalid)."""
    checker = _Checker(key, most, take)
    problem = unsealed(source, checker.write, having)
    if problem:
        raise _broken(f"it cannot be decrypted with this identity ({problem})")
    return checker.finish()
