# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a plan that are in the cluster, read with few requests."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from .._cluster.discovery import Resource, discover
from .._cluster.http import DEFAULT_MAX_BYTES
from .._cluster.objects import items_if_served, read
from .._cluster.session import Cluster
from .._cluster.watch import Watch, list_all
from .._core.errors import SalvageError
from .._core.gather import for_each
from .._manifests.definitions import not_established, until_listed
from .._manifests.model import group_kind
from .._manifests.scaled import Target, targets_of
from .claims import storage_of, waits_for
from .isolate import confined, new_volume_classes
from .kinds import Key
from .plan import KEPT, UNCHANGED, Step
from .portable import Object

_SINGLY = 8  # up to this many objects of a kind are read one by one; more are listed
_LISTS = 4  # in up to this many namespaces a kind is listed one by one; in more, in all at once
_PAGES = 4  # that are in memory at once
_CLASSES, _SNAPSHOTS = "StorageClass.storage.k8s.io", "VolumeSnapshot.snapshot.storage.k8s.io"
_Question = tuple[Sequence[Step], Callable[[], Iterable[Object]]]


class Live:
    def __init__(self, cluster: Cluster, workers: int) -> None:
        self.cluster = cluster
        self._workers = workers
        self._resources: dict[str, Resource] = {}
        self.discover()

    def discover(self) -> None:
        found, self.silent = discover(self.cluster)
        self._resources = {f"{one.kind}.{one.group}" if one.group else one.kind: one for one in found}

    @property
    def names(self) -> dict[str, str]:
        """The name of each kind as users write it."""
        return {kind: resource.full_name for kind, resource in self._resources.items()}

    @property
    def read_only(self) -> frozenset[str]:
        return frozenset(kind for kind, resource in self._resources.items() if not resource.writable)

    def knows(self, step: Step) -> bool:
        return step.key.kind in self._resources

    def api_version(self, step: Step) -> str:
        """The version of its kind that the cluster prefers."""
        return self._resources[step.key.kind].api_version

    def collection(self, step: Step, namespace: str | None = None) -> str:
        resource = self._resources[step.key.kind]
        version = step.api_version.rpartition("/")[2]
        place = step.key.namespace if namespace is None else namespace
        return replace(resource, version=version).path(quote(place, safe=""))

    def path(self, step: Step) -> str:
        return f"{self.collection(step)}/{quote(step.key.name, safe=':')}"

    def scan(self, steps: Iterable[Step], take: Callable[[Step, Object], None]) -> set[Key]:
        """Which of the steps exist; ``take`` gets each object with its step, one at a time.

        A kind that can't be read is a problem of each of its steps.
        """
        groups: dict[tuple[str, str], list[Step]] = defaultdict(list)
        for step in steps:
            if self.knows(step):
                groups[step.resource_key].append(step)
        found: set[Key] = set()
        turn = threading.Lock()

        def look(question: _Question) -> None:
            group, ask = question
            wanted = {step.key: step for step in group}
            kind = group[0].key.kind
            try:
                for obj in ask():
                    key = Key(kind, obj["metadata"].get("namespace") or "", obj["metadata"]["name"])
                    step = wanted.get(key)
                    if step is not None:  # the items of a list do not say what they are
                        version, name = step.resource_key
                        with turn:
                            found.add(step.key)
                            take(step, {**obj, "apiVersion": version, "kind": name})
            except SalvageError as exc:
                for step in group:
                    step.problem = step.problem or f"it can't be read: {exc}"

        asked = [question for group in groups.values() for question in self._questions(group)]
        for_each(look, [one for one in asked if len(one[0]) == 1], self._workers)
        for_each(look, [one for one in asked if len(one[0]) > 1], min(self._workers, _PAGES))
        return found

    def _questions(self, group: Sequence[Step]) -> list[_Question]:
        if len(group) <= _SINGLY:
            return [([step], partial(self._one, self.path(step))) for step in group]
        by_namespace: dict[str, list[Step]] = defaultdict(list)
        for step in group:
            by_namespace[step.key.namespace].append(step)
        if len(by_namespace) <= _LISTS:
            return [(steps, partial(self._pages, self.collection(steps[0]))) for steps in by_namespace.values()]
        return [(group, partial(self._pages, self.collection(group[0], "")))]

    def _pages(self, path: str) -> Iterator[Object]:
        return self.cluster.list(path, max_bytes=DEFAULT_MAX_BYTES)

    def _one(self, path: str) -> list[Object]:
        found = read(self.cluster, path)
        return [found] if found is not None else []

    def _all(self, path: str) -> list[Object]:
        return list(list_all(self.cluster, path)[0].values())

    def services(self) -> list[Object]:
        return self._all("/api/v1/services")

    def autoscaled(self, namespaces: Iterable[str]) -> frozenset[Target]:
        """What the autoscalers of the namespaces scale; nothing where they can't be read."""
        found: list[Object] = []
        for space in sorted(namespaces):
            with suppress(SalvageError):
                found += self._all(f"/apis/autoscaling/v2/namespaces/{quote(space, safe='')}/horizontalpodautoscalers")
        return targets_of({**one, "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"} for one in found)

    def uid_of(self, owner: Mapping[str, Any], namespace: str) -> str:
        """The UID of an owner that is in the cluster, in this namespace or in none; empty if it is not there.  Raises SalvageError."""
        resource = self._resources.get(group_kind(owner))
        if resource is None:
            return ""
        version = str(owner["apiVersion"]).rpartition("/")[2]
        path = replace(resource, version=version).path(quote(namespace, safe="") if resource.namespaced else "")
        found = read(self.cluster, f"{path}/{quote(str(owner['name']), safe=':')}")
        return str(found["metadata"]["uid"]) if found is not None else ""

    def released(self) -> dict[str, str]:
        """The volumes that hold data of a claim that is gone, and its UID."""
        found = {}
        for volume in self._all("/api/v1/persistentvolumes"):
            uid = ((volume.get("spec") or {}).get("claimRef") or {}).get("uid")
            if (volume.get("status") or {}).get("phase") == "Released" and uid:
                found[volume["metadata"]["name"]] = uid
        return found

    def waiting(self, restored: Iterable[Step], claims: Sequence[Step]) -> dict[Key, str]:
        """What each of the claims waits for in vain.  Of the cluster only that is read which answers it.  Raises SalvageError."""
        named: dict[str, set[tuple[str, str]]] = defaultdict(set)
        volumes: list[Object] = []
        for step in restored:
            named[step.key.kind].add(step.key[1:])
            if step.key.kind == "PersistentVolume" and step.action not in (UNCHANGED, KEPT):
                volumes.append(step.wanted)
        left = self._waiting(claims, volumes, named)
        for kind in (_CLASSES, _SNAPSHOTS, "PersistentVolume"):
            if not left or kind not in self._resources:
                continue
            resource = self._resources[kind]
            for space in {step.key.namespace for step in claims if step.key in left} if resource.namespaced else {""}:
                found = self._all(resource.path(quote(space, safe="")))
                named[kind].update((one["metadata"].get("namespace") or "", one["metadata"]["name"]) for one in found)
                volumes[:0] = found if kind == "PersistentVolume" else ()  # what is restored overrides what is there
            left = self._waiting(claims, volumes, named)
        return left

    def _waiting(self, claims: Sequence[Step], volumes: Sequence[Object], named: Mapping[str, set[tuple[str, str]]]) -> dict[Key, str]:
        classes, snapshots = named.get(_CLASSES, set()), named.get(_SNAPSHOTS, set())
        there = storage_of(volumes, (name for _space, name in classes), snapshots)
        return {step.key: missing for step in claims if (missing := waits_for(step.wanted, there))}

    def confined(self, namespace: str) -> bool:
        """Whether all pods of the namespace are limited in what they connect to; not if that can't be read."""
        try:
            return confined(self._all(f"/apis/networking.k8s.io/v1/namespaces/{quote(namespace, safe='')}/networkpolicies"))
        except SalvageError:
            return False

    def classes(self) -> frozenset[str | None]:
        return new_volume_classes(self._all("/apis/storage.k8s.io/v1/storageclasses"), self._all("/api/v1/persistentvolumes"))

    def occupied(self, namespace: str) -> bool:
        """Whether a namespace contains more than what the cluster creates in each."""
        root = f"namespaces/{quote(namespace, safe='')}"
        for path in (
            *(f"/api/v1/{root}/{kind}" for kind in ("pods", "services", "secrets", "configmaps", "persistentvolumeclaims")),
            *(f"/apis/apps/v1/{root}/{kind}" for kind in ("deployments", "statefulsets", "daemonsets")),
            f"/apis/batch/v1/{root}/cronjobs",
        ):
            some = items_if_served(self.cluster, path, limit=5)
            if any(item["metadata"]["name"] not in ("kube-root-ca.crt", "openshift-service-ca.crt") for item in some):
                return True
        return False

    def wait_gone(self, collection: str, name: str, deadline: float) -> bool:
        """Waits until an object that is being deleted is gone."""
        selector = "metadata.name=" + re.sub(r"([\\,=])", r"\\\1", name)
        with Watch(self.cluster, {"it": (collection, {"fieldSelector": selector})}) as watch:
            return bool(watch.wait(lambda scene: True if not scene["it"] else None, deadline))

    def wait_established(self, steps: Sequence[Step], deadline: float) -> None:
        """Waits until the API serves the kinds that were defined; a kind that it does not serve is a problem of its step."""
        defined = [step for step in steps if not step.problem]
        late = not_established(self.cluster, (step.key.name for step in defined), deadline)
        for step in defined:
            if step.key.name in late:
                step.problem = "the API server has not established it"
        specs = [step.wanted["spec"] for step in defined if not step.problem]
        if specs:
            self.wait_kinds({f"{spec['names']['kind']}.{spec['group']}" for spec in specs}, deadline)

    def wait_kinds(self, kinds: set[str], deadline: float) -> None:
        """Waits until the API server lists the kinds."""

        def found() -> bool:
            self.discover()
            return kinds <= set(self._resources)

        until_listed(found, deadline)
