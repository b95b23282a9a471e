# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a workload: what its Lease says, who may take it, and the sentences about it.

Times are the API server's: the clocks of the machines that deploy differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import is_integer
from .._core.processes import Process
from .._core.redact import clean
from .._core.run_identity import RunIdentity
from .._core.times import iso, when
from .workload import PREFIX, Object

LOCK = f"{PREFIX}lock"
HOLDER = f"{PREFIX}holder"

_LAST = 253402300799  # the last second of the year 9999, which a time can say

FREE = "free"
OURS = "ours"
ENDED = "ended"
EXPIRED = "expired"
TAKEN = "taken_over"
HELD = "held"
NO_NAMESPACE = "no_namespace"

_LONGEST_NAME = 253
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class Holder:
    """A run that holds a lock.  ``run`` is its identity; ``purpose`` is which of its roles took the lock."""

    run: str
    who: str
    purpose: str
    process: Process = Process("", 0, 0)

    @classmethod
    def given(cls, run: RunIdentity | None, purpose: str, module: str) -> Holder:
        """By the option ``holder`` of a module.  Raises SalvageError(bad_input)."""
        if run is None or not run.run:
            sentence = f"holder is missing: the plugin on the controller fills it in where the task names euystacio.meta_salvage.{module}"
            raise SalvageError(f"{sentence}; else give its run and who", reason="bad_input")
        return cls(run.run, run.who, purpose, run.process)


@dataclass(frozen=True)
class Hold:
    """What a Lease says: who holds it, since when, and until when unless it is renewed (None: it does not say)."""

    holder: Holder
    since: float | None
    until: float | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "who": self.holder.who,
            "run": self.holder.run,
            "purpose": self.holder.purpose,
            "since": None if self.since is None else iso(self.since),
            "until": None if self.until is None else iso(self.until),
        }

    def __str__(self) -> str:
        purpose = f" ({self.holder.purpose})" if self.holder.purpose else ""
        since = "" if self.since is None else f", since {iso(self.since)}"
        until = ", without an end" if self.until is None else f", until {iso(self.until)} unless it renews it"
        return f"{self.holder.who}{purpose}, run {_one_line(self.holder.run)}{since}{until}"


def lease_name(kind: str, name: str) -> str:
    """One for each workload of a namespace."""
    plain = f"meta-salvage-{kind.lower()}-{name}"
    if len(plain) <= _LONGEST_NAME:
        return plain
    digest = hashlib.sha256(plain.encode()).hexdigest()[:16]
    return f"{plain[: _LONGEST_NAME - 17].rstrip('-.')}-{digest}"


def is_lock(lease: Object) -> bool:
    """Whether it was made here."""
    return (lease["metadata"].get("labels") or {}).get(LOCK) == "true"


def hold_of(lease: Object | None) -> Hold | None:
    """None where nobody holds it."""
    spec = (lease or {}).get("spec") or {}
    identity = spec.get("holderIdentity")
    if lease is None or not identity:
        return None
    renewed, duration = when(spec.get("renewTime")), spec.get("leaseDurationSeconds")
    until = renewed + duration if renewed is not None and is_integer(duration) and 0 < duration <= _LAST - renewed else None
    noted = (lease["metadata"].get("annotations") or {}).get(HOLDER)
    return Hold(_noted(noted, str(identity)), when(spec.get("acquireTime")), until)


def _noted(text: object, identity: str) -> Holder:
    """The annotation, if it is of the run that holds the Lease; else what is known without it."""
    plain = _one_line(identity)
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping) or found.get("run") != identity:
        return Holder(identity, plain, "")
    who, purpose = (_one_line(found.get(field) or "") for field in ("who", "purpose"))
    process = found.get("process")
    machine, pid, started = (process.get(field) for field in ("machine", "pid", "started")) if isinstance(process, Mapping) else (None,) * 3
    if isinstance(machine, str) and is_integer(pid) and is_integer(started):
        return Holder(identity, who or plain, purpose, Process(machine, pid, started))
    return Holder(identity, who or plain, purpose)


def _one_line(text: object) -> str:
    return " ".join(clean(str(text), limit=_LONGEST_TEXT).split())


def judge(hold: Hold | None, me: Holder, now: float, *, take_over: bool, ended: bool) -> str:
    """Whether ``me`` may take it.  ``ended``: the process that holds it is known to have ended.  ``now``: the API server's time."""
    if hold is None:
        return FREE
    if hold.holder.run == me.run:
        return OURS
    if ended:
        return ENDED
    if hold.until is not None and now > hold.until:
        return EXPIRED
    return TAKEN if take_over else HELD


def lease_content(lease: Object | None, me: Holder, now: float, duration: int) -> Object:
    """What a Lease has when ``me`` took or renewed it: to be created, or to be merged into the one that is there."""
    hold = hold_of(lease)
    spec = (lease or {}).get("spec") or {}
    mine = hold is not None and hold.holder.run == me.run
    moment = f"{iso(int(now))[:-1]}.000000Z"  # a MicroTime
    changes = count if is_integer(count := spec.get("leaseTransitions")) else 0
    return {
        "metadata": {
            "labels": {LOCK: "true"},
            # The role that took it releases it; one inside renews it.
            "annotations": {HOLDER: json.dumps(asdict(hold.holder if mine and hold else me), sort_keys=True)},
        },
        "spec": {
            "holderIdentity": me.run,
            "leaseDurationSeconds": duration,
            "acquireTime": spec.get("acquireTime") or moment if mine else moment,
            "renewTime": moment,
            "leaseTransitions": changes if mine or lease is None else changes + 1,
        },
    }


def taken_from(hold: Hold, verdict: str) -> str:
    """Why the lock of somebody else was taken."""
    why = {
        ENDED: "that process has ended",
        EXPIRED: "it was not renewed in time",
        TAKEN: "you asked for it",
    }
    return f"the lock was taken over from {hold}: {why[verdict]}"


def locked_by(workload: str, hold: Hold, me: Holder) -> str:
    return (
        f"{workload} is locked by {hold}; nothing was changed. Wait until that run ends; "
        f"if you know that it has ended, take the lock over ({me.purpose}_lock_take_over=true)"
    )
