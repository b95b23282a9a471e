# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams, gzipped inside age: encrypted to public keys (recipients), decrypted with private ones (identities).

Everything here is a stream in memory; nothing opens files, so no plaintext can reach one.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from .._core.errors import SalvageError

try:
    import pyrage

    HAS_PYRAGE = True
except ImportError:
    HAS_PYRAGE = False

_GZIP = 31  # zlib's number for its largest window in gzip's wrapping
_PIECE = 64 * 1024


class Unpacker:
    """Unpacks gzip in small pieces and hands them on, at most ``most`` bytes in all: what swells never fills the memory or a disk.

    ``refused`` makes a reason an error.
    """

    def __init__(self, write: Callable[[bytes], Any], most: int, refused: Callable[[str], SalvageError]) -> None:
        self._write, self._left, self._refused = write, most, refused
        self._gzip = zlib.decompressobj(_GZIP)

    @property
    def ended(self) -> bool:
        return self._gzip.eof

    def write(self, data: bytes) -> None:
        while True:
            try:
                piece = self._gzip.decompress(data, _PIECE)
            except zlib.error:
                raise self._refused("it cannot be unpacked") from None
            self._left -= len(piece)
            if self._left < 0:
                raise self._refused("it unpacks to more than its signed record says")
            self._write(piece)
            data = self._gzip.unconsumed_tail
            if not data and len(piece) < _PIECE:
                break
        if self._gzip.unused_data:
            raise self._refused("there is data after its end")


class _Reader(io.RawIOBase):
    """Pieces as a stream; keeps the exception that ended them, for the library in between would make it a text."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")
        self.failed: BaseException | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        try:
            while not self._rest:
                self._rest = memoryview(next(self._pieces))
        except StopIteration:
            return b""
        except BaseException as exc:
            self.failed = exc
            raise
        size = len(self._rest) if size < 0 else size
        piece, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return piece


class _Writer:
    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._write = write
        self.failed: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            self._write(data)
        except BaseException as exc:
            self.failed = self.failed or exc  # the library tries again what was refused
            raise
        return len(data)

    def flush(self) -> None:
        """What is behind is flushed by who opened it."""


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _need_pyrage() -> None:
    if not HAS_PYRAGE:
        raise SalvageError("the Python library pyrage is missing where the module runs; install it", reason="missing_library")


def recipients(texts: Sequence[str]) -> list[Any]:
    """The public keys that can open an archive.  Raises SalvageError before anything is read."""
    _need_pyrage()
    if not texts:
        raise SalvageError(
            "no recipient is given, so nobody could decrypt the backup; name an age public key (age1...)", reason="bad_input"
        )
    return [_recipient(text.strip()) for text in texts]


def _recipient(text: str) -> Any:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except Exception:
        shown = "a private key (AGE-SECRET-KEY-1...)" if text.upper().startswith("AGE-SECRET") else repr(text)
        raise SalvageError(
            f"recipients has {shown}, which is not an age public key; one starts with age1, see age-keygen -y", reason="bad_input"
        ) from None


def identities(text: str, where: str) -> list[Any]:
    """The private keys of a file as age-keygen writes it."""
    _need_pyrage()
    try:
        found = [pyrage.x25519.Identity.from_str(line.strip()) for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-")]
    except Exception:
        raise SalvageError(f"{where} holds an age private key that cannot be read", reason="bad_input") from None
    if not found:
        raise SalvageError(f"{where} holds no age private key (AGE-SECRET-KEY-1...); make one with age-keygen", reason="bad_input")
    return found


def passing_identity() -> Any:
    """A private key that is never written anywhere: who has just written an archive can prove with it that it opens."""
    _need_pyrage()
    return pyrage.x25519.Identity.generate()


def _piped(convert: Callable[[Any, Any, list[Any]], None], reader: _Reader, writer: _Writer, keys: Sequence[Any]) -> str:
    """What the library says against it; what reader or writer raised is raised again.

    The library drops what its last, buffered write raises, so a return does not prove that all was written.
    """
    problem = ""
    try:
        convert(reader, writer, list(keys))
    except Exception as exc:
        problem = str(exc).rstrip(".") or type(exc).__name__
    if failed := reader.failed or writer.failed:
        raise failed
    return problem


def encrypt(pieces: Iterable[bytes], target: BinaryIO, to: Sequence[Any]) -> None:
    problem = _piped(pyrage.encrypt_io, _Reader(_packed(pieces)), _Writer(target.write), to)
    if problem:
        raise SalvageError(f"the archive cannot be encrypted: {problem}", reason="invalid")


def unsealed(source: BinaryIO, write: Callable[[bytes], Any], having: Sequence[Any]) -> str:
    """What the library says against it, as ``_piped``."""
    _need_pyrage()
    return _piped(pyrage.decrypt_io, _Reader(iter(lambda: source.read(_PIECE), b"")), _Writer(write), having)


def decrypt(source: BinaryIO, write: Callable[[bytes], Any], having: Sequence[Any], what: str, most: int) -> None:
    """Writes what ``encrypt`` was given, at most ``most`` bytes; that all of it came back is for the caller to prove.

    Raises SalvageError(invalid).
    """

    def refused(why: str) -> SalvageError:
        return SalvageError(f"{what} is refused: {why}; take another snapshot", reason="invalid")

    problem = unsealed(source, Unpacker(write, most, refused).write, having)
    if problem:
        raise SalvageError(f"{what} cannot be decrypted with this identity: {problem}", reason="invalid")
