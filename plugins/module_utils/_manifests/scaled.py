# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads that a manifest does not size, since an autoscaler does, or since it names no number.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._cluster.objects import Object
from .model import WORKLOADS, group_kind
from .ownership import applied_fields

Target = tuple[str, str, str]  # namespace, kind with its group, name
AUTOSCALER = "HorizontalPodAutoscaler.autoscaling"


def targets_of(objects: Iterable[Mapping[str, Any]]) -> frozenset[Target]:
    """What the autoscalers among the objects scale."""
    found = set()
    for obj in objects:
        if group_kind(obj) != AUTOSCALER:
            continue
        target = (obj.get("spec") or {}).get("scaleTargetRef")
        if isinstance(target, dict) and target.get("kind"):
            api_version = target.get("apiVersion") or "apps/v1"
            what = group_kind({"apiVersion": api_version, "kind": target["kind"]})
            found.add((obj["metadata"].get("namespace") or "", what, str(target.get("name"))))
    return frozenset(found)


def can_scale(obj: Mapping[str, Any]) -> bool:
    """Whether it is of a kind that an autoscaler could scale."""
    return group_kind(obj) in WORKLOADS and isinstance(obj.get("spec"), dict)


def sets_size(obj: Mapping[str, Any]) -> bool:
    return "replicas" in (obj.get("spec") or {})


def as_scaled(document: Object, live: Mapping[str, Any] | None, manager: str, taken: Mapping[str, Any]) -> Object:
    """The document of a scaled workload: new, it has the size of its manifest; later, the size that it has.

    If only we own the field, leaving it out would reset the size to 1, so the present one is sent.  ``taken`` are the fields that an
    earlier apply owned.
    """
    if live is None:
        return document
    ours = _owns(applied_fields(live, manager) or {}) or _owns(taken)
    size = (live.get("spec") or {}).get("replicas")
    spec = {name: value for name, value in document["spec"].items() if name != "replicas"}
    if ours and size is not None:
        spec["replicas"] = size
    return {**document, "spec": spec}


def _owns(fields: Mapping[str, Any]) -> bool:
    return "f:replicas" in (fields.get("f:spec") or {})
