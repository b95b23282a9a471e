# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups are kept: NAME.age is an archive, and NAME.json is the signed record that publishes it by being there."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from ..._core.errors import SalvageError
from ..._core.json_values import is_integer
from ..._sealing.envelope import Ed25519, genuine
from ..._sealing.hashing import Hashing

Record = dict[str, Any]
ARCHIVE, RECORD = ".age", ".json"
_PIECE = 1 << 20
_MAX_RECORD = _PIECE


def beyond_retention(newest_first: Sequence[str], last_proven: str | None, keep: int, spared: Collection[str] = ()) -> list[str]:
    """The backups that may go: those beyond ``keep`` (0 keeps all); none as long as none is proven, and never the newest that is."""
    if not keep or last_proven is None:
        return []
    return [name for name in newest_first[keep:] if name != last_proven and name not in spared]


class Store(ABC):
    """``where`` is its name for a reader, ``place`` one that no other store has.  What reads and writes raises SalvageError."""

    where: str
    place: str

    @abstractmethod
    def locked(self) -> AbstractContextManager[None]:
        """For a writer; removes first what a killed one left."""

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """The names of all files of backups, each with its size in bytes."""

    @abstractmethod
    def open_file(self, file: str) -> BinaryIO:
        """For reading; who opens it closes it."""

    @abstractmethod
    def write(self, file: str, fill: Callable[[BinaryIO], object]) -> tuple[str, int]:
        """The sha256 and the size of what ``fill`` wrote; all of it is there under the name, or nothing."""

    @abstractmethod
    def remove(self, file: str) -> None:
        """Also when it is not there."""

    def files(self) -> list[str]:
        return list(self.sizes())

    def open(self, name: str) -> BinaryIO:
        """The archive of a backup."""
        return self.open_file(name + ARCHIVE)

    def names(self) -> list[str]:
        """The published backups, newest first."""
        return sorted((file.removesuffix(RECORD) for file in self.files() if file.endswith(RECORD)), reverse=True)

    def record(self, name: str) -> Record | None:
        """What was published of it, unproven; None where it can't be read as a record."""
        try:
            with self.open_file(name + RECORD) as file:
                text = file.read(_MAX_RECORD + 1)
            record = json.loads(text) if len(text) <= _MAX_RECORD else None
        except (SalvageError, ValueError, RecursionError):
            return None
        return record if isinstance(record, dict) else None

    def records(self) -> list[tuple[str, Record | None]]:
        return [(name, self.record(name)) for name in self.names()]

    def unpublished(self) -> list[str]:
        files = self.files()
        return [file for file in files if file.endswith(ARCHIVE) and file.removesuffix(ARCHIVE) + RECORD not in files]

    def problem(self, name: str, record: Record | None, key: Ed25519) -> str:
        """Why the backup is not as it was published; empty where it is.  Reads the whole archive."""
        if record is None:
            return f"the record {name}{RECORD} can't be read"
        if not genuine(name, record, key):
            return f"the record {name}{RECORD} is not signed by this key, or was changed"
        try:
            return self.difference(name, record)
        except SalvageError as exc:
            return f"the archive {name}{ARCHIVE} can't be read: {exc}"

    def difference(self, name: str, record: Record, keep: Callable[[bytes], object] = len) -> str:
        """In what the archive is not the one that the proven record was made for; ``keep`` gets its bytes, which are proven at the end.

        Reads no more than the record's size.  Raises SalvageError.
        """
        size = record.get("size")
        if not is_integer(size):
            return f"the record {name}{RECORD} does not say how large its archive is"
        with self.open(name) as file:
            source = Hashing(file)
            while source.size <= size and (piece := source.read(min(_PIECE, size + 1 - source.size))):
                keep(piece)
        same = source.size == size and source.digest == record.get("sha256")
        return "" if same else f"the archive {name}{ARCHIVE} is not the one that was published"

    def prune(self, keep: int, key: Ed25519, fresh: Record) -> list[str]:
        """Deletes what is beyond ``keep``, but for the one that was just written; the record first, so that none lacks its archive."""
        names = self.names() if keep else []
        if len(names) <= keep:
            return []
        written = fresh["name"]
        proven = written if fresh["status"] == "COMPLETE" else next((name for name in names if self._complete(name, key)), None)
        gone = beyond_retention(names, proven, keep, {written})
        for name in gone:
            self.remove(name + RECORD)
            self.remove(name + ARCHIVE)
        return gone

    def _complete(self, name: str, key: Ed25519) -> bool:
        record = self.record(name)
        return record is not None and record.get("status") == "COMPLETE" and not self.problem(name, record, key)
