# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of objects that is applied and then proven in use, or taken back, also after a kill: the journal stays open until one of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

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
# The same of what is taken back: each object, with what it was before.
ProveBack = Callable[[Sequence[tuple[Item, Before]]], Sequence[str]]


@dataclass
class ProvenSet:
    """``what`` uses the objects, in sentences.

    ``catch_up`` waits until what is there now is in use, before it is taken back: what still uses the objects of before would prove
    nothing, and use the others a moment later.
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
    notes: list[str] = field(default_factory=list)

    @property
    def journal(self) -> JournalStore:
        return JournalStore(self.cluster, self.namespace, self.name)

    def set_of(self, manifests: Sequence[Manifest]) -> ManifestSet:
        return ManifestSet(self.cluster, manifests, ApplySettings(self.manager), self.namespace, self.tell)

    def plan(self, manifests: Sequence[Manifest]) -> dict[str, Any]:
        """What would change; nothing is written."""
        return set_result(self.set_of(manifests).plan(), self.notes, show=True, values=True)

    def apply(self, manifests: Sequence[Manifest]) -> tuple[list[Item], dict[str, Any]]:
        """Written, and the journal open.  Raises SalvageError, with what was taken back."""
        self.revert_left_over()
        whole = self.set_of(manifests)
        items = whole.apply(lambda: self._open(whole.items))
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
        if not any(item.written for item in items) and self.journal.read() is None:
            raise SalvageError(f"nothing was changed: {some(problems)}", reason=reason)
        back = self.take_back(self.journal.read(), waited=waited)
        kept = "".join(f"; {note}" for note in self.notes if note.startswith("not taken back"))
        said = f"it could not be taken back ({some(back)})" if back else f"it was taken back, and {self.what} has what was before"
        raise SalvageError(f"the change failed; {said}: {some(problems)}{kept}", reason=reason)

    def revert_left_over(self) -> None:
        """What a killed run left half done.  Raises SalvageError if it can't be taken back."""
        journal = self.journal.read()
        if journal is None or journal.run == self.run:  # an earlier task of this run, which is not done yet
            return
        self.tell({"says": f"taking back what the run {journal.run} left"})
        problems = self.take_back(journal)
        if problems:
            raise SalvageError(f"what the run {journal.run} left can't be taken back: {some(problems)}", reason="conflict")
        self.notes.append(f"took back what the run {journal.run} left half done")

    def take_back(self, journal: SetJournal | None, *, waited: bool = False) -> list[str]:
        """Why it is not as it was; empty if that is proven."""
        if journal is None:
            return []
        way_back = TakeBack(Server(self.cluster, journal.manager, _WORKERS), journal, self.name, _WORKERS, secrets=False, dry_run=False)
        late = [] if waited else self.catch_up(way_back.read())
        if late:
            self.notes.append(
                f"{self.what} did not show in time what the run {journal.run} wrote, and may show it for a moment: {some(late)}"
            )
        items = way_back.run()
        problems = [f"{item.id}: {item.problem}" for item in items if item.problem]
        if problems:
            return problems
        # What others changed since is theirs.
        self.notes += [f"not taken back: {one}" for one in way_back.left]
        was = {one.id: one for one in journal.states}
        gone_back = [(item, was[item.id]) for item in items if not any(one.startswith(f"{item.id}:") for one in way_back.left)]
        problems = list(self.prove_back(gone_back))
        if not problems:
            self.journal.close()
        return problems

    def _open(self, items: Sequence[Item]) -> None:
        states = states_before(items, self.manager)
        if states:
            self.journal.open(SetJournal(self.manager, tuple(states), self.run))


def some(problems: Sequence[str]) -> str:
    """The first of them, for a sentence."""
    return some_of(problems, 3, between="; ")
