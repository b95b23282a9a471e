# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a backup and of the cluster, of which a restore holds only few in memory at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from .._backup.store.store import Record, Store
from .._backup.store.verify import proven
from .._sealing.envelope import Ed25519
from .._sealing.spool import Spool
from .kinds import Bonds, Context, Key, RestoreItem, object_key
from .portable import Object


class OnDemand(Mapping[str, Any]):
    """An object that is read when somebody looks into it."""

    __slots__ = ("_number", "_spool", "_whole")

    def __init__(self, spool: Spool, number: int) -> None:
        self._spool, self._number = spool, number
        self._whole: Object | None = None

    def _found(self) -> Object:
        if self._whole is None:
            self._whole = self._spool.get(self._number)
        return self._whole

    def __getitem__(self, name: str) -> Any:
        return self._found()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())


class StoredItems(Sequence[RestoreItem]):
    """The objects of a backup: their keys in memory, their content in a spool."""

    def __init__(self, objects: Iterable[Mapping[str, Any]] = ()) -> None:
        self._spool = Spool()
        self._keys: list[Key] = []
        self._bonds = Bonds()
        for obj in objects:
            self.take(obj)

    def take(self, obj: Mapping[str, Any]) -> None:
        kind, namespace, name = object_key(obj)
        key = Key(sys.intern(kind), sys.intern(namespace), name)
        self._bonds.see(RestoreItem(key, obj))
        self._keys.append(key)
        self._spool.add(obj)

    def context(self, **more: Any) -> Context:
        """How the objects depend on each other."""
        return self._bonds.context(**more)

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, number: int) -> RestoreItem:
        """The item of that number."""

    @overload
    def __getitem__(self, number: slice) -> list[RestoreItem]:
        """The items of those numbers."""

    def __getitem__(self, number: int | slice) -> RestoreItem | list[RestoreItem]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        return RestoreItem(self._keys[number], OnDemand(self._spool, number))

    def __iter__(self) -> Iterator[RestoreItem]:
        spool = self._spool
        return (RestoreItem(key, OnDemand(spool, number)) for number, key in enumerate(self._keys))


def open_items(store: Store, key: Ed25519, having: Sequence[Any], name: str | None = None) -> tuple[Record, dict[str, Any], StoredItems]:
    """The record, the manifest and the objects of a backup, all of them proven.  Raises SalvageError(not_found, invalid, too_large)."""
    items = StoredItems()
    record, manifest = proven(store, key, having, name, items.take)
    # The rows of the manifest are proven, and as long as all names together; from here on only their number is needed.
    return record, {**manifest, "objects": range(len(manifest["objects"]))}, items


class Shelf:
    """The objects of the cluster that a restore has to look at again."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._numbers: dict[Key, int] = {}

    def put(self, key: Key, obj: Object) -> None:
        self._numbers[key] = self._spool.add(obj)

    def get(self, key: Key) -> Object | None:
        number = self._numbers.get(key)
        found: Object | None = None if number is None else self._spool.get(number)
        return found
