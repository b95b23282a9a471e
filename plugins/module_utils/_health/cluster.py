# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads, autoscalers and nodes: what their status says against what was asked of them.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._core.json_values import as_text, is_integer
from .._core.status import CRITICAL, STATUSES, UNKNOWN, WARNING
from .._workloads.readiness import Replicas, replicas_of
from .model import Check

# Conditions of nodes by the status that is well: the kubelet's, node-problem-detector's, and those of distributions.  Any other is unknown.
# The names of a family say which it is: NetworkingReady, KernelReady; ContainerRuntimeProblem, FrequentSystemdRestart.
_WELL_WHEN_FALSE = ("ReadonlyFilesystem", "DeprecatedAuthsFieldInContainerdConfiguration")
_PROBLEM = re.compile(
    r"(Frequent|Corrupt)\w+|\w*(Problem|Pressure|Deadlock|Unhealthy|Unavailable|Failure|Failed|Error|Fatal|Shutdown|Scheduled)"
)
_WELL_WHEN_TRUE = ("EtcdIsVoter",)
_GOOD = re.compile(r"\w*(?<!Not)(?<!Un)Ready")


_PAUSED = ("Progressing", "DeploymentPaused")  # its status is Unknown
# Why an autoscaler that is limited wants no more replicas than it has, or gets them step by step.
_LIMITED_BY_RULES = ("TooFewReplicas", "ScaleUpLimit", "ScaleDownLimit")


def workload(kind: str, obj: Mapping[str, Any]) -> Check | None:
    """The finding of a Deployment, StatefulSet or DaemonSet; None if every replica that is wanted is available."""
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    replicas = replicas_of(kind, obj)
    wanted, available = replicas.desired, replicas.available
    if not replicas.seen:
        return _check(kind, metadata, UNKNOWN, "its controller has not looked at it yet, so its status is not of what is asked now")
    conditions = _conditions(status)
    odd = [one for name in ("Available", "Progressing", "ReplicaFailure") if (one := conditions.get(name)) and not _is_plain(one)]
    if odd:
        return _check(kind, metadata, UNKNOWN, f"{odd[0]['type']} is not known: {_says(odd[0])}", available, wanted)
    progress = conditions.get("Progressing") or {}
    stuck = progress.get("status") == "False"
    failure = conditions.get("ReplicaFailure") or {}
    denied = (conditions.get("Available") or {}).get("status") == "False"
    if replicas.ready and denied:
        return _check(kind, metadata, UNKNOWN, f"all its replicas count as available, but it is not: {_says(conditions['Available'])}")
    if replicas.ready and not stuck:
        if failure.get("status") == "True":
            return _check(kind, metadata, WARNING, f"new pods cannot be created: {_says(failure)}", available, wanted)
        return _not_updated(kind, metadata, spec, status, replicas)
    text = f"{available} of {wanted} replicas are available"
    if stuck:
        text += f"; the rollout is stuck: {_says(progress)}"
    if failure.get("status") == "True":
        text += f"; {_says(failure)}"
    enough = available > 0 and not denied
    return _check(kind, metadata, WARNING if enough and not stuck else CRITICAL, text, available, wanted)


def _not_updated(
    kind: str, metadata: Mapping[str, Any], spec: Mapping[str, Any], status: Mapping[str, Any], replicas: Replicas
) -> Check | None:
    """Old pods that serve while no new one comes: only a Deployment has a deadline for that, which sets its condition Progressing."""
    strategy = spec.get("updateStrategy") or {}
    if kind == "Deployment" or strategy.get("type") == "OnDelete":
        return None
    due, updated = replicas.desired, replicas.updated
    if kind == "StatefulSet":
        current, wanted = status.get("currentRevision"), status.get("updateRevision")
        if not (current and wanted and isinstance(current, str) and isinstance(wanted, str)):
            return _check(kind, metadata, UNKNOWN, "its status names no revision, so whether it is updated is not known")
        if current == wanted:
            return None
        due -= (strategy.get("rollingUpdate") or {}).get("partition") or 0
    if updated >= due:
        return None
    return _check(kind, metadata, WARNING, f"the update is not complete: {updated} of {due} pods are of the new revision", updated, due)


