# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of the workload: its pods, what they use, what scales and protects them, and whether more have room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .._cluster.conditions import holds
from .._cluster.objects import read as read_object
from .._cluster.pods import ready
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.times import when
from .._workloads.capacity import nodes_on_demand, over_quota, priority_of, quantity, room, with_defaults
from .._workloads.pod_trouble import trouble_of
from .._workloads.readiness import replicas_of
from .._workloads.workload import Object, finished, hash_of_pod, manager_of, path_of, selector_of
from .evidence_model import Observed
from .evidence_site import EvidenceSite, budgets_for, must_have

_METRICS = "/apis/metrics.k8s.io/v1beta1"
_YOUNG = 90.0  # seconds after which the metrics API knows a container


def elsewhere(site: EvidenceSite) -> str:
    """Why the alert is about something else than the workload, by its labels; nothing if it may be about it."""
    kind, namespace, name = site.place
    labels = site.alert.labels
    where = labels.get("exported_namespace") or labels.get("namespace") or namespace
    if where != namespace:
        return f"the alert is about the namespace {where}, and {kind} {name} is in {namespace}"
    pod = labels.get("exported_pod") or labels.get("pod") or ""
    if not pod or pod in {one["metadata"]["name"] for one in site.pods()}:
        return ""
    # One that is gone may have been of the workload: an action has replaced it.
    there = site.cluster.list(path_of("Pod", quote(namespace, safe="")), {"fieldSelector": f"metadata.name={pod}"})
    if all(one["metadata"]["name"] != pod for one in there):
        return ""
    return f"the alert is about the pod {pod}, which is not of {kind} {name}"


def pods_seen(site: EvidenceSite) -> Observed:
    kind, namespace, name = site.place
    found, listed = site.found(), []
    for pod in site.pods():
        if finished(pod):
            continue
        statuses = (pod.get("status") or {}).get("containerStatuses") or []
        trouble = trouble_of(pod)
        listed.append(
            {
                "pod": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
                "node": pod["spec"].get("nodeName") or "",
                "revision": hash_of_pod(pod),
                "ready": ready(pod),
                "started": (pod.get("status") or {}).get("startTime"),
                "restarts": sum(one.get("restartCount") or 0 for one in statuses),
                "oom_at": _out_of_memory_at(statuses),
                "trouble": trouble.reason if trouble else "",
            }
        )
    size = replicas_of(kind, found.workload)
    doubts = () if size.seen else (f"the controller has not seen the newest {kind} {name} yet",)
    value = {"pods": sorted(listed, key=lambda one: one["pod"]), "desired": size.desired, "available": size.available}
    return Observed("pods", value, at=site.now, source=f"{kind} {namespace}/{name}", doubts=doubts)


def _out_of_memory_at(statuses: list[Mapping[str, Any]]) -> str | None:
    ends = [(one.get(state) or {}).get("terminated") or {} for one in statuses for state in ("state", "lastState")]
    times = [str(end.get("finishedAt")) for end in ends if end.get("reason") == "OOMKilled"]
    return max(times, default=None)


def usage_seen(site: EvidenceSite) -> Observed:
    """By the metrics API, as kubectl top shows it."""
    _kind, namespace, _name = site.place
    chosen = {"labelSelector": selector_of(site.found().workload)}
    answers = gather(
        {
            "pods": lambda: list(site.cluster.list(f"{_METRICS}/namespaces/{quote(namespace, safe='')}/pods", chosen)),
            "nodes": lambda: list(site.cluster.list(f"{_METRICS}/nodes")),
        }
    )
    metrics = {one["metadata"]["name"]: one for one in must_have(answers["pods"])}
    doubts, pods = [], []
    for pod in site.pods():
        name = pod["metadata"]["name"]
        if finished(pod) or pod["metadata"].get("deletionTimestamp"):
            continue
        usage = metrics.get(name)
        if usage is None:
            started = when((pod.get("status") or {}).get("startTime"))
            if started is None or site.now - started > _YOUNG:
                doubts.append(f"the metrics API does not know {name}")
            continue
        unseen = {one["name"] for one in pod["spec"]["containers"]} - {one["name"] for one in usage["containers"]}
        doubts += [f"the metrics API does not know {one} of {name}" for one in sorted(unseen)]
        pods.append(
            {
                "pod": name,
                "revision": hash_of_pod(pod),
                "at": when(usage.get("timestamp")),
                **fullest(pod, usage, "cpu"),
                **fullest(pod, usage, "memory"),
            }
        )
    nodes: list[dict[str, Any]] = []
    if isinstance(answers["nodes"], list):
        nodes = [
            {
                "node": one["metadata"]["name"],
                "at": one.get("timestamp"),
                **{what: float(quantity(one["usage"][what])) for what in ("cpu", "memory")},
            }
            for one in answers["nodes"]
        ]
    pods.sort(key=lambda one: -one["cpu"])
    return Observed("usage", {"pods": pods, "nodes": nodes}, at=site.now, source="metrics.k8s.io", doubts=tuple(doubts))


