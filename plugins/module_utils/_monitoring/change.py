# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes what Prometheus loads, rules and its configuration: applied, proven loaded by each replica, or taken back.

A killed run is taken back by the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.progress import Tell, silent
from .._manifests.before import Before
from .._manifests.model import Item, Manifest
from .._manifests.proven_set import CATCH_UP, ProvenSet
from .._prometheus.rules import RuleGroup, wanted_groups
from .config_text import ConfigText, ConfigWanted, LoadWanted, config_of_before, groups_of_file, refuse_known_jobs
from .configured import OPERATOR, ConfiguredBy
from .file_change import MANAGER, FileChange, FilesBeside, files_written, is_of_files
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

    def __post_init__(self) -> None:
        self._files = FilesBeside(self.cluster, self.files)
        self._set = ProvenSet(
            self.cluster, self.namespace, MANAGER, JOURNAL, self.run, "Prometheus", self._catch_up, self._prove_back, self.tell, self._files
        )
        self._before: States = {}  # what each replica had loaded before the change; none of it is known of a run that was killed

    @property
    def notes(self) -> list[str]:
        return self._set.notes

    def plan(self, before: States) -> dict[str, Any]:
        """What would change; nothing is written."""
        self._refuse_known_jobs(before)
        return self._set.plan(self.manifests)

    def perform(self, before: States) -> dict[str, Any]:
        """Raises SalvageError, with what was taken back."""
        if self.revert_left_over():
            before = {address: one for address, one in self.instances.states().items() if not isinstance(one, SalvageError)}
        self._before = before
        if self.files:
            self.files = self._files.change = FileChange.read(self.cluster, self.files.place, self.files.files)
        self._refuse_known_jobs(before)
        self.instances.note()
        items, result = self._set.apply(self.manifests)
        self._set.settle(items, self._prove)
        return result

    def revert_left_over(self) -> bool:
        """What a killed run left half done; whether there was any.  Raises SalvageError if it can't be taken back."""
        return self._set.revert_left_over()

    def _refuse_known_jobs(self, before: States) -> None:
        if self.files and self.config:
            old = self._text(self.files.texts.get(self.files.place.key, ""))
            for state in before.values():
                refuse_known_jobs(ConfigWanted(self.config, old), state.config, self.where)

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

    def _prove(self, items: Sequence[Item]) -> list[str]:
        problems = self.instances.wait_loaded(self._wanted(items), self._before, self.wait)
        if problems:
            self.instances.note()
        return problems

    def _catch_up(self, rows: Sequence[tuple[Item, Before]]) -> list[str]:
        """Until each replica has loaded what is there: what it still has from before would prove nothing afterwards."""
        self.instances.whole |= any(is_of_files(state) for _item, state in rows)
        there: dict[str, list[RuleGroup]] = {}
        for item, state in rows:
            if item.live is not None and not is_of_files(state):
                with suppress(SalvageError):  # what nobody can read is not loaded either
                    there[file_mark(item.live)] = wanted_groups(item.live.get("spec"), str(item.id))
        config = self._add_files(there, rows, back=False)
        late = self.instances.catch_up(LoadWanted(there, config), min(self.wait, CATCH_UP))
        self.instances.note()
        return late

    def _prove_back(self, rows: Sequence[tuple[Item, Before]]) -> list[str]:
        wanted: dict[str, list[RuleGroup]] = {}
        for item, state in rows:
            there = item.after or item.live
            if there is not None and not is_of_files(state):
                wanted[file_mark(there)] = wanted_groups(state.content.get("spec"), str(item.id)) if state.content else []
        config = self._add_files(wanted, rows, back=True)
        problems = self.instances.wait_loaded(LoadWanted(wanted, config), self._before, self.wait, back=True)
        self.notes.extend(self.instances.notes)
        return problems

    def _add_files(self, wanted: dict[str, list[RuleGroup]], rows: Sequence[tuple[Item, Before]], *, back: bool) -> ConfigWanted | None:
        """What each replica has to have loaded of the files among the rows: the rules are added to ``wanted``."""
        config = None
        for item, state in rows:
            for key, (was, now) in files_written(item.live, state).items() if is_of_files(state) else ():
                old, new = (now, was) if back else (was, now)
                if key == self.where.key or f"{state.id.name}/{key}" == self.where.scrape_configs:
                    config = ConfigWanted(self._text(new or ""), self._text(old or ""))
                elif self.where.kind != OPERATOR:
                    try:
                        wanted[f"/{key}"] = groups_of_file(new, key) if new else []
                    except SalvageError as exc:
                        self.notes.append(f"nobody can prove that {key} is loaded as it is, because it could not be read: {exc}")
        return config
