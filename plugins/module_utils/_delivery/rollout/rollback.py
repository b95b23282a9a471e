# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workload on a cluster: watched, changed, recorded, rolled back."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ..._cluster.defaults import ROLLBACK_MANAGER
from ..._cluster.http import Query, ServesProxy
from ..._cluster.objects import Change, delete, must_read, read, update
from ..._cluster.pods import ready
from ..._cluster.watch import Scene, Watch, list_all
from ..._core.errors import SalvageError
from ..._core.progress import Tell, silent
from ..._workloads.config_copies import Brought, Copies, bring_back, drift, keep
from ..._workloads.progress import FAILED, Progress, progress_of
from ..._workloads.proof_store import ProofStore
from ..._workloads.proofs import Proof, Subject, images_moved, images_of
from ..._workloads.revisions import Revision, choose_targets, current_revision, revisions_of, same_template, template_hash
from ..._workloads.workload import RESTARTED, RETURNING, Object, configs_of, finished, hash_of_pod, keeper_of, path_of, pods_of, selector_of
from .explain import explain
from .waiting import Lists, wait_together


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet or DaemonSet of a cluster."""

    cluster: ServesProxy
    kind: str
    namespace: str
    name: str
    restart_limit: int = 2
    tell: Tell = silent
    proof_key: str = ""
    restore_secrets: bool = True

    @property
    def path(self) -> str:
        return path_of(self.kind, self.namespace, self.name)

    def read(self) -> Object:
        """Raises SalvageError(not_found), in words."""
        found = read(self.cluster, self.path)
        if found is None:
            raise SalvageError(f"there is no {self.kind} {self.name} in namespace {self.namespace}", reason="not_found")
        return found

    def lists(self, workload: Object) -> dict[str, tuple[str, Query | None]]:
        chosen: Query = {"labelSelector": selector_of(workload)}
        lists: dict[str, tuple[str, Query | None]] = {
            "workload": (path_of(self.kind, self.namespace), {"fieldSelector": f"metadata.name={self.name}"}),
            "keepers": (path_of(keeper_of(self.kind), self.namespace), chosen),
            "pods": (path_of("Pod", self.namespace), chosen),
        }
        if self.kind != "Deployment":  # a Deployment says in its status why no pod can be created
            lists["events"] = (path_of("Event", self.namespace), {"fieldSelector": f"involvedObject.name={self.name}"})
        return lists

    def progress_in(self, scene: Scene) -> Progress:
        workload = scene["workload"].get(f"{self.namespace}/{self.name}")
        if workload is None:
            return Progress(FAILED, f"the {self.kind} {self.name} was deleted")
        return progress_of(
            self.kind,
            workload,
            scene["keepers"].values(),
            scene["pods"].values(),
            scene.get("events", {}).values(),
            restart_limit=self.restart_limit,
        )

    def pods_in(self, scene: Scene) -> list[Object]:
        """The workload's pods, of all revisions."""
        workload = scene["workload"].get(f"{self.namespace}/{self.name}")
        return pods_of(self.kind, workload, scene["keepers"].values(), scene["pods"].values()) if workload else []

    def progress(self) -> Progress:
        """As it is now."""
        lists = self.lists(self.read())
        return self.progress_in({name: list_all(self.cluster, path, query)[0] for name, (path, query) in lists.items()})

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name} in {self.namespace}"

    def lists_now(self) -> Lists:
        return self.lists(self.read())

    def wait(self, timeout: float) -> Progress:
        """Until the rollout is complete, paused or can't succeed; or progressing still, at the timeout."""
        return wait_together(self.cluster, [self], timeout, self.tell)[0]

    @property
    def proofs(self) -> ProofStore:
        return ProofStore(self.cluster, self.proof_key)

    def subject(self, workload: Object) -> Subject:
        return Subject(self.kind, self.namespace, self.name, workload["metadata"]["uid"])

    def revisions(self, *, proofs: bool = True) -> list[Revision]:
        """Newest first, with what was found of each unless it does not matter.  Raises SalvageError."""
        workload = self.read()
        query: Query = {"labelSelector": selector_of(workload)}
        keepers = list(list_all(self.cluster, path_of(keeper_of(self.kind), self.namespace), query)[0].values())
        found = revisions_of(self.kind, workload, keepers, self.proofs.read(self.subject(workload)) if proofs else ())
        current = current_revision(found)
        if current is None or current.proof is None or not current.proof.images:
            return found
        pods = pods_of(self.kind, workload, keepers, list_all(self.cluster, path_of("Pod", self.namespace), query)[0].values())
        its = [pod for pod in pods if hash_of_pod(pod) in {current.hash, current.keeper} and not finished(pod)]
        moved = images_moved(current.proof, images_of(its, current.template))
        return [replace(revision, moved=moved) if revision.current else revision for revision in found]

    def explain(self, progress: Progress, log_lines: int) -> list[dict[str, Any]]:
        return explain(self.cluster, self.namespace, progress, log_lines)

    # --- changes

    def restart(self, *, dry_run: bool) -> Change:
        stamp = now()
        return update(
            self.cluster,
            self.path,
            lambda obj: {"spec": {"template": {"metadata": {"annotations": {RESTARTED: stamp}}}}},
            dry_run=dry_run,
        )

    def pause(self, paused: bool, *, dry_run: bool) -> Change:
        if self.kind != "Deployment":
            raise SalvageError(f"a {self.kind} can't be paused; only a Deployment can", reason="bad_input")
        return update(
            self.cluster,
            self.path,
            lambda obj: None if bool(obj["spec"].get("paused")) == paused else {"spec": {"paused": paused}},
            dry_run=dry_run,
        )

    def record(
        self, verdict: str, *, run: str, reason: str, dry_run: bool, expected: int | None = None, baseline: Object | None = None
    ) -> tuple[Revision, bool]:
        """Write down what was found of the current revision; a pass keeps copies of what it ran with, and the baseline."""
        workload, revisions = self.read(), self.revisions()
        revision = current_revision(revisions)
        if revision is None:
            raise SalvageError(f"{self.kind} {self.name} has no revision yet to record", reason="not_found")
        if expected not in {None, revision.number}:
            raise SalvageError(
                f"{self.kind} {self.name} runs revision {revision.number} now, not {expected} that was looked at; nothing is recorded",
                reason="conflict",
            )
        passed, progress = verdict == "passed", self.progress()
        if passed and (not progress.pods or progress.updated < progress.desired):
            raise SalvageError(
                f"{progress.updated} of {progress.desired} pods of {self.kind} {self.name} run revision {revision.number}, so it is not "
                "recorded as passed; let all of them run it first",
                reason="invalid",
            )
        copies = self._keep(revision, dry_run=dry_run) if passed else ()
        proof = Proof(
            verdict,
            now(),
            template_hash(revision.template),
            run,
            reason,
            copies,
            images_of(progress.pods, revision.template),
            baseline if passed else None,
        )
        templates = {template_hash(one.template) for one in revisions}
        changed = self.proofs.add(self.subject(workload), proof, templates, dry_run=dry_run)
        return replace(revision, proof=proof, moved=()), changed

    def _keep(self, revision: Revision, *, dry_run: bool) -> Copies:
        keeper = must_read(self.cluster, path_of(keeper_of(self.kind), self.namespace, revision.keeper))
        return keep(self.cluster, self.namespace, configs_of(revision.template), keeper, dry_run=dry_run)

    def carry_copies(self) -> None:
        """After a restart a new keeper holds the same template: the old one goes in time, with the copies that it alone owns."""
        revision = current_revision(self.revisions())
        if revision and revision.proof and revision.proven and not drift(self.cluster, self.namespace, revision.proof.copies):
            self._keep(revision, dry_run=False)

    def targets(self, wanted: int | None, *, unproven: bool) -> list[Revision]:
        """Where a roll back would go, best first; the current one if only its ConfigMaps or Secrets were changed since it was proven."""
        revisions = self.revisions()
        found = choose_targets(revisions, wanted, unproven=unproven)
        current = current_revision(revisions)
        if not found and current and current.proof:
            returning = RETURNING in (self.read()["metadata"].get("annotations") or {})
            if returning or drift(self.cluster, self.namespace, self._to_restore(current)):
                return [current]
        return found

    def _to_restore(self, target: Revision) -> Copies:
        copies = target.proof.copies if target.proof else ()
        return tuple(copy for copy in copies if self.restore_secrets or copy[0] != "Secret")

    def secrets_left(self, target: Revision) -> list[str]:
        """Those that differ from what the revision was proven with, and are to stay so."""
        copies = target.proof.copies if target.proof else ()
        return drift(self.cluster, self.namespace, tuple(set(copies) - set(self._to_restore(target))))

    def go_back(self, target: Revision, *, dry_run: bool) -> tuple[Change, Brought]:
        """The contents first, so that the pods of the old template start with them.

        A mark on the workload shows a later run, after a kill in between, that its pods have not started with them yet.
        """
        copies = self._to_restore(target)
        if not dry_run and drift(self.cluster, self.namespace, copies):
            mark = {"metadata": {"annotations": {RETURNING: target.keeper}}}
            update(self.cluster, self.path, lambda obj: mark, manager=ROLLBACK_MANAGER)
        brought = bring_back(self.cluster, self.namespace, copies, self.read(), dry_run=dry_run)
        stamp = now()

        def decide(obj: Object) -> list[Object] | None:
            operations: list[Object] = []
            marked = RETURNING in (obj["metadata"].get("annotations") or {})
            if marked:
                operations.append({"op": "remove", "path": f"/metadata/annotations/{RETURNING.replace('/', '~1')}"})
            if not same_template(obj["spec"]["template"], target.template):
                operations.append({"op": "replace", "path": "/spec/template", "value": target.template})
            elif brought.changed or marked:
                template = self._still_there(target) or _restarted(target.template, stamp)
                operations.append({"op": "replace", "path": "/spec/template", "value": template})
            if obj["spec"].get("paused"):
                operations.append({"op": "replace", "path": "/spec/paused", "value": False})
            return operations or None

        change = update(self.cluster, self.path, decide, dry_run=dry_run, manager=ROLLBACK_MANAGER)
        if self.kind == "StatefulSet" and change.changed and not dry_run:
            self._clear_the_way()
        return change, brought

    def _still_there(self, target: Revision) -> Object | None:
        """The template of an older restart of the same one with pods that run since before its contents were kept: they began with these.

        So pods that are good stay, and none has to start.
        """
        copies = [copy for copy in (target.proof.copies if target.proof else ()) if copy in self._to_restore(target)]
        kept = [read(self.cluster, path_of(kind, self.namespace, copy)) if copy else None for kind, _name, copy in copies]
        times = [str(one["metadata"].get("creationTimestamp")) if one is not None else "" for one in kept]
        if not times or not all(times):
            return None
        workload, first = self.read(), min(times)
        query: Query = {"labelSelector": selector_of(workload)}
        keepers = list_all(self.cluster, path_of(keeper_of(self.kind), self.namespace), query)[0].values()
        pods = pods_of(self.kind, workload, keepers, list_all(self.cluster, path_of("Pod", self.namespace), query)[0].values())
        for revision in self.revisions(proofs=False):
            its = [pod for pod in pods if hash_of_pod(pod) in {revision.hash, revision.keeper} and not finished(pod)]
            same = revision.keeper != target.keeper and template_hash(revision.template) == template_hash(target.template)
            old = all(ready(pod) and str(pod["metadata"].get("creationTimestamp", "~")) <= first for pod in its)
            if same and its and old and not images_moved(target.proof, images_of(its, target.template)):
                return revision.template
        return None

    def _clear_the_way(self) -> None:
        """A StatefulSet waits for its broken pod to become ready before it replaces it, which never happens: delete that pod."""
        deadline = time.monotonic() + 30
        with Watch(self.cluster, self.lists(self.read())) as watch:
            seen = watch.wait(self._updated_hash, deadline)
            for pod in list(watch.scene["pods"].values()):
                if seen and hash_of_pod(pod) != seen and not ready(pod):
                    delete(self.cluster, path_of("Pod", self.namespace, pod["metadata"]["name"]), uid=pod["metadata"]["uid"])

    def _updated_hash(self, scene: Scene) -> str | None:
        workload = scene["workload"].get(f"{self.namespace}/{self.name}")
        if workload is None:
            return ""
        status = workload.get("status") or {}
        caught_up = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
        return str(status.get("updateRevision", "")) if caught_up else None


def _restarted(template: Object, stamp: str) -> Object:
    metadata = template.get("metadata") or {}
    return {**template, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), RESTARTED: stamp}}}
