# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workload on a cluster: watched, changed, recorded, rolled back."""

from __future__ import annotations

import time
from collections.abc import Callable
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
from ..._workloads.config_copies import bring_back, drift, keep
from ..._workloads.pod_trouble import Trouble
from ..._workloads.progress import COMPLETE, FAILED, PAUSED, PROGRESSING, Progress, progress_of
from ..._workloads.workload import (
    PROVEN,
    RESTARTED,
    RETURNING,
    Object,
    Proof,
    Revision,
    choose_targets,
    configs_of,
    current_revision,
    hash_of_pod,
    keeper_of,
    path_of,
    revisions_of,
    same_template,
    selector_of,
)


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

    def progress(self) -> Progress:
        """As it is now."""
        lists = self.lists(self.read())
        return self.progress_in({name: list_all(self.cluster, path, query)[0] for name, (path, query) in lists.items()})

    def wait(self, timeout: float) -> Progress:
        """Until the rollout is complete, paused or can't succeed; or progressing still, at the timeout."""
        began = time.monotonic()
        said = ""

        def settled(scene: Scene) -> Progress | None:
            nonlocal said
            progress = self.progress_in(scene)
            if progress.status != PROGRESSING:
                return progress
            if progress.reason != said:
                said = progress.reason
                self.tell({"at": now(), "reason": said, "says": f"{time.monotonic() - began:.0f} s, {said}"})
            return None

        with Watch(self.cluster, self.lists(self.read())) as watch:
            done = watch.wait(settled, began + timeout)
            if done is not None:
                return done
            last = self.progress_in(watch.scene)
        return replace(last, reason=f"not complete after {timeout:g} s: {last.reason}")

    def revisions(self) -> list[Revision]:
        """Newest first."""
        return revisions_of(self.kind, self.read(), self._keepers().values())

    def _keepers(self) -> dict[str, Object]:
        query: Query = {"labelSelector": selector_of(self.read())}
        return list_all(self.cluster, path_of(keeper_of(self.kind), self.namespace), query)[0]

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
        revision = current_revision(self.revisions())
        if revision is None:
            raise SalvageError(f"{self.kind} {self.name} has no revision yet to record", reason="not_found")
        if expected not in {None, revision.number}:
            raise SalvageError(
                f"{self.kind} {self.name} runs revision {revision.number} now, not {expected} that was looked at; nothing is recorded",
                reason="conflict",
            )
        path = path_of(keeper_of(self.kind), self.namespace, revision.keeper)
        keeper = must_read(self.cluster, path)
        copies: tuple[tuple[str, str, str], ...] = ()
        if verdict == "passed":
            copies = keep(self.cluster, self.namespace, configs_of(revision.template), keeper, dry_run=dry_run)
        before = Proof.from_annotation((keeper["metadata"].get("annotations") or {}).get(PROVEN))  # its own, not a restarted twin's
        if before and (before.verdict, before.copies) == (verdict, copies):
            return revision, False
        proof = Proof(verdict, now(), run, reason, copies, baseline if verdict == "passed" else None)
        return replace(revision, proof=proof), self._write_proof(path, proof, dry_run=dry_run)

    def _write_proof(self, path: str, proof: Proof, *, dry_run: bool) -> bool:
        patch = {"metadata": {"annotations": {PROVEN: proof.to_annotation()}}}
        return update(self.cluster, path, lambda obj: patch, dry_run=dry_run).changed

    def carry_proof(self) -> None:
        """After a restart: a new keeper holds the same template.  The old one will be dropped in time, and its proof and copies with it."""
        revision = current_revision(self.revisions())
        if revision is None or revision.proof is None or not revision.proven or drift(self.cluster, self.namespace, revision.proof.copies):
            return
        path = path_of(keeper_of(self.kind), self.namespace, revision.keeper)
        keeper = must_read(self.cluster, path)
        if PROVEN not in (keeper["metadata"].get("annotations") or {}):
            keep(self.cluster, self.namespace, configs_of(revision.template), keeper, dry_run=False)
            self._write_proof(path, revision.proof, dry_run=False)

    def targets(self, wanted: int | None, *, unproven: bool) -> list[Revision]:
        """Where a roll back would go, best first; the current one if only its ConfigMaps or Secrets were changed since it was proven."""
        revisions = self.revisions()
        found = choose_targets(revisions, wanted, unproven=unproven)
        current = current_revision(revisions)
        if not found and current and current.proof:
            returning = RETURNING in (self.read()["metadata"].get("annotations") or {})
            if returning or drift(self.cluster, self.namespace, current.proof.copies):
                return [current]
        return found

    def go_back(self, target: Revision, *, dry_run: bool) -> tuple[Change, list[str]]:
        """The contents first, so that the pods of the old template start with them.

        A mark on the workload shows a later run, after a kill in between, that its pods have not started with them yet.
        """
        copies = target.proof.copies if target.proof else ()
        if not dry_run and drift(self.cluster, self.namespace, copies):
            mark = {"metadata": {"annotations": {RETURNING: target.keeper}}}
            update(self.cluster, self.path, lambda obj: mark, manager=ROLLBACK_MANAGER)
        contents = bring_back(self.cluster, self.namespace, copies, dry_run=dry_run)
        stamp = now()

        def decide(obj: Object) -> list[Object] | None:
            operations: list[Object] = []
            marked = RETURNING in (obj["metadata"].get("annotations") or {})
            if marked:
                operations.append({"op": "remove", "path": f"/metadata/annotations/{RETURNING.replace('/', '~1')}"})
            if not same_template(obj["spec"]["template"], target.template):
                operations.append({"op": "replace", "path": "/spec/template", "value": target.template})
            elif contents or marked:
                template = target.template
                metadata = template.get("metadata") or {}
                metadata = {**metadata, "annotations": {**(metadata.get("annotations") or {}), RESTARTED: stamp}}
                operations.append({"op": "replace", "path": "/spec/template", "value": {**template, "metadata": metadata}})
            if obj["spec"].get("paused"):
                operations.append({"op": "replace", "path": "/spec/paused", "value": False})
            return operations or None

        change = update(self.cluster, self.path, decide, dry_run=dry_run, manager=ROLLBACK_MANAGER)
        if self.kind == "StatefulSet" and change.changed and not dry_run:
            self._clear_the_way()
        return change, contents

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

    # --- explanations

    def explain(self, progress: Progress, log_lines: int, limit: int = 3) -> list[dict[str, Any]]:
        """Events and last log lines of the pods in trouble, the terminal ones first; what can't be had is said, never raised."""
        chosen = sorted(progress.troubles, key=lambda trouble: not trouble.terminal)[:limit]
        return [
            {
                "pod": trouble.pod,
                "container": trouble.container,
                "reason": trouble.reason,
                "events": self._events(trouble.pod),
                "log": self._log(trouble, log_lines) if trouble.container and log_lines else [],
            }
            for trouble in chosen
        ]

    def _events(self, pod: str) -> list[str]:
        try:
            found, _version = list_all(
                self.cluster, path_of("Event", self.namespace), {"fieldSelector": f"involvedObject.name={pod},involvedObject.kind=Pod"}
            )
        except SalvageError as exc:
            return [f"(events can't be read: {exc})"]
        ordered = sorted(found.values(), key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        warnings = [event for event in ordered if event.get("type") != "Normal"]
        return [f"{event.get('reason')}: {event.get('message', '')}" for event in warnings[-5:]]

    def _log(self, trouble: Trouble, lines: int) -> list[str]:
        path = f"{path_of('Pod', self.namespace, trouble.pod)}/log"
        query: dict[str, str | int | float | list[str]] = {"container": trouble.container, "tailLines": lines, "limitBytes": 65536}
        # While it waits to be started again, the run that failed is the previous one.
        for previous in [True, False] if trouble.restarted else [False]:
            try:
                answer = self.cluster.call("GET", path, query={**query, **({"previous": "true"} if previous else {})})
            except SalvageError:
                continue
            text = answer.body.decode("utf-8", "replace").splitlines()
            if text:
                return text[-lines:]
        return []


@dataclass(frozen=True)
class Attempt:
    revision: int
    progress: Progress


def roll_back(
    workload: Workload,
    targets: list[Revision],
    timeout: float | None,
    *,
    dry_run: bool,
    settled: Callable[[Progress], bool] = lambda progress: progress.status in {COMPLETE, PAUSED},
) -> tuple[bool, list[str], list[Attempt]]:
    """To the first target that comes up, each tried once.  Without a timeout the first one is written and not waited for."""
    changed, contents, attempts = False, [], []
    for target in targets:
        change, brought = workload.go_back(target, dry_run=dry_run)
        changed = changed or change.changed or bool(brought)
        contents.extend(brought)
        if timeout is None or dry_run:
            break
        progress = workload.wait(timeout)
        attempts.append(Attempt(target.number, progress))
        if settled(progress):
            break
    return changed, contents, attempts
