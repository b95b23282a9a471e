# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups there are, and whether they are as they were written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Any

from ..._core.errors import SalvageError
from ..._core.times import when
from ..._sealing.envelope import Ed25519, genuine
from ..._sealing.origin import foreign, too_old
from ..archive.layout import ceilings, verify_archive
from ..options import ReadOptions
from .store import Record, Store

_IN_MEMORY = 8 << 20  # of an archive; the rest of a larger one goes to the folder for temporary files


def described(record: Record, now: datetime) -> Record:
    """The record for a reader: without its signature, and with its ``age`` in seconds, None where it does not say."""
    facts = {name: value for name, value in record.items() if name != "signature"}
    created = when(record.get("created"))
    return {**facts, "age": None if created is None else now.timestamp() - created}


def list_backups(store: Store, key: Ed25519, now: datetime, asked: ReadOptions | None = None) -> list[Record]:
    """All backups, newest first, each with its ``problem``, empty where record and archive are as written and of the cluster asked for."""
    return [
        {
            **described(record or {}, now),
            "name": name,
            "problem": store.problem(name, record, key) or _of_another_cluster(record or {}, asked),
        }
        for name, record in store.records()
    ]


def _of_another_cluster(record: Record, asked: ReadOptions | None) -> str:
    if asked is None or not asked.cluster:
        return ""
    return foreign(record, asked.cluster, "", allow_unknown=asked.allow_unknown_cluster)


def refuse_foreign(record: Record, asked: ReadOptions) -> None:
    """Raises SalvageError(invalid) for a backup that is not of the cluster asked for, where one is."""
    if why := _of_another_cluster(record, asked):
        raise _refused(str(record["name"]), why)


def refuse_wrong(record: Record, asked: ReadOptions, live: str, max_age: float, now: float) -> None:
    """Raises SalvageError(invalid) for a backup of another cluster than the one asked for, else the live one, or one that is too old."""
    why = foreign(record, asked.cluster, live, allow_unknown=asked.allow_unknown_cluster) or too_old(record, max_age, now)
    if why:
        raise _refused(str(record["name"]), why)


def proven(
    store: Store, key: Ed25519, having: Sequence[Any], name: str | None = None, take: Callable[[Any], object] = lambda item: None
) -> tuple[Record, dict[str, Any]]:
    """The record and the manifest of the newest backup, or the named one; ``take`` gets each object before it is proven.

    Nothing is decrypted before all of the archive is the one that the signed record was made for.  Raises SalvageError(not_found, invalid).
    """
    names = store.names()
    if not names:
        raise SalvageError(f"there is no backup in {store.where}", reason="not_found")
    if name is not None and name not in names:
        raise SalvageError(f"there is no backup {name} in {store.where}; the newest is {names[0]}", reason="not_found")
    name = name or names[0]
    record = store.record(name)
    if record is None or not genuine(name, record, key):
        raise _refused(name, store.problem(name, record, key))
    try:
        with SpooledTemporaryFile(_IN_MEMORY) as copy:  # encrypted: no plaintext reaches a disk
            if why := store.difference(name, record, copy.write):
                raise _refused(name, why)
            copy.seek(0)
            manifest = verify_archive(copy, key, having, ceilings(record), take)  # type: ignore[arg-type] # it only reads
    except OSError as exc:
        where = "the folder for temporary files"
        raise SalvageError(f"{where} does not take the archive: {exc.strerror or exc}; set TMPDIR to another", reason="too_large") from None
    if manifest["name"] != name or manifest["root"] != record.get("root"):
        raise _refused(name, "its record belongs to another archive")
    return record, manifest


def _refused(name: str, why: str) -> SalvageError:
    return SalvageError(f"the backup {name} is refused: {why}{'' if '; ' in why else '; use another'}", reason="invalid")
