# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishes a policy, verifies it with every OPA pod, and restores the previous one on failure.

What is in force is a ConfigMap.  Its annotations are the journal: ``pending`` names a revision that was written and not yet proven,
``previous`` the one to go back to, ``confirmed`` the last that every pod answered with.  A killed run leaves them for the next.
Each revision that was in force is kept in an immutable ConfigMap beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..._cluster import objects
from ..._cluster.defaults import NAMESPACE
from ..._cluster.http import Endpoint, ServesProxy
from ..._core.errors import SalvageError
from ..._core.gather import for_each
from ..._core.options import option
from ..._core.progress import Tell, silent
from ..._opa.client import Opa
from ..._opa.decide import one_line
from ..._opa.policy_files import REVISION_FILE, REVISION_PATH, Files, published, revision
from .fixtures import Fixture
from .load_logs import LoadLogs
from .restrict import must_deny

PREFIX = "meta-salvage.euystacio/"
PENDING, PREVIOUS, CONFIRMED = PREFIX + "pending-revision", PREFIX + "previous-revision", PREFIX + "confirmed-revision"
REVERTED = PREFIX + "reverted-from"
HISTORY = PREFIX + "history-of"
NUDGE = PREFIX + "policy-nudge"
_PAUSE = 0.5
_NUDGE_EVERY = 5.0
_SETTLE = 5.0  # the kubelet adds new files after it has changed those that exist, and OPA loads what is there


@dataclass(frozen=True)
class Target:
    """Where the policies live, and which pods must answer with them."""

    namespace: str = option(NAMESPACE)
    config_map: str = option("peace-bonds-policies")
    label_selector: str = option("app=opa-peace-bonds")
    deployment: str = option("opa-peace-bonds")
    container: str = option("opa")
    port: int = option(8181)
    scheme: str = option("http", choices=["http", "https"])
    package: str = option("euystacio/peace_bonds")
    reload: str = option("watch", choices=["watch", "restart"])
    wait_timeout: float = option(120.0)
    timeout: float = option(5.0)
    history_limit: int = option(10)


@dataclass(frozen=True)
class PodView:
    """What one pod answered; ``problem`` is empty where it serves what it should."""

    pod: str
    revision: str | None
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {"pod": self.pod, "revision": self.revision, "problem": self.problem}


@dataclass(frozen=True)
class State:
    """The ConfigMap as it is."""

    object: dict[str, Any]
    files: dict[str, str]
    revision: str
    pending: str | None
    previous: str | None
    confirmed: str | None
    reverted_from: str | None = None


class RefusedError(SalvageError):
    """Pods did not come to serve the policy; ``views`` say which and why."""

    def __init__(self, sentence: str, views: Sequence[PodView]) -> None:
        super().__init__(sentence, reason="invalid")
        self.views = list(views)


def _has_notes(obj: Mapping[str, Any], notes: Mapping[str, str | None]) -> bool:
    there = obj["metadata"].get("annotations") or {}
    return all(there.get(name) == value for name, value in notes.items())


