# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims that nobody would ever give a volume.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .kinds import annotations_of
from .portable import Object

_CLASS = "volume.beta.kubernetes.io/storage-class"
_SNAPSHOT = "VolumeSnapshot"
_NOWHERE = ", which is neither restored nor in the cluster"


@dataclass(frozen=True)
class Storage:
    """The names of what a claim may ask for: restored, or in the cluster."""

    volumes: Mapping[str, tuple[str, str] | None]  # and the claim that each is kept for; of no name if that claim is gone
    classes: frozenset[str]  # also those that only volumes name
    snapshots: frozenset[tuple[str, str]]  # namespace, name


def storage_of(volumes: Sequence[Mapping[str, Any]], classes: Iterable[str], snapshots: Iterable[tuple[str, str]]) -> Storage:
    return Storage(
        {volume["metadata"]["name"]: _kept_for(volume) for volume in volumes},
        frozenset(classes) | {name for name in map(_class_of, volumes) if name},
        frozenset(snapshots),
    )


def waits_for(claim: Object, there: Storage) -> str:
    """What the claim would wait for in vain, or nothing."""
    spec, namespace = claim.get("spec") or {}, claim["metadata"].get("namespace", "")
    volume, name = spec.get("volumeName"), _class_of(claim)
    if volume and volume in there.volumes:
        mine = there.volumes[volume] in (None, (namespace, claim["metadata"]["name"]))
        return "" if mine else f"the volume {volume}, which is kept for another claim"
    if volume:
        return f"the volume {volume}{_NOWHERE}"
    for source in (spec.get("dataSourceRef"), spec.get("dataSource")):
        if source and source.get("kind") == _SNAPSHOT and (source.get("namespace") or namespace, source["name"]) not in there.snapshots:
            return f"the VolumeSnapshot {source['name']}{_NOWHERE}"
    return f"the storage class {name}{_NOWHERE}" if name and name not in there.classes else ""


def _kept_for(volume: Mapping[str, Any]) -> tuple[str, str] | None:
    claim = (volume.get("spec") or {}).get("claimRef")
    if not claim:
        return None
    # With the UID of a claim that is gone it waits for none; one that is restored has a UID only then.
    gone = claim.get("uid") and (volume.get("status") or {}).get("phase") not in ("Available", "Bound")
    return ("", "") if gone else (claim.get("namespace", ""), claim.get("name", ""))


def _class_of(obj: Mapping[str, Any]) -> str:
    return str((obj.get("spec") or {}).get("storageClassName") or annotations_of(obj).get(_CLASS) or "")
