# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ConfigMaps and Secrets that a proven revision ran with: kept as immutable copies, and brought back.

A copy is owned by the ReplicaSet or ControllerRevision with the content it keeps, so it lives as long as the revision can be gone back to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from .._cluster.defaults import ROLLBACK_MANAGER
from .._cluster.http import ServesProxy
from .._cluster.objects import create, must_read, read, update
from .._core.errors import SalvageError
from .workload import Object, path_of

_LABEL = "meta-salvage.euystacio/copy"


def digest_of(obj: Object) -> str:
    """Of the content alone."""
    content = {"data": obj.get("data") or {}, "binaryData": obj.get("binaryData") or {}, "type": obj.get("type")}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def copy_of(obj: Object, kind: str, keeper: Object) -> Object:
    """The immutable copy, ready to be created."""
    metadata = obj["metadata"]
    made: Object = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": f"{metadata['name'][:230]}.{digest_of(obj)}",
            "namespace": metadata["namespace"],
            "labels": {_LABEL: "true"},
            "annotations": {"meta-salvage.euystacio/copy-of": metadata["name"]},
            "ownerReferences": [owner_reference(keeper)],
        },
        "immutable": True,
    }
    for field in ("data", "binaryData", "type"):
        if obj.get(field):
            made[field] = obj[field]
    return made


def owner_reference(keeper: Object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": keeper.get("kind") or ("ControllerRevision" if "revision" in keeper else "ReplicaSet"),
        "name": keeper["metadata"]["name"],
        "uid": keeper["metadata"]["uid"],
    }


def content_patch(live: Object, copy: Object) -> Object | None:
    """The merge patch that gives ``live`` the content of ``copy``; None if it has it."""
    patch: Object = {}
    for field in ("data", "binaryData"):
        now, then = live.get(field) or {}, copy.get(field) or {}
        if now != then:
            patch[field] = {**dict.fromkeys(now), **then}
    return patch or None


def keep(
    cluster: ServesProxy, namespace: str, configs: list[tuple[str, str]], keeper: Object, *, dry_run: bool
) -> tuple[tuple[str, str, str], ...]:
    """Copy what the template reads.  What is not there (optional references) is left out."""
    kept = []
    for kind, name in configs:
        live = read(cluster, path_of(kind, namespace, name))
        if live is None:
            continue
        copy = copy_of(live, kind, keeper)
        kept.append((kind, name, copy["metadata"]["name"]))
        if create(cluster, path_of(kind, namespace), copy, dry_run=dry_run) is None:
            update(cluster, path_of(kind, namespace, copy["metadata"]["name"]), lambda there: _also_owned(there, keeper), dry_run=dry_run)
    return tuple(kept)


def _also_owned(copy: Object, keeper: Object) -> Object | None:
    owners = copy["metadata"].get("ownerReferences") or []
    mine = owner_reference(keeper)
    if any(owner["uid"] == mine["uid"] for owner in owners):
        return None
    return {"metadata": {"ownerReferences": [*owners, mine]}}


def drift(cluster: ServesProxy, namespace: str, copies: tuple[tuple[str, str, str], ...]) -> list[str]:
    """The kinds and names with content that differs from their copies."""
    return [
        f"{kind}/{name}" for kind, name, copy in copies if digest_or_none(read(cluster, path_of(kind, namespace, name))) != _ending(copy)
    ]


def digest_or_none(obj: Object | None) -> str | None:
    return digest_of(obj) if obj is not None else None


def _ending(copy: str) -> str:
    return copy.rsplit(".", maxsplit=1)[-1]


def bring_back(cluster: ServesProxy, namespace: str, copies: tuple[tuple[str, str, str], ...], *, dry_run: bool) -> list[str]:
    """Give each ConfigMap and Secret the content of its copy; the names of those that were changed.

    All copies are read and checked before the first is written.  Raises SalvageError.
    """
    sources: list[tuple[str, str, Any]] = []
    for kind, name, copy in copies:
        kept = read(cluster, path_of(kind, namespace, copy))
        if kept is None or digest_of(kept) != _ending(copy):
            what = "is gone" if kept is None else "does not hold what was recorded"
            raise SalvageError(f"the copy {copy} of {kind} {name} {what}; give the content by hand, then roll back", reason="not_found")
        sources.append((kind, name, kept))
    changed = []
    for kind, name, kept in sources:
        path = path_of(kind, namespace, name)
        if read(cluster, path) is None:
            fresh = {key: kept[key] for key in ("data", "binaryData", "type") if key in kept}
            metadata = {"name": name, "namespace": namespace}
            made = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fresh}
            create(cluster, path_of(kind, namespace), made, dry_run=dry_run, manager=ROLLBACK_MANAGER)
            changed.append(f"{kind}/{name}")
            continue
        live = must_read(cluster, path)
        patch = content_patch(live, kept)
        if patch and live.get("immutable"):
            raise SalvageError(f"{kind} {name} is immutable and differs from its copy; replace it, then roll back", reason="invalid")
        if patch and update(cluster, path, _giving(kept), dry_run=dry_run, manager=ROLLBACK_MANAGER).changed:
            changed.append(f"{kind}/{name}")
    return changed


def _giving(copy: Object) -> Callable[[Object], Object | None]:
    return lambda live: content_patch(live, copy)
