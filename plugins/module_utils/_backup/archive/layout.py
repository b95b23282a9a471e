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
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from ..._core.errors import SalvageError
from ..._sealing.age import GZIP, unsealed
from ..._sealing.envelope import Ed25519
from ..._sealing.hashing import canonical

SCHEMA = 1
_OBJECT, _MANIFEST, _SIGNATURE = b'{"object":', b'{"manifest":', b'{"signature":'


def entry_of(item: Mapping[str, Any], line: bytes) -> list[Any]:
    """The object's row of the manifest; the last column says that it was being deleted, so that it is not restored."""
    metadata = item["metadata"]
    return [
        item["apiVersion"],
        item["kind"],
        metadata.get("namespace") or "",
        metadata["name"],
        hashlib.sha256(line).hexdigest(),
        "deletionTimestamp" in metadata,
    ]


def root_of(entries: Iterable[Sequence[Any]]) -> str:
    total = hashlib.sha256()
    for entry in entries:
        total.update(canonical(entry) + b"\n")
    return total.hexdigest()


class Plain:
    """The lines in clear; ``facts`` are asked after the last object, for then the holes are known, and ``manifest`` is there."""

    def __init__(self, items: Iterable[Mapping[str, Any]], facts: Callable[[], Mapping[str, Any]], key: Ed25519) -> None:
        self._items, self._facts, self._key = items, facts, key
        self.manifest: dict[str, Any] = {}

    def __iter__(self) -> Iterator[bytes]:
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

    def __init__(self, key: Ed25519, take: Callable[[Any], object]) -> None:
        self._key, self._take = key, take
        self._gzip = zlib.decompressobj(GZIP)
        self._rest: list[bytes] = []  # of the line that has not ended; joined only when it has, for the manifest's may be long
        self._entries: list[list[Any]] = []
        self._manifest = b""
        self._signature = b""

    def write(self, data: bytes) -> int:
        try:
            self._rest.append(self._gzip.decompress(data))
        except zlib.error:
            raise _broken("it cannot be unpacked") from None
        if self._gzip.unused_data:
            raise _broken("there is data after its end")
        if b"\n" in self._rest[-1]:
            *whole, rest = b"".join(self._rest).split(b"\n")
            self._rest = [rest]
            for line in whole:
                self._line(line)
        return len(data)

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
        if any(self._rest) or not self._signature or not self._gzip.eof:
            raise _broken("its end is missing")
        try:
            signature = base64.b64decode(json.loads(self._signature)["signature"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise _broken("its signature cannot be read") from None
        if self._signature != _signature_line(signature):
            raise _broken("its signature is not in the encoding that it was written in")
        if not self._key.verifies(self._manifest, signature):
            raise _broken("it is not signed with this key")
        manifest: dict[str, Any] = json.loads(self._manifest)
        if manifest.get("schema") != SCHEMA:
            raise _broken(f"it has the schema {manifest.get('schema')}, which this version does not support")
        entries = sorted(self._entries)
        if entries != manifest["objects"] or root_of(entries) != manifest["root"]:
            raise _broken("its objects are not those of its manifest")
        return manifest


def _broken(why: str) -> SalvageError:
    return SalvageError(f"the archive is refused: {why}; take another backup", reason="invalid")


def verify_archive(
    source: BinaryIO, key: Ed25519, having: Sequence[Any], take: Callable[[Any], object] = lambda item: None
) -> dict[str, Any]:
    """The proven manifest of an encrypted archive; ``take`` gets each object before it is proven.  Raises SalvageError(invalid)."""
    checker = _Checker(key, take)
    problem = unsealed(source, checker.write, having)
    if problem:
        raise _broken(f"it cannot be decrypted with this identity ({problem})")
    return checker.finish()


def read_archive(source: BinaryIO, key: Ed25519, having: Sequence[Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The manifest and the objects, all of them proven.  Raises SalvageError(invalid)."""
    found: list[dict[str, Any]] = []
    return verify_archive(source, key, having, found.append), found
