# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods: which rows of the server's table are suspicious, and what a suspicious pod suffers from.  Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

from .._core.json_values import is_integer
from .._core.redact import excerpt
from .._core.status import CRITICAL, UNKNOWN, WARNING
from .._core.times import ago, span, when
from .._workloads.pod_trouble import SEVERITY
from .model import Check

STARTING_GRACE = 300.0  # seconds in which a pod may pull its image and start
READY_GRACE = 60.0  # seconds in which a container that runs may get ready
TERMINATING_MARGIN = 60.0  # seconds beyond its grace period in which a pod may go
RECENT = 86400.0  # without an earlier run to compare with, a restart of the last day counts

GROUP_FROM = 10  # so many pods of one workload with the same trouble are one finding

_RESTARTS = re.compile(r"(\d+)( \(.+ ago\))?")
_READY = re.compile(r"(\d+)/(\d+)")
_AGE = re.compile(r"(?:\d+[ydhms])+")
_UNITS = {"y": 365 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
# Words of the column Status of a pod that has ended, and of one that starts.
_ENDED = frozenset(
    (
        *("Failed", "Error", "Evicted", "OOMKilled", "ContainerStatusUnknown", "ContainerCannotRun", "StartError", "DeadlineExceeded"),
        *("Terminated", "NodeShutdown", "Shutdown", "NodeAffinity", "Preempting", "PreemptionByScheduler", "UnexpectedAdmissionError"),
        *("OutOfcpu", "OutOfmemory", "OutOfpods", "OutOfephemeral-storage", "Completed", "Succeeded"),
    )
)
_STARTING = frozenset(("Pending", "ContainerCreating", "PodInitializing", "SchedulingGated"))

Restarts = Mapping[str, int]


def key(namespace: str, name: str) -> str:
    return f"{namespace}/{name}"


def restarts_in_row(row: Mapping[str, Any]) -> int:
    """The count in a cell such as ``5 (2m ago)``."""
    found = _restarts_cell(row)
    return int(found[1]) if found else 0


def _restarts_cell(row: Mapping[str, Any]) -> re.Match[str] | None:
    return _RESTARTS.fullmatch(str(row.get("Restarts", "")))


def age_in_row(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """The least and the greatest age in seconds that a cell such as ``5m1s`` or ``2d`` stands for; None if it states none."""
    cell = str(row.get("Age", ""))
    if not _AGE.fullmatch(cell):
        return None
    pieces = [(float(number), _UNITS[unit]) for number, unit in re.findall(r"(\d+)([ydhms])", cell)]
    least = sum(number * unit for number, unit in pieces)
    return least, least + pieces[-1][1]


def remembered(before: Restarts | None, namespace: str, rows: Iterable[Mapping[str, Any]], elapsed: float) -> Restarts | None:
    """What the last run, ``elapsed`` seconds ago, knew of the very pods of these rows: a younger one has the name of another."""
    if not before:
        return before
    younger = {key(namespace, str(row.get("Name"))) for row in rows if (age := age_in_row(row)) is not None and age[1] < elapsed}
    return {name: count for name, count in before.items() if name not in younger}


def is_suspicious(namespace: str, row: Mapping[str, Any], before: Restarts | None, silent_nodes: Container[str] = ()) -> bool:
    """Whether the pod of a row must be looked at whole.

    ``before`` are the restarts that the last run saw; without a last run every pod that ever restarted is looked at.  The row of a pod on
    one of ``silent_nodes`` is what the kubelet said last.
    """
    if _restarts_cell(row) is None or _new_restarts(before, key(namespace, str(row.get("Name"))), restarts_in_row(row)):
        return True
    status = row.get("Status")
    if status in ("Completed", "Succeeded"):
        return False
    return not serves(row) or str(row.get("Node")) in silent_nodes


def _all(cell: object) -> bool:
    found = _READY.fullmatch(str(cell))
    return found is not None and found[1] == found[2] != "0"


def serves(row: Mapping[str, Any]) -> bool:
    """Whether the pod of a row runs and is ready, as far as the row says."""
    return row.get("Status") == "Running" and _all(row.get("Ready")) and _gates_open(row)


def _gates_open(row: Mapping[str, Any]) -> bool:
    gates = row.get("Readiness Gates")
    return gates in (None, "", "<none>") or _all(gates)


def _new_restarts(before: Restarts | None, name: str, count: int) -> int:
    known = (before or {}).get(name, 0)
    # A count below what was seen is that of another pod of the same name, which began at 0.
    return count - known if count >= known else count


def from_row(namespace: str, row: Mapping[str, Any], why: str) -> Check:
    """What the row alone says about a suspicious pod that was not looked at whole, and ``why`` it was not.

    Never worse than the whole pod would be: who owns an ended pod, and since when one terminates, is not in the row.
    """
    name, stated = str(row.get("Name")), str(row.get("Status") or "no status")
    word = stated.removeprefix("Init:")
    age = age_in_row(row)
    if word in SEVERITY:
        status = SEVERITY[word]
    elif word in _STARTING or _READY.fullmatch(word):
        status = CRITICAL if age is not None and age[0] > STARTING_GRACE else WARNING
    elif (
        word in _ENDED
        or word == "Terminating"
        or word.startswith(("ExitCode:", "Signal:"))
        or (word == "Running" and _all(row.get("Ready")))
    ):
        status = WARNING if _gates_open(row) else UNKNOWN
    else:
        status = UNKNOWN
    return _check(namespace, name, status, f"{stated}, {row.get('Ready') or '?'} ready, {row.get('Restarts') or 0} restarts ({why})")


def grouped(checks: Iterable[Check]) -> list[Check]:
    """The findings of pods, where those of many pods of one workload with the same trouble are one."""
    alike: dict[tuple[str, str, str, str], list[Check]] = {}
    for one in checks:
        where = one.subject or {}
        owner = str(one.evidence.get("owner") or where.get("name", "").rpartition("-")[0])
        alike.setdefault((where.get("namespace", ""), owner, one.status, _trouble(one.reason)), []).append(one)
    found: list[Check] = []
    for (namespace, owner, status, trouble), group in alike.items():
        if len(group) < GROUP_FROM or not owner:
            found += group
            continue
        names = sorted((one.subject or {})["name"] for one in group)
        subject = {"kind": "Pods", "namespace": namespace, "name": owner}
        text = f"{len(group)} pods of {owner}: {group[0].reason} (for example {', '.join(names[:3])})"
        found.append(
            Check(f"pods/{namespace}/{owner}: {trouble}", status, text, subject, evidence={"count": len(group), "names": names[:100]})
        )
    return found


def _trouble(reason: str) -> str:
    """``Failed: Evicted`` of a reason, without the numbers that differ from pod to pod."""
    return re.sub(r"\s*\d+\S*( \w+)?", "", ":".join(reason.split(",", 1)[0].split(":")[:2])).strip()


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
        ends = when(metadata["deletionTimestamp"])
        if ends is None:
            return _check(namespace, name, UNKNOWN, "it terminates, but its deletionTimestamp is not a time")
        late = now - ends
        if late <= TERMINATING_MARGIN:
            return None
        finalizers = metadata.get("finalizers") or []
        held = f", held by the finalizers {', '.join(finalizers)}" if finalizers else ""
        found.append((WARNING, f"stuck terminating: {span(late)} past its grace period{held}", {}))
    elif phase == "Failed":
        owner = (_controller(metadata) or {}).get("kind")
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
    controller = _controller(metadata)
    if controller:
        evidence["owner"] = "/".join(str(controller.get(one) or "?") for one in ("kind", "name"))
    since = _since(status)
    return _check(namespace, name, found[0][0], "; ".join(dict.fromkeys(text for dummy, text, more in found)), since, evidence)


def _controller(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((one for one in metadata.get("ownerReferences") or () if one.get("controller")), None)


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
    ready = conditions.get("Ready") or {}
    if explained:
        return []
    if ready.get("status") == "True":
        return _contradictions(pod)
    if (pod.get("status") or {}).get("phase") == "Pending" or not ready:
        waits = sorted({reason for one in _containers(pod) if (reason := ((one.get("state") or {}).get("waiting") or {}).get("reason"))})
        text = f"Pending {span(age)}: {', '.join(waits) or 'its node has not started it'}{_message(pod.get('status') or {})}"
        return [(CRITICAL if age > STARTING_GRACE else WARNING, text, {})]
    if ready.get("status") == "False" and _rest_has_finished(pod):
        return []
    since = now - (when(ready.get("lastTransitionTime")) or now)
    text = f"not ready {ago(ready.get('lastTransitionTime'), now)}: {ready.get('message') or ready.get('reason') or 'no reason given'}"
    return [(CRITICAL if since > READY_GRACE else WARNING, text, {})]


def _contradictions(pod: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Why a pod that is Ready can't be so: the kubelet makes it Ready if all its containers are."""
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    states = [one.get("state") or {} for one in containers if one.get("ready") is True]
    if len(states) < len(containers) or any("running" not in one for one in states if one):
        return [(UNKNOWN, "it counts as Ready, but not all its containers are ready and run", {})]
    if not all(is_integer(one.get("restartCount")) for one in _containers(pod)):
        return [(UNKNOWN, "how often its containers restarted is not a number", {})]
    return []


def _rest_has_finished(pod: Mapping[str, Any]) -> bool:
    """Whether the containers that are not ready have all finished their work, as in a pod of a Job with several containers."""
    if (pod.get("spec") or {}).get("restartPolicy") not in {"Never", "OnFailure"}:
        return False
    containers = (pod.get("status") or {}).get("containerStatuses") or []
    waited_for = [one for one in containers if not one.get("ready")]
    return bool(waited_for) and all(((one.get("state") or {}).get("terminated") or {}).get("exitCode") == 0 for one in waited_for)


def _of_restarts(pod: Mapping[str, Any], before: Restarts | None, now: float) -> list[tuple[str, str, dict[str, Any]]]:
    metadata = pod["metadata"]
    total = counted_restarts(pod)
    last = _last_end(pod, now)
    if before is not None:
        new = _new_restarts(before, key(metadata["namespace"], metadata["name"]), total)
        if not new:
            return []
        text = f"restarted {_times(new)} since the last run"
    else:
        if not total or last is None or now - last[0] >= RECENT:
            return []
        text = f"restarted {_times(total)}, last {span(max(0.0, now - last[0]))} ago"
    return [(WARNING, text + (last[1] if last else ""), {"restarts": total})]


def counted_restarts(pod: Mapping[str, Any]) -> int:
    """The restarts as the server's table counts them, so that both can be compared.

    Once the pod is initialised: of its containers and sidecars.  Until then: of its init containers.
    """
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or ()}
    init = status.get("initContainerStatuses") or []
    counted = list(init)
    if conditions.get("Initialized") == "True" or all(
        ((one.get("state") or {}).get("terminated") or {}).get("exitCode") == 0 for one in init
    ):
        sidecars = {one.get("name") for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"}
        counted = [*(one for one in init if one.get("name") in sidecars), *(status.get("containerStatuses") or ())]
    return sum(one.get("restartCount") or 0 for one in counted)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _last_end(pod: Mapping[str, Any], now: float) -> tuple[float, str] | None:
    """When a container of the pod last ended before it was started again, and how."""
    ends = []
    for container in _containers(pod):
        ended = (container.get("lastState") or {}).get("terminated")
        if ended:
            # At a time that can't be read it may have been just now.
            ends.append((at if (at := when(ended.get("finishedAt"))) is not None else now, _exit({"lastState": {"terminated": ended}})))
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
