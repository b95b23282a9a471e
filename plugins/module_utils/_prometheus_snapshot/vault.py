# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots on this machine: a folder each, published by its name, its files in clear or each encrypted to age recipients."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.files import write_whole
from .._sealing.age import decrypt, encrypt
from .._sealing.envelope import Ed25519, signed
from .._sealing.hashing import Hashing
from .snapshot import DATA, RECORD, File, SnapshotSample, dump_contains, file_digest, is_name, pieces, read_record, unlike

RunCommand = Callable[..., "tuple[int, str, str]"]
NOTE = "note.json"


def promtool_proves(run_command: RunCommand, promtool: str, data: Path, sample: SnapshotSample) -> None:
    """Raises SalvageError unless all blocks open and the sample is in them."""
    code, out, err = run_command([promtool, "tsdb", "list", str(data)])
    if code:
        raise SalvageError(f"the snapshot does not open: {_line(err)}; take another one", reason="invalid")
    at = str(sample.time)
    arguments = [f"--min-time={at}", f"--max-time={at}", f"--match={sample.selector}"]
    code, out, err = run_command([promtool, "tsdb", "dump", *arguments, str(data)])
    if code:
        raise SalvageError(f"the snapshot does not open: {_line(err)}; take another one", reason="invalid")
    if not dump_contains(out, sample):
        raise SalvageError(
            f"the snapshot does not have the sample {sample}, which Prometheus had before; take another one", reason="invalid"
        )


def _line(text: str) -> str:
    return " ".join(text.split())[-300:]


class PartialSnapshot:
    """A snapshot under way.  It outlives a killed run: the note says of which snapshot it is."""

    def __init__(self, directory: Path, name: str) -> None:
        self.folder = directory / f".{name}.part"
        self.data = self.folder / DATA
        self._name, self._directory = name, directory

    @classmethod
    def begin(cls, directory: Path, name: str, note: dict[str, Any]) -> PartialSnapshot:
        part = cls(directory, name)
        part.data.mkdir(mode=0o700, parents=True)
        part.folder.chmod(0o700)
        _write(part.folder / NOTE, note)
        return part

    @classmethod
    def found(cls, directory: Path) -> list[tuple[PartialSnapshot, dict[str, Any]]]:
        """Those that killed runs have left; of one that was killed at its very beginning there is no note, and nothing of worth."""
        found = []
        for path in sorted(directory.glob(".*.part")):
            name = path.name[1 : -len(".part")]
            if not is_name(name) or path.is_symlink() or not path.is_dir():
                continue  # not made here, so it stays
            note = _read_note(path / NOTE)
            if note and note.get("name") == name:
                found.append((cls(directory, name), note))
            else:
                shutil.rmtree(path)
        return found

    def publish(self, record: dict[str, Any], files: list[File], to: Sequence[Any], key: Ed25519 | None) -> Path:
        """Encrypts if there are recipients, writes the record, and gives the folder its name."""
        sealed = {}
        for file in files if to else ():
            plain = self.data / file.path
            there = plain.with_name(plain.name + ".age")
            if plain.exists():  # else a run before has done it
                part = plain.with_name(plain.name + ".age.part")  # a fixed name: the next run overwrites what a killed run left
                with part.open("wb") as stream:
                    encrypt(pieces(plain), stream, to)
                part.replace(there)
                plain.unlink()
            sealed[file.path] = {"size": there.stat().st_size, "sha256": file_digest(there)}
        record = {**record, "encrypted": bool(to), **({"sealed": sealed} if to else {})}
        _write(self.folder / RECORD, signed(record, key) if key else record)
        (self.folder / NOTE).unlink()
        self.folder.rename(self._directory / self._name)
        return self._directory / self._name

    def drop(self) -> None:
        shutil.rmtree(self.folder)


def _read_note(path: Path) -> dict[str, Any]:
    try:
        note = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    write_whole(path, json.dumps(content, indent=1).encode())


def newest(directory: Path) -> Path:
    """Names begin with the time, so they sort by it."""
    found = sorted(path.parent for path in directory.glob(f"[!.]*/{RECORD}"))
    if not found:
        raise SalvageError(f"there is no snapshot in {directory}; take one first", reason="not_found")
    return found[-1]


@contextmanager
def open_snapshot(
    folder: Path, having: Sequence[Any], key: Ed25519 | None
) -> Iterator[tuple[dict[str, Any], list[File], SnapshotSample, Path]]:
    """The record, the files, the sample, and the folder with the files in clear, each compared with its digest.  Raises SalvageError."""
    record, files, sample = read_record(folder, key)
    if not record.get("encrypted"):
        known = {file.path for file in files}
        if stray := sorted({str(path.relative_to(folder / DATA)) for path in (folder / DATA).rglob("*") if not path.is_dir()} - known):
            raise SalvageError(f"{folder} is refused: {stray[0]} is not in its record; take another snapshot", reason="invalid")
        for file in files:
            if unlike(folder / DATA / file.path, file.size, file.sha256):
                raise _changed(folder, file)
        yield record, files, sample, folder / DATA
        return
    if not having:
        raise SalvageError(f"{folder} is encrypted; give the identity that opens it", reason="bad_input")
    sealed = record.get("sealed") or {}  # earlier releases did not write it
    for file in files if sealed else ():
        said = sealed.get(file.path) or {}
        if unlike(folder / DATA / f"{file.path}.age", said.get("size"), said.get("sha256")):
            raise _changed(folder, file)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".opened-") as name:
        data = Path(name)
        for file in files:
            path = data / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with (folder / DATA / f"{file.path}.age").open("rb") as source, path.open("wb") as target:
                hashing = Hashing(target)
                decrypt(source, hashing.write, having, str(folder), file.size)
            if (hashing.size, hashing.digest) != (file.size, file.sha256):
                raise _changed(folder, file)
        yield record, files, sample, data


def _changed(folder: Path, file: File) -> SalvageError:
    return SalvageError(f"{folder} is refused: {file.path} is not what was copied; take another snapshot", reason="invalid")
