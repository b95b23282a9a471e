# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One object of a set: planned by a dry run, applied under a precondition, and read again."""

from __future__ import annotations

import copy
import time
from typing import Any

from .._cluster.http import Response
from .._cluster.objects import Object, read
from .answers import Refusal, refusal_of
from .changes import content_of
from .definitions import sent_until_known
from .holds import Mismatch, mismatches
from .model import CHANGED, CREATED, UNCHANGED, ApplySettings, Item
from .ownership import LAST_APPLIED, applied_fields, earlier_managers, fields_of_others, minus, moved, remove_fields, united
from .scaled import as_scaled
from .server import Server, with_uid

_TRIES = 5
_REPLICAS = ".spec.replicas"


class ApplyOne:
    def __init__(self, server: Server, settings: ApplySettings) -> None:
        self._server, self._settings = server, settings

    def namespace(self, name: str) -> Object | None:
        return read(self._server.cluster, f"/api/v1/namespaces/{name}")

    def plan(self, item: Item) -> None:
        """What the API server would make of it; sends a dry run."""
        item.live = self._server.read(item)
        if item.live is not None and "deletionTimestamp" in item.live["metadata"]:
            item.fail("it is being deleted; wait until it is gone, then run again", "conflict")
            return
        entries = self._move(item)
        earlier = earlier_managers(item.live) if item.live is not None else frozenset()
        body = self._body(item, entries)
        answer = self._server.apply(item, body, force=self._settings.force, dry_run=True)
        if answer.status == 409 and earlier:
            refusal = self._refusal(item, answer)
            if refusal.conflicts and {one.manager for one in refusal.conflicts} <= earlier:
                answer = self._server.apply(item, body, force=True, dry_run=True)  # their fields are moved before the write
        if answer.status >= 300:
            self._refuse(item, answer)
            return
        after: Object = answer.json()
        if entries is not None and item.live is not None:
            _forget(after, entries, self._settings.manager)
        self._take(item, after)

    def apply(self, item: Item) -> None:
        deadline = time.monotonic() + self._settings.wait_timeout
        for attempt in range(_TRIES):
            if attempt:
                item.live = self._server.read(item)
            entries = self._move(item)
            body = self._body(item, entries)
            if entries is not None and item.live is not None and not self._server.replace_managers(item, item.live, entries, LAST_APPLIED):
                continue
            answer = self._sent(item, body, deadline)
            refusal = self._refusal(item, answer) if answer.status >= 300 else None
            if refusal is None:
                before = item.live
                item.written = True
                self._take(item, answer.json())
                item.live = before
                return
            if not refusal.gone and not self._rescaled(item, refusal):
                self._refuse(item, answer)
                return
        item.fail("other clients kept changing it at the same time; run it again later", "conflict")

    def prove(self, item: Item) -> None:
        """Reads it again: it must hold what was asked for, except where the API server said at once that it does not."""
        now = self._server.read(item)
        what = "was written and" if item.written else "was there and"
        if now is None:
            item.fail(f"it {what} does not exist any more; find out what deletes it", "not_found")
        elif "deletionTimestamp" in now["metadata"]:
            item.fail(f"it {what} is being deleted; find out what deletes it", "conflict")
        else:
            known = {one.path for one in _missing(item, item.after or {})}
            missing = [one.path for one in _missing(item, now) if one.path not in known]
            if missing:
                item.fail(f"it {what} does not hold {', '.join(missing[:5])} as asked; find out what changes it", "conflict")

    # --- parts of it ---

    def _move(self, item: Item) -> list[Object] | None:
        return moved(item.live, self._settings.manager, item.document) if item.live is not None else None

    def _body(self, item: Item, entries: list[Object] | None) -> Object:
        """What is sent, the same in a dry run and to write; the uid makes it this very object."""
        document = item.document
        if item.scaled:
            document = as_scaled(document, item.live, self._settings.manager, _applied(entries, self._settings.manager))
        return with_uid(document, item.live)

    def _sent(self, item: Item, body: Object, deadline: float) -> Response:
        """Again, if what came a moment ago with the set is not known yet."""
        return sent_until_known(
            lambda: self._server.apply(item, body, force=self._settings.force, dry_run=False), deadline if item.deferred else 0.0
        )

    def _take(self, item: Item, after: Object) -> None:
        """Sets the action; a field that the API server has lost is a problem."""
        item.after = after
        if item.live is None:
            item.action = CREATED
        elif content_of(item.live) != content_of(after):
            item.action = CHANGED
        else:
            item.action = UNCHANGED
            manager = self._settings.manager
            item.adopted = applied_fields(item.live, manager) != applied_fields(after, manager)
        found = list(_missing(item, after))
        item.lost, item.altered = [one.path for one in found if one.lost], [one.path for one in found if not one.lost]
        if item.lost:
            item.fail(
                f"the API server does not keep {', '.join(item.lost[:5])}; an admission webhook may drop it, or take it out", "invalid"
            )

    def _refusal(self, item: Item, answer: Response) -> Refusal:
        return refusal_of(answer, secret=item.id.kind == "Secret")

    def _refuse(self, item: Item, answer: Response) -> None:
        refusal = self._refusal(item, answer)
        item.fail(refusal.sentence, refusal.reason)

    @staticmethod
    def _rescaled(item: Item, refusal: Refusal) -> bool:
        """Whether the autoscaler changed the size between reading and writing."""
        return item.scaled and bool(refusal.conflicts) and {one.field for one in refusal.conflicts} == {_REPLICAS}


def _missing(item: Item, live: Object) -> list[Mismatch]:
    return [one for one in mismatches(item.document, live) if not (item.scaled and one.path == _REPLICAS)]


def _applied(entries: list[Object] | None, manager: str) -> dict[str, Any]:
    return applied_fields({"metadata": {"managedFields": entries}}, manager) or {} if entries else {}


def _forget(after: Object, entries: list[Object], manager: str) -> None:
    """Takes out of the answer of a dry run what the write will remove once the ownership of its fields is moved."""
    others = [entry for entry in entries if entry.get("manager") != manager]
    kept = united(fields_of_others(after), fields_of_others({"metadata": {"managedFields": others}}))
    gone = minus(_applied(entries, manager), kept)
    shown = copy.deepcopy(after)
    remove_fields(shown, gone)
    after.clear()
    after.update(shown)
