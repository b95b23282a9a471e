# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scaling, done: the autoscaler or the replicas are set, the state before is kept on the workload, the endpoints are waited for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..._cluster.http import Query
from ..._cluster.objects import update
from ..._cluster.watch import Scene, Watch, list_all
from ..._core.errors import SalvageError
from ..._core.times import iso
from ..._workloads.capacity import Size, plan, resources_patch, surge_of
from ..._workloads.progress import COMPLETE, FAILED, PAUSED, pods_ready
from ..._workloads.workload import Object, manager_of, path_of, pod_labels_of
from ..blue_green.colours import endpoints_of
from ..rollout.rollback import Workload
from .headroom import check_room
from .temporary import TEMPORARY, TemporarySize, scaling_note, way_back_of

Result = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What the user wants; None leaves it."""

    replicas: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    pin: bool = False
    resources: Mapping[str, Any] | None = None
    service: str | None = ""  # None: the one of the workload's pods
    check_headroom: bool = True
    timeout: float = 300.0
    until: float | None = None  # unix seconds at which it ends; None: it stays


def scale(workload: Workload, wish: Wish, *, dry_run: bool) -> Result:
    """Raises SalvageError before anything is written, if it can't be."""
    obj = workload.read()
    if workload.kind == "DaemonSet":
        raise SalvageError("a DaemonSet has as many pods as there are nodes; it can't be scaled", reason="bad_input")
    hpa = _hpa_of(workload)
    now = _size(obj, hpa)
    wanted = plan(now, wish.replicas, wish.minimum, wish.maximum, pin=wish.pin, has_hpa=hpa is not None)
    operations = resources_patch(obj["spec"]["template"], wish.resources or {})
    if operations and obj["spec"].get("paused"):
        raise SalvageError(f"{workload.name} is paused, so other resources would not reach its pods; resume it first", reason="bad_input")
    _must_be_ours(hpa, now, wanted)
    wish = replace(wish, service=_service_of(workload, obj) if wish.service is None else wish.service)
    if wish.check_headroom:
        after = _with_resources(obj, operations)
        more = max(wanted.replicas - now.replicas, 0) + (surge_of(workload.kind, after) if operations else 0)
        check_room(workload.cluster, workload.namespace, after["spec"]["template"]["spec"], more)
    before = replace(now, resources=_resources(obj))
    result: Result = {"changed": False, "before": now.to_dict(), "after": replace(wanted, resources=None).to_dict()}
    differs = (now.replicas, now.minimum, now.maximum) != (wanted.replicas, wanted.minimum, wanted.maximum)
    kept = TemporarySize.of(obj)
    if differs or operations:
        update(workload.cluster, workload.path, lambda there: scaling_note(there, before, wanted, wish.until), dry_run=dry_run)
        result["changed"] = _set_size(workload, hpa, now, wanted, dry_run=dry_run)
        result["changed"] |= bool(operations) and _set_resources(workload, wish.resources or {}, dry_run=dry_run)
    elif kept and wish.until is None:  # what was to end by itself is to stay
        result["changed"] = update(
            workload.cluster, workload.path, lambda there: scaling_note(there, before, wanted, None), dry_run=dry_run
        ).changed
    until = (wish.until if differs else kept.until if kept else None) if wish.until is not None else None
    result["until"] = iso(int(until)) if until is not None else ""
    result["diff"] = {"before": _shown(before), "after": {**_shown(wanted), "resources": _resources(_with_resources(obj, operations))}}
    if dry_run:
        return result
    exactly = wanted.replicas if hpa is None or wanted.minimum == wanted.maximum else None
    least = wanted.minimum or wanted.replicas
    failure = _wait(workload, wish, at_least=least, exactly=exactly, rolls=bool(operations), result=result)
    if failure and result["changed"] and now.replicas != wanted.replicas:
        failure += f"; its size stays {wanted.replicas}: state undone sets it back to {now.replicas}"
    if failure and operations:
        failure += "; the resources are as they were before"
        update(workload.cluster, workload.path, lambda there: resources_patch(there["spec"]["template"], before.resources or {}) or None)
    if failure:
        result |= {"failed": True, "msg": f"{workload.kind} {workload.name} in {workload.namespace}: {failure}"}
    return result


