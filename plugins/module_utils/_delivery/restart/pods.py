# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods restarted one at a time: each is evicted within its budget and its successor proven ready before the next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..._cluster.watch import Scene, Watch
from ..._core.errors import SalvageError
from ..._workloads.progress import COMPLETE, FAILED, pods_ready
from ..._workloads.readiness import replicas_of
from ..._workloads.workload import Object, finished, path_of
from ..rollout.rollback import Workload

Result = dict[str, Any]


@dataclass(frozen=True)
class PodChoice:
    """A pod, and the uid that it must still have: a StatefulSet gives its successor the same name."""

    name: str
    uid: str = ""


def restart_pods(workload: Workload, chosen: Sequence[PodChoice], timeout: float, *, dry_run: bool) -> Result:
    """Raises SalvageError where nothing was done."""
    replicas = replicas_of(workload.kind, workload.read())
    if replicas.desired < 2:
        raise SalvageError(
            f"{workload.title} has {replicas.desired} pods; restarting one would make the service unavailable", reason="bad_input"
        )
    result: Result = {"changed": False, "restarted": [], "gone": []}
    with Watch(workload.cluster, workload.lists(workload.read())) as watch:
        for number, pod in enumerate(chosen, 1):
            there = _there(workload, watch.scene, pod)
            if there is None:
                result["gone"].append(pod.name)
                continue
            failure = _may_go(workload, watch.scene, there) or _evicted(workload, there, dry_run=dry_run)
            if failure:
                return {**result, "failed": bool(failure), "msg": f"{workload.title}: {failure}"}
            result["changed"] = True
            result["restarted"].append(pod.name)
            workload.tell({"pod": pod.name, "says": f"{pod.name} was evicted ({number} of {len(chosen)})"})
            failure = "" if dry_run else _wait(workload, watch, there, timeout)
            if failure:
                return {**result, "failed": True, "msg": f"{workload.title}: after the restart of {pod.name}: {failure}; the others stay"}
        result["ready"] = len(pods_ready(workload.pods_in(watch.scene)))
    return result


def _there(workload: Workload, scene: Scene, chosen: PodChoice) -> Object | None:
    """The pod, if it is still that one."""
    for pod in workload.pods_in(scene):
        metadata = pod["metadata"]
        if metadata["name"] == chosen.name and chosen.uid in {"", metadata["uid"]} and not metadata.get("deletionTimestamp"):
            return pod
    return None


def _may_go(workload: Workload, scene: Scene, pod: Object) -> str:
    """Why it may not: all others have to be ready."""
    progress = workload.progress_in(scene)
    others = pods_ready(one for one in workload.pods_in(scene) if one["metadata"]["uid"] != pod["metadata"]["uid"])
    if len(others) < max(1, progress.desired - 1):
        return f"{len(others)} other pods are ready and {progress.desired} are wanted, so {pod['metadata']['name']} stays"
    return ""


def _evicted(workload: Workload, pod: Object, *, dry_run: bool) -> str:
    """Why it is not.  Raises SalvageError."""
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    options: dict[str, Any] = {"preconditions": {"uid": uid}, **({"dryRun": ["All"]} if dry_run else {})}
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": workload.namespace},
        "deleteOptions": options,
    }
    path = path_of("Pod", quote(workload.namespace, safe=""), quote(name, safe="")) + "/eviction"
    # 429: a PodDisruptionBudget does not allow it; 500: several budgets are about it.
    answer = workload.cluster.call(
        "POST", path, body=body, query={"dryRun": "All"} if dry_run else None, accept=frozenset({429}), final=lambda one: one.status == 500
    )
    if answer.status in {200, 201}:
        return ""
    said = answer.json()
    return f"{name} was not evicted: {said.get('message') if isinstance(said, dict) else answer.status}"


def _wait(workload: Workload, watch: Watch, gone: Object, timeout: float) -> str:
    """Why its successor is not ready, or nothing."""
    uid = gone["metadata"]["uid"]
    said = [""]

    def settled(scene: Scene) -> str | None:
        pods = [one for one in workload.pods_in(scene) if not finished(one)]
        progress = workload.progress_in(scene)
        if progress.status == FAILED and not progress.held:
            return progress.reason
        if any(one["metadata"]["uid"] == uid for one in pods):
            return None
        if progress.reason != said[0]:
            said[0] = progress.reason
            workload.tell({"says": progress.reason})
        whole = progress.status == COMPLETE or progress.held
        return "" if whole and len(pods_ready(pods)) >= progress.desired else None

    found = watch.wait(settled, time.monotonic() + timeout)
    return f"not ready after {timeout:g} s: {workload.progress_in(watch.scene).reason}" if found is None else found
