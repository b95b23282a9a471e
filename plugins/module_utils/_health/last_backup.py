# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last backup that counts: its record is signed, its archive is there in full, and nothing is missing in it."""

from __future__ import annotations

from typing import Any

from .._backup.options import StoreOptions
from .._backup.store.repository import open_store
from .._backup.store.store import ARCHIVE, Store
from .._cluster.identity import cluster_uid
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.json_values import is_integer
from .._core.status import CRITICAL, HEALTHY, UNKNOWN, WARNING
from .._core.times import iso, span, when
from .._sealing.envelope import Ed25519, genuine
from .._sealing.keys import public_key
from .._sealing.origin import origin_of
from .model import Check, Part, part, unknown_part

_LOOKED_AT = 50  # records; a cluster with that many bad ones in a row has no backup


def read_last_backup(session: Cluster, repository: str, key_path: str, now: float, max_age: float) -> Part:
    if not key_path:
        return unknown_part("backup", "without backup_public_key nobody can tell whether a file is a backup; name the file with that key")
    try:
        return _judged(open_store(StoreOptions(repository)), public_key(key_path), cluster_uid(session), now, max_age)
    except SalvageError as exc:
        return unknown_part("backup", str(exc))


def _judged(store: Store, key: Ed25519, live: str, now: float, max_age: float) -> Part:
    sizes, bad = store.sizes(), []
    for name in store.names()[:_LOOKED_AT]:
        record = store.record(name)
        if record is None or not genuine(name, record, key):
            bad.append((name, CRITICAL, f"the backup {name} is not signed by this key, or was changed"))
        elif not is_integer(size := sizes.get(name + ARCHIVE)) or size != record.get("size"):
            bad.append((name, CRITICAL, f"the archive of the backup {name} is missing or was changed"))
        elif live and origin_of(record).uid not in ("", live):
            bad.append((name, CRITICAL, f"the backup {name} is of another cluster, {origin_of(record)}"))
        elif record.get("status") != "COMPLETE":
            bad.append((name, WARNING, f"the backup {name} is {record.get('status')}, and does not count"))
        else:
            return last_backup(record, bad, store.where, now, max_age)
    return last_backup(None, bad, store.where, now, max_age)


def last_backup(record: dict[str, Any] | None, bad: list[tuple[str, str, str]], where: str, now: float, max_age: float) -> Part:
    """The age of the newest good backup, and each newer one that is ``bad``: its name, status and reason.  Pure."""
    subject = {"kind": "Backup", "name": where}
    checks = [Check(f"backup/{name}", status, reason, {**subject, "name": name}) for name, status, reason in bad]
    if record is None:
        checks.append(Check("backup/age", CRITICAL, f"there is no complete and signed backup at {where}", subject, None, max_age, "s"))
        return part("backup", checks)
    created = when(record.get("created"))
    if created is None or now - created < -60:
        of = "of an unknown time" if created is None else f"of the future, {iso(created)}"
        return part("backup", [*checks, Check("backup/age", UNKNOWN, f"the last backup at {where} is {of}", subject)])
    age = now - created
    status = HEALTHY if age <= max_age else CRITICAL
    reason = "" if status == HEALTHY else f"the last backup at {where} is {span(age)} old, more than {span(max_age)}"
    checks.append(Check("backup/age", status, reason, subject, round(age), max_age, "s"))
    return part("backup", checks, summary=f"last backup {span(max(age, 0))} ago")
