# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains that many write at once, in a folder or in a cluster.

Each write is decided on what is there, and decided again if somebody was quicker.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .._core.errors import SalvageError
from .._core.files import make_private, write_whole
from .._core.json_values import is_integer
from .._core.lock import in_turn
from .._core.times import rfc3339
from .._sealing.envelope import Signer
from .._sealing.hashing import canonical, digest
from .chain import DOCUMENT, Checked, check_chain, head_of, refuse_broken
from .chain_head import Head, head_document, read_head
from .signed_document import sign_document

SUFFIX = ".json"
LONGEST_ENTRY = 64 * 1024  # bytes of one record, as it is kept
_PATIENCE = 90.0  # seconds
_LINKS = frozenset({"chain", "number", "previous", "run"})

Content = Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """The records of one chain as they are kept, oldest first; ``mark`` is what the place needs to write after them."""

    entries: tuple[tuple[str, bytes], ...] = ()
    mark: Any = None


class ChainStore(Protocol):
    """A place with chains, each under a name."""

    @property
    def place(self) -> str:
        """For sentences, and to distinguish it from other places."""

    def names(self) -> list[str]:
        """The chains that there are."""

    def load(self, name: str) -> Stored:
        """All of the chain; empty where there is none."""

    def append(self, name: str, after: Stored, entries: Sequence[tuple[str, bytes]]) -> int:
        """How many were added, from the first on; fewer than all if somebody was quicker."""


@dataclass(frozen=True)
class Keys:
    """``signs`` is the key of new records; ``accepted`` those of earlier ones, by their ids.  None: nothing is signed."""

    signs: Signer | None = None
    accepted: Mapping[str, Signer] | None = None


@dataclass(frozen=True)
class Grown:
    """A chain after a write: all of it, and how many of its records are new."""

    records: tuple[Checked, ...]
    new: int
    head: Head


def entry_name(number: int) -> str:
    return f"{number:06d}{SUFFIX}"


def is_entry(record: Content) -> bool:
    """Whether it has what each record has: its number, the time, who, the kind and the data."""
    texts = all(isinstance(record.get(name), str) for name in ("by", "kind"))
    return is_integer(record.get("number")) and texts and rfc3339(record.get("at")) is not None and isinstance(record.get("data"), Mapping)


def check_stored(name: str, stored: Stored, keys: Keys) -> list[Checked]:
    """The records, each with what is wrong with it."""

    def own(file: str, record: Content) -> str:
        if not is_entry(record):
            return "it does not have what a record of this chain has"
        return "" if record["chain"] == name and file == entry_name(record["number"]) else "its number does not fit its place"

    return check_chain(stored.entries, keys.accepted, own, what="a record of this chain")


def grow(
    store: ChainStore,
    name: str,
    decide: Callable[[list[Content]], Sequence[Content]],
    keys: Keys,
    head_file: Path,
    run: str,
    *,
    dry_run: bool = False,
) -> Grown:
    """Adds what ``decide`` gives for the records that are there; it is asked again where others wrote meanwhile.

    ``run`` marks the records of this call: after a broken connection they are recognized.  Nothing follows a chain that is not verified
    or that lacks records which ``head_file`` knows of.  Raises SalvageError.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        kept = read_head(head_file, keys.accepted)  # before the records: it may only be older than they are
        stored = store.load(name)
        found = check_stored(name, stored, keys)
        refuse_broken(found, kept, f"{store.place}, {name}", head_file)
        mine = [_content(item.record) for item in found if item.record.get("run") == run]
        wanted = [one for one in decide([item.record for item in found]) if dict(one) not in mine]
        entries, linked = _linked(name, found, wanted, keys.signs, run)
        written = len(entries) if dry_run else store.append(name, stored, entries) if entries else 0
        if written == len(entries):
            records = (*found, *linked)
            head = head_of(found if dry_run else records)
            if not dry_run and records:
                remember(head_file, head, keys)
            return Grown(records, sum(1 for item in records if item.record.get("run") == run), head)
        if time.monotonic() > until:
            raise SalvageError(f"{name} in {store.place} keeps changing; run it again later", reason="conflict")
        time.sleep(random.uniform(0.0, 0.2))  # noqa: S311


def remember(head_file: Path, head: Head, keys: Keys) -> None:
    """Writes down how long the chain is, unless a longer one is known.  Raises SalvageError(bad_input)."""
    try:
        make_private(head_file.parent)
        with in_turn(head_file.parent):
            kept = read_head(head_file, keys.accepted)
            if kept is None or kept.count < head.count:
                write_whole(head_file, head_document(head, keys.signs))
    except OSError as exc:
        raise SalvageError(f"the head of the records can't be written to {head_file}: {exc.strerror}", reason="bad_input") from None


def _content(record: Content) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in _LINKS}


def _linked(
    name: str, found: Sequence[Checked], wanted: Sequence[Content], key: Signer | None, run: str
) -> tuple[list[tuple[str, bytes]], list[Checked]]:
    entries: list[tuple[str, bytes]] = []
    linked: list[Checked] = []
    previous = found[-1].digest if found else None
    for number, content in enumerate(wanted, start=len(found) + 1):
        record = {**content, "chain": name, "number": number, "previous": previous, "run": run}
        data = canonical(sign_document(DOCUMENT, record, key)) + b"\n"
        if len(data) > LONGEST_ENTRY:
            raise SalvageError(
                f"a record of {len(data)} bytes is too large, at most {LONGEST_ENTRY} are kept; link to a file instead", reason="too_large"
            )
        previous = digest(data)
        entries.append((entry_name(number), data))
        linked.append(Checked(entry_name(number), record, "", previous))
    return entries, linked


@dataclass(frozen=True)
class FolderChains:
    """Each chain is a folder, each record a file that is written once."""

    folder: Path

    @property
    def place(self) -> str:
        return str(self.folder)

    def names(self) -> list[str]:
        try:
            return sorted({path.parent.name for path in self.folder.glob(f"*/*{SUFFIX}")})  # one that has just been made is empty
        except OSError as exc:
            raise SalvageError(f"{self.folder} can't be read: {exc.strerror}", reason="bad_input") from None

    def load(self, name: str) -> Stored:
        try:
            return Stored(tuple((path.name, _bytes(path)) for path in sorted((self.folder / name).glob(f"*{SUFFIX}"))))
        except OSError as exc:
            raise SalvageError(f"{self.folder / name} can't be read: {exc.strerror}", reason="bad_input") from None

    def append(self, name: str, after: Stored, entries: Sequence[tuple[str, bytes]]) -> int:
        done = 0
        try:
            make_private(self.folder / name)
            for file, data in entries:
                write_whole(self.folder / name / file, data, create_only=True)
                done += 1
        except FileExistsError:
            return done
        except OSError as exc:
            raise SalvageError(f"{self.folder / name} can't be written: {exc.strerror}", reason="bad_input") from None
        return done


def _bytes(path: Path) -> bytes:
    """Empty for anything but a file, and for one that is larger than a record can be."""
    return path.read_bytes() if path.is_file() and path.stat().st_size <= LONGEST_ENTRY else b""
