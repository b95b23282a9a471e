# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups are kept: NAME.age is an archive, and NAME.json the signed record whose presence publishes it."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..._core.errors import SalvageError
from ..._core.lock import alone
from ..._sealing.envelope import Ed25519, genuine
from ..._sealing.hashing import Hashing

Record = dict[str, Any]
ARCHIVE, RECORD = ".age", ".json"
_PIECE = 1 << 20
_MAX_RECORD = 4 * _PIECE


def surplus(newest_first: Sequence[str], last_proven: str | None, keep: int, spared: Collection[str] = ()) -> list[str]:
    """The backups that may go: those beyond ``keep`` (0 keeps all); none as long as none is proven, and never the newest that is."""
    if not keep or last_proven is None:
        return []
    return [name for name in newest_first[keep:] if name != last_proven and name not in spared]


class Store(ABC):
    """``where`` is its name for a reader.  What reads and writes raises SalvageError."""

    where: str

    @abstractmethod
    def locked(self) -> AbstractContextManager[None]:
        """For a writer; removes first what a killed one left."""

    @abstractmethod
    def files(self) -> list[str]:
        """The names of all files of backups."""

    @abstractmethod
    def open_file(self, file: str) -> BinaryIO:
        """For reading; who opens it closes it."""

    @abstractmethod
    def write(self, file: str, fill: Callable[[BinaryIO], object]) -> tuple[str, int]:
        """The sha256 and the size of what ``fill`` wrote; all of it is there under the name, or nothing."""

    @abstractmethod
    def remove(self, file: str) -> None:
        """Also when it is not there."""

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
                record = json.loads(file.read(_MAX_RECORD))
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
            with self.open(name) as file:
                same = Hashing(file).drain() == record.get("sha256")
        except SalvageError as exc:
            return f"the archive {name}{ARCHIVE} can't be read: {exc}"
        return "" if same else f"the archive {name}{ARCHIVE} is not the one that was published"

    def prune(self, keep: int, key: Ed25519, fresh: Record) -> list[str]:
        """Deletes what is beyond ``keep``, but for the one that was just written; the record first, so that none lacks its archive."""
        names = self.names() if keep else []
        if len(names) <= keep:
            return []
        written = fresh["name"]
        proven = written if fresh["status"] == "COMPLETE" else next((name for name in names if self._complete(name, key)), None)
        gone = surplus(names, proven, keep, {written})
        for name in gone:
            self.remove(name + RECORD)
            self.remove(name + ARCHIVE)
        return gone

    def _complete(self, name: str, key: Ed25519) -> bool:
        record = self.record(name)
        return record is not None and record.get("status") == "COMPLETE" and not self.problem(name, record, key)


class Directory(Store):
    def __init__(self, directory: str, *, make: bool = False) -> None:
        self.where = directory
        self._path = Path(directory)
        try:
            if make:
                self._path.mkdir(mode=0o700, exist_ok=True)
            missing = not self._path.is_dir()
        except OSError as exc:
            raise SalvageError(f"{directory} can't be made a directory of backups: {exc.strerror}", reason="bad_input") from None
        if missing:
            raise SalvageError(f"there is no directory {directory} with backups", reason="not_found")

    @contextmanager
    def locked(self) -> Iterator[None]:
        with ExitStack() as held:
            with self._told("can't be locked"):
                held.enter_context(alone(self._path, f"another backup is being written to {self.where}; wait for it"))
            parts = [file for file in self._all() if file.startswith(".backup-") and file.endswith(".part")]
            for file in [*parts, *self.unpublished()]:
                self.remove(file)
            yield

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise SalvageError(f"{self.where} {what}: {exc.strerror or exc}", reason="bad_input") from None

    def _all(self) -> list[str]:
        with self._told("can't be listed"):
            return [path.name for path in self._path.iterdir()]

    def files(self) -> list[str]:
        return [file for file in self._all() if file.startswith("backup-")]

    def open_file(self, file: str) -> BinaryIO:
        try:
            return (self._path / file).open("rb")
        except OSError as exc:
            raise SalvageError(f"{self._path / file} can't be read: {exc.strerror}", reason="not_found") from None

    def write(self, file: str, fill: Callable[[BinaryIO], object]) -> tuple[str, int]:
        part = self._path / f".{file}.part"
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                hashing = Hashing(stream)
                fill(hashing)  # type: ignore[arg-type] # it only writes
                stream.flush()
                os.fsync(stream.fileno())
            part.rename(self._path / file)
            self._sync()
        except OSError as exc:
            raise SalvageError(f"the backup can't be written to {self.where}: {exc.strerror or exc}", reason="bad_input") from None
        finally:
            part.unlink(missing_ok=True)
        return hashing.digest, hashing.size

    def remove(self, file: str) -> None:
        with self._told(f"does not let {file} be deleted"):
            (self._path / file).unlink(missing_ok=True)
            self._sync()

    def _sync(self) -> None:
        handle = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def open_store(params: Mapping[str, Any], *, make: bool = False) -> Store:
    """The store of the option ``repository``; ``make`` it, for a writer.  Raises SalvageError(bad_input, not_found)."""
    repository = str(params["repository"])
    if repository.startswith("s3://"):
        from .s3 import Bucket  # noqa: PLC0415 # it imports a large library

        return Bucket(repository, params)
    if "://" in repository:
        raise SalvageError(f"the repository {repository} is neither a directory nor s3://bucket/prefix", reason="bad_input")
    return Directory(repository, make=make)
