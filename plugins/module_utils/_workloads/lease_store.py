# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a workload, taken, renewed and released: each write carries what it was decided on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .._cluster.http import ServesProxy, server_time
from .._cluster.objects import create, delete, write
from .._core.errors import SalvageError
from .._core.processes import has_ended
from .lease import FREE, HELD, LOCK, NO_NAMESPACE, OURS, Hold, Holder, hold_of, is_lock, judge, lease_content, lease_name
from .workload import Object, path_of

_ATTEMPTS = 10
_ABSENT = frozenset({404})


@dataclass(frozen=True)
class LeaseOutcome:
    """What came of it: who held the lock before and who holds it now."""

    verdict: str
    before: Hold | None
    after: Hold | None


@dataclass(frozen=True)
class LeaseStore:
    cluster: ServesProxy
    kind: str
    namespace: str
    name: str

    @property
    def workload(self) -> str:
        return f"{self.kind} {self.name} in {self.namespace}"

    @property
    def path(self) -> str:
        return path_of("Lease", self.namespace, lease_name(self.kind, self.name))

    def take(self, me: Holder, duration: int, *, take_over: bool, dry_run: bool) -> LeaseOutcome:
        """Taken, renewed, or left to who holds it.  A dry run sends no write.  Raises SalvageError."""
        return self._repeat(lambda: self._take(me, duration, take_over=take_over, dry_run=dry_run), me)

    def release(self, me: Holder, *, dry_run: bool) -> LeaseOutcome:
        """Deleted, if this run took it for this purpose; one of another run, or of a role around this, stays.  Raises SalvageError."""
        return self._repeat(lambda: self._release(me, dry_run=dry_run), me)

    def _take(self, me: Holder, duration: int, *, take_over: bool, dry_run: bool) -> LeaseOutcome | None:
        lease, now = self._look()
        hold = hold_of(lease)
        verdict = judge(hold, me, now, take_over=take_over, ended=hold is not None and has_ended(hold.holder.process))
        wanted = lease_content(lease, me, now, duration)
        if verdict == HELD or dry_run:
            return LeaseOutcome(verdict, hold, hold if verdict == HELD else hold_of(wanted))
        if lease is not None:
            after: Object | None = write(self.cluster, self.path, wanted, lease["metadata"]["resourceVersion"])
        else:
            metadata = {"name": lease_name(self.kind, self.name), "namespace": self.namespace, **wanted["metadata"]}
            made = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", **wanted, "metadata": metadata}
            try:
                after = create(self.cluster, path_of("Lease", self.namespace), made)
            except SalvageError as exc:
                if exc.reason == "not_found":
                    return LeaseOutcome(NO_NAMESPACE, None, None)
                raise
        now_held = hold_of(after)
        return LeaseOutcome(verdict, hold, now_held) if now_held and now_held.holder.run == me.run else None

    def _release(self, me: Holder, *, dry_run: bool) -> LeaseOutcome | None:
        lease, _now = self._look()
        hold = hold_of(lease)
        if lease is None or hold is None:
            return LeaseOutcome(FREE, None, None)
        if (hold.holder.run, hold.holder.purpose) != (me.run, me.purpose):
            return LeaseOutcome(HELD, hold, hold)
        metadata = lease["metadata"]
        gone = dry_run or delete(self.cluster, self.path, uid=metadata["uid"], resource_version=metadata["resourceVersion"])
        return LeaseOutcome(OURS, hold, None) if gone else None

    def _look(self) -> tuple[Object | None, float]:
        """The Lease, and the API server's time.  Raises SalvageError for one that was not made here."""
        answer = self.cluster.call("GET", self.path, accept=_ABSENT)
        now = server_time(answer)
        if answer.status in _ABSENT:
            return None, now
        lease: Object = answer.json()
        if not is_lock(lease):
            sentence = f"the Lease {lease_name(self.kind, self.name)} in {self.namespace} was not made by this collection (label {LOCK})"
            raise SalvageError(f"{sentence}; delete it, if nothing else uses it", reason="invalid")
        return lease, now

    def _repeat(self, step: Callable[[], LeaseOutcome | None], me: Holder) -> LeaseOutcome:
        """Decided again when somebody was quicker, never just repeated."""
        for _attempt in range(_ATTEMPTS):
            try:
                done = step()
            except SalvageError as exc:
                if exc.reason in {"conflict", "not_found"}:
                    continue
                if exc.reason == "forbidden":
                    sentence = f"the lock of {self.workload} can't be used: {exc}; the rights to leases are in extensions/rbac"
                    raise SalvageError(f"{sentence}, or go on without a lock ({me.purpose}_lock=false)", reason="forbidden") from None
                raise
            if done:
                return done
        raise SalvageError(f"the lock of {self.workload} keeps changing; run it again later", reason="conflict")
