# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a set back to what it was: changed objects by the fields of the set alone, then what was new is removed.

One object that cannot go back does not keep the others from it.  Each write carries the uid that was seen, so it is safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

from .._cluster.objects import Object, delete
from .._core.errors import SalvageError
from .._core.gather import for_each
from .._core.times import when
from .answers import fields_owned, refusal_of
from .before import Before, document_of, return_of, stays
from .changes import content_of
from .holds import mismatches
from .inventory import Applied, why_kept
from .journal import SetJournal
from .model import CHANGED, CREATED, REMOVED, UNCHANGED, Item, Manifest
from .order import wave_of
from .ownership import applied_fields
from .server import Server, with_uid

_TRIES = 5


class TakeBack:
    """``left`` are the objects and fields that stay as they are, each with the reason."""

    def __init__(self, server: Server, journal: SetJournal, name: str, workers: int, *, secrets: bool, dry_run: bool) -> None:
        self._server, self._manager, self._workers, self._dry_run = server, journal.manager, workers, dry_run
        self._secrets = secrets
        self._opened = when(journal.opened)
        kinds = server.kinds(before.api_version for before in journal.states)
        self._rows: list[tuple[Item, Before]] = []
        for before in journal.states:
            document = document_of(before, {})
            resource = kinds.get((before.api_version, before.id.kind))
            item = Item(before.id, Manifest(document, f"journal {name}"), document, wave_of(document), resource, action=UNCHANGED)
            self._rows.append((item, before))
        self.left: list[str] = []

    def read(self) -> list[tuple[Item, Before]]:
        """Each object as it is now, with what it was before."""
        for item, _before in self._rows:
            item.live = self._read(item)
        return self._rows

    def run(self) -> list[Item]:
        old = sorted((row for row in self._rows if row[1].content is not None), key=lambda row: row[0].rank)
        new = sorted((row for row in self._rows if row[1].content is None), key=lambda row: -row[0].rank)
        for rows, work in ((old, self._put_back), (new, self._remove)):
            for _rank, group in groupby(rows, lambda row: row[0].rank):
                self._each(work, group)
        return [item for item, _before in (*old, *new)]

    def _each(self, work: Callable[[Item, Before], list[str]], rows: Iterable[tuple[Item, Before]]) -> None:
        def guarded(row: tuple[Item, Before]) -> list[str]:
            item, before = row
            if item.id.kind == "Secret" and not item.id.group and not self._secrets:
                return [f"{item.id}: Secrets are not restored"]
            try:
                return work(item, before)
            except SalvageError as exc:
                item.fail_by(exc)
                return []

        self.left.extend(one for found in for_each(guarded, list(rows), self._workers) for one in found)

    # --- objects that were there ---

    def _put_back(self, item: Item, before: Before) -> list[str]:
        for _attempt in range(_TRIES):
            item.live = self._read(item)
            why = self._why_left(item, before)
            if why:
                return [f"{item.id}: {why}"]
            answer, left = self._applied(item, before, dry_run=True)
            if answer is None:
                continue
            if item.problem or item.action == UNCHANGED or self._dry_run:
                return left
            answer, left = self._applied(item, before, dry_run=False)
            if answer is not None:
                if not item.problem:
                    item.written = True
                    self._prove(item)
                return left
        item.fail("other clients kept changing it at the same time; run it again later", "conflict")
        return []

    def _applied(self, item: Item, before: Before, *, dry_run: bool) -> tuple[Object | None, list[str]]:
        """The object after it, or None if it changed meanwhile; and what stays."""
        if item.live is None:
            item.document, left = document_of(before, before.owned or {}), []
            body = item.document
        else:
            back = return_of(before, item.live, self._manager)
            item.document, left = back.document, [f"{item.id}: {one}" for one in back.left]
            body = with_uid(back.document, item.live)
        answer = self._server.apply(item, body, force=False, dry_run=dry_run)
        if answer.status < 300:
            after: Object = answer.json()
            item.after = after
            item.action = CREATED if item.live is None else CHANGED if content_of(item.live) != content_of(after) else UNCHANGED
            return after, [*left, *(f"{item.id}: {one}" for one in stays(before, after, self._manager))]
        refusal = refusal_of(answer, secret=item.id.kind == "Secret")
        if refusal.gone:
            return None, []
        item.action = UNCHANGED
        if refusal.conflicts:  # such as of a whole list that has two owners
            return {}, [*left, f"{item.id}: {fields_owned(refusal.conflicts)}"]
        item.fail(refusal.sentence, refusal.reason)
        return {}, left

    def _why_left(self, item: Item, before: Before) -> str:
        live = item.live
        if live is None:
            return "" if before.removed else "it was deleted since"
        metadata = live["metadata"]
        if "deletionTimestamp" in metadata:
            return "it is being deleted"
        ours = applied_fields(live, self._manager) is not None
        if metadata.get("uid") != before.uid and not (before.removed and ours):
            return "it was replaced by another object of this name"
        owners = (before.content or {}).get("metadata", {}).get("ownerReferences") or ()
        if any(owner.get("controller") and owner not in owners for owner in metadata.get("ownerReferences") or ()):
            return "a controller owns it now"
        return ""

    def _prove(self, item: Item) -> None:
        now = self._server.read(item)
        missing = [one.path for one in mismatches(item.document, now or {})]
        if missing:
            item.fail(f"it was put back and does not hold {', '.join(missing[:5])}; find out what changes it", "conflict")

    # --- objects that were not there ---

    def _remove(self, item: Item, before: Before) -> list[str]:
        item.live = self._read(item)
        if item.live is None or "deletionTimestamp" in item.live["metadata"]:
            return []
        uid = item.live["metadata"]["uid"]
        entry = Applied(before.api_version, before.id.kind, before.id.namespace, before.id.name, "")
        why = "it was there before" if self._is_older(item.live) else why_kept(entry, item.live, self._manager, frozenset())
        if why:
            return [f"{item.id}: it is new and stays, because {why}"]
        item.action = REMOVED
        delete(self._server.cluster, self._server.path(item), uid=uid, dry_run=self._dry_run)
        if self._dry_run:
            return []
        item.written = True
        now = self._server.read(item)
        if now is not None and now["metadata"]["uid"] == uid and "deletionTimestamp" not in now["metadata"]:
            item.fail("it was deleted and is still there; find out who keeps it", "conflict")
        return []

    def _is_older(self, live: Object) -> bool:
        """Than the journal: the set did not create it, under whatever version of its kind it was planned."""
        created = when(live["metadata"].get("creationTimestamp"))
        return created is None or self._opened is None or created < self._opened

    def _read(self, item: Item) -> Object | None:
        return self._server.read(item) if item.resource is not None else None
