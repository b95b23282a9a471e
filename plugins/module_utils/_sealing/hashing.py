# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one canonical form of a document, and hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Any, BinaryIO

from .._core.errors import SalvageError

_PIECE = 1 << 20


def canonical(value: Any) -> bytes:
    """Sorted keys, no blanks, UTF-8; a lone surrogate is kept as it is.  Raises SalvageError(invalid) for what JSON does not have."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as exc:
        raise SalvageError(f"a document cannot be written as JSON: {exc}", reason="invalid") from None
    return text.encode("utf-8", "surrogatepass")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Hashing:
    """A stream to read from or write to, with the hash and the size of what went through."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._total = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        return self._total.hexdigest()

    def write(self, data: bytes) -> int:
        self._count(data)
        return self._stream.write(data)

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._stream.read(size)
        except OSError as exc:
            raise SalvageError(f"the archive can't be read on from byte {self.size}: {exc.strerror or exc}", reason="unreachable") from None
        self._count(data)
        return data

    def drain(self) -> str:
        """The hash of all of it, what was not read included."""
        while self.read(_PIECE):
            pass
        return self.digest

    def _count(self, data: bytes) -> None:
        self._total.update(data)
        self.size += len(data)
