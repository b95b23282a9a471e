# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module workload_lock: its options and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._core.run_identity import RunIdentity
from .._workloads.lease import ENDED, EXPIRED, HELD, NO_NAMESPACE, OURS, TAKEN, Hold, Holder, locked_by, taken_from
from .._workloads.lease_store import LeaseStore
from .._workloads.workload import KINDS
from .options import WorkloadOptions


@dataclass(frozen=True)
class LockOptions(WorkloadOptions):
    kind: str = option("Deployment", choices=[*KINDS, "Service"])
    state: str = option("held", choices=["held", "released"])
    purpose: str = option("deploy")
    duration: int = option(3600)
    take_over: bool = option(False)
    holder: RunIdentity | None = option(None)


MODULE: dict[str, Any] = {"argument_spec": {**AUTH_ARG_SPEC, **argument_spec(LockOptions)}, "supports_check_mode": True}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(LockOptions, params)
    me = _me(given)
    store = LeaseStore(Cluster.connect(params, timeout=given.request_timeout), given.kind, given.namespace, given.name)
    if given.state == "released":
        done = store.release(me, dry_run=check_mode)
        return _result(done.before, done.after, done.verdict, changed=done.verdict == OURS)
    done = store.take(me, given.duration, take_over=given.take_over, dry_run=check_mode)
    if done.verdict == HELD and done.before:
        sentence = locked_by(store.workload, done.before, me)
        if not check_mode:
            raise SalvageError(sentence, reason="conflict")
        return {**_result(done.before, done.after, HELD, changed=False), "warnings": [sentence]}
    result = _result(done.before, done.after, done.verdict, changed=done.verdict not in {OURS, NO_NAMESPACE})
    if done.before and done.verdict in {ENDED, EXPIRED, TAKEN}:
        result["warnings"] = [taken_from(done.before, done.verdict)]
    return result


def _me(given: LockOptions) -> Holder:
    if given.duration <= 0:
        raise SalvageError(f"duration is {given.duration}; write a number of seconds above 0", reason="bad_input")
    return Holder.given(given.holder, given.purpose, "workload_lock")


def _result(before: Hold | None, after: Hold | None, verdict: str, *, changed: bool) -> dict[str, Any]:
    return {
        "changed": changed,
        "verdict": verdict,
        "before": before.to_dict() if before else None,
        "after": after.to_dict() if after else None,
        "diff": {"before": f"{before or 'nobody'}\n", "after": f"{after or 'nobody'}\n"} if changed else {"before": "", "after": ""},
    }
