# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a bundle, in memory and packed as they come: nothing of it is on a disk before all of it is redacted and looked through."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .._core.errors import SalvageError

FOLDER = "diagnostics"  # what the name of the folder in an archive begins with


@dataclass(frozen=True)
class Held:
    packed: bytes
    size: int
    sha256: str


class Bundle(Mapping[str, bytes]):
    """Redacted files by path, sorted.  Safe to share between threads.

    ``most`` bytes are what all files but logs may have; logs are cut to what is left in the end.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._files: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._size = 0

    def __getitem__(self, path: str) -> bytes:
        return zlib.decompress(self._files[path].packed)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def __len__(self) -> int:
        return len(self._files)

    def held(self, path: str) -> Held:
        return self._files[path]

    @property
    def size(self) -> int:
        return sum(one.size for one in self._files.values())

    def add(self, path: str, pieces: Iterable[bytes], *, of_its_own: bool = False) -> None:
        """A file, instead of one of that path; what is ``of_its_own`` was made of the others, and has room always.

        Raises SalvageError(too_large); then it is not there.
        """
        packer, packed, sha, size = zlib.compressobj(1), [], hashlib.sha256(), 0
        is_free = of_its_own or path.startswith("logs/")
        there = self._files.get(path)
        before = 0 if is_free or there is None else there.size
        for piece in pieces:
            size += len(piece)
            if not is_free and self._size - before + size > self.most:
                raise SalvageError(
                    f"{path} is left out: the bundle would be larger than max_size ({self.most} bytes); set a larger one",
                    reason="too_large",
                )
            sha.update(piece)
            packed.append(packer.compress(piece))
        packed.append(packer.flush())
        with self._lock:
            self._size += 0 if is_free else size - before
            self._files[path] = Held(b"".join(packed), size, sha.hexdigest())


def _stamps(log: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each line with its second; a line without one has that of the line before."""
    stamp = b""
    for line in log.splitlines(keepends=True):
        if line[:2] == b"20" and line[10:11] == b"T":
            stamp = line[:19]
        yield stamp, line


def trim_logs(bundle: Bundle, later: frozenset[str], most: int) -> tuple[str, int]:
    """Leaves out the oldest lines of the logs until all are at most ``most`` bytes; those in ``later`` go only where the others do not do.

    Gives the time before which lines are missing and the number of bytes that went; nothing and 0 where all stayed.
    """
    logs = {path: bundle.held(path).size for path in bundle if path.startswith("logs/")}
    excess, gone, newest = sum(logs.values()) - most, 0, b""
    for group in ([path for path in logs if path not in later], [path for path in logs if path in later]):
        if excess <= 0:
            break
        cut = _cut_at(bundle, group, excess)
        for path in group:
            kept = b"".join(line for stamp, line in _stamps(bundle[path]) if stamp > cut)
            excess -= logs[path] - len(kept)
            gone += logs[path] - len(kept)
            bundle.add(path, [kept])
        newest = max(newest, cut)
    return newest.decode("ascii", "replace"), gone


def _cut_at(bundle: Bundle, paths: Iterable[str], excess: int) -> bytes:
    """The second up to which lines have to go, so that at least ``excess`` bytes do."""
    sizes: dict[bytes, int] = {}
    for path in paths:
        for stamp, line in _stamps(bundle[path]):
            sizes[stamp] = sizes.get(stamp, 0) + len(line)
    cut = b""
    for stamp in sorted(sizes):
        if excess <= 0:
            break
        cut, excess = stamp, excess - sizes[stamp]
    return cut
