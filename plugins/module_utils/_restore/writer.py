# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes single objects of a restore, each under what was seen of it before, and keeps what it made of them to be shown."""

from __future__ import annotations

from typing import Any

from .._cluster.http import Response
from .._cluster.objects import JSON, MERGE_PATCH, METADATA
from .._cluster.session import Cluster, body_bytes
from .._core.errors import SalvageError
from .._manifests.answers import fields_owned, is_final, refusal_of
from .._manifests.definitions import sent_until_known
from .._manifests.ownership import as_applied
from .._manifests.server import ANSWERS, apply_object, replace_managers, with_uid
from .compare import extra_keys_patch
from .live import Live
from .plan import CREATE, REBIND, RECREATE, UPDATE, Step
from .portable import Object, comparable, without_ports
from .settings import RestoreSettings
from .stored import Shelf
from .waits import Waits
from .writes import MANAGER, RefusedWriteError, refusal_text, shown_change

_REFUSED = frozenset({400, 403, 413, 422})
_HOPELESS = frozenset({"unreachable", "unauthorized", "tls"})
_SMALL = 4096  # bytes of an object, up to which the API server gives it back with less work than its metadata alone
_SHOWN = 100  # differences that are shown; a restore may make thousands


class ObjectWriter:
    """``found`` is what is live of what is not new; whoever reads it again updates it."""

    def __init__(self, cluster: Cluster, live: Live, wish: RestoreSettings, found: Shelf, waits: Waits) -> None:
        self._cluster, self._live, self._wish, self._found, self._waits = cluster, live, wish, found, waits
        self._stop: SalvageError | None = None
        self.diff: list[dict[str, Any]] = []

    @property
    def _shows(self) -> bool:
        return self._wish.show and len(self.diff) < _SHOWN

    @property
    def _media(self) -> str:
        return JSON if self._shows else METADATA  # an answer that nobody reads is as large as what was sent

    def show(self, step: Step, before: Object | None, after: Object | None) -> None:
        if self._shows:
            self.diff.append(shown_change(step, before, after, values=self._wish.values))

    def write(self, step: Step) -> bool:
        """Whether it is written; otherwise the step has a problem."""
        if self._stop is not None:
            step.problem = f"it was not tried, for the API server can't be used: {self._stop}"
            return False
        try:
            self._write(step)
        except SalvageError as exc:
            step.problem = refusal_text(step, exc)
            if exc.reason in _HOPELESS:
                self._stop = exc
        return not step.problem

    def _write(self, step: Step) -> None:
        live = self._found.get(step.key)
        if live is not None and "deletionTimestamp" in live["metadata"]:
            self._gone(step)
        elif live is not None and step.action == RECREATE:
            self.prove_creation(step)
            self._delete(step, live)
            self._gone(step)
        elif live is not None and step.action == REBIND:
            free = {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"]}, "spec": {"claimRef": {"uid": None}}}
            free["spec"]["claimRef"]["resourceVersion"] = None
            self._cluster.call("PATCH", self._live.path(step), body=free, content_type=MERGE_PATCH)
            step.written = True
            return
        elif live is not None and self._wish.force and (extra := extra_keys_patch(step.wanted, comparable(live))):
            extra["metadata"] = {**extra.get("metadata", {}), "resourceVersion": live["metadata"]["resourceVersion"]}
            self._cluster.call("PATCH", self._live.path(step), body=extra, content_type=MERGE_PATCH)
        after = self.apply(step, step.first, live if step.action == UPDATE else None)
        step.written = True
        self.show(step, live, after)

    def apply(self, step: Step, body: Object, live: Object | None, *, dry_run: bool = False) -> Object | None:
        """Creates the object, or changes this very ``live`` one by server-side apply; the answer is only read where it is shown.

        Raises SalvageError, with the conflicts in ``step.fields``.
        """
        if live is None and step.action == CREATE and not step.owned and not step.late:
            made = self._created(step, body, dry_run=dry_run)
            if made is not None:
                return made.json() if self._shows else None
        if live is not None and not dry_run:
            self._own(step, live)
        force, body = self._wish.force and step.action != CREATE, with_uid(body, live)
        deadline = self._waits.deadline if step.deferred and not dry_run and self._is_served(step) else 0.0
        path, media = self._live.path(step), self._media

        def send(*, taken: bool = force) -> Response:
            answer = apply_object(self._cluster, path, body, manager=MANAGER, force=taken, dry_run=dry_run, media=media)
            if dry_run and answer.status == 409 and not taken and self._is_ours(step, answer):
                return send(taken=True)  # these fields are moved before the write
            return answer

        answer = sent_until_known(send, deadline)
        if is_final(answer):
            answer = self._with_twins(step, body, live, dry_run=dry_run)
        if answer.status >= 300:
            raise self._refused(step, answer)
        return answer.json() if self._shows else None

    def _created(self, step: Step, body: Object, *, dry_run: bool) -> Response | None:
        """The answer to a creation, which costs the API server a quarter less than server-side apply; None if that has to find out more.

        Such as when the name is taken by now, or the answer is lost.  Raises SalvageError for a refusal of the object.
        """
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        sent = body_bytes(body)
        media = JSON if len(sent) < _SMALL else self._media
        try:
            answer = self._cluster.call("POST", self._live.collection(step), body=sent, query=query, accept=ANSWERS, media=media)
        except SalvageError:
            return None
        if answer.status in _REFUSED:
            raise self._refused(step, answer)
        return answer if answer.status < 300 else None

    def _own(self, step: Step, live: Object) -> None:
        """What a creation made ours becomes what an apply made ours: only that goes when the backup does not have it."""
        entries = as_applied(live, MANAGER)
        if entries is not None and not replace_managers(self._cluster, self._live.path(step), live, entries, manager=MANAGER):
            raise RefusedWriteError("another client changed it meanwhile; run the restore again", reason="conflict")

    def _is_ours(self, step: Step, answer: Response) -> bool:
        conflicts = refusal_of(answer, secret=step.key.kind == "Secret").conflicts
        return bool(conflicts) and {one.manager for one in conflicts} == {MANAGER}

    def _refused(self, step: Step, answer: Response) -> SalvageError:
        refusal = refusal_of(answer, secret=step.key.kind == "Secret")
        if refusal.conflicts:
            step.fields = sorted(f'{one.field} (conflict with "{one.manager}")' for one in refusal.conflicts)
            return RefusedWriteError(f"{fields_owned(refusal.conflicts)}; set force to take these fields over", reason="conflict")
        return self._explained(step, RefusedWriteError(refusal.sentence, reason=refusal.reason))

    def _with_twins(self, step: Step, body: Object, live: Object | None, *, dry_run: bool) -> Response:
        """Server-side apply takes no list with twins, such as two variables of one name, and other ways of writing leave them."""
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}
        if live is None:
            made = self._cluster.call("POST", self._live.collection(step), body=body, query=query, accept=ANSWERS)
            if made.status != 409:
                return made
        return self._cluster.call("PATCH", self._live.path(step), body=body, content_type=MERGE_PATCH, query=query, accept=ANSWERS)

    def _delete(self, step: Step, live: Object) -> None:
        body = {"preconditions": {"uid": live["metadata"]["uid"]}, "propagationPolicy": "Orphan"}
        try:
            self._cluster.call("DELETE", self._live.path(step), body=body)
        except SalvageError as exc:
            if exc.reason != "not_found":
                raise

    def _gone(self, step: Step) -> None:
        if not self._live.wait_gone(self._live.collection(step), step.key.name, self._waits.deadline):
            raise SalvageError(f"the existing object is still being deleted after {self._wish.wait_timeout:g} s", reason="timeout")

    def check_form(self, step: Step) -> None:
        """The form alone, in a namespace that is there; what only the right one can say (quotas, rights, names) does not count."""
        metadata = {**step.wanted["metadata"], "namespace": "default"}
        try:
            self._cluster.call(
                "POST", self._live.collection(step, "default"),
                body={**step.wanted, "metadata": metadata}, query={"dryRun": "All", "fieldValidation": "Strict"},
            )  # fmt: skip
        except SalvageError as exc:
            if exc.reason in ("invalid", "http_error") or self._explained(step, exc) is not exc:
                raise self._explained(step, exc) from None

    def prove_creation(self, step: Step) -> None:
        """That the object could be created if it were not there; before that nothing is deleted.  Raises SalvageError."""
        body = without_ports(step.first) if step.key.kind == "Service" else step.first  # the one that is there has them
        query = {"dryRun": "All", "fieldManager": MANAGER}
        answer = self._cluster.call("POST", self._live.collection(step), body=body, query=query, accept=ANSWERS)
        if answer.status >= 300 and not _is_taken(answer):
            raise self._refused(step, answer)

    def _is_served(self, step: Step) -> bool:
        return self._live.api_version(step) == step.api_version

    def _explained(self, step: Step, exc: SalvageError) -> SalvageError:
        if exc.reason != "not_found" or self._is_served(step):
            return exc
        kind, served, wanted = step.key.kind.partition(".")[0], self._live.api_version(step), step.api_version
        return SalvageError(f"the cluster serves {kind} as {served}, and not as {wanted}, which the backup has", reason="not_found")


def _is_taken(answer: Response) -> bool:
    """Whether all that stands against the creation is that its name is taken: the API server looks at that last."""
    said = answer.json() if answer.status == 409 else None
    return isinstance(said, dict) and said.get("reason") == "AlreadyExists"
