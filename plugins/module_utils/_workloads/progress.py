# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a rollout is.  As ``kubectl rollout status`` shows it, and also what makes waiting on pointless."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .._cluster.pods import ready
from .pod_trouble import Trouble, trouble_of
from .revisions import Revision, current_revision, revisions_of
from .workload import Object, hash_of_pod, pods_of

COMPLETE = "complete"
PROGRESSING = "progressing"
FAILED = "failed"
PAUSED = "paused"


@dataclass(frozen=True)
class Progress:
    status: str
    reason: str
    desired: int = 0
    updated: int = 0
    available: int = 0
    restarts: int = 0
    troubles: tuple[Trouble, ...] = ()
    revision: Revision | None = None
    pods: tuple[Object, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "reason": self.reason,
            "desired": self.desired,
            "updated": self.updated,
            "available": self.available,
            "restarts": self.restarts,
            "revision": self.revision.number if self.revision else None,
            "troubles": [{"pod": t.pod, "container": t.container, "reason": t.reason} for t in self.troubles],
        }


def progress_of(
    kind: str,
    workload: Object,
    keepers: Iterable[Object],
    pods: Iterable[Object],
    events: Iterable[Object] = (),
    *,
    restart_limit: int = 2,
) -> Progress:
    """How far the workload is with the template that it has now."""
    keepers = list(keepers)
    revisions = revisions_of(kind, workload, keepers)
    revision = current_revision(revisions)
    mine = pods_of(kind, workload, keepers, pods)
    new = [pod for pod in mine if revision and hash_of_pod(pod) in {revision.hash, revision.keeper}]
    status, spec = workload.get("status") or {}, workload["spec"]
    troubles = tuple(trouble for pod in new if (trouble := trouble_of(pod, restart_limit)))
    desired, updated, available = _numbers(kind, workload)

    def result(verdict: str, reason: str) -> Progress:
        restarts = sum(restarts_of(pod) for pod in new)
        return Progress(verdict, reason, desired, updated, available, restarts, troubles, revision, tuple(new))

    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return result(PROGRESSING, "the controller has not seen the change yet")
    if spec.get("paused"):
        return result(PAUSED, "the rollout is paused")
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete" and updated < desired:
        return result(FAILED, "its update strategy is OnDelete: pods change only when somebody deletes them")
    terminal = next((trouble for trouble in troubles if trouble.terminal), None)
    if terminal:
        return result(FAILED, f"pod {terminal.pod}: {terminal.reason}")
    refused = _refused(kind, workload, events, available < desired or updated < desired)
    if refused:
        return result(FAILED, refused)
    waiting = _waiting(kind, workload, desired, updated, available)
    if waiting:
        slow = next((f"; pod {trouble.pod}: {trouble.reason}" for trouble in troubles), "")
        late = _condition(workload, "Progressing", "ProgressDeadlineExceeded")
        return result(FAILED if late else PROGRESSING, ("the progress deadline passed: " if late else "") + waiting + slow)
    if revision is None and desired:
        return result(PROGRESSING, "the controller has not recorded the revision yet")
    return result(COMPLETE, f"{available} of {desired} available, all of revision {revision.number if revision else '-'}")


def _numbers(kind: str, workload: Object) -> tuple[int, int, int]:
    status = workload.get("status") or {}
    if kind == "DaemonSet":
        return (
            status.get("desiredNumberScheduled", 0),
            status.get("updatedNumberScheduled", 0),
            status.get("numberAvailable", 0),
        )
    desired = workload["spec"].get("replicas", 1)
    return desired, status.get("updatedReplicas", 0), status.get("availableReplicas", 0)


def _waiting(kind: str, workload: Object, desired: int, updated: int, available: int) -> str:
    status = workload.get("status") or {}
    if kind == "StatefulSet":
        partition = ((workload["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0
        due = max(desired - partition, 0)
        if updated < due:
            return f"{updated} of {due} pods are of the new revision"
        if not partition and status.get("updateRevision") != status.get("currentRevision"):
            return f"{updated} of {desired} pods are of the new revision, not all are ready"
        if status.get("readyReplicas", 0) < desired:
            return f"{status.get('readyReplicas', 0)} of {desired} pods are ready"
    elif updated < desired:
        return f"{updated} of {desired} pods are of the new revision"
    old = status.get("replicas", 0) - updated
    if kind == "Deployment" and old > 0:
        return f"{old} pods of the old revision are still there"
    return f"{available} of {desired} pods are available" if available < desired else ""


def _condition(workload: Object, kind: str, reason: str) -> Object | None:
    conditions: list[Object] = (workload.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind and c.get("reason") == reason), None)


def _refused(kind: str, workload: Object, events: Iterable[Object], lacking: bool) -> str:
    """Why no pod may be made: a quota, an admission webhook, a missing service account."""
    failure = _condition(workload, "ReplicaFailure", "FailedCreate")
    if failure and failure.get("status") == "True" and lacking and not _namespace_is_new(failure.get("message", "")):
        return f"pods can't be created: {failure.get('message', '')}"
    if kind == "Deployment" or not lacking:
        return ""
    # Only the newest event counts: after a success the refusals before it are history.
    about = [e for e in events if (e.get("involvedObject") or {}).get("uid") == workload["metadata"]["uid"]]
    about.sort(key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "")
    message = about[-1].get("message", "") if about and about[-1].get("reason") == "FailedCreate" else ""
    return f"pods can't be created: {message}" if "forbidden" in message and not _namespace_is_new(message) else ""


def _namespace_is_new(message: str) -> bool:
    """The control plane makes each namespace's service account ``default``, a moment after the namespace; until then pods are refused."""
    return 'serviceaccount "default" not found' in message


def restarts_of(pod: Object) -> int:
    return sum(status.get("restartCount", 0) for status in (pod.get("status") or {}).get("containerStatuses") or [])


def pods_ready(pods: Iterable[Object]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods if ready(pod)}
