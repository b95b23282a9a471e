# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a set in their order, each with its kind and its namespace.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._cluster.discovery import Resource
from .._core.errors import SalvageError
from .model import Item, Manifest, ObjectId, object_id
from .order import DEFINITION, wave_of

_DEFAULT = "default"


def items_of(manifests: Sequence[Manifest], kinds: Mapping[tuple[str, str], Resource], namespace: str) -> list[Item]:
    """In the order of writing.  ``namespace`` is for objects that name none.  Raises SalvageError(bad_input, not_found)."""
    scopes = dict(_scopes(manifests))
    items = [_item(manifest, kinds, scopes, namespace or _DEFAULT) for manifest in manifests]
    seen: dict[ObjectId, Item] = {}
    for item in items:
        other = seen.setdefault(item.id, item)
        if other is not item:
            raise SalvageError(
                f"{item.id} is in the manifests twice, in {other.manifest.where} and in {item.manifest.where}; remove one of them",
                reason="bad_input",
            )
    return sorted(items, key=lambda item: item.rank)


def is_definition(item: Item) -> bool:
    return f"{item.id.kind}.{item.id.group}" == DEFINITION


def kind_defined(definition: Mapping[str, Any]) -> tuple[str, str]:
    """Group and kind of a CustomResourceDefinition."""
    spec = definition.get("spec")
    names = spec.get("names") if isinstance(spec, dict) else None
    return (str(spec.get("group")), str(names.get("kind"))) if isinstance(spec, dict) and isinstance(names, dict) else ("", "")


def namespaces_needed(items: Iterable[Item]) -> set[str]:
    return {item.id.namespace for item in items} - {""}


def _scopes(manifests: Iterable[Manifest]) -> Iterable[tuple[tuple[str, str], bool]]:
    """Whether the kinds that the set defines are namespaced."""
    for manifest in manifests:
        if f"{manifest.obj['kind']}.{str(manifest.obj['apiVersion']).partition('/')[0]}" == DEFINITION:
            yield kind_defined(manifest.obj), (manifest.obj.get("spec") or {}).get("scope") == "Namespaced"


def _item(manifest: Manifest, kinds: Mapping[tuple[str, str], Resource], scopes: Mapping[tuple[str, str], bool], namespace: str) -> Item:
    api_version, kind = str(manifest.obj["apiVersion"]), str(manifest.obj["kind"])
    group = api_version.rpartition("/")[0]
    resource = kinds.get((api_version, kind))
    if resource is None and (group, kind) not in scopes:
        raise SalvageError(
            f"{manifest.where}: the cluster has no kind {kind} in {api_version}; correct it, or install its definition first",
            reason="not_found",
        )
    namespaced = resource.namespaced if resource is not None else scopes[group, kind]
    metadata = {name: value for name, value in manifest.obj["metadata"].items() if name != "namespace"}
    if namespaced:
        metadata["namespace"] = manifest.obj["metadata"].get("namespace") or namespace
    document = {**manifest.obj, "metadata": metadata}
    return Item(object_id(document), manifest, document, wave_of(document), resource, notes=list(manifest.notes))