def job_is_complete(obj: Mapping[str, Any]) -> bool:
    """Whether a Job has done its work, whatever became of its earlier pods."""
    return (_conditions(obj.get("status") or {}).get("Complete") or {}).get("status") == "True"


def autoscaler(obj: Mapping[str, Any]) -> Check | None:
    """The finding of a HorizontalPodAutoscaler; None if it can scale and has room to."""
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    conditions = _conditions(status)
    if not conditions:
        return _check("HorizontalPodAutoscaler", metadata, UNKNOWN, "it has no conditions: no controller has looked at it yet")
    for name, problem in (("AbleToScale", "unable to scale"), ("ScalingActive", "not scaling")):
        condition = conditions.get(name) or {}
        if (name, condition.get("status"), condition.get("reason")) == ("ScalingActive", "False", "ScalingDisabled"):
            return None  # somebody scaled the workload to 0, which is how an autoscaler is switched off
        if condition.get("status") != "True":
            says = _says(condition) if condition else f"it has no condition {name}"
            return _check(
                "HorizontalPodAutoscaler", metadata, WARNING if condition.get("status") == "False" else UNKNOWN, f"{problem}: {says}"
            )
    now, most = status.get("currentReplicas"), spec.get("maxReplicas")
    limited = conditions.get("ScalingLimited") or {}
    if limited:
        found = (limited.get("status"), limited.get("reason"))
        if found[0] == "False" or (found[0] == "True" and found[1] in _LIMITED_BY_RULES):
            return None  # at its maximum or not, it has as many replicas as it wants, or soon will
        if found != ("True", "TooManyReplicas"):
            return _check("HorizontalPodAutoscaler", metadata, UNKNOWN, f"whether it is limited is not known: {_says(limited)}")
    now = 0 if now is None else now  # as the API leaves it out
    if not (is_integer(now) and is_integer(most) and most > 0):
        return _check("HorizontalPodAutoscaler", metadata, UNKNOWN, "how many replicas it has, or may have, is not a number")
    if now >= most and most > (spec.get("minReplicas") or 1):
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
    found = [one for condition in conditions.values() if (one := _of_condition(metadata, condition)) is not None]
    if found:
        return max(found, key=lambda one: STATUSES.index(one.status))
    if (obj.get("spec") or {}).get("unschedulable"):
        return _check("Node", metadata, WARNING, "cordoned: no new pod is placed here")
    return None


def _of_condition(metadata: Mapping[str, Any], condition: Mapping[str, Any]) -> Check | None:
    name, stated = condition["type"], condition.get("status")
    says = condition.get("message") or condition.get("reason") or "no reason given"
    since = condition.get("lastTransitionTime")
    if not _is_plain(condition):
        return _check("Node", metadata, UNKNOWN, f"{name} is not known: {says}", since=since)
    good = name in _WELL_WHEN_TRUE or _GOOD.fullmatch(name)
    if good or name in _WELL_WHEN_FALSE or _PROBLEM.fullmatch(name):
        bad = (stated == "False") == bool(good)
        return (
            _check("Node", metadata, CRITICAL, f"{name}: {says}" if stated == "True" else f"not {name}: {says}", since=since)
            if bad
            else None
        )
    return _check("Node", metadata, UNKNOWN, f"whether its condition {name} is a problem is not known: {says}", since=since)


def _says(condition: Mapping[str, Any]) -> str:
    return ": ".join(str(condition[name]) for name in ("reason", "message") if condition.get(name)) or "no reason given"


def _is_plain(condition: Mapping[str, Any]) -> bool:
    return condition.get("status") in ("True", "False") or (condition["type"], condition.get("reason")) == _PAUSED


def _conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """By type; one that is given twice says nothing."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in status.get("conditions") or ():
        name = as_text(one.get("type"))
        found[name] = {"type": name, "message": "it is given twice"} if name in found else {**one, "type": name}
    return found


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
