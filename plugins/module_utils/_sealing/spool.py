# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that together may be larger than the memory: in a temporary file, encrypted with a key that is nowhere but in memory."""

from __future__ import annotations

import marshal
import os
import threading
from array import array
from tempfile import SpooledTemporaryFile
from typing import Any

from .._core.errors import SalvageError

try:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

_IN_MEMORY = 4 << 20


class Spool:
    """Plain data, each under the number that ``add`` gave it; safe to share between threads.

    The file has no name, and goes with the process.  What was written is neither moved nor removed.
    """

    def __init__(self) -> None:
        if not HAS_CRYPTOGRAPHY:
            raise SalvageError("the Python library cryptography is missing where the module runs; install it", reason="missing_library")
        self._key = AESGCM(AESGCM.generate_key(256))
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 # as long as the spool
        self._ends = array("Q", [0])
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, value: Any) -> int:
        """The number of what JSON can hold.  Raises SalvageError(too_large) where the disk is full."""
        plain = marshal.dumps(value)
        with self._lock:
            number = len(self)
            sealed = self._key.encrypt(_nonce(number), plain, None)
            try:
                self._file.seek(self._ends[-1])
                self._file.write(sealed)
            except OSError as exc:
                raise _no_room(exc) from None
            self._ends.append(self._ends[-1] + len(sealed))
        return number

    def get(self, number: int) -> Any:
        start, end = self._ends[number], self._ends[number + 1]
        try:
            with self._lock:
                self._file.seek(start)
                sealed = self._file.read(end - start)
        except OSError as exc:
            raise _no_room(exc) from None
        # Its own bytes, proven by the key of this process: nobody else could have written them.
        return marshal.loads(self._key.decrypt(_nonce(number), sealed, None))  # noqa: S302

    def close(self) -> None:
        self._file.close()


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")  # each number is sealed once under a key that is made for one spool


def _no_room(exc: OSError) -> SalvageError:
    what = os.strerror(exc.errno) if exc.errno else str(exc)
    return SalvageError(f"the folder for temporary files can't be used: {what}; set TMPDIR to another", reason="too_large")
