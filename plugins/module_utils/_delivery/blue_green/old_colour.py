# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The old colour: kept whole while it is the way back, and let go at the end; whichever way the traffic moves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ..._cluster.http import ServesProxy
from ..._cluster.objects import delete, update
from ..._cluster.watch import list_all
from ..._core.errors import SalvageError
from ..._core.progress import Tell, silent
from ..._workloads.pod_http import drained
from ..._workloads.workload import Object, manager_of, path_of

HELD = "meta-salvage.euystacio/min-replicas-before"
HPA = "HorizontalPodAutoscaler"
Result = dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """How the old colour is retired: ``remove`` deletes its Deployment, else it is scaled to nothing."""

    drain_timeout: float = 300.0
    drain_interval: float = 15.0
    exclude: tuple[str, ...] = ()
    remove: bool = False
    tell: Tell = silent


def _autoscalers(cluster: ServesProxy, namespace: str, names: Collection[str]) -> list[Object]:
    """Those of the Deployments of these names."""
    found = list_all(cluster, path_of(HPA, namespace))[0].values()
    targets = [(hpa, hpa["spec"]["scaleTargetRef"]) for hpa in found]
    return [hpa for hpa, target in targets if target.get("kind", "Deployment") == "Deployment" and target.get("name") in names]


def _path(hpa: Object) -> str:
    return path_of(HPA, hpa["metadata"]["namespace"], hpa["metadata"]["name"])


def names_of(deployments: Iterable[Object]) -> set[str]:
    return {deployment["metadata"]["name"] for deployment in deployments}


def hold(cluster: ServesProxy, deployment: Object) -> None:
    """While there must be a way back, the Deployment's autoscaler must not take its pods: its minimum is raised to what there is.

    An operator such as KEDA would set it back, and the autoscaler that it manages is left alone.
    """
    metadata, size = deployment["metadata"], deployment["spec"].get("replicas", 1)
    for hpa in _autoscalers(cluster, metadata["namespace"], {metadata["name"]}):
        before = hpa["spec"].get("minReplicas", 1)
        if HELD in (hpa["metadata"].get("annotations") or {}) or before >= size or manager_of(hpa):
            continue
        patch = {"metadata": {"annotations": {HELD: str(before)}}, "spec": {"minReplicas": min(size, hpa["spec"]["maxReplicas"])}}
        update(cluster, _path(hpa), _unless_held(patch))


def release(cluster: ServesProxy, namespace: str, names: Collection[str], *, dry_run: bool) -> bool:
    """Give the held autoscalers of these Deployments their minimum back."""
    changed = False
    for hpa in _autoscalers(cluster, namespace, names):
        if HELD in (hpa["metadata"].get("annotations") or {}):
            changed = update(cluster, _path(hpa), _given_back, dry_run=dry_run).changed or changed
    return changed


def retire(
    cluster: ServesProxy,
    old: Object,
    new: Object,
    pods: Callable[[], list[Object]],
    port: str,
    ending: Ending,
    *,
    still: Callable[[], bool],
    dry_run: bool,
) -> Result:
    """Let the old pods' requests run out, move their autoscaler over, and scale them to nothing (or delete their Deployment).

    ``still`` is asked once they have run out: whether the traffic is on the new colour.  Raises SalvageError.
    """
    namespace, name = old["metadata"]["namespace"], old["metadata"]["name"]
    result: Result = {"changed": False}
    if not old["spec"].get("replicas", 1) and not ending.remove:
        return result
    if not dry_run:
        result["drain"] = drained(
            cluster,
            pods,
            port,
            timeout=ending.drain_timeout,
            interval=ending.drain_interval,
            exclude=ending.exclude,
            tell=ending.tell,
        )
        if not still():
            raise SalvageError(
                f"the traffic was moved away from {new['metadata']['name']} meanwhile; nothing is retired", reason="conflict"
            )
    moved, managed = _move_over(cluster, namespace, name, new["metadata"]["name"], dry_run=dry_run)
    path = path_of("Deployment", namespace, name)
    if ending.remove:
        delete(cluster, path, uid=old["metadata"]["uid"], dry_run=dry_run)
    else:
        update(cluster, path, lambda obj: {"spec": {"replicas": 0}} if obj["spec"].get("replicas", 1) else None, dry_run=dry_run)
    if managed:
        result["warnings"] = [f"{new['metadata']['name']} has no autoscaler: {', '.join(managed)}; point it at the new Deployment there"]
    return {**result, "changed": True, "hpa_moved": moved, "hpa_left": managed}


def _move_over(cluster: ServesProxy, namespace: str, old: str, new: str, *, dry_run: bool) -> tuple[list[str], list[str]]:
    """The autoscalers that were moved; and those that an operator manages, who must do it."""
    if _autoscalers(cluster, namespace, {new}):
        return [], []
    found = _autoscalers(cluster, namespace, {old})
    moved = [hpa for hpa in found if not manager_of(hpa)]
    for hpa in moved:
        update(cluster, _path(hpa), lambda there: {"spec": {"scaleTargetRef": {"name": new}}}, dry_run=dry_run)
    return sorted(names_of(moved)), [f"{hpa['metadata']['name']}: managed by {manager_of(hpa)}" for hpa in found if manager_of(hpa)]


def _unless_held(patch: Object) -> Callable[[Object], Object | None]:
    return lambda hpa: None if HELD in (hpa["metadata"].get("annotations") or {}) else patch


def _given_back(hpa: Object) -> Object | None:
    text = (hpa["metadata"].get("annotations") or {}).get(HELD)
    if text is None:
        return None
    spec = {"minReplicas": int(text)} if text.isdigit() else {}
    return {"metadata": {"annotations": {HELD: None}}, "spec": spec}
