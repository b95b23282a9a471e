# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads, autoscalers and nodes: what their status says against what was asked of them.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.status import CRITICAL, UNKNOWN, WARNING
from .._workloads.readiness import replicas_of
from .model import Check

_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


def workload(kind: str, obj: Mapping[str, Any]) -> Check | None:
    """The finding of a Deployment, StatefulSet or DaemonSet; None if every replica that is wanted is available."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    replicas = replicas_of(kind, obj)
    wanted, available = replicas.desired, replicas.available
    if not replicas.seen:
        return _check(kind, metadata, UNKNOWN, "its controller has not looked at it yet, so its status is not of what is asked now")
    conditions = _conditions(status)
    progress = conditions.get("Progressing") or {}
    stuck = progress.get("status") == "False"
    if replicas.ready and not stuck:
        return None
    text = f"{available} of {wanted} replicas are available"
    if stuck:
        text += f"; the rollout is stuck: {_says(progress)}"
    failure = conditions.get("ReplicaFailure") or {}
    if failure.get("status") == "True":
        text += f"; {_says(failure)}"
    enough = available > 0 and (conditions.get("Available") or {}).get("status") != "False"
    return _check(kind, metadata, WARNING if enough and not stuck else CRITICAL, text, available, wanted)


def autoscaler(obj: Mapping[str, Any]) -> Check | None:
    """The finding of a HorizontalPodAutoscaler; None if it can scale and has room to."""
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    conditions = _conditions(status)
    if not conditions:
        return _check("HorizontalPodAutoscaler", metadata, UNKNOWN, "it has no conditions: no controller has looked at it yet")
    for name, problem in (("AbleToScale", "unable to scale"), ("ScalingActive", "not scaling")):
        condition = conditions.get(name) or {}
        if condition.get("status") != "True":
            says = _says(condition) if condition else f"it has no condition {name}"
            return _check(
                "HorizontalPodAutoscaler", metadata, WARNING if condition.get("status") == "False" else UNKNOWN, f"{problem}: {says}"
            )
    now, most = status.get("currentReplicas"), spec.get("maxReplicas")
    if isinstance(now, int) and isinstance(most, int) and now >= most and most > (spec.get("minReplicas") or 1):
        return _check(
            "HorizontalPodAutoscaler", metadata, WARNING, f"at its maximum of {most} replicas, it can't follow more load", now, most
        )
    return None


def node(obj: Mapping[str, Any]) -> Check | None:
    """The finding of a Node; None if it is ready, open for pods and without pressure."""
    metadata, conditions = obj["metadata"], _conditions(obj.get("status") or {})
    ready = conditions.get("Ready")
    if ready is None:
        return _check("Node", metadata, UNKNOWN, "it has no condition Ready")
    if ready.get("status") != "True":
        # Unknown is the node controller's word for a kubelet that has fallen silent: pods there are lost to us, whatever they do.
        text = f"not Ready (Ready is {ready.get('status') or 'missing'}): {_says(ready)}"
        return _check("Node", metadata, CRITICAL, text, since=ready.get("lastTransitionTime"))
    for name in _PRESSURES:
        condition = conditions.get(name) or {}
        if condition.get("status") == "True":
            text = f"{name}: {condition.get('message') or condition.get('reason')}"
            return _check("Node", metadata, CRITICAL, text, since=condition.get("lastTransitionTime"))
        if condition.get("status") == "Unknown":
            return _check("Node", metadata, UNKNOWN, f"{name} is not known: {condition.get('message') or condition.get('reason')}")
    if (obj.get("spec") or {}).get("unschedulable"):
        return _check("Node", metadata, WARNING, "cordoned: no new pod is placed here")
    return None


def _says(condition: Mapping[str, Any]) -> str:
    return ": ".join(str(condition[name]) for name in ("reason", "message") if condition.get(name)) or "no reason given"


def _conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {one["type"]: one for one in status.get("conditions") or () if "type" in one}


def _check(
    kind: str,
    metadata: Mapping[str, Any],
    status: str,
    reason: str,
    value: float | None = None,
    limit: float | None = None,
    since: str | None = None,
) -> Check:
    where = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    subject = {"kind": kind, "name": metadata["name"], **({"namespace": metadata["namespace"]} if where else {})}
    group = "nodes" if kind == "Node" else f"workloads/{kind.lower()}"
    return Check(
        f"{group}/{where}{metadata['name']}", status, reason, subject, value, limit, "replicas" if value is not None else None, since
    )
