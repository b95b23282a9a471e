# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal on the disk: one writer, many who wait for the same fsync, and a file that is compacted when it has grown."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .options import OptionError
from .records import decode, encode, lines_of

FILE, LOCK, DAMAGED = "journal", "lock", "damaged"
PART = 1024 * 1024
GROWN = 16 * 1024 * 1024  # it is compacted when it is this large, and three times as large as it was after the last time


@dataclass
class _Batch:
    lines: list[bytes] = field(default_factory=list)
    owed: list[bytes] = field(default_factory=list)  # those of the lines that are written later if they cannot be written now
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Journal:
    def __init__(self, folder: Path, committed: Callable[[float], None] = lambda _seconds: None) -> None:
        self._folder = folder
        self._committed = committed  # called with the seconds of a write and its fsync
        self._lock: int | None = None
        self._file: int | None = None
        self.size = 0
        self._size_compacted = 0
        self.errors = 0
        self.failing = False
        self.damaged = 0
        self._cut_off = False  # the last line is
        self._whole = 0  # bytes that were read, to the end of the last line
        self._batch: _Batch | None = None
        self._owed: list[bytes] = []  # what has happened while the disk failed
        self._torn = False  # there may be half a line after `size`
        self._wake = asyncio.Event()
        self._stopping = False

    # One at a time

    def try_lock(self) -> bool:
        """False while another process has the folder. The kernel frees it when that process ends, however it ends. Raises OptionError."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self._folder.stat()
            if found.st_uid != os.geteuid() or found.st_mode & 0o022:
                raise OptionError(f"Others can write to the folder {self._folder} of the journal; give it to this user alone.")
            if self._lock is None:
                self._lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise OptionError(f"The folder {self._folder} of the journal cannot be used: {error.strerror}.") from None
        return True

    def read(self) -> Iterator[dict[str, Any]]:
        """All whole records, one at a time, since a journal can be larger than what may be in the memory. Raises OptionError."""
        path = self._folder / FILE
        try:
            with path.open("rb") as stream:
                for line in lines_of(stream):
                    whole = line.endswith(b"\n")
                    self._whole += len(line) if whole else 0
                    record = decode(line)
                    if record is not None:
                        yield record
                    else:
                        self.damaged += 1
                        self._cut_off = not whole
        except FileNotFoundError:
            return
        except OSError as error:
            raise OptionError(f"The journal {path} cannot be read: {error.strerror}.") from None

    def begin(self, records: Iterable[dict[str, Any]]) -> None:
        """The file becomes these records, which are those that were read. Without a place for that it goes on as it is. Raises OSError.

        A copy of a file with damaged lines is kept beside it. A line that was cut off by the end of the process is nothing unusual.
        """
        path = self._folder / FILE
        try:
            if self.damaged > self._cut_off:
                with path.open("rb") as stream:
                    self._write_whole(self._folder / DAMAGED, iter(lambda: stream.read(PART), b""))
            self.replace_with(records)
        except OSError:
            if not path.exists():
                raise
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
            os.ftruncate(self._file, self._whole)
            self.size = self._size_compacted = self._whole
            self.errors += 1

    def replace_with(self, records: Iterable[dict[str, Any]]) -> None:
        """The file becomes these records, or stays as it is. Raises OSError."""
        path = self._folder / FILE
        size = self._write_whole(path, map(encode, records))
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        if self._file is not None:
            os.close(self._file)
        self._file, self.size, self._size_compacted, self._torn = handle, size, size, False

    # Many who wait for one fsync

    def append(self, records: Iterable[dict[str, Any]], *, happened: bool = False) -> asyncio.Future[None]:
        """Done when these records, and all before them, are on the disk; an OSError if they are not.

        What has ``happened`` already, and nobody will send again, is written before anything else that comes later.
        """
        if self._batch is None:
            self._batch = _Batch()
        lines = list(map(encode, records))
        self._batch.lines += lines
        self._batch.owed += lines if happened else []
        self._wake.set()
        return self._batch.done

    async def run(self, snapshot: Callable[[], Iterable[dict[str, Any]]]) -> None:
        """Writes what `append` gets, until `stop`. It is not cancelled: a write that has begun has to end."""
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(0)  # whoever is ready now is in the same batch
            self._write_batch()
            if self.size > max(GROWN, 3 * self._size_compacted):
                records = snapshot()
                try:
                    await asyncio.to_thread(self.replace_with, records)
                except OSError:
                    self.errors += 1
                    self._size_compacted = self.size  # not again at once

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def close(self) -> None:
        """Writes what is left, and frees the folder."""
        self._write_batch()
        for handle in (self._file, self._lock):
            if handle is not None:
                os.close(handle)
        self._file = self._lock = None

    def _write_batch(self) -> None:
        """In the thread that receives: all it could do meanwhile is to take more that waits for the disk. To hand it to another thread and
        back takes longer than the write, on a busy machine many times as long.
        """
        batch, self._batch = self._batch, None
        if batch is None:
            return
        start = time.monotonic()
        try:
            self._write(b"".join([*self._owed, *batch.lines]))
        except OSError as error:
            self.errors += 1
            self.failing = True
            self._owed += batch.owed
            batch.done.set_exception(error)
            batch.done.exception()  # seen, even if nobody waits
        else:
            self.failing = False
            self._owed.clear()
            self._committed(time.monotonic() - start)
            batch.done.set_result(None)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise OSError("the journal is closed")
        if self._torn:  # half a line must not become the start of the next one
            os.ftruncate(self._file, self.size)
        self._torn = True
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._file, left) :]
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            self._torn = False
            raise
        self._torn = False
        self.size += len(data)

    def _write_whole(self, path: Path, parts: Iterable[bytes]) -> int:
        """The size. All of it is on the disk under that name, or nothing new is on the disk."""
        fresh = path.with_name(f".{path.name}.new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "wb") as stream:
                size = sum(map(stream.write, parts))
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)  # on a full disk it has the last place
            raise
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return size
