# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods: which rows of the server's table are suspicious, and what a suspicious pod suffers from.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._core.redact import excerpt
from .._core.status import CRITICAL, UNKNOWN, WARNING
from .._core.times import ago, span, when
from .._workloads.pod_trouble import SEVERITY
from .model import Check

STARTING_GRACE = 300.0  # seconds in which a pod may pull its image and start
READY_GRACE = 60.0  # seconds in which a container that runs may get ready
TERMINATING_MARGIN = 60.0  # seconds beyond its grace period in which a pod may go
RECENT = 86400.0  # without an earlier run to compare with, a restart of the last day counts

_RESTARTS = re.compile(r"^(\d+)")
_READY = re.compile(r"^(\d+)/(\d+)$")

Restarts = Mapping[str, int]


def key(namespace: str, name: str) -> str:
    return f"{namespace}/{name}"


def restarts_in_row(row: Mapping[str, Any]) -> int:
    """The count in a cell such as ``5 (2m ago)``."""
    found = _RESTARTS.match(str(row.get("Restarts", "")))
    return int(found[1]) if found else 0


def is_suspicious(namespace: str, row: Mapping[str, Any], before: Restarts | None) -> bool:
    """Whether the pod of a row must be looked at whole.

    ``before`` are the restarts that the last run saw; without a last run every pod that ever restarted is looked at.
    """
    restarts = restarts_in_row(row)
    if restarts > (before or {}).get(key(namespace, str(row.get("Name"))), 0):
        return True
    status = row.get("Status")
    if status in {"Completed", "Succeeded"}:
        return False
    ready = _READY.match(str(row.get("Ready", "")))
    return status != "Running" or ready is None or ready[1] != ready[2] or ready[2] == "0"


def from_row(namespace: str, row: Mapping[str, Any], why: str) -> Check:
    """What the row alone says about a suspicious pod that was not looked at whole, and ``why`` it was not."""
    name, status = str(row.get("Name")), str(row.get("Status") or "no status")
    stated = f"{status}, {row.get('Ready') or '?'} ready, {row.get('Restarts') or 0} restarts ({why})"
    return _check(namespace, name, UNKNOWN if status in {"Running", "Unknown", "no status"} else CRITICAL, stated)


