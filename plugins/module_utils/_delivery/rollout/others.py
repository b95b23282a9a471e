# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other workloads of a set of objects, which are waited for beside the one that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._cluster.conditions import holds
from ..._cluster.http import ServesProxy
from ..._cluster.objects import Object, must_read
from ..._cluster.watch import Scene
from ..._core.errors import SalvageError
from ..._workloads.pod_trouble import trouble_of
from ..._workloads.progress import COMPLETE, FAILED, PAUSED, PROGRESSING, Progress
from ..._workloads.workload import KINDS, owned_by, path_of
from .explain import explain
from .rollback import Workload
from .waiting import Lists

_API_VERSIONS = {**dict.fromkeys(KINDS, "apps/v1"), "Job": "batch/v1"}


@dataclass(frozen=True)
class JobRun:
    cluster: ServesProxy
    namespace: str
    name: str
    restart_limit: int = 2
    kind: str = "Job"

    @property
    def title(self) -> str:
        return f"Job {self.name} in {self.namespace}"

    def lists_now(self) -> Lists:
        must_read(self.cluster, path_of("Job", self.namespace, self.name))
        return {
            "job": (path_of("Job", self.namespace), {"fieldSelector": f"metadata.name={self.name}"}),
            "pods": (path_of("Pod", self.namespace), {"labelSelector": f"job-name={self.name}"}),
        }

    def progress_in(self, scene: Scene) -> Progress:
        job = scene["job"].get(f"{self.namespace}/{self.name}")
        return job_progress(job, scene["pods"].values(), self.restart_limit)

    def explain(self, progress: Progress, log_lines: int) -> list[dict[str, Any]]:
        return explain(self.cluster, self.namespace, progress, log_lines)


def job_progress(job: Object | None, pods: Iterable[Object], restart_limit: int = 2) -> Progress:
    """A Job that is gone has ended, and was cleaned up (``ttlSecondsAfterFinished``)."""
    if job is None:
        return Progress(COMPLETE, "it has ended and was deleted")
    spec, status = job["spec"], job.get("status") or {}
    wanted, done = spec.get("completions") or 1, status.get("succeeded") or 0
    mine = [pod for pod in pods if owned_by(pod, job["metadata"].get("uid", ""))]
    troubles = tuple(trouble for pod in mine if (trouble := trouble_of(pod, restart_limit)))

    def result(verdict: str, reason: str) -> Progress:
        return Progress(verdict, reason, wanted, done, done, troubles=troubles, pods=tuple(mine))

    if holds(job, "Complete", "SuccessCriteriaMet"):
        return result(COMPLETE, f"{done} of {wanted} pods have succeeded")
    failed = next((one for one in status.get("conditions") or () if one.get("type") == "Failed" and one.get("status") == "True"), None)
    if failed is not None:
        return result(FAILED, f"it has failed: {failed.get('reason') or 'no reason given'}: {failed.get('message') or ''}".rstrip(": "))
    if spec.get("suspend"):
        return result(PAUSED, "it is suspended")
    # The Job decides how often a container may fail; one that cannot start ends it.
    never = next((trouble for trouble in troubles if trouble.terminal and not trouble.restarted), None)
    if never is not None:
        return result(FAILED, f"pod {never.pod}: {never.reason}")
    slow = next((f"; pod {trouble.pod}: {trouble.reason}" for trouble in troubles), "")
    return result(PROGRESSING, f"{done} of {wanted} pods have succeeded{slow}")


def others_of(workload: Workload, objects: Iterable[Any]) -> list[Workload | JobRun]:
    """The workloads among objects as the module manifests returns them.  Raises SalvageError(bad_input)."""
    found: list[Workload | JobRun] = []
    for one in objects:
        if not isinstance(one, Mapping) or not all(isinstance(one.get(key), str) for key in ("api_version", "kind", "namespace", "name")):
            raise SalvageError("also takes the objects that the module manifests returned", reason="bad_input")
        kind, namespace, name = str(one["kind"]), str(one["namespace"]), str(one["name"])
        if _API_VERSIONS.get(kind) != one["api_version"] or (kind, namespace, name) == (workload.kind, workload.namespace, workload.name):
            continue
        limit = workload.restart_limit
        job = kind == "Job"
        found.append(JobRun(workload.cluster, namespace, name, limit) if job else Workload(workload.cluster, kind, namespace, name, limit))
    return found
