# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an incident reaches: the workloads, Services and providers, and the share of requests that fail.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._core.json_values import finite
from .._core.status import HEALTHY
from .._workloads.workload import KINDS, Object, pod_labels_of

_MOST = 30  # names of one kind


def affected(report: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """By kind, what a health report does not call healthy, as namespace/name."""
    found: dict[str, set[str]] = {}
    for part in _objects((report or {}).get("parts")):
        for check in _objects(part.get("checks")):
            subject = check.get("subject")
            if check.get("status") != HEALTHY and isinstance(subject, Mapping) and subject.get("kind") and subject.get("name"):
                place = "/".join(str(subject[key]) for key in ("namespace", "name") if subject.get(key))
                found.setdefault(str(subject["kind"]), set()).add(place)
    return {kind: sorted(names) for kind, names in sorted(found.items())}


def serving(services: Iterable[Object], workloads: Iterable[Object]) -> list[str]:
    """The Services with a selector that takes the pods of one of the workloads."""
    labels = [(one["metadata"]["namespace"], pod_labels_of(one)) for one in workloads]
    found = set()
    for service in services:
        metadata, selector = service["metadata"], (service.get("spec") or {}).get("selector") or {}
        if selector and any(metadata["namespace"] == namespace and selector.items() <= its.items() for namespace, its in labels):
            found.add(f"{metadata['namespace']}/{metadata['name']}")
    return sorted(found)


def blast_radius(
    report: Mapping[str, Any] | None, services: Sequence[str], providers: Sequence[str], error_rate: object, unknown: Sequence[str]
) -> dict[str, Any]:
    """For the record; empty where nothing was looked at.  ``unknown`` says what could not be looked at."""
    if report is None and not services and not providers and error_rate is None and not unknown:
        return {}
    reached = affected(report)
    share, _problem = finite(error_rate)
    return {
        "workloads": _first([f"{kind} {name}" for kind in KINDS for name in reached.get(kind, [])]),
        "pods": len(reached.get("Pod", [])),
        "nodes": _first(reached.get("Node", [])),
        "services": _first(services),
        "providers": _first(providers),
        "failing_share": share,
        "health": str(report.get("status")) if report is not None else "",
        "unknown": list(unknown),
    }


def _first(names: Sequence[str]) -> list[str]:
    return [*names[:_MOST], *([f"and {len(names) - _MOST} more"] if len(names) > _MOST else [])]


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, (list, tuple)) else []
