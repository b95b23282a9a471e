# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas of Prometheus or Alertmanager are restarted one by one, each proven to work again before the next one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from .._cluster.session import Cluster
from .._cluster.watch import Watch
from .._core.errors import SalvageError
from .._core.progress import Tell
from .restart_plan import POD, PROMETHEUS, Replica, in_order, replica_of, restart_method, why_not_restarted

T = TypeVar("T")
_PAUSE = 1.0


class RestartProof(Protocol):
    """What shows that a replica works and has lost nothing; one class for each component."""

    def before(self, pod: str) -> Any:
        """What it has; None if it does not answer."""

    def missing(self, pod: str, before: Any) -> list[str]:
        """What it lacks; empty if nothing."""

    def quit(self, replica: Replica) -> None:
        """Ends the process in the container, and nothing else.  Raises SalvageError."""

    def notes(self, pod: str, before: Any) -> list[str]:
        """What else is worth knowing of one that works again."""


def pods_path(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"


def read_replicas(cluster: Cluster, namespace: str, selector: str, component: str) -> list[Replica]:
    """In the order of their restarts.  Raises SalvageError."""
    pods = list(cluster.list(pods_path(namespace), {"labelSelector": selector}))
    found = [replica_of(pod, component) for pod in pods if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
    if not found:
        raise SalvageError(f"no pod of {component} was found in {namespace} ({selector})", reason="not_found")
    if len({one.owner for one in found}) > 1:
        names = ", ".join(sorted({one.owner for one in found}))
        raise SalvageError(f"the pods belong to several StatefulSets ({names}); name the Service of one", reason="bad_input")
    return in_order(found)


@dataclass
class Restart:
    """``selector`` finds the pods; ``wait`` in seconds is for each replica."""

    cluster: Cluster
    namespace: str
    selector: str
    component: str
    method: str
    wait: float
    proof: RestartProof
    tell: Tell
    notes: list[str] = field(default_factory=list)

    @property
    def _pods(self) -> str:
        return pods_path(self.namespace)

    def plan(self, replicas: Sequence[Replica]) -> list[dict[str, Any]]:
        return [{"pod": one.name, "method": restart_method(self.method, one), "ready": one.ready} for one in replicas]

    def perform(self, replicas: Sequence[Replica]) -> list[dict[str, Any]]:
        """Raises SalvageError after the first replica that does not come back; the others are left as they are."""
        wanted = self._wanted(replicas[0].owner)
        done: list[dict[str, Any]] = []
        with Watch(self.cluster, {"pods": (self._pods, {"labelSelector": self.selector})}) as watch:
            if any(one.ready for one in replicas):
                self._come_back(watch, wanted)
            for name in [one.name for one in in_order(self._seen(watch))]:
                one = next(now for now in self._seen(watch) if now.name == name)
                others = [other for other in self._seen(watch) if other.name != name]
                problem = why_not_restarted(others, wanted - 1)
                if problem and one.ready:
                    raise SalvageError(f"{_after(done)}{one.name} was left as it is, because {problem}", reason="conflict")
                done.append(self._one(watch, one, alone=wanted == 1))
        return done

    def _wanted(self, owner: str) -> int:
        path = f"/apis/apps/v1/namespaces/{quote(self.namespace, safe='')}/statefulsets/{quote(owner, safe='')}"
        found = self.cluster.get_json(path)["spec"].get("replicas", 1)
        return int(found)

    def _seen(self, watch: Watch) -> list[Replica]:
        return [replica_of(pod, self.component) for pod in watch.scene["pods"].values()]

    def _come_back(self, watch: Watch, wanted: int) -> None:
        """A run that was killed may have left one that is about to be ready; what never gets ready is restarted first."""
        watch.wait(lambda _scene: why_not_restarted(self._seen(watch), wanted) == "" or None, time.monotonic() + min(self.wait, 60.0))

    def _one(self, watch: Watch, one: Replica, *, alone: bool) -> dict[str, Any]:
        method, began = restart_method(self.method, one), time.monotonic()
        before = self.proof.before(one.name) if one.ready else None
        if method == POD and one.keeps_nothing:
            self.notes.append(f"{one.name} stored its data in the pod, so that is gone")
        self.tell({"says": f"restarting {one.name} ({method})"})
        if method == POD:
            self._evict(one)
        else:
            self.proof.quit(one)
        deadline = began + self.wait

        def back(scene: Mapping[str, Mapping[str, Any]]) -> bool | None:
            pods = [replica_of(pod, self.component) for pod in scene["pods"].values() if pod["metadata"]["name"] == one.name]
            return any(now.ready and now.started != one.started for now in pods) or None

        if not watch.wait(back, deadline):
            sentence = f"{one.name} was restarted and is not ready after {self.wait:g} s"
            raise SalvageError(f"{sentence}; the other replicas were left as they are", reason="timeout")
        self._prove(watch, one, before, deadline)
        self.notes += self.proof.notes(one.name, before)
        seconds = round(time.monotonic() - began, 1)
        if alone:
            what = "there may be no samples" if self.component == PROMETHEUS else "no alert was sent"
            self.notes.append(f"{one.name} is the only replica, so {what} of up to {seconds:g} s")
        return {"pod": one.name, "method": method, "seconds": seconds}

    def _prove(self, watch: Watch, one: Replica, before: Any, deadline: float) -> None:
        while True:
            missing = self.proof.missing(one.name, before)
            if not missing:
                return
            if time.monotonic() > deadline:
                raise SalvageError(
                    f"{one.name} was restarted and is ready, but {'; '.join(missing[:3])}; the other replicas were left as they are",
                    reason="timeout",
                )
            self.tell({"says": f"{one.name}: {missing[0]}"})
            watch.wait(lambda _scene: None, min(time.monotonic() + _PAUSE, deadline))

    def _evict(self, one: Replica) -> None:
        """As a drain does it, so that a PodDisruptionBudget has its say."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": one.name, "namespace": self.namespace},
            "deleteOptions": {"preconditions": {"uid": one.uid}},
        }
        try:
            self.cluster.call("POST", f"{self._pods}/{quote(one.name, safe='')}/eviction", body=body)
        except SalvageError as exc:
            raise SalvageError(f"{one.name} can't be restarted: {exc}", reason=exc.reason) from None


def _after(done: Sequence[Mapping[str, Any]]) -> str:
    return f"{', '.join(one['pod'] for one in done)} was restarted; " if done else ""


def keep_trying(ask: Callable[[], T]) -> T | None:
    """The answer, or None if there is none."""
    try:
        return ask()
    except SalvageError:
        return None
