# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore: waves with a barrier after each; what was written is read again, and the counts add up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

from .._cluster.objects import read
from .._cluster.session import Cluster
from .._cluster.watch import Watch
from .._core.errors import SalvageError
from .._core.gather import for_each
from .._core.progress import Tell, silent
from .compare import differences
from .journal import RestoreJournal
from .kinds import Key, context_of, kind_of, restore_items
from .live import Live
from .outcome import FAIL, Outcome, restore_outcome
from .plan import (
    CREATE,
    KEPT,
    REBIND,
    RECREATE,
    UNCHANGED,
    RestorePlan,
    Step,
    action_for,
    links,
    node_ports,
    plan_restore,
    spelled,
)
from .portable import Object, bundle_holders, comparable
from .ready import WATCHED, served, unready
from .restore_waves import AGGREGATED, DEFINITIONS, FAIL_CLOSED, HOOKS, TITLES
from .settings import RestoreSettings
from .writer import ObjectWriter
from .writes import WRITES, refusal_text, written_by_us


class Restore:
    """``back_up`` takes a backup of the namespaces it is given (of everything if there are none) and gives its name."""

    def __init__(
        self,
        cluster: Cluster,
        backup: tuple[Mapping[str, Any], Sequence[Object]],
        wish: RestoreSettings,
        journal: RestoreJournal,
        back_up: Callable[[Sequence[str]], str] | None = None,
        tell: Tell = silent,
    ) -> None:
        self._cluster, self._wish, self._journal, self._back_up, self._tell = cluster, wish, journal, back_up, tell
        self._manifest, self._items = backup[0], restore_items(backup[1])
        self._live = Live(cluster, wish.workers)
        self._found: dict[Key, Object] = {}
        self._writer = ObjectWriter(cluster, self._live, wish, self._found)
        self._there: set[str] = set()  # namespaces
        self._finished = 0
        self._not_proven: list[dict[str, str]] = []
        self._plan = self._planned()

    def _planned(self) -> RestorePlan:
        selection = self._wish.selection
        more: dict[str, Any] = {"classes": self._live.classes()} if selection.isolated else {}
        wants_ports = node_ports(obj for key, obj in self._items if key.kind == "Service")
        more["ports"] = node_ports(self._live.services()) if wants_ports else {}
        unread = ""
        if any(key.kind == "PersistentVolume" for key, _obj in self._items):
            try:
                more["released"] = self._live.released()
            except SalvageError as exc:
                unread = f"whether volumes of the cluster still hold the data of a claim is unknown: {exc}"
        context = context_of(self._items, mapping=selection.mapping, finalizers=self._wish.finalizers, **more)
        plan = plan_restore(self._items, selection, context, {**spelled(self._items), **self._live.names})
        plan.notes.extend([unread] if unread else [])
        return plan

    def run(self, *, dry_run: bool = False) -> Outcome:
        """Raises SalvageError for what makes the whole of it impossible; the rest is in the outcome."""
        started = time.monotonic()
        steps = self._plan.steps
        self._spaces(steps, dry_run=dry_run)
        self._look([step for step in steps if not step.problem])
        writes = [step for step in steps if step.action in WRITES and not step.problem]
        if dry_run:
            self._prove(writes)
        elif writes or any(not step.action and not step.problem for step in steps) or self._journal.resumed:
            self._secure(writes)
            waves = [(wave, list(group)) for wave, group in groupby(steps, lambda step: step.wave)]
            for wave, group in waves:
                self._wave(wave, group)
            self._verify([step for step in steps if step.action in WRITES and not step.problem])
        self._finish([step for step in steps if step.action not in ("", KEPT) and not step.problem], dry_run=dry_run)
        if self._wish.wait and not dry_run:
            self._wait_ready([step for step in steps if self._made_now(step) and not step.problem])
        result = restore_outcome(
            self._manifest,
            self._plan,
            finished=self._finished,
            safety_backup=self._journal.safety_backup,
            resumed=self._journal.resumed,
            not_proven=self._not_proven,
            diff=self._writer.diff,
            seconds=time.monotonic() - started,
        )
        nothing_begun = not result.changed and not self._journal.resumed
        if not dry_run and (result.status != FAIL or nothing_begun):
            self._journal.end()
        return result

    # --- what is there ---

    def _spaces(self, steps: Sequence[Step], *, dry_run: bool) -> None:
        """The namespaces that are written to: none may be on its way out, and none may be missing that does not come with the backup."""
        coming = {step.key.name: step for step in steps if step.key.kind == "Namespace"}
        spaces = sorted({step.key.namespace for step in steps} - {""} | set(coming))
        for space in spaces:
            live = read(self._cluster, f"/api/v1/namespaces/{space}")
            if self._wish.selection.isolated and not self._live.confined(space):
                self._plan.notes.append(f"no NetworkPolicy in {space} limits what the pods of the copy connect to; create one first")
            if live is not None and "deletionTimestamp" not in live["metadata"]:
                self._there.add(space)
                continue
            why = "" if space in coming else "its namespace is not there and does not come with the restore; create it first"
            if live is not None and dry_run:
                self._plan.notes.append(f"namespace {space} is being deleted; a restore would wait until it is gone")
            elif live is not None:
                self._tell({"wave": "namespaces", "says": f"waiting until namespace {space} is gone"})
                if not self._live.wait_gone("/api/v1/namespaces", space, self._deadline()):
                    why = f"its namespace is still being deleted after {self._wish.wait_timeout:g} s"
            for step in steps if why else ():
                if space in (step.key.namespace, step.key.name if step.key.kind == "Namespace" else ""):
                    step.problem = why

    def _look(self, steps: Sequence[Step]) -> None:
        known = [step for step in steps if self._live.knows(step) and not step.action]
        found = self._live.scan(known)
        self._found.update(found)
        new = {key for key in self._journal.made if key.kind == "Namespace"}
        for step in known:
            if step.problem:
                continue
            live = found.get(step.key)
            begun = step.key in self._journal.made and (live is None or written_by_us(live))
            ours = begun or Key("Namespace", "", step.key.namespace) in new
            existing = self._wish.existing_for(step.key, self._live.names[step.key.kind])
            step.action = action_for(step, live, existing, ours=ours)
            if live is not None and "deletionTimestamp" in live["metadata"]:
                step.action = CREATE  # once it is gone

    def _made_now(self, step: Step) -> bool:
        return step.action in WRITES or (step.action == UNCHANGED and step.key in self._journal.made)

    def _secure(self, writes: Sequence[Step]) -> None:
        """A backup of what is live before it is touched, and the journal."""
        absent = [step.key for step in self._plan.steps if step.action in (CREATE, "")]
        if self._wish.backup_first and not self._journal.resumed:
            touched = self._touched(writes)
            if touched is not None and self._back_up is None:
                raise SalvageError(
                    f"the restore would write to {'namespace ' + touched[0] if touched else 'cluster-wide objects'}, which is in use;"
                    " give recipients and signing_key so that it is backed up first, or say backup_first=false",
                    reason="bad_input",
                )
            if touched is not None and self._back_up is not None:
                self._tell({"wave": "backup", "says": "backing up what is there first"})
                self._journal.begin(absent, self._back_up(touched))
                return
        self._journal.begin(absent, None)

    def _touched(self, writes: Sequence[Step]) -> list[str] | None:
        """The live namespaces that the restore writes to; none of them for the whole cluster; None where nothing of that is live."""
        if any(not step.key.namespace and step.action != CREATE for step in writes):
            return []
        spaces = sorted({step.key.namespace for step in writes} - {""})
        return [space for space in spaces if space in self._there and self._live.occupied(space)] or None

    # --- writing ---

    def _deadline(self) -> float:
        return time.monotonic() + self._wish.wait_timeout

    def _wave(self, wave: int, group: Sequence[Step]) -> None:
        title = TITLES[wave]
        unknown = [step for step in group if not step.action and not step.problem]
        if unknown:
            if title == AGGREGATED:
                self._live.wait_kinds({step.key.kind for step in unknown}, self._deadline())
            self._look(unknown)  # their definition has come with an earlier wave
        for step in unknown:
            if not step.action and not step.problem:
                step.problem = "the cluster has no such kind, and the restore has not brought its definition"
        todo = [step for step in group if step.action in WRITES and not step.problem]
        if title in (HOOKS, FAIL_CLOSED):
            self._wait_served(todo)
            todo = [step for step in todo if not step.problem]
        with ThreadPoolExecutor(self._wish.workers) as pool:  # progress is shown while the calls run
            for done, _none in enumerate(pool.map(self._writer.write, todo), 1):
                if done % 500 == 0 or done == len(todo):
                    self._tell({"wave": title, "done": done, "total": len(todo), "says": f"{title}: {done} of {len(todo)} written"})
        if title == DEFINITIONS and todo:
            self._live.wait_established(todo, self._deadline())

    def _wait_served(self, steps: Iterable[Step]) -> None:
        """A webhook or an aggregated API blocks the cluster until its Service answers, so it is restored only after that."""
        for step in steps:
            for service in [holder["service"] for holder in bundle_holders(step.wanted) if holder.get("service")]:
                path = f"/apis/discovery.k8s.io/v1/namespaces/{service['namespace']}/endpointslices"
                with Watch(self._cluster, {"it": (path, None)}) as watch:
                    name = service["name"]
                    if not watch.wait(lambda scene, name=name: served(scene["it"].values(), name) or None, self._deadline()):  # type: ignore[misc]
                        step.problem = f"its Service {service['namespace']}/{name} has no ready endpoint, so it would only refuse"

    # --- proving ---

    def _prove(self, steps: Sequence[Step]) -> None:
        """What the API server says to each write, in a dry run."""
        absent = {step.key.name for step in steps if step.key.kind == "Namespace" and step.action == CREATE}
        reasons = for_each(lambda step: self._proven(step, absent), steps, self._wish.workers)
        self._not_proven += [{"object": str(step.key), "why": why} for step, why in zip(steps, reasons, strict=True) if why]
        for step in self._plan.steps:
            if not step.action and not step.problem:
                step.action, step.written = CREATE, True
                self._not_proven.append({"object": str(step.key), "why": "its kind comes with this restore"})

    def _proven(self, step: Step, absent: set[str]) -> str:
        live, after, why = self._found.get(step.key), None, ""
        try:
            if step.key.namespace in absent:
                self._writer.check_form(step)
                why = "its namespace comes with this restore; only its form was checked"
            elif step.action in (RECREATE, REBIND) or (live is not None and "deletionTimestamp" in live["metadata"]):
                why = "what is there has to go first"
            else:
                after = self._writer.apply(step, step.wanted, dry_run=True)
        except SalvageError as exc:
            step.problem = refusal_text(step, exc)
            return ""
        step.written = True
        if live is None:
            self._writer.show(step, None, step.wanted)
        elif after is not None:
            self._writer.show(step, live, after)
        return why

    def _verify(self, steps: Sequence[Step]) -> None:
        self._tell({"wave": "verification", "total": len(steps), "says": f"reading {len(steps)} objects again"})
        found = self._live.scan(steps)
        self._found.update(found)
        for step in steps:
            live = found.get(step.key)
            if step.problem:
                continue
            step.fields = [] if live is None else list(differences(step.first, comparable(live)))
            if live is None:
                step.problem = "it was written, and is not there any more"
            elif step.fields:
                step.problem = "it was written, and is not as the backup says"

    # --- what has to wait until the rest is there ---

    def _finish(self, steps: Sequence[Step], *, dry_run: bool) -> None:
        """CronJobs are resumed, and objects linked to their owners under the UIDs that these have now."""
        keys = {step.source["metadata"]["uid"]: step.key for step in self._plan.steps if step.source["metadata"].get("uid")}
        uids = {key: live["metadata"]["uid"] for key, live in self._found.items()}
        if not self._wish.selection.isolated:
            self._add_live_owners(steps, keys, uids)
        for step in steps:
            if not step.owners and step.first is step.wanted:
                continue
            owners, missing = links(step, uids, keys)
            if missing and not dry_run:
                self._plan.notes.append(f"{step.key} is restored without its owner {', '.join(missing)}, which is not there")
            live = self._found.get(step.key)
            if live is None or (dry_run and step.action != UNCHANGED):
                continue
            linked = {owner.get("uid") for owner in live["metadata"].get("ownerReferences") or ()}
            wanted = step.wanted
            if owners:
                wanted = {**wanted, "metadata": {**wanted["metadata"], "ownerReferences": owners}}
            if {owner["uid"] for owner in owners} <= linked and not any(differences(step.wanted, comparable(live))):
                continue
            self._finished += 1
            step.written = True
            if dry_run:
                continue
            try:
                self._writer.apply(step, wanted)
                live = read(self._cluster, self._live.path(step))
                step.fields = [] if live is None else list(differences(step.wanted, comparable(live)))
                if live is None:
                    step.problem = "it was finished, and is not there any more"
                elif step.fields:
                    step.problem = "it was finished, and is not as the backup says"
            except SalvageError as exc:
                step.problem = refusal_text(step, exc)

    def _add_live_owners(self, steps: Iterable[Step], keys: dict[str, Key], uids: dict[Key, str]) -> None:
        """Owners outside of the restore that are in the cluster as the very object that the backup names."""
        for owner, namespace in {owner["uid"]: (owner, step.key.namespace) for step in steps for owner in step.owners}.values():
            if owner["uid"] not in keys and self._live.uid_of(owner, namespace) == owner["uid"]:
                key = Key(kind_of(owner), "", owner["name"])
                keys[owner["uid"]], uids[key] = key, owner["uid"]

    def _wait_ready(self, steps: Iterable[Step]) -> None:
        waiting = {step.key: step for step in steps if step.key.kind in WATCHED}
        if not waiting:
            return
        self._tell({"wave": "readiness", "total": len(waiting), "says": f"waiting until {len(waiting)} workloads serve"})
        places = {(step.key.kind, step.key.namespace): step for step in waiting.values()}
        lists = {f"{kind}/{space}": (self._live.collection(step), None) for (kind, space), step in places.items()}

        def left(scene: Mapping[str, Mapping[str, Object]]) -> dict[Key, str]:
            found = {}
            for key, step in waiting.items():
                live = scene[f"{key.kind}/{key.namespace}"].get(f"{key.namespace}/{key.name}")
                why = (
                    "it is gone"
                    if live is None
                    else unready({**live, "apiVersion": step.wanted["apiVersion"], "kind": step.wanted["kind"]})
                )
                if why:
                    found[key] = why
            return found

        with Watch(self._cluster, lists) as watch:
            watch.wait(lambda scene: True if not left(scene) else None, self._deadline())
            for key, why in left(watch.scene).items():
                waiting[key].problem = f"it is there, and after {self._wish.wait_timeout:g} s {why}"
