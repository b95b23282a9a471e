# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a set applied before and no longer has is removed, and nothing else.

Until the removal is over, the inventory names what was and what is, so that the next run goes on where a killed one ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from .._cluster.objects import Object, delete, read
from .._core.errors import SalvageError
from .answers import refusal_of
from .inventory import Applied, applied_item, entries_in, inventory_map, merged, unwanted, why_kept
from .journal import SetJournal
from .model import REMOVED, ApplySettings, Item, Manifest
from .order import wave_of
from .server import Server

_CONFIG_MAPS = ("v1", "ConfigMap")


class Prune:
    """``items`` are those of the set; ``remove`` is whether what it no longer has goes, or only stays in the inventory."""

    def __init__(self, server: Server, settings: ApplySettings, name: str, namespace: str, items: Sequence[Item], *, remove: bool) -> None:
        self._server, self._settings, self._name, self._namespace = server, settings, name, namespace
        self._items, self._remove = items, remove
        self._found = read(server.cluster, f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{quote(name, safe='')}")
        self.old = entries_in(self._found, f"{namespace}/{name}")
        self.notes: list[str] = []

    def plan(self) -> list[Item]:
        """What would be removed, the last written first.  The set must be planned before."""
        left = unwanted(self.old, [applied_item(item) for item in self._items])
        if not self._remove:
            return []
        kinds = self._server.kinds(entry.api_version for entry in left)
        uids = frozenset(applied_item(item).uid for item in self._items) - {""}
        found = []
        for entry in left:
            document = {"apiVersion": entry.api_version, "kind": entry.kind, "metadata": {"name": entry.name, "namespace": entry.namespace}}
            item = Item(entry.id, Manifest(document, f"inventory {self._name}"), document, wave_of(document), None, action=REMOVED)
            item.resource = kinds.get((entry.api_version, entry.kind))
            item.live = self._server.read(item) if item.resource is not None else None
            if item.live is None or "deletionTimestamp" in item.live["metadata"]:
                continue
            why = why_kept(entry, item.live, self._settings.manager, uids)
            if why:
                self.notes.append(f"{entry.id} is not in the manifests any more and stays, because {why}")
            else:
                found.append(item)
        return sorted(found, key=lambda item: -item.rank)

    def begin(self) -> None:
        """Before the first write; a namespace that comes with the set has no inventory yet."""
        if self._found is not None or read(self._server.cluster, f"/api/v1/namespaces/{quote(self._namespace, safe='')}") is not None:
            self._write(merged(self.old, [applied_item(item) for item in self._items]))

    def end(self, removals: Sequence[Item]) -> None:
        """Removes; each is proven to be gone or on its way."""
        for item in removals:
            if item.live is None:  # nothing there was planned to go; never delete without the uid
                continue
            uid = item.live["metadata"]["uid"]
            try:
                delete(self._server.cluster, self._server.path(item), uid=uid)
                now = self._server.read(item)
            except SalvageError as exc:
                item.fail(str(exc), exc.reason)
                return
            item.written = True
            if now is not None and now["metadata"]["uid"] == uid and "deletionTimestamp" not in now["metadata"]:
                item.fail("it was deleted and is still there; find out who keeps it", "conflict")
                return
        now_kept = [applied_item(item) for item in self._items]
        self._write(now_kept if self._remove else merged(self.old, now_kept))

    def _write(self, entries: Sequence[Applied]) -> None:
        self._found = write_inventory(self._server, self._namespace, self._name, entries, self._found)


def write_inventory(server: Server, namespace: str, name: str, entries: Iterable[Applied], found: Object | None) -> Object:
    """The ConfigMap after it; ``found`` is the one before.  Raises SalvageError."""
    wanted = inventory_map(name, namespace, entries)
    if found is not None and found.get("data") == wanted["data"]:
        return found
    kinds = server.kinds([_CONFIG_MAPS[0]])
    item = Item(Applied(*_CONFIG_MAPS, namespace, name, "").id, Manifest(wanted, name), wanted, 0, kinds[_CONFIG_MAPS])
    answer = server.apply(item, wanted, force=False, dry_run=False)
    if answer.status >= 300:
        refusal = refusal_of(answer, secret=False)
        raise SalvageError(f"the inventory {namespace}/{name} can't be written: {refusal.sentence}", reason=refusal.reason)
    written: Object = answer.json()
    return written


def put_inventory_back(server: Server, namespace: str, journal: SetJournal, items: Iterable[Item]) -> None:
    """As it was, but with the uids of the objects that were created again.  Raises SalvageError."""
    name, path = journal.inventory, f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{quote(journal.inventory, safe='')}"
    found = read(server.cluster, path)
    entries_in(found, f"{namespace}/{name}")
    fresh = {item.id: applied_item(item).uid for item in items if item.written and item.after is not None}
    write_inventory(server, namespace, name, [entry._replace(uid=fresh.get(entry.id, entry.uid)) for entry in journal.entries], found)