def check_surge(workload: Workload, *, check_headroom: bool) -> Result:
    """Whether the pods that a rollout starts beside those that run have room.  Raises SalvageError if not."""
    obj = workload.read()
    more = surge_of(workload.kind, obj)
    if check_headroom:
        check_room(workload.cluster, workload.namespace, obj["spec"]["template"]["spec"], more)
    return {"changed": False, "surge": more}


def undo(workload: Workload, wish: Wish, *, dry_run: bool) -> Result:
    """Back to the size from before the temporary scaling, or to the size and resources from before the first scaling on record."""
    obj = workload.read()
    before, record = way_back_of(obj)
    return _go_back(workload, obj, before, wish, record, dry_run=dry_run)


def end_temporary(workload: Workload, wish: Wish, moment: float, *, dry_run: bool) -> Result:
    """Back to the size from before a temporary one, when its time is over.  A size that somebody has set since stays."""
    obj = workload.read()
    kept = TemporarySize.of(obj)
    if kept is None or kept.until > moment:
        result = _go_back(workload, obj, None, wish, TEMPORARY, dry_run=dry_run)
        return {**result, "until": iso(int(kept.until)) if kept else ""}
    if not kept.still_holds(_size(obj, _hpa_of(workload))):
        update(workload.cluster, workload.path, lambda there: {"metadata": {"annotations": {TEMPORARY: None}}}, dry_run=dry_run)
        result = _go_back(workload, obj, None, wish, TEMPORARY, dry_run=dry_run)
        return {
            **result,
            "changed": True,
            "msg": f"{workload.title} has another size than the temporary one; it stays, and the record is gone",
        }
    return _go_back(workload, obj, kept.before, wish, TEMPORARY, dry_run=dry_run)


def _go_back(workload: Workload, obj: Object, before: Size | None, wish: Wish, record: str, *, dry_run: bool) -> Result:
    hpa = _hpa_of(workload)
    now = _size(obj, hpa)
    if before is None:
        return {"changed": False, "before": now.to_dict(), "after": now.to_dict(), "diff": {"before": _shown(now), "after": _shown(now)}}
    _must_be_ours(hpa, now, before)
    wish = replace(wish, service=_service_of(workload, obj) if wish.service is None else wish.service)
    rolls = bool(resources_patch(obj["spec"]["template"], before.resources or {}))
    _set_size(workload, hpa, now, before, dry_run=dry_run)
    _set_resources(workload, before.resources or {}, dry_run=dry_run)
    forget = {"metadata": {"annotations": {record: None}}}
    update(workload.cluster, workload.path, lambda there: forget, dry_run=dry_run)
    result: Result = {"changed": True, "before": now.to_dict(), "after": before.to_dict()}
    result["diff"] = {"before": {**_shown(now), "resources": _resources(obj)}, "after": _shown(before)}
    if not dry_run:
        exactly = before.replicas if hpa is None or not before.replicas else None
        failure = _wait(workload, wish, at_least=before.minimum or before.replicas, exactly=exactly, rolls=rolls, result=result)
        if failure:
            result |= {"failed": True, "msg": f"{workload.kind} {workload.name} in {workload.namespace}: {failure}"}
    return result


def _hpa_of(workload: Workload) -> Object | None:
    found = list_all(workload.cluster, path_of("HorizontalPodAutoscaler", workload.namespace))[0].values()
    mine = [hpa for hpa in found if _target(hpa) == (workload.kind, workload.name)]
    if len(mine) > 1:
        names = ", ".join(hpa["metadata"]["name"] for hpa in mine)
        raise SalvageError(f"several autoscalers scale {workload.name}: {names}; delete all but one", reason="bad_input")
    return mine[0] if mine else None


def _target(hpa: Object) -> tuple[str, str]:
    target = hpa["spec"]["scaleTargetRef"]
    return target.get("kind", ""), target.get("name", "")


def _size(obj: Object, hpa: Object | None) -> Size:
    replicas = obj["spec"].get("replicas", 1)
    return Size(replicas, hpa["spec"].get("minReplicas", 1), hpa["spec"]["maxReplicas"]) if hpa else Size(replicas)


def _resources(obj: Object) -> dict[str, Any]:
    return {container["name"]: container.get("resources") or {} for container in obj["spec"]["template"]["spec"]["containers"]}


