# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore: waves with a barrier after each; what was written is read again, and the counts add up."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from .._cluster.objects import read
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.gather import for_each, gather
from .._core.progress import Tell, silent
from .._core.status import FAIL
from .._manifests.model import group_kind
from .._manifests.order import AGGREGATED, CUSTOM, DEFINITIONS, FAIL_CLOSED, HOOKS, TITLES
from .compare import differences
from .journal import RestoreJournal
from .kinds import Key
from .live import Live
from .outcome import Outcome, restore_outcome
from .plan import CREATE, KEPT, REBIND, RECREATE, UNCHANGED, Left, Step, action_for, links, orphan_notes, unlabelled
from .planning import owner_unknown, planned
from .portable import Object, comparable
from .ready import is_watched
from .settings import RestoreSettings
from .skip_rules import READ_ONLY
from .stored import Shelf, StoredItems
from .waits import Waits
from .writer import ObjectWriter
from .writes import WRITES, refusal_text, written_by_us


class Restore:
    """``back_up`` takes a backup of the namespaces it is given (of everything if there are none) and gives its name."""

    def __init__(
        self,
        cluster: Cluster,
        backup: tuple[Mapping[str, Any], StoredItems | Iterable[Object]],
        wish: RestoreSettings,
        journal: RestoreJournal,
        back_up: Callable[[Sequence[str]], str] | None = None,
        tell: Tell = silent,
    ) -> None:
        self._cluster, self._wish, self._journal, self._back_up, self._tell = cluster, wish, journal, back_up, tell
        self._manifest, objects = backup
        self._items = objects if isinstance(objects, StoredItems) else StoredItems(objects)
        self._live = Live(cluster, wish.workers)
        self._found = Shelf()  # what has to be looked at again
        self._uids: dict[Key, str] = {}  # of what owns others
        self._waits = Waits(cluster, self._live, wish, tell)
        self._writer = ObjectWriter(cluster, self._live, wish, self._found, self._waits)
        self._there: set[str] = set()  # namespaces
        self._finished = 0
        self._not_proven: list[dict[str, str]] = []
        self._plan = planned(self._items, self._live, wish)

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
        self._claims([step for step in steps if self._made_now(step) and step.key.kind == "PersistentVolumeClaim" and not step.problem])
        if not dry_run:
            made = [step for step in steps if self._made_now(step) and not step.problem]
            self._wait_ready([step for step in made if is_watched(step.key.kind, partial(getattr, step, "wanted"))])
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
                if not self._live.wait_gone("/api/v1/namespaces", space, self._waits.deadline):
                    why = f"its namespace is still being deleted after {self._wish.wait_timeout:g} s"
            for step in steps if why else ():
                if space == _space_of(step):
                    step.problem = why
        for step in steps:
            step.deferred = bool(step.key.namespace) and step.key.namespace not in self._there

    def _look(self, steps: Sequence[Step]) -> None:
        known = [step for step in steps if self._live.knows(step) and not step.action]
        new = {key for key in self._journal.made if key.kind == "Namespace"}
        there = self._live.scan(known, lambda step, live: self._compare(step, live, new))
        for step in known:
            if not step.problem and step.key not in there:
                step.action = CREATE

    def _compare(self, step: Step, live: Object, new: set[Key]) -> None:
        """What is to be done about an object that is there; ``new`` are the namespaces that this restore has made."""
        begun = step.key in self._journal.made and written_by_us(live)
        ours = begun or Key("Namespace", "", step.key.namespace) in new or self._is_fresh(step, live)
        existing = self._wish.existing_for(step.key, self._live.names[step.key.kind])
        step.action = action_for(step, live, existing, ours=ours)
        if not ours and step.key.kind == "Deployment.apps":
            step.late = False  # a paused one that is there is never rolled out
        if "deletionTimestamp" in live["metadata"]:
            step.action = CREATE  # once it is gone
        self._keep(step, live)

    def _keep(self, step: Step, live: Object) -> None:
        if step.uid:
            self._uids[step.key] = live["metadata"]["uid"]
        if step.owned or step.late or step.action not in (UNCHANGED, KEPT):
            self._found.put(step.key, live)

    def _is_fresh(self, step: Step, live: Object) -> bool:
        """Whether it is a namespace that was only created, as a rebuild does first: nobody has labelled it or put anything into it."""
        if step.key.kind != "Namespace" or not unlabelled(live):
            return False
        return any(differences(step.wanted, comparable(live))) and not self._live.occupied(step.key.name)

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
        if any(not _space_of(step) and step.action != CREATE for step in writes):
            return []
        spaces = sorted({_space_of(step) for step in writes} - {""})
        return [space for space in spaces if space in self._there and self._live.occupied(space)] or None

    # --- writing ---

    def _wave(self, wave: int, group: Sequence[Step]) -> None:
        title = TITLES[wave]
        unknown = [step for step in group if not step.action and not step.problem]
        for step in unknown:
            step.deferred = True
        if unknown:
            if title == AGGREGATED:
                self._live.wait_kinds({step.key.kind for step in unknown}, self._waits.deadline)
            unknown = self._writable(unknown)
            self._look(unknown)  # their definition has come with an earlier wave
        for step in unknown:
            if not step.action and not step.problem:
                step.problem = "the cluster has no such kind, and the restore has not brought its definition"
        todo = [step for step in group if step.action in WRITES and not step.problem]
        if title in (HOOKS, FAIL_CLOSED):
            self._waits.for_services(title, todo)
        elif title in (CUSTOM, AGGREGATED):
            self._waits.for_converters(title, todo, (step for step in self._plan.steps if TITLES[step.wave] == DEFINITIONS))
        todo = [step for step in todo if not step.problem]
        count, turn = Counter({True: 0, False: 0}), threading.Lock()

        def write(step: Step) -> None:
            written = self._writer.write(step)
            with turn:  # progress is shown while the calls run
                count[written] += 1
                done, refused = count.total(), count[False]
                if done % 500 == 0 or done == len(todo):
                    says = f"{title}: {done - refused} of {len(todo)} written{f', {refused} refused' if refused else ''}"
                    self._tell({"wave": title, "done": done, "total": len(todo), "says": says})

        for_each(write, todo, self._wish.workers)
        if title == DEFINITIONS and todo:
            self._live.wait_established(todo, self._waits.deadline)

    def _writable(self, steps: Sequence[Step]) -> list[Step]:
        """Without what an API that came with the restore serves only to read; the plan leaves it out now."""
        left = {step.key for step in steps if step.key.kind in self._live.read_only}
        self._plan.steps[:] = [step for step in self._plan.steps if step.key not in left]
        self._plan.left.extend(Left(key, READ_ONLY) for key in left)
        return [step for step in steps if step.key not in left]

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
            elif step.action == RECREATE:
                self._writer.prove_creation(step)
            elif step.action == REBIND or (live is not None and "deletionTimestamp" in live["metadata"]):
                why = "what is there has to go first"
            else:
                after = self._writer.apply(step, step.wanted, live, dry_run=True)
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

        def compare(step: Step, live: Object) -> None:
            step.fields = list(differences(step.first, comparable(live))) or ()
            if step.uid:
                self._uids[step.key] = live["metadata"]["uid"]
            if step.owned or step.late:
                self._found.put(step.key, live)

        there = self._live.scan(steps, compare)
        for step in steps:
            if step.problem:
                continue
            if step.key not in there:
                step.problem = "it was written, and is not there any more"
            elif step.fields:
                step.problem = "it was written, and is not as the backup says"

    # --- what has to wait until the rest is there ---

    def _finish(self, steps: Sequence[Step], *, dry_run: bool) -> None:
        """CronJobs are resumed, and objects linked to their owners under the UIDs that these have now."""
        keys = {step.uid: step.key for step in self._plan.steps if step.uid}
        uids = dict(self._uids)
        unknown = set() if self._wish.selection.isolated else self._add_live_owners(steps, keys, uids)
        if dry_run:  # those that come with the restore have no UID yet
            uids = {**dict.fromkeys(keys.values(), ""), **uids}
        else:
            self._waits.for_pods(step for step in steps if step.written and _is_paused_again(step))
        orphans: dict[str, list[str]] = defaultdict(list)
        for step in steps:
            if not step.owned and not step.late:
                continue
            owners, missing = links(step, uids, keys)
            if missing := [owner for owner in missing if owner not in unknown]:
                orphans[", ".join(missing)].append(str(step.key))
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
                self._writer.apply(step, wanted, live)
                live = read(self._cluster, self._live.path(step))
                step.fields = () if live is None else list(differences(step.wanted, comparable(live)))
                if live is None:
                    step.problem = "it was finished, and is not there any more"
                elif step.fields:
                    step.problem = "it was finished, and is not as the backup says"
            except SalvageError as exc:
                step.problem = refusal_text(step, exc)
        self._plan.notes.extend(orphan_notes(orphans))

    def _add_live_owners(self, steps: Iterable[Step], keys: dict[str, Key], uids: dict[Key, str]) -> set[str]:
        """Owners outside of the restore that are in the cluster as the very object that the backup names.

        Returns those (`Kind/name`) of which that is not known.
        """
        places = {owner["uid"]: (owner, step.key.namespace) for step in steps for owner in step.owners if owner["uid"] not in keys}
        found = gather({uid: partial(self._live.uid_of, *place) for uid, place in places.items()}, self._wish.workers)
        unknown = set()
        for uid, (owner, namespace) in places.items():
            answer = found[uid]
            if isinstance(answer, SalvageError):
                unknown.add(f"{owner['kind']}/{owner['name']}")
                if (text := owner_unknown(owner, namespace, answer)) not in self._plan.unknown:
                    self._plan.unknown.append(text)
            elif answer == uid:
                key = Key(group_kind(owner), "", owner["name"])
                keys[uid], uids[key] = key, uid
        return unknown

    def _claims(self, steps: Sequence[Step]) -> None:
        """Nobody waits for claims, since some get their volume with their first pod; one that never gets any is named."""
        if not steps:
            return
        try:
            waiting = self._live.waiting((step for step in self._plan.steps if not step.problem), steps)
        except SalvageError as exc:
            what = "1 claim gets its volume" if len(steps) == 1 else f"{len(steps)} claims get their volumes"
            self._plan.unknown.append(f"whether {what} is unknown: {exc}")
            return
        for step in steps:
            if (missing := waiting.get(step.key)) is None:
                continue
            why = f"it waits for {missing}"
            if (step.source.get("status") or {}).get("phase") == "Pending":
                self._plan.notes.append(f"{step.key}: {why}; it had no volume in the backup either")
            else:
                step.problem = why

    def _wait_ready(self, steps: Sequence[Step]) -> None:
        if self._wish.wait:
            self._waits.for_workloads(steps)
        elif steps:
            what = "1 workload serves" if len(steps) == 1 else f"{len(steps)} workloads serve"
            self._plan.notes.append(f"whether {what} is not known, since wait is false")


def _is_paused_again(step: Step) -> bool:
    return step.late and step.key.kind == "Deployment.apps"


def _space_of(step: Step) -> str:
    """The namespace that a step is in, or is."""
    return step.key.name if step.key.kind == "Namespace" else step.key.namespace
