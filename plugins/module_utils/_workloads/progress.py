# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a rollout is.  As ``kubectl rollout status`` shows it, and also what makes waiting on pointless."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from .._cluster.pods import ready
from .pod_trouble import Trouble, may_pass, trouble_of
from .readiness import Replicas, replicas_of
from .revisions import Revision, current_revision, revisions_of
from .workload import Object, finished, hash_of_pod, pods_of

_QUOTA = "exceeded quota"
_NO = re.compile(r"(?i)denied|forbidden|not allowed|invalid|not found|unauthorized|violates|must (not )?be")

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
    pods: tuple[Object, ...] = field(default=(), repr=False)  # of the newest revision, those that have not ended
    out_of_quota: bool = False
    held: bool = False  # its update strategy keeps pods on an older revision

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


@dataclass
class Patience:
    """With a quota: pods that are gone have made room, and the controller tries again only later, the longer it waited the later."""

    first: float | None = None
    last: float = 0.0

    def waits(self, progress: Progress, at: float) -> bool:
        if not progress.out_of_quota:
            return False
        self.first = at if self.first is None else self.first
        if progress.status == PROGRESSING:
            self.last = at
        return bool(self.last) and at - self.last < 15 + self.last - self.first


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
    all_new = [pod for pod in mine if revision and hash_of_pod(pod) in {revision.hash, revision.keeper}]
    new = [pod for pod in all_new if not finished(pod)]
    spec, replicas = workload["spec"], replicas_of(kind, workload)
    desired, updated, available = replicas.desired, replicas.updated, replicas.available
    # One that was evicted is replaced: it matters only while something is lacking.
    suspects = new if available >= desired else [*new, *(pod for pod in all_new if finished(pod))]
    troubles = tuple(trouble for pod in suspects if (trouble := trouble_of(pod, restart_limit)))

    refused = _refused(kind, workload, events, available < desired or updated < desired)

    def result(verdict: str, reason: str) -> Progress:
        restarts = sum(restarts_of(pod) for pod in new)
        return Progress(verdict, reason, desired, updated, available, restarts, troubles, revision, tuple(new), _QUOTA in refused)

    if not replicas.seen:
        return result(PROGRESSING, "the controller has not seen the change yet")
    if spec.get("paused"):
        return result(PAUSED, "the rollout is paused")
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete" and updated < desired:
        return replace(result(FAILED, "its update strategy is OnDelete: pods change only when somebody deletes them"), held=True)
    terminal = next((trouble for trouble in troubles if trouble.terminal), None)
    if terminal:
        return result(FAILED, f"pod {terminal.pod}: {terminal.reason}")
    held = _held(workload, desired, updated) if kind == "StatefulSet" else ""
    if held and _partition(workload) >= desired:
        return replace(result(FAILED, held), held=True)
    going = [pod for pod in mine if pod["metadata"].get("deletionTimestamp")]
    few = len(mine) - len(going) < desired and len(mine) > len(all_new)
    if refused and not _refusal_may_pass(refused, room_to_come=bool(going) or few):
        return result(FAILED, f"pods can't be created: {refused}")
    waiting = _waiting(kind, workload, replicas)
    if waiting:
        waiting += f"; pods can't be created yet: {refused}" if refused else ""
        slow = next((f"; pod {trouble.pod}: {trouble.reason}" for trouble in troubles), "")
        late = _condition(workload, "Progressing", "ProgressDeadlineExceeded")
        return result(FAILED if late else PROGRESSING, ("the progress deadline passed: " if late else "") + waiting + slow)
    if revision is None and desired:
        return result(PROGRESSING, "the controller has not recorded the revision yet")
    return result(COMPLETE, held or f"{available} of {desired} available, all of revision {revision.number if revision else '-'}")


def _waiting(kind: str, workload: Object, replicas: Replicas) -> str:
    status, desired, updated = workload.get("status") or {}, replicas.desired, replicas.updated
    if kind == "StatefulSet":
        partition = _partition(workload)
        due = max(desired - partition, 0)
        if updated < due:
            return f"{updated} of {due} pods are of the new revision"
        if not partition and status.get("updateRevision") != status.get("currentRevision"):
            return f"{updated} of {desired} pods are of the new revision, not all are ready"
        if status.get("readyReplicas", 0) < desired:
            return f"{status.get('readyReplicas', 0)} of {desired} pods are ready"
    elif updated < desired:
        return f"{updated} of {desired} pods are of the new revision"
    old = replicas.total - updated
    if kind == "Deployment" and old > 0:
        return f"{old} pods of the old revision are still there"
    return f"{replicas.available} of {desired} pods are available" if replicas.available < desired else ""


def _partition(workload: Object) -> int:
    return ((workload["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0


def _held(workload: Object, desired: int, updated: int) -> str:
    """What the partition of a StatefulSet keeps on the old revision."""
    status, partition = workload.get("status") or {}, _partition(workload)
    if not partition or updated >= desired or status.get("updateRevision") == status.get("currentRevision"):
        return ""
    return (
        f"{updated} of {desired} pods are of the new revision: the partition {partition} keeps the others on the old one; "
        "lower spec.updateStrategy.rollingUpdate.partition to update them"
    )


def _condition(workload: Object, kind: str, reason: str) -> Object | None:
    conditions: list[Object] = (workload.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind and c.get("reason") == reason), None)


def _refused(kind: str, workload: Object, events: Iterable[Object], lacking: bool) -> str:
    """Why no pod may be made, in the API server's words: a quota, an admission webhook, a missing service account."""
    if not lacking:
        return ""
    if kind == "Deployment":
        failure = _condition(workload, "ReplicaFailure", "FailedCreate") or {}
        return str(failure.get("message") or "no reason given") if failure.get("status") == "True" else ""
    # Only the newest event counts: after a success the refusals before it are history.
    about = [e for e in events if (e.get("involvedObject") or {}).get("uid") == workload["metadata"]["uid"]]
    about.sort(key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "")
    return str(about[-1].get("message") or "") if about and about[-1].get("reason") == "FailedCreate" else ""


def _refusal_may_pass(message: str, *, room_to_come: bool) -> bool:
    """Final is what the API server or a webhook says no to, nothing else; and a quota, unless pods of this workload make room."""
    if _QUOTA in message:
        return room_to_come
    # The control plane makes each namespace's service account "default", a moment after the namespace; until then pods are refused.
    if 'serviceaccount "default" not found' in message:
        return True
    return "denied the request" not in message and (may_pass(message) or not _NO.search(message))


def restarts_of(pod: Object) -> int:
    return sum(status.get("restartCount") or 0 for status in (pod.get("status") or {}).get("containerStatuses") or [])


def pods_ready(pods: Iterable[Object]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods if ready(pod)}
