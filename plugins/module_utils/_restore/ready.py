# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether restored objects are ready; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._cluster.conditions import holds
from .._manifests.model import group_kind
from .._workloads.readiness import replicas_of
from .portable import bundle_holders, injected

_HOOKS = frozenset(f"{way}WebhookConfiguration.admissionregistration.k8s.io" for way in ("Validating", "Mutating"))
_API = "APIService.apiregistration.k8s.io"
_DEFINITION = "CustomResourceDefinition.apiextensions.k8s.io"
_WORKLOADS = frozenset(
    {*(f"{kind}.apps" for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")), "ReplicationController", "Pod"}
)
_WATCHED = _WORKLOADS | _HOOKS | {_API}


def is_watched(kind: str, wanted: Callable[[], Mapping[str, Any]]) -> bool:
    """Whether the object takes a while to serve; ``wanted`` gives it as it is restored."""
    return kind in _WATCHED or (kind == _DEFINITION and _lacks_bundle(wanted()))


def _lacks_bundle(obj: Mapping[str, Any]) -> bool:
    """Whether an injector still has to fill in a CA."""
    holders = [one for one in bundle_holders(obj) if one or group_kind(obj) != _DEFINITION]  # most definitions have no webhook
    return injected(obj) and not all(holder.get("caBundle") for holder in holders)


def unready(obj: Mapping[str, Any]) -> str:
    """Why it is not ready, or nothing."""
    status, kind = obj.get("status") or {}, group_kind(obj)
    if kind in _HOOKS or kind == _DEFINITION:
        return "nobody has filled in its caBundle" if _lacks_bundle(obj) else ""
    if kind == _API:
        return "" if holds(obj, "Available") else "it is not available"
    if kind == "Pod":
        return (
            ""
            if holds(obj, "Ready") or status.get("phase") == "Succeeded"
            else f"it is {status.get('phase') or 'not scheduled'} and not ready"
        )
    replicas = replicas_of(kind.removesuffix(".apps"), obj)
    if not replicas.seen:
        return "its controller has not seen it yet"
    paused = (obj.get("spec") or {}).get("paused")
    note = "; it is paused, as it was in the backup: resume it with kubectl rollout resume" if paused else ""
    return "" if replicas.ready else f"{replicas.available} of {replicas.desired} replicas are available{note}"


def served(slices: Iterable[Mapping[str, Any]], service: str) -> bool:
    """Whether the Service has a ready endpoint."""
    return any(
        (endpoint.get("conditions") or {}).get("ready") is not False and endpoint.get("addresses")
        for one in slices
        if (one["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
        for endpoint in one.get("endpoints") or ()
    )