def _shown(size: Size) -> Result:
    shown = size.to_dict()
    return {key: value for key, value in shown.items() if value is not None}


def _must_be_ours(hpa: Object | None, now: Size, wanted: Size) -> None:
    """Raises SalvageError(bad_input) for bounds that an operator would set back."""
    by = manager_of(hpa) if hpa else ""
    if hpa and by and (now.minimum, now.maximum) != (wanted.minimum, wanted.maximum):
        name = hpa["metadata"]["name"]
        raise SalvageError(f"the autoscaler {name} is managed by {by}, which sets its bounds back; change them there", reason="bad_input")


def _service_of(workload: Workload, obj: Object) -> str:
    """The Service that sends requests to the workload's pods: of its name, or the only one; none if it is not clear which."""
    labels = pod_labels_of(obj).items()
    services = list_all(workload.cluster, path_of("Service", workload.namespace))[0].values()
    found = [one["metadata"]["name"] for one in services if (its := (one["spec"].get("selector") or {})) and its.items() <= labels]
    return workload.name if workload.name in found else found[0] if len(found) == 1 else ""


def _set_size(workload: Workload, hpa: Object | None, now: Size, wanted: Size, *, dry_run: bool) -> bool:
    changed = False
    if hpa is not None and wanted.minimum is not None:
        spec = {"minReplicas": wanted.minimum, "maxReplicas": wanted.maximum}
        path = path_of("HorizontalPodAutoscaler", workload.namespace, hpa["metadata"]["name"])
        changed = update(workload.cluster, path, lambda there: {"spec": spec}, dry_run=dry_run).changed
        if now.replicas and wanted.replicas:  # at 0 an autoscaler does nothing
            return changed
    return (
        update(workload.cluster, workload.path, lambda there: {"spec": {"replicas": wanted.replicas}}, dry_run=dry_run).changed or changed
    )


def _set_resources(workload: Workload, wanted: Mapping[str, Any], *, dry_run: bool) -> bool:
    return update(
        workload.cluster, workload.path, lambda there: resources_patch(there["spec"]["template"], wanted) or None, dry_run=dry_run
    ).changed


def _with_resources(obj: Object, operations: list[Object]) -> Object:
    containers = [dict(container) for container in obj["spec"]["template"]["spec"]["containers"]]
    for operation in operations:
        containers[int(operation["path"].split("/")[5])]["resources"] = operation["value"]
    template = {**obj["spec"]["template"], "spec": {**obj["spec"]["template"]["spec"], "containers": containers}}
    return {**obj, "spec": {**obj["spec"], "template": template}}


def _wait(workload: Workload, wish: Wish, *, at_least: int, exactly: int | None, rolls: bool, result: Result) -> str:
    """Why it did not come to that size, or nothing.  Counted is what the Service sends requests to.

    A workload with pods that are held on an older revision has its size too, unless the template was changed (``rolls``).
    """
    deadline = time.monotonic() + wish.timeout
    slices: tuple[str, Query] = (
        path_of("EndpointSlice", workload.namespace),
        {"labelSelector": f"kubernetes.io/service-name={wish.service}"},
    )
    lists = {**workload.lists(workload.read()), **({"slices": slices} if wish.service else {})}
    last = {"ready": 0}

    def settled(scene: Scene) -> str | None:
        progress = workload.progress_in(scene)
        mine = pods_ready(workload.pods_in(scene))
        if wish.service:
            mine &= set(endpoints_of(scene["slices"].values()).ready.values())
        if len(mine) != last["ready"]:
            workload.tell({"ready": len(mine), "says": f"{len(mine)} of {exactly or at_least} ready"})
        last["ready"] = len(mine)
        held = not rolls and (progress.held or progress.status == PAUSED)
        if progress.status == FAILED and not held:
            return progress.reason
        enough = len(mine) == exactly if exactly is not None else len(mine) >= at_least
        return "" if enough and (held or progress.status == COMPLETE) else None

    with Watch(workload.cluster, lists) as watch:
        found = watch.wait(settled, deadline)
        progress = workload.progress_in(watch.scene)
    result |= {"rollout": progress.to_dict(), "ready": last["ready"]}
    if found is None:
        return f"{last['ready']} of {exactly or at_least} ready after {wish.timeout:g} s: {progress.reason}"
    return found
