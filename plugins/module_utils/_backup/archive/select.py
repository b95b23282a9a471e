# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kinds go into a backup: pure decisions on what the API server says it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._cluster.conditions import established
from ..._cluster.discovery import Resource
from ..._core.errors import SalvageError

PRESETS = ("all", "config", "configmaps", "secrets")
# Short-lived, or created again by the cluster itself: a restore does not need them.
_PASSING = frozenset({"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses"})
_PASSING_GROUPS = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io", "authentication.k8s.io"})

_MIRRORING = "endpointslicemirroring-controller.k8s.io"  # it copies Endpoints, which are in the backup


@dataclass(frozen=True)
class Selection:
    """What is asked for; the names of kinds as kubectl spells them."""

    preset: str = "all"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    def wants(self, resource: Resource) -> bool:
        return (
            self.may_have(resource.group)
            and resource.full_name not in _PASSING
            and (self.preset in ("all", resource.full_name) or (self.preset == "config" and "all" in resource.categories))
            and (not self.include or resource.full_name in self.include)
            and not {resource.full_name, resource.api_version} & set(self.exclude)
            and (resource.namespaced or not self.namespaces or resource.full_name == "namespaces")
        )

    def may_have(self, group: str) -> bool:
        """Whether a kind of this group could be wanted, whatever kinds it has."""
        return (
            group not in _PASSING_GROUPS
            and (not self.include or any(group == _group(name) for name in self.include))
            and (self.preset in ("all", "config") or not group)
        )

    def of_found(self, found: Sequence[Resource], silent: Mapping[str, str]) -> tuple[list[Resource], dict[str, str]]:
        """The kinds, and the holes: API versions that do not answer (``silent``, with why) and may have kinds that are wanted.

        Which kinds such a version has is not known, so only the whole of it can be excluded.
        Raises SalvageError(bad_input) for a name that the server does not have, for its absence would be a silent gap.
        """
        names = {resource.full_name for resource in found}
        versions = {resource.api_version for resource in found} | set(silent)
        unanswered = {version.rpartition("/")[0] for version in silent}
        for name in self.exclude:
            if "/" in name and name not in versions:
                raise SalvageError(
                    f"the cluster has neither a kind nor an API version {name}; see kubectl api-versions", reason="bad_input"
                )
        for name in (*self.include, *(name for name in self.exclude if "/" not in name)):
            if name not in names and _group(name) not in unanswered:
                raise SalvageError(
                    f"the cluster has no kind {name} that can be listed; see `kubectl api-resources -o name`", reason="bad_input"
                )
        chosen = [resource for resource in found if self.wants(resource)]
        holes = {
            version: why for version, why in silent.items() if version not in self.exclude and self.may_have(version.rpartition("/")[0])
        }
        if not chosen and not holes:
            raise SalvageError("nothing is selected: preset, include, exclude and namespaces together leave no kind", reason="bad_input")
        return chosen, holes


def _group(full_name: str) -> str:
    return full_name.partition(".")[2]


def is_plain_service(resource: Resource, item: Mapping[str, Any]) -> bool:
    """Whether it is a Service without a selector: what endpoints it has, nobody creates again."""
    return resource.full_name == "services" and not (item.get("spec") or {}).get("selector")


def made_by_service(resource: Resource, item: Mapping[str, Any], plain: Collection[tuple[str, str]] = ()) -> bool:
    """Whether it is the endpoints of a Service, which the cluster creates again; ``plain`` are the Services without a selector.

    If a Service loses its selector, its endpoints stay as they are, with the label of the controller that made them.
    """
    if resource.name not in ("endpoints", "endpointslices"):
        return False
    metadata = item.get("metadata") or {}
    labels = metadata.get("labels") or {}
    manager = str(labels.get("endpointslice.kubernetes.io/managed-by", ""))
    service = labels.get("kubernetes.io/service-name") if resource.name == "endpointslices" else metadata.get("name")
    if (metadata.get("namespace"), service) in plain and manager != _MIRRORING:
        return False
    return manager.endswith(".k8s.io") or labels.get("endpoints.kubernetes.io/managed-by") == "endpoint-controller"


def unserved(definition: Mapping[str, Any], names: set[str]) -> bool:
    """Whether the CustomResourceDefinition is in force, but its kind was not among those that the server said it has."""
    return established(definition) and definition["metadata"]["name"] not in names
