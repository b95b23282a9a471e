# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes what Prometheus loads, rules and its configuration: applied, proven loaded by each replica, or taken back.

A killed run is taken back by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.progress import Tell, silent
from .._manifests.before import Before, states_before
from .._manifests.engine import ManifestSet
from .._manifests.journal import JournalStore, SetJournal
from .._manifests.model import ApplySettings, Item, Manifest
from .._manifests.proven_set import CATCH_UP, some
from .._manifests.result import set_result
from .._manifests.server import Server
from .._manifests.takeback import TakeBack
from .._prometheus.rules import RuleGroup, wanted_groups
from .config_text import ConfigText, ConfigWanted, LoadWanted, config_of_before, groups_of_file, refuse_known_jobs
from .configured import OPERATOR, ConfiguredBy
from .file_change import MANAGER, FileChange, FileTexts, files_of, is_of_files, put_back
from .instances import Instances, States

JOURNAL = "meta-salvage-prometheus-config"


def file_mark(obj: Mapping[str, Any]) -> str:
    """What the operator puts into the name of the file of an object's rules."""
    metadata = obj["metadata"]
    return f"{metadata['namespace']}-{metadata['name']}-{metadata['uid']}"


@dataclass
class PrometheusChange:
    """``files`` are those of the configuration, ``config`` is what it becomes; both None where only rules change."""

    cluster: Cluster
    instances: Instances
    where: ConfiguredBy
    manifests: Sequence[Manifest]
    namespace: str
    run: str
    wait: float
    files: FileChange | None = None
    config: ConfigText | None = None
    tell: Tell = silent
    notes: list[str] = field(default_factory=list)
    _undone: bool = False  # whether the way back changed anything

    @property
    def journal(self) -> JournalStore:
        return JournalStore(self.cluster, self.namespace, JOURNAL)

    def plan(self, before: States) -> dict[str, Any]:
        """What would change; nothing is written."""
        self._refuse_known_jobs(before)
        items = self._set().plan() if self.manifests else []
        return set_result([*items, *([self.files.write(dry_run=True)] if self.files else [])], self.notes, show=True, values=True)

    def perform(self, before: States) -> dict[str, Any]:
        """Raises SalvageError, with what was taken back."""
        if self.revert_left_over():
            before = {address: one for address, one in self.instances.states().items() if not isinstance(one, SalvageError)}
        if self.files:
            self.files = FileChange.read(self.cluster, self.files.place, self.files.files)
        self._refuse_known_jobs(before)
        self.instances.note()
        items = self._apply()
        result = set_result(items, self.notes, show=True, values=True)
        problems = [item.problem for item in items if item.problem]
        waited = not problems
        if waited:
            problems = self.instances.wait_loaded(self._wanted(items), before, self.wait)
            if not problems:
                self.journal.close(self.run)
                return result
        # A write with an answer that was lost may have gone through: the way back shows it.
        journal, written, self._undone = self.journal.read(), any(item.written for item in items), False
        back = ["its journal was not found"] if written else []
        if journal is not None:
            back = self._take_back(journal, before, waited=waited)
        if not (back or written or self._undone):
            raise SalvageError(f"nothing was changed: {some(problems)}", reason=_reason(items))
        kept = "".join(f"; {note}" for note in self.notes if note.startswith(("not taken back", "it is loaded as before")))
        what = "configuration" if self.files else "rules"
        said = f"it was taken back, and Prometheus has the {what} of before: {some(problems)}" if not back else (
            f"it could not be taken back ({some(back)}): {some(problems)}"
        )  # fmt: skip
        raise SalvageError(f"the change failed; {said}{kept}", reason=_reason(items))

    def revert_left_over(self) -> bool:
        """What a killed run left half done; whether there was any.  Raises SalvageError if it can't be taken back."""
        journal = self.journal.read()
        if journal is None:
            return False
        self.tell({"says": f"taking back what the run {journal.run} left"})
        problems = self._take_back(journal, {}, waited=False)
        if problems:
            raise SalvageError(f"what the run {journal.run} left can't be taken back: {some(problems)}", reason="conflict")
        self.notes.append(f"took back what the run {journal.run} left half done")
        return True

    def _refuse_known_jobs(self, before: States) -> None:
        if self.files and self.config:
            old = self._text(self.files.texts.get(self.files.place.key, ""))
            for state in before.values():
                refuse_known_jobs(ConfigWanted(self.config, old), state.config, self.where)

    def _set(self) -> ManifestSet:
        return ManifestSet(self.cluster, self.manifests, ApplySettings(MANAGER), self.namespace, self.tell)

    def _apply(self) -> list[Item]:
        """The rules first; the files only if nothing is wrong with them."""
        if self.manifests:
            whole = self._set()
            items = whole.apply(lambda: self._open(whole.items))
        else:
            items = []
            self._open([])
        if self.files and not any(item.problem for item in items):
            items = [*items, self.files.write(dry_run=False)]
        return items

    def _open(self, items: Sequence[Item]) -> None:
        states = states_before(items, MANAGER)
        files = self.files.before() if self.files else None
        if states or files:
            self.journal.open(SetJournal(MANAGER, (*states, *([files] if files else [])), self.run))

    def _wanted(self, items: Sequence[Item]) -> LoadWanted:
        rules = {
            file_mark(item.after or item.live or {}): wanted_groups(item.document.get("spec"), str(item.id))
            for item in items
            if item.id.kind == "PrometheusRule"
        }
        if not self.files:
            return LoadWanted(rules)
        place, files = self.files.place, self.files.files
        rules.update({f"/{key}": groups_of_file(text, key) for key, text in files.items() if key != place.key})
        old = self._text(self.files.texts.get(place.key, ""))
        return LoadWanted(rules, ConfigWanted(self.config or old, old))

    def _text(self, text: str) -> ConfigText:
        return config_of_before(text, jobs_only=self.where.kind == OPERATOR)

    def _take_back(self, journal: SetJournal, before: States, *, waited: bool) -> list[str]:
        """Why it is not as it was; empty if each replica shows it.  ``waited``: they had their time to load what is taken back."""
        of_files = [one for one in journal.states if is_of_files(one)]
        self.instances.whole |= bool(of_files)
        rules = replace(journal, states=tuple(one for one in journal.states if not is_of_files(one)))
        way_back = TakeBack(Server(self.cluster, journal.manager, 4), rules, JOURNAL, 4, secrets=False, dry_run=False)
        if not waited:
            self._catch_up(way_back.read() if rules.states else [], of_files)
        self.instances.note()
        items = way_back.run() if rules.states else []
        self._undone |= any(item.written for item in items)
        problems = [f"{item.id}: {item.problem}" for item in items if item.problem]
        if problems:
            return problems
        wanted: dict[str, list[RuleGroup]] = {}
        for item, state in zip(items, (one for item in items for one in rules.states if one.id == item.id), strict=True):
            there = item.after or item.live
            if there is not None and not any(one.startswith(f"{item.id}:") for one in way_back.left):
                wanted[file_mark(there)] = wanted_groups(state.content.get("spec"), str(item.id)) if state.content else []
        left, config = list(way_back.left), None
        for state in of_files:
            done = put_back(self.cluster, state)
            left += done.left
            self._undone |= done.changed
            config = self._add_files(wanted, state.id.name, done.files) or config
        # What others changed since is theirs.
        self.notes += [f"not taken back: {one}" for one in left]
        problems = self.instances.wait_loaded(LoadWanted(wanted, config), before, self.wait, back=True)
        self.notes += self.instances.notes
        if not problems:
            self.journal.close()
        return problems

    def _catch_up(self, rules: Iterable[tuple[Item, Before]], files: Iterable[Before]) -> None:
        """Until each replica has loaded what is there: what it still has from before would prove nothing afterwards."""
        wanted: dict[str, list[RuleGroup]] = {}
        for item, _before in rules:
            if item.live is not None:
                with suppress(SalvageError):  # what nobody can read is not loaded either
                    wanted[file_mark(item.live)] = wanted_groups(item.live.get("spec"), str(item.id))
        config = None
        for state in files:
            config = self._add_files(wanted, state.id.name, files_of(self.cluster, state)) or config
        late = self.instances.catch_up(LoadWanted(wanted, config), min(self.wait, CATCH_UP))
        if late:
            self.notes.append(f"Prometheus did not load in time what is taken back, and may load it for a moment: {some(late)}")

    def _add_files(self, wanted: dict[str, list[RuleGroup]], name: str, files: FileTexts) -> ConfigWanted | None:
        """What each replica has to have loaded of the files of an object: the rules are added to ``wanted``."""
        config = None
        for key, (old, new) in files.items():
            if key == self.where.key or f"{name}/{key}" == self.where.scrape_configs:
                config = ConfigWanted(self._text(new or ""), self._text(old or ""))
            elif self.where.kind != OPERATOR:
                try:
                    wanted[f"/{key}"] = groups_of_file(new, key) if new else []
                except SalvageError as exc:
                    self.notes.append(f"nobody can prove that {key} is loaded as it is, because it could not be read: {exc}")
        return config


def _reason(items: Sequence[Item]) -> str:
    return next((item.reason for item in items if item.problem), "timeout")
