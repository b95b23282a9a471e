# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds that the API server has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError
from .session import Cluster


@dataclass(frozen=True, order=True)
class Resource:
    group: str
    name: str
    version: str
    kind: str
    namespaced: bool
    categories: tuple[str, ...] = ()
    writable: bool = True  # whether its API lets anyone create one

    @property
    def full_name(self) -> str:
        """`configmaps`, `deployments.apps`: as kubectl takes it."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "") -> str:
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{namespace}/{self.name}" if namespace else f"{root}/{self.name}"


def resources_of(group: str, version: str, answer: Mapping[str, Any]) -> list[Resource]:
    """The kinds of an APIResourceList that can be listed; sub-resources are not objects of their own.

    Raises SalvageError(invalid): the API server of an aggregated API may answer anything.
    """
    try:
        return _resources(group, version, answer)
    except (AttributeError, KeyError, TypeError):
        raise SalvageError(f"the API version {group}/{version} answers something else than a list of kinds", reason="invalid") from None


def _resources(group: str, version: str, answer: Mapping[str, Any]) -> list[Resource]:
    return [
        Resource(
            group,
            _text(entry["name"]),
            version,
            _text(entry["kind"]),
            bool(entry["namespaced"]),
            tuple(entry.get("categories") or ()),
            "create" in entry["verbs"],
        )
        for entry in answer.get("resources") or ()
        if "/" not in entry["name"] and "list" in (entry.get("verbs") or ())
    ]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def preferred(found: Iterable[Resource]) -> list[Resource]:
    """Each kind once, in the version that comes first, sorted by name."""
    first: dict[str, Resource] = {}
    for resource in found:
        first.setdefault(resource.full_name, resource)
    return [first[name] for name in sorted(first)]


def discover(cluster: Cluster) -> tuple[list[Resource], dict[str, str]]:
    """Every kind that can be listed, and the API versions that do not answer (`group/version`), each with why."""
    roots = [("", version) for version in cluster.get_json("/api").get("versions") or ()]
    for group in cluster.get_json("/apis").get("groups") or ():
        first = (group.get("preferredVersion") or {}).get("version")
        versions = [entry["version"] for entry in group.get("versions") or ()]
        roots += [(group["name"], version) for version in [first, *versions] if version is not first or version in versions]
    found: list[Resource] = []
    silent: dict[str, str] = {}
    for group_name, version in dict.fromkeys(roots):
        path = f"/apis/{group_name}/{version}" if group_name else f"/api/{version}"
        try:
            found += resources_of(group_name, version, cluster.get_json(path))
        except SalvageError as exc:
            silent[f"{group_name}/{version}"] = str(exc)
    return preferred(found), silent
