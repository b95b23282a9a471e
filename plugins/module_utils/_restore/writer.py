# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes single objects of a restore, each under what was seen of it before, and keeps what it made of them to be shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .._cluster.http import Response
from .._cluster.objects import MERGE_PATCH
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .compare import extra_keys_patch
from .kinds import Key
from .live import Live
from .plan import CREATE, REBIND, RECREATE, Step
from .portable import Object, comparable
from .settings import RestoreSettings
from .writes import APPLY, MANAGER, refusal_text, shown_change, unpatchable

_HOPELESS = frozenset({"unreachable", "unauthorized", "tls"})
_SHOWN = 100  # differences that are shown; a restore may make thousands


class ObjectWriter:
    """``found`` is what is live, by its key; whoever reads it again updates it."""

    def __init__(self, cluster: Cluster, live: Live, wish: RestoreSettings, found: Mapping[Key, Object]) -> None:
        self._cluster, self._live, self._wish, self._found = cluster, live, wish, found
        self._stop: SalvageError | None = None
        self.diff: list[dict[str, Any]] = []

    @property
    def _shows(self) -> bool:
        return self._wish.show and len(self.diff) < _SHOWN

    def show(self, step: Step, before: Object | None, after: Object | None) -> None:
        if self._shows:
            self.diff.append(shown_change(step, before, after, values=self._wish.values))

    def write(self, step: Step) -> None:
        if self._stop is not None:
            step.problem = f"it was not tried, for the API server can't be used: {self._stop}"
            return
        try:
            self._write(step)
        except SalvageError as exc:
            step.problem = refusal_text(step, exc)
            if exc.reason in _HOPELESS:
                self._stop = exc

    def _write(self, step: Step) -> None:
        live = self._found.get(step.key)
        if live is not None and "deletionTimestamp" in live["metadata"]:
            self._gone(step)
        elif live is not None and step.action == RECREATE:
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
        after = self.apply(step, step.first)
        step.written = True
        self.show(step, live, after)

    def apply(self, step: Step, body: Object, *, dry_run: bool = False) -> Object | None:
        """Server-side apply; the answer is only read where it is shown.  Raises SalvageError, with the conflicts in ``step.fields``."""
        force = "true" if self._wish.force and step.action != CREATE else "false"
        query = {"fieldManager": MANAGER, "force": force, **({"dryRun": "All"} if dry_run else {})}
        how: dict[str, Any] = {"content_type": APPLY, "query": query, "accept": frozenset({409}), "final": unpatchable}
        try:
            answer = self._cluster.call("PATCH", self._live.path(step), body=body, **how)
        except SalvageError as exc:
            raise self._explained(step, exc) from None
        if unpatchable(answer):
            answer = self._with_twins(step, body, dry_run=dry_run)
        if answer.status == 409:
            causes = ((answer.json().get("details") or {}).get("causes")) or ()
            step.fields = sorted({f"{cause.get('field')} ({cause.get('message')})" for cause in causes})
            raise SalvageError("other managers own fields that differ; set force to take them over", reason="conflict")
        return answer.json() if self._shows else None

    def _with_twins(self, step: Step, body: Object, *, dry_run: bool) -> Response:
        """Server-side apply takes no list with twins, such as two variables of one name, and other ways of writing leave them."""
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}
        live = self._found.get(step.key)
        if live is None or step.action in (CREATE, RECREATE):
            made = self._cluster.call("POST", self._live.collection(step), body=body, query=query, accept=frozenset({409}))
            if made.status != 409:
                return made
        return self._cluster.call("PATCH", self._live.path(step), body=body, content_type=MERGE_PATCH, query=query)

    def _delete(self, step: Step, live: Object) -> None:
        body = {"preconditions": {"uid": live["metadata"]["uid"]}, "propagationPolicy": "Orphan"}
        try:
            self._cluster.call("DELETE", self._live.path(step), body=body)
        except SalvageError as exc:
            if exc.reason != "not_found":
                raise

    def _gone(self, step: Step) -> None:
        if not self._live.wait_gone(self._live.collection(step), step.key.name, time.monotonic() + self._wish.wait_timeout):
            raise SalvageError(f"what is there is still being deleted after {self._wish.wait_timeout:g} s", reason="timeout")

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

    def _explained(self, step: Step, exc: SalvageError) -> SalvageError:
        served, wanted = self._live.api_version(step), step.wanted["apiVersion"]
        if exc.reason != "not_found" or served == wanted:
            return exc
        kind = step.key.kind.partition(".")[0]
        return SalvageError(f"the cluster serves {kind} as {served}, and not as {wanted}, which the backup has", reason="not_found")
