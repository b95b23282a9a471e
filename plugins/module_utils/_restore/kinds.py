# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind and name of an object, and how the objects of a backup depend on each other.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .._manifests.model import group_kind
from .._manifests.scaled import Target, targets_of

CONTENT = frozenset({"ConfigMap", "Secret"})  # they may be large, and name no other object by a field
RELEASE = "helm.sh/release.v1"
_SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"
_TOKEN = re.compile(f"-token-{_SUFFIX}$")
_TEMPLATES = frozenset({*(f"{kind}.apps" for kind in ("DaemonSet", "Deployment", "StatefulSet")), "CronJob.batch", "Job.batch"})
TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 # a Secret's type


@dataclass(frozen=True)
class Context:
    """What the rules know about the rest of the backup and about the target cluster."""

    uids: frozenset[str] = frozenset()
    scaled: frozenset[Target] = frozenset()  # what an autoscaler of the backup scales; in a plan only if one scales it after the restore
    selecting: frozenset[tuple[str, str]] = frozenset()  # (namespace, name) of Services with a selector
    plain: frozenset[tuple[str, str]] = frozenset()  # the same of those without one
    mounted: frozenset[tuple[str, str]] = frozenset()  # (namespace, name) of Secrets that workloads name, and that look generated
    mapping: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, tuple[str, str]] = field(default_factory=dict)  # node ports in use, and the Service that has each
    finalizers: frozenset[str] = frozenset()  # those with a controller in the cluster
    volumes: Mapping[str, bool] = field(default_factory=dict)  # the selected volumes of the backup, and whether each is restored
    released: Mapping[str, str] = field(default_factory=dict)  # released volumes of the cluster, and the UID of the claim of each
    read_only: frozenset[str] = frozenset()  # kinds that the cluster lets nobody create
    owned: frozenset[str] = frozenset()  # kinds that are restored although an owner makes them, too
    included: frozenset[str] = frozenset()  # kinds that the restore is limited to, each of them named
    classes: frozenset[str | None] = frozenset()  # storage classes that create a volume for each claim (see new_volume_classes)
    autoscaled: frozenset[Target] = frozenset()  # what an autoscaler of the cluster scales


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


def object_key(obj: Mapping[str, Any]) -> Key:
    return Key(group_kind(obj), *name_of(obj))


def name_of(obj: Mapping[str, Any]) -> tuple[str, str]:
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


class Bonds:
    """How the objects of a backup depend on each other, seen one by one."""

    def __init__(self) -> None:
        self._uids: set[str] = set()
        self._owners: set[str] = set()
        self._scaled: set[Target] = set()
        self._selecting: set[tuple[str, str]] = set()
        self._plain: set[tuple[str, str]] = set()
        self._mounted: set[tuple[str, str]] = set()

    def see(self, item: RestoreItem) -> None:
        key, obj = item
        metadata = obj["metadata"]
        if metadata.get("uid"):
            self._uids.add(metadata["uid"])
        self._owners.update(owner.get("uid", "") for owner in metadata.get("ownerReferences") or ())
        if key.kind == "Service":
            (self._selecting if (obj.get("spec") or {}).get("selector") else self._plain).add(key[1:])
        self._scaled |= targets_of((obj,))
        if key.kind in _TEMPLATES:
            self._mounted.update((key.namespace, name) for name in _tokens_mounted(obj))

    def context(self, **more: Any) -> Context:
        """When all are seen.  Of the UIDs it keeps only those of owners: no rule asks for another."""
        self._uids &= self._owners
        return Context(
            uids=frozenset(self._uids),
            scaled=frozenset(self._scaled),
            selecting=frozenset(self._selecting),
            plain=frozenset(self._plain),
            mounted=frozenset(self._mounted),
            **more,
        )


def context_of(items: Iterable[RestoreItem], **more: Any) -> Context:
    """How the objects of a backup depend on each other."""
    bonds = Bonds()
    for item in items:
        bonds.see(item)
    return bonds.context(**more)


def generated_for(account: str, name: str, what: Sequence[str] = ("token", "dockercfg")) -> bool:
    """Whether a token controller has given the Secret of a ServiceAccount its name; Kubernetes generates only these characters."""
    return re.fullmatch(f"{re.escape(account)}-({'|'.join(what)})-{_SUFFIX}", name) is not None


def _tokens_mounted(obj: Mapping[str, Any]) -> Iterator[str]:
    """What the template of a workload names that could be a generated token: a person has written that, so it is none."""
    spec = obj.get("spec") or {}
    stack: list[Any] = [spec.get("template"), ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template")]
    while stack:
        value = stack.pop()
        if isinstance(value, str) and _TOKEN.search(value):
            yield value
        stack.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())


def labels_of(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj["metadata"].get("annotations") or {}