def examine(pod: Mapping[str, Any], before: Restarts | None, now: float) -> Check | None:
    """The finding of a pod, None if it is healthy after all.  ``now`` in unix seconds."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    namespace, name = metadata["namespace"], metadata["name"]
    phase = status.get("phase")
    found: list[tuple[str, str, dict[str, Any]]] = []
    if status.get("reason") == "NodeLost":
        found.append((UNKNOWN, f"its node does not answer{_message(status)}", {}))
    elif metadata.get("deletionTimestamp"):
        # The API server sets the time at which the grace period ends.
        late = now - (when(metadata["deletionTimestamp"]) or now)
        if late <= TERMINATING_MARGIN:
            return None
        finalizers = metadata.get("finalizers") or []
        held = f", held by the finalizers {', '.join(finalizers)}" if finalizers else ""
        found.append((WARNING, f"stuck terminating: {span(late)} past its grace period{held}", {}))
    elif phase == "Failed":
        owner = next((one.get("kind") for one in metadata.get("ownerReferences") or () if one.get("controller")), None)
        # A Job makes another only until its limit; every other controller does so always.
        replaced = f", its {owner} replaces it" if owner and owner != "Job" else ""
        text = f"Failed: {status.get('reason') or _last_exit(status) or 'no reason given'}{_message(status)}"
        found.append((WARNING if owner else CRITICAL, text + replaced, {}))
    elif phase == "Succeeded":
        return None
    elif phase not in {"Pending", "Running"}:
        found.append((UNKNOWN, f"its phase is {phase or 'missing'}: its node does not say how it is{_message(status)}", {}))
    else:
        found += _of_containers(pod, now)
        found += _of_conditions(pod, bool(found), now)
        if before is not None or not any(text.startswith("CrashLoopBackOff") for _status, text, _more in found):  # which reports them
            found += _of_restarts(pod, before, now)
    if not found:
        return None
    # The worst first; a restart is reported beside what the container suffers from now.
    found.sort(key=lambda one: (CRITICAL, UNKNOWN, WARNING).index(one[0]))
    evidence = {name: value for dummy, text, more in found for name, value in more.items()}
    since = _since(status)
    return _check(namespace, name, found[0][0], "; ".join(dict.fromkeys(text for dummy, text, more in found)), since, evidence)


def _check(
    namespace: str, name: str, status: str, reason: str, since: str | None = None, evidence: Mapping[str, Any] | None = None
) -> Check:
    subject = {"kind": "Pod", "namespace": namespace, "name": name}
    return Check(f"pods/{namespace}/{name}", status, reason, subject, since=since, evidence=evidence or {})


def _containers(pod: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    status = pod.get("status") or {}
    for group in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(group) or ()


def _of_containers(pod: Mapping[str, Any], now: float) -> list[tuple[str, str, dict[str, Any]]]:
    found: list[tuple[str, str, dict[str, Any]]] = []
    for container in _containers(pod):
        state, name = container.get("state") or {}, container.get("name")
        waiting = state.get("waiting")
        if waiting and waiting.get("reason") in SEVERITY:
            reason = waiting["reason"]
            if reason == "CrashLoopBackOff":
                text = f"{reason}: container {name} restarted {_times(container.get('restartCount') or 0)}{_exit(container)}"
            else:
                text = f"{reason}: container {name}, image {container.get('image')}{_message(waiting)}"
            found.append((SEVERITY[reason], text, {"container": name, "image": container.get("image")}))
        elif state.get("terminated") and state["terminated"].get("exitCode"):
            found.append((CRITICAL, f"container {name} ended{_exit(container)}", {"container": name}))
    return found


def _of_conditions(pod: Mapping[str, Any], explained: bool, now: float) -> list[tuple[str, str, dict[str, Any]]]:
    conditions = {one.get("type"): one for one in (pod.get("status") or {}).get("conditions") or ()}
    age = now - (when(pod["metadata"].get("creationTimestamp")) or now)
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False":
        text = f"Pending {span(age)}, not scheduled: {scheduled.get('reason') or ''}{_message(scheduled)}"
        return [(CRITICAL if age > STARTING_GRACE else WARNING, text, {})]
    if explained or (conditions.get("Ready") or {}).get("status") == "True":
        return []
    ready = conditions.get("Ready") or {}
    if (pod.get("status") or {}).get("phase") == "Pending" or not ready:
        waits = sorted({reason for one in _containers(pod) if (reason := ((one.get("state") or {}).get("waiting") or {}).get("reason"))})
        text = f"Pending {span(age)}: {', '.join(waits) or 'its node has not started it'}{_message(pod.get('status') or {})}"
        return [(CRITICAL if age > STARTING_GRACE else WARNING, text, {})]
    if ready.get("status") == "False" and _rest_has_finished(pod):
        return []
    since = now - (when(ready.get("lastTransitionTime")) or now)
    text = f"not ready {ago(ready.get('lastTransitionTime'), now)}: {ready.get('message') or ready.get('reason') or 'no reason given'}"
    return [(CRITICAL if since > READY_GRACE else WARNING, text, {})]


def _rest_has_finished(pod: Mapping[str, Any]) -> bool:
    """Whether the containers that are not ready have all finished their work, as in a pod of a Job with several containers."""
    if (pod.get("spec") or {}).get("restartPolicy") not in {"Never", "OnFailure"}:
        return False
    containers = (pod.get("status") or {}).get("containerStatuses") or []
    waited_for = [one for one in containers if not one.get("ready")]
    return bool(waited_for) and all(((one.get("state") or {}).get("terminated") or {}).get("exitCode") == 0 for one in waited_for)


def _of_restarts(pod: Mapping[str, Any], before: Restarts | None, now: float) -> list[tuple[str, str, dict[str, Any]]]:
    metadata = pod["metadata"]
    total = sum(container.get("restartCount") or 0 for container in _containers(pod))
    last = _last_end(pod)
    if before is not None:
        known = before.get(key(metadata["namespace"], metadata["name"]), 0)
        if total <= known:
            return []
        text = f"restarted {_times(total - known)} since the last run"
    else:
        if last is None or now - last[0] >= RECENT:
            return []
        text = f"restarted {_times(total)}, last {span(max(0.0, now - last[0]))} ago"
    return [(WARNING, text + (last[1] if last else ""), {"restarts": total})]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _last_end(pod: Mapping[str, Any]) -> tuple[float, str] | None:
    """When a container of the pod last ended before it was started again, and how."""
    ends = []
    for container in _containers(pod):
        ended = (container.get("lastState") or {}).get("terminated")
        if ended:
            ends.append((when(ended.get("finishedAt")) or 0.0, _exit({"lastState": {"terminated": ended}})))
    return max(ends, default=None)


def _exit(container: Mapping[str, Any]) -> str:
    ended = (container.get("state") or {}).get("terminated") or (container.get("lastState") or {}).get("terminated")
    if not ended:
        return ""
    code = ended.get("exitCode")
    how = code if code is not None else f"by signal {ended.get('signal')}"
    return f", last exit {how} ({ended.get('reason') or 'no reason given'})"


def _last_exit(status: Mapping[str, Any]) -> str:
    for container in status.get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated")
        if ended and ended.get("exitCode"):
            return f"container {container.get('name')} ended with exit {ended['exitCode']} ({ended.get('reason') or 'no reason given'})"
    return ""


def _message(of: Mapping[str, Any]) -> str:
    text = excerpt(str(of.get("message") or ""), 300)
    return f": {text}" if text else ""


def _since(status: Mapping[str, Any]) -> str | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") in {"Ready", "PodScheduled"} and condition.get("status") == "False":
            return condition.get("lastTransitionTime") and str(condition["lastTransitionTime"])
    return None
