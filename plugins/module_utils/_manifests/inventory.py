# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of what a set has applied, kept in a ConfigMap, and what of it is no longer wanted.  Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .._cluster.objects import Object
from .._core.errors import SalvageError
from .model import Item, ObjectId
from .order import DEFINITION, NAMESPACE
from .ownership import applied_fields

LABEL = "meta-salvage.euystacio/inventory"
_KEY = "objects.json"
# To delete one of these is to delete what is in it, or the data behind it.
_KEPT = frozenset({NAMESPACE, DEFINITION, "PersistentVolume", "PersistentVolumeClaim"})


class Applied(NamedTuple):
    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str  # empty if it was not known before the object was written

    @property
    def id(self) -> ObjectId:
        return ObjectId(self.api_version.rpartition("/")[0], self.kind, self.namespace, self.name)


def applied_item(item: Item) -> Applied:
    uid = str((item.live or {}).get("metadata", {}).get("uid", ""))
    if item.written and item.after is not None:
        uid = str(item.after["metadata"].get("uid", uid))
    return Applied(str(item.document["apiVersion"]), item.id.kind, item.id.namespace, item.id.name, uid)


def entries_in(found: Mapping[str, Any] | None, name: str) -> list[Applied]:
    """Raises SalvageError(invalid) if the ConfigMap is not an inventory."""
    if found is None:
        return []
    problem = SalvageError(f"ConfigMap {name} is not an inventory of this module; name another one", reason="invalid")
    if LABEL not in (found["metadata"].get("labels") or {}):
        raise problem
    try:
        rows = json.loads((found.get("data") or {})[_KEY])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise problem from None
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == 5 and _texts(row) for row in rows):
        raise problem
    return [Applied(*row) for row in rows]


def inventory_map(name: str, namespace: str, entries: Iterable[Applied]) -> Object:
    rows = json.dumps(sorted(entries), separators=(",", ":"))
    metadata = {"name": name, "namespace": namespace, "labels": {LABEL: "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {_KEY: rows}}


def merged(old: Iterable[Applied], new: Iterable[Applied]) -> list[Applied]:
    """Both; of one object the newer entry."""
    by_id = {entry.id: entry for entry in old}
    by_id.update({entry.id: entry for entry in new})
    return list(by_id.values())


def unwanted(old: Iterable[Applied], wanted: Iterable[Applied]) -> list[Applied]:
    """What the set no longer has, under none of its names: an object may have moved to another API group."""
    keep = list(wanted)
    ids, uids = {entry.id for entry in keep}, {entry.uid for entry in keep} - {""}
    return [entry for entry in old if entry.id not in ids and entry.uid not in uids]


def why_kept(entry: Applied, live: Mapping[str, Any], manager: str, uids: frozenset[str]) -> str:
    """Why an object stays although the set no longer has it, or nothing."""
    metadata = live["metadata"]
    group = entry.id.group
    if (f"{entry.kind}.{group}" if group else entry.kind) in _KEPT:
        return "its content would go with it"
    if metadata.get("uid") in uids:
        return "it is in the manifests under another API group"
    if entry.uid and metadata.get("uid") != entry.uid:
        return "it was replaced by another object of this name"
    if applied_fields(live, manager) is None:
        return f"{manager} has not applied it"
    if any(owner.get("controller") for owner in metadata.get("ownerReferences") or ()):
        return "a controller owns it"
    return ""


def _texts(row: list[Any]) -> bool:
    return all(isinstance(one, str) for one in row) and not any("/" in one or one in (".", "..") for one in row[1:4])
