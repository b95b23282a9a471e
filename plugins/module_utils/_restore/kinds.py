# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind and name of an object, and how the objects of a backup depend on each other.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

RELEASE = "helm.sh/release.v1"
TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 # a Secret's type


@dataclass(frozen=True)
class Context:
    """What the rules know about the rest of the backup and about the target cluster."""

    uids: frozenset[str] = frozenset()
    scaled: frozenset[tuple[str, str, str]] = frozenset()  # (namespace, kind.group, name) of what an HPA scales
    selecting: frozenset[tuple[str, str]] = frozenset()  # (namespace, name) of Services with a selector
    mapping: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, tuple[str, str]] = field(default_factory=dict)  # node ports in use, and the Service that has each
    finalizers: frozenset[str] = frozenset()  # those with a controller in the cluster
    volumes: Mapping[str, bool] = field(default_factory=dict)  # the selected volumes of the backup, and whether each is restored
    released: Mapping[str, str] = field(default_factory=dict)  # released volumes of the cluster, and the UID of the claim of each
    classes: frozenset[str | None] = frozenset()  # storage classes that create a volume for each claim (see new_volume_classes)


class Key(NamedTuple):
    kind: str  # with its group
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class RestoreItem(NamedTuple):
    """An object, and what it is, worked out once."""

    key: Key
    obj: Mapping[str, Any]


def restore_item(obj: Mapping[str, Any]) -> RestoreItem:
    return RestoreItem(object_key(obj), obj)


def restore_items(objects: Iterable[Mapping[str, Any]]) -> list[RestoreItem]:
    return [restore_item(obj) for obj in objects]


def object_key(obj: Mapping[str, Any]) -> Key:
    return Key(kind_of(obj), *name_of(obj))


def kind_of(obj: Mapping[str, Any]) -> str:
    """`Deployment.apps`, `ConfigMap`: a kind without its version, which may differ from cluster to cluster."""
    group, _slash, _version = str(obj["apiVersion"]).rpartition("/")
    return f"{obj['kind']}.{group}" if group else str(obj["kind"])


def name_of(obj: Mapping[str, Any]) -> tuple[str, str]:
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def context_of(items: Iterable[RestoreItem], **more: Any) -> Context:
    """How the objects of a backup depend on each other."""
    uids, scaled, selecting = set(), set(), set()
    for key, obj in items:
        metadata, spec = obj["metadata"], obj.get("spec") or {}
        if metadata.get("uid"):
            uids.add(metadata["uid"])
        if key.kind == "HorizontalPodAutoscaler.autoscaling":
            target = spec.get("scaleTargetRef") or {}
            what = kind_of({"apiVersion": target.get("apiVersion") or "apps/v1", "kind": target.get("kind")})
            scaled.add((metadata["namespace"], what, target.get("name", "")))
        elif key.kind == "Service" and spec.get("selector"):
            selecting.add(key[1:])
    return Context(frozenset(uids), frozenset(scaled), frozenset(selecting), **more)


def generated_for(account: str, name: str) -> bool:
    """Whether a token controller has given the Secret of a ServiceAccount its name; Kubernetes generates only these characters."""
    return re.fullmatch(re.escape(account) + "-(token|dockercfg)-[bcdfghjklmnpqrstvwxz2456789]{5}", name) is not None


def labels_of(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj["metadata"].get("annotations") or {}
