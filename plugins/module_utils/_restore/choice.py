# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects of a backup are wanted; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .._core.errors import SalvageError
from .._manifests.scaled import Target
from .kinds import RestoreItem

_USER = {
    "PersistentVolume": "claimRef",
    "VolumeGroupSnapshotContent.groupsnapshot.storage.k8s.io": "volumeGroupSnapshotRef",
    "VolumeSnapshotContent.snapshot.storage.k8s.io": "volumeSnapshotRef",
}


@dataclass(frozen=True)
class Choice:
    """What of the backup is wanted; namespaces under the names that they have in it."""

    namespaces: frozenset[str] = frozenset()
    mapping: Mapping[str, str] = field(default_factory=dict)
    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    cluster_scoped: bool | None = None  # None: if the whole backup is wanted, under the names that it has
    isolated: bool = False
    isolated_kinds: frozenset[str] = frozenset()  # as include spells them
    owned_kinds: frozenset[str] = frozenset()  # the same

    def check(self, items: Iterable[RestoreItem]) -> None:
        """Raises SalvageError(bad_input)."""
        there = {name for key, _obj in items for name in (key.namespace, key.name if key.kind == "Namespace" else "")}
        missing = sorted((set(self.namespaces) | set(self.mapping)) - there)
        if missing:
            raise SalvageError(f"the backup holds nothing of namespace {missing[0]}; see backup_info for what it holds", reason="bad_input")
        wanted = self.namespaces or frozenset(self.mapping) or frozenset(there)
        if self.isolated_kinds and not self.isolated:
            raise SalvageError("isolated_kinds is only for an isolated copy; set isolated too", reason="bad_input")
        own = sorted(name for name in wanted if self.mapping.get(name, name) == name) if self.isolated else []
        if own:
            raise SalvageError(
                f"an isolated copy of namespace {own[0] or 'everything'} needs another name; give it in namespace_mapping",
                reason="bad_input",
            )
        odd = sorted(name for name, target in self.mapping.items() if not _is_label(target))
        if odd:
            raise SalvageError(
                f"namespace_mapping gives {odd[0]} a name that no namespace can have; use at most 63 of a-z, 0-9 and -, with - only inside",
                reason="bad_input",
            )
        targets: dict[str, str] = {}
        for name in sorted(wanted - {""}):
            target = self.mapping.get(name, name)
            if target in targets:
                raise SalvageError(
                    f"namespaces {targets[target]} and {name} would both be restored as {target}; map them apart", reason="bad_input"
                )
            targets[target] = name

    @property
    def whole(self) -> bool:
        if self.isolated:
            return False
        return not self.namespaces and not self.mapping if self.cluster_scoped is None else self.cluster_scoped


def _is_label(name: str) -> bool:
    return re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name) is not None


def moved_target(target: Target, selection: Choice) -> Target:
    namespace, kind, name = target
    return selection.mapping.get(namespace, namespace), kind, name


def definitions_of(items: Iterable[RestoreItem], selection: Choice, names: Mapping[str, str]) -> frozenset[str]:
    """The definitions of the custom kinds that are wanted: without them a part of a backup could not be restored."""
    return frozenset(names.get(key.kind, "") for key, _obj in items if in_namespaces(key.namespace, selection))


def in_namespaces(namespace: str, selection: Choice) -> bool:
    if not namespace:
        return False
    if selection.namespaces:
        return namespace in selection.namespaces
    return not selection.mapping or namespace in selection.mapping


def selected(item: RestoreItem, selection: Choice, names: Mapping[str, str], needed: frozenset[str]) -> bool:
    (kind, namespace, name), obj = item
    spelled = names.get(kind, "")
    if spelled in selection.exclude or (selection.include and spelled not in selection.include):
        return False
    if namespace:
        return in_namespaces(namespace, selection)
    if kind == "Namespace":
        return in_namespaces(name, selection)
    if selection.whole:
        return True
    if selection.cluster_scoped is False or selection.isolated:
        return False
    if kind == "CustomResourceDefinition.apiextensions.k8s.io":
        return name in needed
    # A volume goes with the claim that it is bound to, and a snapshot's content with it, unless that is restored under another name.
    user = ((obj.get("spec") or {}).get(_USER[kind]) or {}).get("namespace", "") if kind in _USER else ""
    return bool(user) and user not in selection.mapping and user in selection.namespaces