def fullest(pod: Object, usage: Object, what: str) -> dict[str, Any]:
    """Of the container that uses most of its own limit: the kernel slows down and ends containers, not pods.  And those without a limit."""
    listed = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    found = {one["name"]: ((one.get("resources") or {}).get("limits") or {}).get(what) for one in listed}
    limits = {name: float(quantity(limit)) for name, limit in found.items() if limit is not None}
    used = {one["name"]: float(quantity(one["usage"][what])) for one in usage["containers"]}
    known = {name: limit for name, limit in limits.items() if name in used}
    name = max(known, key=lambda one: used[one] / known[one] if known[one] > 0 else float("inf"), default="")
    return {
        what: used[name] if name else sum(used.values()),
        f"{what}_limit": known.get(name),
        f"{what}_container": name,
        f"{what}_unlimited": sorted(used.keys() - known.keys()),
    }


def container_limit(pod: Object, what: str) -> float | None:
    """Of all its containers; None if one has none."""
    limits = [((one.get("resources") or {}).get("limits") or {}).get(what) for one in pod["spec"]["containers"]]
    known = [float(quantity(one)) for one in limits if one is not None]
    return sum(known) if len(known) == len(limits) else None


def autoscaler_seen(site: EvidenceSite) -> Observed:
    kind, namespace, name = site.place
    found = site.found()
    wanted = {"kind": kind, "name": name}
    mine = [one for one in must_have(found.autoscalers) if {key: one["spec"]["scaleTargetRef"].get(key) for key in wanted} == wanted]
    if len(mine) > 1:
        raise SalvageError(f"several autoscalers scale {name}: {', '.join(one['metadata']['name'] for one in mine)}", reason="invalid")
    replicas = found.workload["spec"].get("replicas", 1)
    value: dict[str, Any] = {"replicas": replicas, "autoscaler": None}
    for one in mine:
        spec, status = one["spec"], one.get("status") or {}
        conditions = status.get("conditions") or []
        inactive: dict[str, Any] = next(
            (each for each in conditions if each.get("type") == "ScalingActive" and each.get("status") != "True"), {}
        )
        value["autoscaler"] = {
            "name": one["metadata"]["name"],
            "minimum": spec.get("minReplicas", 1),
            "maximum": spec["maxReplicas"],
            "current": status.get("currentReplicas", 0),
            "desired": status.get("desiredReplicas", 0),
            "managed_by": manager_of(one),
            "conditions": {str(each.get("type")): str(each.get("status")) for each in conditions},
            "problem": inactive.get("message") or "",
            "metrics": spec.get("metrics") or [],
            "metrics_now": status.get("currentMetrics") or [],
        }
    return Observed("autoscaler", value, at=site.now, source=f"{namespace}/{name}")


def headroom_seen(site: EvidenceSite) -> Observed:
    """By the same rules as the module scale: quotas, then what is free on the nodes."""
    _kind, namespace, _name = site.place
    workload = site.found().workload
    space = quote(namespace, safe="")
    cluster = site.cluster
    answers = gather(
        {
            "ranges": lambda: list(cluster.list(path_of("LimitRange", space))),
            "quotas": lambda: list(cluster.list(path_of("ResourceQuota", space))),
            "nodes": lambda: list(cluster.list("/api/v1/nodes")),
            "pods": lambda: list(cluster.list("/api/v1/pods")),
        }
    )
    ranges, quotas, nodes, pods = (must_have(answers[name]) for name in ("ranges", "quotas", "nodes", "pods"))
    # What could only add room is not missed.
    more_answers = gather(
        {
            "classes": lambda: list(cluster.list("/apis/scheduling.k8s.io/v1/priorityclasses")),
            "autoscaler": lambda: [read_object(cluster, path_of("ConfigMap", "kube-system", "cluster-autoscaler-status")) or {}],
        }
    )
    classes = more_answers["classes"] if isinstance(more_answers["classes"], list) else []
    adds = any(one.get("data") for one in more_answers["autoscaler"]) if isinstance(more_answers["autoscaler"], list) else False
    current, target = workload["spec"].get("replicas", 1), site.settings.scale_to
    pod = with_defaults(workload["spec"]["template"]["spec"], ranges)
    value = {
        "current": current,
        "target": target,
        "quota": over_quota(pod, max(target - current, 0), quotas),
        "room": room(pod, nodes, pods, priority_of(pod, classes)),
        "on_demand": nodes_on_demand(nodes) or adds,
        "nodes": sum(1 for one in nodes if holds(one, "Ready") and not one["spec"].get("unschedulable")),
    }
    return Observed("headroom", value, at=site.now, source="nodes and quotas")


def budget_seen(site: EvidenceSite) -> Observed:
    kind, namespace, name = site.place
    found, pods = site.found(), [pod for pod in site.pods() if not finished(pod)]
    mine = {one["metadata"]["name"]: one for pod in pods for one in budgets_for(pod, must_have(found.budgets))}
    value = {
        "ready": sum(ready(pod) for pod in pods),
        "desired": replicas_of(kind, found.workload).desired,
        "budgets": [
            {"name": name, "allowed": (one.get("status") or {}).get("disruptionsAllowed", 0)} for name, one in sorted(mine.items())
        ],
    }
    return Observed("budget", value, at=site.now, source=f"{namespace}/{name}")
