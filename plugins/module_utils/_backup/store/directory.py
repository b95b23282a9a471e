# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups in a directory of the machine that the module runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from ..._core.errors import SalvageError
from ..._core.files import sync_folder, whole_file
from ..._core.lock import alone
from ..._sealing.hashing import Hashing
from .store import Store


class Directory(Store):
    def __init__(self, directory: str, *, make: bool = False) -> None:
        self.where = directory
        self._path = Path(directory)
        self.place = str(self._path.absolute())
        try:
            if make:
                self._path.mkdir(mode=0o700, exist_ok=True)
            missing = not self._path.is_dir()
        except OSError as exc:
            raise SalvageError(f"{directory} can't be created as a directory for backups: {exc.strerror}", reason="bad_input") from None
        if missing:
            raise SalvageError(f"there is no directory {directory} with backups", reason="not_found")

    @contextmanager
    def locked(self) -> Iterator[None]:
        with ExitStack() as held:
            with self._told("can't be locked"):
                held.enter_context(alone(self._path, f"another backup is being written to {self.where}; wait for it"))
            unfinished = [file for file in self._all() if file.startswith(".backup-")]  # whole_file's, of a killed run
            for file in [*unfinished, *self.unpublished()]:
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

    def sizes(self) -> dict[str, int]:
        with self._told("can't be listed"):
            return {path.name: path.stat().st_size for path in self._path.iterdir() if path.name.startswith("backup-")}

    def open_file(self, file: str) -> BinaryIO:
        try:
            return (self._path / file).open("rb")
        except OSError as exc:
            raise SalvageError(f"{self._path / file} can't be read: {exc.strerror}", reason="not_found") from None

    def write(self, file: str, fill: Callable[[BinaryIO], object]) -> tuple[str, int]:
        try:
            with whole_file(self._path / file) as stream:
                hashing = Hashing(stream)
                fill(hashing)  # type: ignore[arg-type] # it only writes
        except OSError as exc:
            raise SalvageError(f"the backup can't be written to {self.where}: {exc.strerror or exc}", reason="bad_input") from None
        return hashing.digest, hashing.size

    def remove(self, file: str) -> None:
        with self._told(f"does not let {file} be deleted"):
            (self._path / file).unlink(missing_ok=True)
            sync_folder(self._path)
