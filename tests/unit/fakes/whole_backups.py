# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only tests do with a backup: hold all of its objects at once, and damage it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.store import Record, Store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.verify import proven
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import RestoreItem, restore_item
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import Ed25519


def restore_items(objects: Iterable[Mapping[str, Any]]) -> list[RestoreItem]:
    return [restore_item(obj) for obj in objects]


def open_backup(
    store: Store, key: Ed25519, having: Sequence[Any], name: str | None = None
) -> tuple[Record, dict[str, Any], list[dict[str, Any]]]:
    """The record, the manifest and the objects, all of them proven.  Raises SalvageError(not_found, invalid)."""
    found: list[dict[str, Any]] = []
    record, manifest = proven(store, key, having, name, found.append)
    return record, manifest, found


def with_another_end(data: bytes) -> bytes:
    """The same but for one bit of the last byte, whatever that byte is."""
    return data[:-1] + bytes([data[-1] ^ 1])
