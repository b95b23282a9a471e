# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of objects that is applied and then proven in use, or taken back, also after a kill: the journal stays open until one of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.progress import Tell, silent
from .._core.sentences import some_of
from .before import Before, states_before
from .engine import ManifestSet
from .journal import JournalStore, SetJournal
from .model import ApplySettings, Item, Manifest
from .result import set_result
from .server import Server
from .takeback import TakeBack

_WORKERS = 4
CATCH_UP = 60.0  # seconds at most; most sidecars, kubelets and Grafanas look for new files every 10 to 60 seconds
# Why it is not in use, empty if it is.
Prove = Callable[[Sequence[Item]], Sequence[str]]
# The same of what is taken back: each object as it was a moment ago, with what it was before the change.
ProveBack = Callable[[Sequence[tuple[Item, Before]]], Sequence[str]]


class Beside(Protocol):
    """What a change writes besides its manifests, such as files in a ConfigMap of others.  Its states are in the same journal."""

    def before(self) -> Before | None:
        """What it is now; None if the change does not touch it."""

    def write(self, *, dry_run: bool) -> Item | None:
        """What came of it; None if there is nothing to write."""

    def has(self, state: Before) -> bool:
        """Whether a state of a journal is of this kind."""

    def read(self, state: Before) -> Item:
        """The object as it is now.  Raises SalvageError."""

    def put_back(self, item: Item, state: Before) -> list[str]:
        """What stays as it is, each with the reason; ``item.live`` becomes what it was a moment ago.  Safe to repeat.

        Raises SalvageError.
        """


@dataclass
class ProvenSet:
    """``what`` uses the objects, in sentences.

    ``catch_up`` waits until what is there now is in use, before it is taken back: what still uses the objects of before would prove
    nothing, and use the others a moment later.  ``spans_tasks``: a later task of the same run proves what an earlier one wrote.
    """

    cluster: Cluster
    namespace: str
    manager: str
    name: str  # of the journal
    run: str
    what: str
    catch_up: ProveBack
    prove_back: ProveBack
    tell: Tell = silent
    beside: Beside | None = None
    spans_tasks: bool = False
    notes: list[str] = field(default_factory=list)
    _undone: bool = False  # whether the way back changed anything

    @property
    def journal(self) -> JournalStore:
        return JournalStore(self.cluster, self.namespace, self.name)

    def plan(self, manifests: Sequence[Manifest]) -> dict[str, Any]:
        """What would change; nothing is written."""
        items = self._set_of(manifests).plan() if manifests else []
        return set_result([*items, *self._beside(dry_run=True)], self.notes, show=True, values=True)

    def apply(self, manifests: Sequence[Manifest]) -> tuple[list[Item], dict[str, Any]]:
        """Written, and the journal open.  Raises SalvageError, with what was taken back."""
        self.revert_left_over()
        items: list[Item] = []
        if manifests:
            whole = self._set_of(manifests)
            items = whole.apply(lambda: self._open(whole.items))
        else:
            self._open([])
        if not any(item.problem for item in items):
            items = [*items, *self._beside(dry_run=False)]
        problems = [f"{item.id}: {item.problem}" for item in items if item.problem]
        if problems:
            self.fail(items, problems)
        return items, set_result(items, self.notes, show=True, values=True)

    def settle(self, items: Sequence[Item], prove: Prove) -> None:
        """Proven, or taken back.  Raises SalvageError for the latter."""
        problems = list(prove(items))
        if problems:
            self.fail(items, problems, waited=True)
        self.journal.close(self.run)

    def fail(self, items: Sequence[Item], problems: Sequence[str], *, waited: bool = False) -> None:
        """Takes back what was written, after a proof that ``waited`` for it in vain or none.  Raises SalvageError always."""
        reason = next((item.reason for item in items if item.problem), "timeout")
        # A write with an answer that was lost may have gone through: the way back shows it.
        journal, written, noted = self.journal.read(), any(item.written for item in items), len(self.notes)
        back = ["its journal was not found"] if written else []
        if journal is not None:
            try:
                back = self.take_back(journal, waited=waited)
            except SalvageError as exc:
                back = [str(exc)]
        if not (back or written or self._undone):
            raise SalvageError(f"nothing was changed: {some(problems)}", reason=reason)
        kept = "".join(f"; {note}" for note in self.notes[noted:])
        said = f"it could not be taken back ({some(back)})" if back else f"it was taken back, and {self.what} has what was before"
        raise SalvageError(f"the change failed; {said}: {some(problems)}{kept}", reason=reason)

    def revert_left_over(self) -> bool:
        """What a killed run left half done; whether there was any.  Raises SalvageError if it can't be taken back."""
        journal = self.journal.read()
        if journal is None or (self.spans_tasks and journal.run == self.run):
            return False
        self.tell({"says": f"taking back what the run {journal.run} left"})
        problems = self.take_back(journal)
        if problems:
            raise SalvageError(f"what the run {journal.run} left can't be taken back: {some(problems)}", reason="conflict")
        self.notes.append(f"took back what the run {journal.run} left half done")
        return True

    def take_back(self, journal: SetJournal, *, waited: bool = False) -> list[str]:
        """Why it is not as it was; empty if that is proven."""
        self._undone = False
        of_beside = [one for one in journal.states if self.beside and self.beside.has(one)]
        of_set = replace(journal, states=tuple(one for one in journal.states if one not in of_beside))
        way_back = TakeBack(Server(self.cluster, journal.manager, _WORKERS), of_set, self.name, _WORKERS, secrets=False, dry_run=False)
        beside = [(self.beside.read(one), one) for one in of_beside if self.beside]
        late = [] if waited else self.catch_up([*way_back.read(), *beside])
        if late:
            self.notes.append(
                f"{self.what} did not show in time what the run {journal.run} wrote, and may show it for a moment: {some(late)}"
            )
        items = way_back.run()
        left = list(way_back.left)
        if not any(item.problem for item in items):
            left += [one for item, state in beside for one in self._put_back(item, state)]
        items += [item for item, _state in beside]
        self._undone = any(item.written for item in items)
        problems = [f"{item.id}: {item.problem}" for item in items if item.problem]
        if problems:
            return problems
        # What others changed since is theirs.
        self.notes += [f"not taken back: {one}" for one in left]
        was = {one.id: one for one in of_set.states}
        gone_back = [
            (item, was[item.id]) for item in items if item.id in was and not any(one.startswith(f"{item.id}:") for one in way_back.left)
        ]
        problems = list(self.prove_back([*gone_back, *beside]))
        if not problems:
            self.journal.close()
        return problems

    def _put_back(self, item: Item, state: Before) -> list[str]:
        try:
            return self.beside.put_back(item, state) if self.beside else []
        except SalvageError as exc:
            item.fail_by(exc)
            return []

    def _set_of(self, manifests: Sequence[Manifest]) -> ManifestSet:
        return ManifestSet(self.cluster, manifests, ApplySettings(self.manager), self.namespace, self.tell)

    def _beside(self, *, dry_run: bool) -> list[Item]:
        item = self.beside.write(dry_run=dry_run) if self.beside else None
        return [] if item is None else [item]

    def _open(self, items: Sequence[Item]) -> None:
        states, beside = states_before(items, self.manager), self.beside.before() if self.beside else None
        if states or beside:
            self.journal.open(SetJournal(self.manager, (*states, *([beside] if beside else [])), self.run))


def some(problems: Sequence[str]) -> str:
    """The first of them, for a sentence."""
    return some_of(problems, 3, between="; ")
