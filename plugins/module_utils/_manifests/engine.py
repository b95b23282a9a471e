# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of manifests is planned by a dry run on the API server, applied in order, and read again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.gather import for_each
from .._core.progress import Tell, silent
from .apply_one import ApplyOne
from .definitions import not_established, until_listed
from .model import CHANGED, CREATED, UNCHANGED, ApplySettings, Item, Manifest
from .order import FIRST_PLANNED, NAMESPACE
from .scaled import can_scale, sets_size, targets_of
from .server import Server, version_of
from .whole_set import is_definition, items_of, kind_defined, namespaces_needed

_PAUSE = 0.1
_SETTLES = 5.0  # seconds
_LISTED = 4  # objects of one collection, from which on a list costs less than to read each


class ManifestSet:
    """``plan`` writes nothing; ``apply`` plans first, and writes nothing if the plan has a problem."""

    def __init__(
        self, cluster: Cluster, manifests: Sequence[Manifest], settings: ApplySettings, namespace: str = "", tell: Tell = silent
    ) -> None:
        self._cluster, self._settings, self._tell = cluster, settings, tell
        self.server = Server(cluster, settings.manager, settings.workers)
        self._one = ApplyOne(self.server, settings)
        kinds = self.server.kinds(str(manifest.obj["apiVersion"]) for manifest in manifests)
        self.items: list[Item] = items_of(manifests, kinds, namespace)

    def plan(self) -> list[Item]:
        """What the API server would do with each object."""
        self._tell({"step": "plan", "says": f"planning {len(self.items)} objects"})
        self._mark_scaled()
        first = [item for item in self.items if item.rank < FIRST_PLANNED]
        self._each(self._one.plan, first)  # what they bring decides which of the others can be planned
        self._defer()
        rest = [item for item in self.items if item.rank >= FIRST_PLANNED and not item.deferred and not item.problem]
        self._each(self._one.plan, rest)
        self._defer_dependents(rest)
        return self.items

    def apply(self, before: Callable[[], None] = lambda: None) -> list[Item]:
        """``before`` is called when the plan is without a problem, before the first write."""
        self.plan()
        if any(item.problem for item in self.items):
            return self.items
        before()
        for _rank, group in groupby(self.items, lambda item: item.rank):
            self._write(list(group))
            if any(item.problem for item in self.items):
                return self.items
        self._prove()
        return self.items

    # --- planning ---

    def _mark_scaled(self) -> None:
        sized = [item for item in self.items if can_scale(item.document)]
        spaces = sorted({item.id.namespace for item in sized})
        live = [one for space in for_each(self._autoscalers, spaces, self._settings.workers) for one in space]
        targets = targets_of([*live, *(item.document for item in self.items)])
        for item in sized:
            kind = f"{item.id.kind}.{item.id.group}" if item.id.group else item.id.kind
            item.scaled = (item.id.namespace, kind, item.id.name) in targets or not sets_size(item.document)

    def _autoscalers(self, namespace: str) -> Sequence[Mapping[str, Any]]:
        try:
            return self.server.autoscalers(namespace)
        except SalvageError as exc:
            if exc.reason != "forbidden":  # without the right to see them, their ownership of the field still protects it
                raise
            return ()

    def _defer(self) -> None:
        """What needs a namespace or a kind of the set cannot be planned yet; what needs a namespace that is missing is a problem."""
        coming = {item.id.name for item in self.items if item.id.kind == NAMESPACE and item.action == CREATED}
        for item in self.items:
            if item.id.namespace in coming:
                item.action, item.deferred = CREATED, f"its namespace {item.id.namespace} comes with this set"
            elif item.resource is None:
                item.action, item.deferred = CREATED, "its definition comes with this set"
        missing = namespaces_needed(self.items) - coming
        for space in sorted(missing):
            self._check_namespace(space)

    def _defer_dependents(self, items: Iterable[Item]) -> None:
        """What is refused because of what the set brings or changes: the role of a binding, the account of a pod, a new custom field."""
        changed = {kind_defined(one.document): one for one in self.items if is_definition(one) and one.action == CHANGED}
        for item in items:
            needed = changed.get((item.id.group, item.id.kind)) if item.reason == "invalid" else None
            if item.reason in ("forbidden", "not_found"):
                new = [one for one in self.items if one.action == CREATED and one.rank < item.rank and not one.problem]
                needed = next((one for one in new if f'"{one.id.name}"' in item.problem or f"/{one.id.name}:" in item.problem), None)
            if needed is not None:
                item.problem = item.reason = ""
                item.action = CHANGED if item.live else CREATED
                item.deferred = f"it needs {needed.id}, which comes with this set"

    def _check_namespace(self, space: str) -> None:
        from_set = next((item for item in self.items if item.id.kind == NAMESPACE and item.id.name == space), None)
        try:
            live = from_set.live if from_set is not None else self._one.namespace(space)
        except SalvageError as exc:
            if exc.reason != "forbidden":
                raise
            return  # the dry run finds out
        if live is None or "deletionTimestamp" in live["metadata"]:
            says = (
                f"namespace {space} is being deleted; wait until it is gone"
                if live
                else (f"namespace {space} does not exist; create it first, or add it to the manifests")
            )
            for item in self.items:
                if item.id.namespace == space and not item.deferred:
                    item.fail(says, "conflict" if live else "not_found")

    # --- writing ---

    def _write(self, group: Sequence[Item]) -> None:
        late = [item for item in group if item.deferred]
        if late:
            self._plan_late(late)
            if any(item.problem for item in late):
                return
        todo = [item for item in group if item.action != UNCHANGED or item.adopted]
        self._each(self._one.apply, todo, stop=True)
        done = sum(item.written for item in todo)
        if todo:
            self._tell({"step": "apply", "done": done, "says": f"{group[0].id.kind}: {done} of {len(todo)} written"})
        if todo and is_definition(group[0]) and not any(item.problem for item in todo):
            self._wait_established(todo)

    def _plan_late(self, late: Sequence[Item]) -> None:
        unknown = [item for item in late if item.resource is None]
        started = time.monotonic()
        deadline = started + self._settings.wait_timeout
        if unknown and not until_listed(lambda: self._all_known(unknown), deadline):
            first = next(item for item in unknown if item.resource is None)
            first.fail(f"the API server does not serve the kind {first.id.kind}; check its definition", "timeout")
            return
        while True:
            self._each(self._one.plan, late)
            late = [item for item in late if item.problem and item.reason == "invalid"]
            if not late or time.monotonic() > min(deadline, started + _SETTLES):
                return
            for item in late:  # a changed definition is in force a moment after it is written
                item.problem = item.reason = ""
            time.sleep(_PAUSE)

    def _all_known(self, items: Sequence[Item]) -> bool:
        """Looks up the kinds of the items that have none yet."""
        unknown = [item for item in items if item.resource is None]
        kinds = self.server.kinds(str(item.document["apiVersion"]) for item in unknown)
        for item in unknown:
            item.resource = kinds.get((str(item.document["apiVersion"]), item.id.kind))
        return all(item.resource is not None for item in unknown)

    def _wait_established(self, definitions: Sequence[Item]) -> None:
        late = not_established(self._cluster, (item.id.name for item in definitions), time.monotonic() + self._settings.wait_timeout)
        for item in definitions:
            if item.id.name in late:
                item.fail(f"the API server has not established it after {self._settings.wait_timeout:g} s; see its conditions", "timeout")

    def _prove(self) -> None:
        self._tell({"step": "prove", "says": f"reading {len(self.items)} objects again"})
        together: dict[str, list[Item]] = {}
        for item in self.items:
            together.setdefault(self.server.collection(item), []).append(item)
        # Of many objects in one collection, one list shows which of them nobody has changed since the API server answered.
        lists = [collection for collection, items in together.items() if len(items) >= _LISTED]
        versions = dict(zip(lists, for_each(self.server.versions, lists, self._settings.workers), strict=True))
        for collection, items in together.items():
            together[collection] = [item for item in items if not _as_answered(item, versions.get(collection, {}))]
        self._each(self._one.prove, [item for items in together.values() for item in items])

    def _each(self, work: Callable[[Item], None], items: Iterable[Item], *, stop: bool = False) -> None:
        """``work`` of each item; what it raises is the problem of the item.  With ``stop`` nothing begins after a problem."""

        todo = list(items)

        def guarded(item: Item) -> None:
            if stop and any(one.problem for one in todo):
                return
            try:
                work(item)
            except SalvageError as exc:
                item.fail_by(exc)

        for_each(guarded, todo, self._settings.workers)


def _as_answered(item: Item, versions: Mapping[str, tuple[str, str]]) -> bool:
    """Whether it is there as the API server answered the write, or what came before it if there was nothing to write."""
    answered = item.after if item.written else item.live
    return answered is not None and all(version_of(answered)) and versions.get(item.id.name) == version_of(answered)
