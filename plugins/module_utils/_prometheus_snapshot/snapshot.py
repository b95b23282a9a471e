# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot of a Prometheus is: files of blocks, and a sample that must be in them.  Nothing here talks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import is_integer
from .._sealing.envelope import Ed25519, genuine
from .._sealing.hashing import Hashing

SCHEMA = 1
RECORD = "snapshot.json"
DATA = "data"
_BLOCK = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_PATH = re.compile(_BLOCK.pattern + r"/(chunks/[0-9]{6}|index|meta\.json|tombstones)")
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{1,32}")
_PIECE = 1 << 20
_MAX_RECORD = 16 << 20


@dataclass(frozen=True)
class SnapshotSample:
    """One value of one series; the time in milliseconds, as a block has it, and the value as Prometheus spells it."""

    labels: dict[str, str]
    time: int
    value: str

    @property
    def selector(self) -> str:
        return "{" + ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(self.labels.items())) + "}"

    def __str__(self) -> str:
        return f"{self.selector} {self.value} at {moment(self.time)}"


@dataclass(frozen=True)
class File:
    path: str
    size: int
    sha256: str


def moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """A snapshot's name becomes part of paths and commands."""
    if not _NAME.fullmatch(name):
        raise SalvageError(f"Prometheus calls its snapshot {name!r}, which is not a valid name", reason="invalid")
    return name


def files_from_listing(sums: bytes, sizes: bytes) -> list[File]:
    """The files that `sha256sum` and `wc -c` listed, below the folder of the snapshot.  Raises SalvageError(invalid)."""
    size_of = {path: int(size) for size, path in (line.split(maxsplit=1) for line in sizes.decode().splitlines())}
    found = []
    for line in sums.decode().splitlines():
        digest, shown = line.split(maxsplit=1)
        path = shown.removeprefix("./")
        if not _PATH.fullmatch(path):
            raise SalvageError(f"there is a file {path!r} among the blocks, which is not part of a block", reason="invalid")
        found.append(File(path, size_of[shown], digest))
    return sorted(found, key=lambda file: file.path)


def blocks(names: Iterable[str]) -> set[str]:
    """Those that are names of blocks, or of files in one."""
    return {name.split("/")[0] for name in names if _BLOCK.fullmatch(name.split("/")[0])}


def newest_sample(data: Mapping[str, Any]) -> SnapshotSample | None:
    """The newest raw sample in the data of a range selector; of several series the first."""
    found = []
    for series in data["result"]:
        at, value = series["values"][-1]
        found.append(SnapshotSample(series["metric"], round(float(at) * 1000), str(value)))
    return min(found, key=lambda sample: (-sample.time, sample.selector), default=None)


def dump_contains(printed: str, sample: SnapshotSample) -> bool:
    """Whether `promtool tsdb dump` printed the sample: labels, value, time."""
    return any(
        len(words) == 3 and int(words[2]) == sample.time and _same(words[1], sample.value)
        for words in (line.rsplit(maxsplit=2) for line in printed.splitlines())
    )


def answers(data: Mapping[str, Any], sample: SnapshotSample) -> bool:
    """Whether a range selector around its time found the sample."""
    return any(
        round(float(at) * 1000) == sample.time and _same(str(value), sample.value)
        for series in data["result"]
        for at, value in series["values"]
    )


def _same(one: str, other: str) -> bool:
    return float(one) == float(other) or one == other


def time_range(data: Path) -> tuple[int, int]:
    """From when until when the blocks have samples."""
    metas = [json.loads(path.read_bytes()) for path in data.glob("*/meta.json")]
    if not metas:
        raise SalvageError("the snapshot has no block; wait until Prometheus has scraped something", reason="invalid")
    return min(meta["minTime"] for meta in metas), max(meta["maxTime"] for meta in metas)


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return Hashing(stream).drain()


def record_of(
    name: str, source: Mapping[str, str], taken: str, sample: SnapshotSample, files: list[File], covers: tuple[int, int]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": name,
        "source": dict(source),
        "taken": taken,
        "sample": asdict(sample),
        "from": moment(covers[0]),
        "until": moment(covers[1]),
        "size": sum(file.size for file in files),
        "files": [asdict(file) for file in files],
    }


def read_record(folder: Path, key: Ed25519 | None) -> tuple[dict[str, Any], list[File], SnapshotSample]:
    """The record, first of all compared with its signature where there is a key for it.

    Raises SalvageError for a folder that is not a snapshot, or a record with paths that lead elsewhere.
    """
    try:
        with (folder / RECORD).open("rb") as stream:
            record = json.loads(stream.read(_MAX_RECORD))
    except FileNotFoundError:
        raise SalvageError(f"{folder} is not a snapshot, there is no {RECORD} in it", reason="bad_input") from None
    except (OSError, ValueError, RecursionError) as exc:
        raise _unreadable(folder, exc) from None
    if key is not None and not (isinstance(record, dict) and genuine(folder.name, record, key)):
        raise SalvageError(f"{folder} is not signed by the key that was given; take another snapshot", reason="invalid")
    try:
        files = [File(**file) for file in record["files"]]
        sample = SnapshotSample(**record["sample"])
    except (KeyError, TypeError) as exc:
        raise _unreadable(folder, exc) from None
    if record.get("schema") != SCHEMA:
        raise SalvageError(f"{folder} has the schema {record.get('schema')}, which this version does not support", reason="invalid")
    if stray := [file.path for file in files if not isinstance(file.path, str) or not _PATH.fullmatch(file.path)]:
        raise SalvageError(f"{folder} names a file {stray[0]!r}, which is not part of a block", reason="invalid")
    if not all(is_integer(file.size) for file in files) or not _readable(sample):
        raise _unreadable(folder, "a size or the sample in it is not one")
    if record.get("name") != folder.name:
        raise SalvageError(f"{folder} has the record of another snapshot, {record.get('name')!r}; take another snapshot", reason="invalid")
    return record, files, sample


def _readable(sample: SnapshotSample) -> bool:
    try:
        float(sample.value)
        moment(sample.time)
    except (ValueError, TypeError, OverflowError, OSError):
        return False
    labels = sample.labels
    return is_integer(sample.time) and isinstance(labels, dict) and all(isinstance(one, str) for one in labels.values())


def _unreadable(folder: Path, why: object) -> SalvageError:
    return SalvageError(f"{folder / RECORD} can't be read: {why}; take another snapshot", reason="invalid")


def unlike(path: Path, size: object, sha256: object) -> bool:
    """Whether a file is missing or not what a record says; one of another size is not read."""
    return not path.is_file() or path.stat().st_size != size or file_digest(path) != sha256