class Publisher:
    """All the writes of a policy change.  Raises SalvageError throughout."""

    def __init__(self, cluster: ServesProxy, target: Target, fixtures: Sequence[Fixture] = (), tell: Tell = silent) -> None:
        self.cluster = cluster
        self.tell = tell
        self.target = target
        self.fixtures = list(fixtures)
        self.bases: Sequence[Mapping[str, Any]] = [fixture.input for fixture in fixtures if fixture.allow]  # allowed but for restrictions
        self._loads = LoadLogs(self._log, target.timeout)
        self._same_mark = False  # whether what was there before the last write bore the mark of what was written
        self._maps = f"/api/v1/namespaces/{quote(target.namespace, safe='')}/configmaps"
        self._pods = f"/api/v1/namespaces/{quote(target.namespace, safe='')}/pods"
        self._path = f"{self._maps}/{quote(target.config_map, safe='')}"

    def state(self) -> State:
        found = objects.read(self.cluster, self._path)
        if found is None:
            raise SalvageError(
                f"there is no ConfigMap {self.target.config_map} in namespace {self.target.namespace}; check config_map and namespace",
                reason="not_found",
            )
        notes = (found["metadata"].get("annotations") or {}).get
        files = dict(found.get("data") or {})
        return State(found, files, revision(files), notes(PENDING), notes(PREVIOUS), notes(CONFIRMED), notes(REVERTED))

    def history(self) -> list[dict[str, Any]]:
        """The revisions that are kept, newest first."""
        items = self._items(self._maps, f"{HISTORY}={self.target.config_map}")
        return sorted(items, key=lambda item: item["metadata"].get("creationTimestamp") or "", reverse=True)

    def _items(self, path: str, selector: str) -> list[dict[str, Any]]:
        return list(objects.items_if_served(self.cluster, path, {"labelSelector": selector}))

    def kept(self, name: str) -> dict[str, str]:
        """The files of a kept revision."""
        found = objects.read(self.cluster, f"{self._maps}/{quote(self._history_name(name), safe='')}")
        if found is None:
            known = ", ".join(revision(item.get("data") or {}) for item in self.history()) or "none"
            raise SalvageError(f"revision {name} of {self.target.config_map} is not kept; there is: {known}", reason="not_found")
        files = dict(found.get("data") or {})
        if revision(files) != name:
            raise SalvageError(
                f"the kept revision {name} holds other content, of revision {revision(files)}; it is not used", reason="invalid"
            )
        return files

    def _history_name(self, name: str) -> str:
        return f"{self.target.config_map}-{name}"

    def _keep(self, files: Mapping[str, str]) -> None:
        name = revision(files)
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self._history_name(name), "labels": {HISTORY: self.target.config_map}},
            "immutable": True,
            "data": published(files),
        }
        objects.create(self.cluster, self._maps, body)  # the same name has the same content

    def _prune(self, needed: set[str | None]) -> None:
        for item in self.history()[self.target.history_limit :]:
            if revision(item.get("data") or {}) not in needed:
                name = quote(item["metadata"]["name"], safe="")
                objects.delete(self.cluster, f"{self._maps}/{name}", uid=item["metadata"]["uid"])

    def _write(self, state: State, files: Mapping[str, str], notes: Mapping[str, str | None], *, dry_run: bool = False) -> State:
        marks = {**(state.object["metadata"].get("annotations") or {}), **notes}
        patch = [
            {"op": "add", "path": "/data", "value": published(files)},
            {"op": "add", "path": "/metadata/annotations", "value": {key: value for key, value in marks.items() if value is not None}},
        ]
        version = state.object["metadata"]["resourceVersion"]
        if not dry_run:
            self._same_mark = (state.object.get("data") or {}).get(REVISION_FILE) == published(files)[REVISION_FILE]
            self._loads.written(item["metadata"]["name"] for item in self.pods())
        written = objects.write(
            self.cluster,
            self._path,
            patch,
            version,
            dry_run=dry_run,
            done=lambda live: live.get("data") == published(files) and _has_notes(live, notes),
        )
        return State(written, dict(written["data"]), revision(files), notes.get(PENDING), notes.get(PREVIOUS), state.confirmed)

    def try_out(self, state: State, files: Mapping[str, str]) -> None:
        """The write as a dry run: permission, precondition and size, and nothing changes."""
        self._write(state, files, {PENDING: revision(files)}, dry_run=True)

    def publish(self, state: State, files: Mapping[str, str], *, reverting: bool = False) -> list[PodView]:
        """Put ``files`` in force.  Raises RefusedError after having gone back to what was proven before."""
        new = revision(files)
        fallback = state.files
        if state.pending and state.previous:  # what is in force was never proven
            fallback = dict(files) if state.previous == new else self.kept(state.previous)
        if new != state.revision or not state.pending:
            self._everyone_answers()
            self._keep(fallback)
            state = self._write(state, files, {PENDING: new, PREVIOUS: revision(fallback), REVERTED: state.revision if reverting else None})
        try:
            views = self.wait(files)
        except SalvageError as exc:
            views = exc.views if isinstance(exc, RefusedError) else []
            raise RefusedError(f"{exc}; {self._go_back(new, fallback)}", views) from None
        self._keep(files)
        self._confirm(new)
        self._prune({new, revision(fallback)})
        return views

    def _confirm(self, name: str) -> None:
        """The journal's last entry; only if what was proven is still what is there."""
        state = self.state()
        if state.revision != name:
            raise SalvageError(f"another client changed {self.target.config_map} while revision {name} was being proven", reason="conflict")
        notes: dict[str, str | None] = {PENDING: None, CONFIRMED: name}
        if state.pending is None and state.confirmed == name:
            return
        patch, version = {"metadata": {"annotations": notes}}, state.object["metadata"]["resourceVersion"]
        objects.write(self.cluster, self._path, patch, version, done=lambda live: _has_notes(live, notes))

    def _go_back(self, new: str, files: Mapping[str, str]) -> str:
        """What was done about a revision that was refused, in words."""
        old = revision(files)
        if old == new:
            return "there is no earlier revision to go back to"
        try:
            state = self.state()
            if state.revision != new:
                return f"{self.target.config_map} was changed by another client and is left unchanged"
            self._write(state, files, {PENDING: old, PREVIOUS: old, REVERTED: None})
            self.wait(files)
            self._confirm(old)
        except SalvageError as exc:
            return f"going back to revision {old} is not proven either: {exc}"
        return f"revision {old} is in force again, every pod answers with it"

    def prove(self, files: Files) -> list[PodView]:
        """That every pod serves these files, which are in force already.  Raises RefusedError."""
        views = self.wait(files)
        self._confirm(revision(files))
        return views

    def pods(self) -> list[dict[str, Any]]:
        """The pods that answer for OPA, or will."""
        items = self._items(self._pods, self.target.label_selector)
        return [
            item
            for item in items
            if not item["metadata"].get("deletionTimestamp") and (item.get("status") or {}).get("phase") not in {"Failed", "Succeeded"}
        ]

    def _opa(self, pod: str) -> Opa:
        scheme = "https:" if self.target.scheme == "https" else ""
        base = f"{self.cluster.server.rstrip('/')}{self._pods}/{scheme}{quote(pod, safe='')}:{self.target.port}/proxy"
        return Opa(Endpoint(address=f"pod {pod}", base=base, http=self.cluster.http))

    def _everyone_answers(self) -> None:
        """A change that can't be proven is not begun."""
        pods = [item["metadata"]["name"] for item in self.pods()]
        if not pods:
            raise SalvageError(
                f"no pod in namespace {self.target.namespace} has the labels {self.target.label_selector}", reason="not_found"
            )
        silent = [f"{pod}: {health.reason}" for pod in pods if not (health := self._opa(pod).health(timeout=self.target.timeout)).healthy]
        if silent:
            raise SalvageError(
                f"nothing was changed, because OPA is not healthy in {len(silent)} of {len(pods)} pods: {'; '.join(silent[:3])}",
                reason="unreachable",
            )

    def wait(self, files: Files) -> list[PodView]:
        """Until every pod serves these files, decides the fixtures as it should, and denies who is restricted.  Raises RefusedError."""
        name = revision(files)
        started = time.monotonic()
        next_nudge = 0.0
        nudges = 0
        served = -1
        rejected: dict[str, int] = {}
        wrong: dict[str, float] = {}
        if self.target.reload == "restart":
            self._restart(name)
        while True:
            views = self.look(files)
            behind = [view for view in views if view.problem]
            if views and not behind:
                return views
            elapsed = time.monotonic() - started
            for view in views:
                # It serves the revision and decides otherwise: waiting won't help, unless the pod may still hold edited files of that name.
                if not view.problem or view.revision != name or self._same_mark:
                    wrong.pop(view.pod, None)
                elif elapsed - wrong.setdefault(view.pod, elapsed) >= _SETTLE:
                    raise RefusedError(f"pod {view.pod} serves revision {name}, but {view.problem}", views)
            if len(views) - len(behind) != served:
                served = len(views) - len(behind)
                says = f"{elapsed:.0f}/{self.target.wait_timeout:g} s, {served} of {len(views)} pods serve revision {name}"
                self.tell({"revision": name, "pods": len(views), "served": served, "says": says})
            for view in behind if elapsed >= 2 else ():
                complaint = self._loads.complaint(view.pod)
                rejected[view.pod] = rejected.get(view.pod, 0) + 1 if complaint else 0
                if rejected[view.pod] > 1:  # seen twice: not the moment between two files
                    raise RefusedError(f"pod {view.pod} rejects revision {name}: {complaint}", views)
            if elapsed > self.target.wait_timeout:
                which = "; ".join(f"{view.pod}: {view.problem}" for view in behind[:3]) or "there is no pod"
                raise RefusedError(f"revision {name} was not served by every pod within {self.target.wait_timeout:g} s: {which}", views)
            if self.target.reload == "watch" and elapsed >= next_nudge:
                next_nudge, nudges = elapsed + _NUDGE_EVERY, nudges + 1
                for view in behind:
                    self._nudge(view.pod, f"{name}.{nudges}")
            time.sleep(_PAUSE)

    def _nudge(self, pod: str, mark: str) -> None:
        """The kubelet looks at a pod's mounts at each change of the pod, else only every minute or so."""
        try:
            self._mark(f"{self._pods}/{quote(pod, safe='')}", {"metadata": {"annotations": {NUDGE: mark}}})
        except SalvageError as exc:
            if exc.reason not in {"forbidden", "not_found"}:  # not allowed to, or the pod is gone: it only takes longer
                raise

    def _restart(self, name: str) -> None:
        path = f"/apis/apps/v1/namespaces/{quote(self.target.namespace, safe='')}/deployments/{quote(self.target.deployment, safe='')}"
        self._mark(path, {"spec": {"template": {"metadata": {"annotations": {NUDGE: name}}}}})

    def _mark(self, path: str, patch: Mapping[str, Any]) -> None:
        self.cluster.call("PATCH", path, body=patch, content_type=objects.MERGE_PATCH)

    def _log(self, pod: str, seconds: int) -> Iterator[bytes]:
        path = f"{self.cluster.server.rstrip('/')}{self._pods}/{quote(pod, safe='')}/log"
        return self.cluster.http.stream("GET", path, query={"container": self.target.container, "sinceSeconds": seconds})

    def look(self, files: Files) -> list[PodView]:
        pods = [item["metadata"]["name"] for item in self.pods()]
        name = revision(files)
        fixtures = [*self.fixtures, *must_deny(files, self.bases[:1], time.time(), alone=True)]
        return for_each(lambda pod: self._view(pod, name, fixtures), pods)

    def _view(self, pod: str, name: str, fixtures: Sequence[Fixture]) -> PodView:
        opa = self._opa(pod)
        try:
            served = opa.value(REVISION_PATH, timeout=self.target.timeout)
        except SalvageError as exc:
            return PodView(pod, None, str(exc))
        if served != name:
            return PodView(pod, served if isinstance(served, str) else None, f"it answers with revision {one_line(served or 'none', 40)}")
        for fixture in fixtures:
            problem = fixture.problem(opa.query(self.target.package, fixture.input, timeout=self.target.timeout), "is {} there")
            if problem:
                return PodView(pod, name, problem)
        return PodView(pod, name)
