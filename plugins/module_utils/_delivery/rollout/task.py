# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module rollout: its options, and what it does for each state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._cluster.session import Cluster
from ..._core.errors import SalvageError
from ..._core.options import argument_spec, from_params, option
from ..._core.progress import PROGRESS_ARGUMENTS, teller
from ..._workloads.progress import COMPLETE, FAILED, PAUSED, PROGRESSING, Progress
from ..._workloads.revisions import current_revision, short_history
from ..options import WorkloadOptions
from .attempts import Return, as_proven, roll_back
from .others import others_of
from .rollback import Workload
from .waiting import has_failed, wait_together

Result = dict[str, Any]

_UNDONE = (
    "{} have the contents again that the revision was proven with: a password or key that was changed since then is the old one again; "
    "change it again, or set restore_secrets to false"
)


@dataclass(frozen=True)
class RolloutOptions(WorkloadOptions):
    state: str = option("complete", choices=["complete", "restarted", "rolled_back", "paused", "resumed"])
    revision: int | None = option(None)
    unproven: bool = option(False)
    record: str | None = option(None, choices=["passed", "failed"])
    baseline: dict[str, Any] | None = option(None)
    run: str = option("")
    record_reason: str = option("")
    wait: bool = option(True)
    also: list[dict[str, Any]] = option([], elements="dict")
    timeout: float = option(600.0)
    restart_limit: int = option(2)
    proof_key: str | None = option(None, type="path", no_log=False)
    restore_secrets: bool = option(True)
    log_lines: int = option(20)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **PROGRESS_ARGUMENTS, **argument_spec(RolloutOptions)},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool) -> Result:
    """The module's result.  Raises SalvageError."""
    given = from_params(RolloutOptions, params)
    cluster = Cluster.connect(params, timeout=given.request_timeout)
    workload = Workload(
        cluster,
        given.kind,
        given.namespace,
        given.name,
        given.restart_limit,
        teller(params["progress_path"]),
        given.proof_key or "",
        given.restore_secrets,
    )
    return perform(workload, given, check_mode=check_mode)


def perform(workload: Workload, given: RolloutOptions, *, check_mode: bool) -> Result:
    """The module's result; ``failed`` and ``msg`` are set if the rollout did not complete.  Raises SalvageError."""
    result: Result = {"changed": False}
    before = _summary(workload) if given.state != "complete" else {}
    progress = _act(workload, given, result, check_mode=check_mode)
    if progress is not None:
        result["rollout"] = progress.to_dict()
        if progress.status != (PAUSED if given.state == "paused" else COMPLETE) and not result.get("failed"):
            what = f"{workload.kind} {workload.name} in {workload.namespace}"
            result |= {"failed": True, "msg": f"{what}: {progress.reason}", "explanation": workload.explain(progress, given.log_lines)}
        elif not check_mode and (given.state == "rolled_back" or (result["changed"] and given.state == "restarted")):
            _carry_copies(workload, result)
    complete = progress is not None and progress.status == COMPLETE and not result.get("failed")
    if given.record == "failed" or (given.record and complete):
        revision, changed = workload.record(
            given.record,
            run=given.run,
            reason=given.record_reason,
            dry_run=check_mode,
            expected=given.revision if given.state == "complete" else None,
            baseline=given.baseline,
        )
        result |= {"recorded": revision.to_dict(), "changed": result["changed"] or changed}
        short = short_history(workload.read())
        if short:
            result["warnings"] = [*result.get("warnings", []), short]
    if before:
        after = result.pop("planned", None) if check_mode else _summary(workload)
        result["diff"] = {"before": before, "after": after or before}
    result.pop("planned", None)
    return result


def _carry_copies(workload: Workload, result: Result) -> None:
    """The rollout is complete, whatever comes of this."""
    try:
        workload.carry_copies()
    except SalvageError as exc:
        warning = f"the copies of ConfigMaps and Secrets for a rollback go with the revision before this one: {exc}"
        result["warnings"] = [*result.get("warnings", []), warning]


def _act(workload: Workload, given: RolloutOptions, result: Result, *, check_mode: bool) -> Progress | None:
    state = given.state
    timeout = given.timeout if given.wait else None
    if state == "rolled_back":
        targets = workload.targets(given.revision, unproven=given.unproven)
        done = roll_back(workload, targets, timeout, dry_run=check_mode)
        _returned(result, done, check_mode=check_mode)
        if targets:
            planned = {"revision": targets[0].number, "images": targets[0].images, "paused": False, "contents": list(done.contents)}
            result["planned"] = planned
        if done.attempts:
            return done.attempts[-1].progress
    elif state == "restarted":
        result["changed"] = workload.restart(dry_run=check_mode).changed
        result["planned"] = {**_summary(workload), "restarted": True}
    elif state in {"paused", "resumed"}:
        result["changed"] = workload.pause(state == "paused", dry_run=check_mode).changed
        result["planned"] = {**_summary(workload), "paused": state == "paused"}
    if given.record == "failed" or timeout is None or (check_mode and result["changed"]):
        return None
    if check_mode:
        return workload.progress()
    progress = _waited(workload, given, timeout, result)
    return progress if state != "rolled_back" or given.revision is not None else _come_back(workload, progress, timeout, result)


def _waited(workload: Workload, given: RolloutOptions, timeout: float, result: Result) -> Progress:
    """The workload's progress; that of the others is in the result, with what is wrong with the first of them."""
    others = others_of(workload, given.also) if given.state == "complete" else []
    progress, *more = wait_together(workload.cluster, [workload, *others], timeout, workload.tell)
    if others:
        pairs = list(zip(others, more, strict=True))
        result["others"] = [
            {"kind": other.kind, "namespace": other.namespace, "name": other.name, "rollout": one.to_dict()} for other, one in pairs
        ]
        held = [f"{other.title}: {one.reason}" for other, one in pairs if one.held or one.status == PAUSED]
        bad = [(other, one) for other, one in pairs if has_failed(one) or (one.status == PROGRESSING and progress.status == COMPLETE)]
        result |= {"warnings": held} if held else {}
        for other, one in bad[:1] if progress.status != FAILED else ():
            explanation = other.explain(one, given.log_lines)
            result |= {"failed": True, "msg": f"{other.title}: {one.reason}", "explanation": explanation}
    return progress


def _returned(result: Result, done: Return, *, check_mode: bool) -> None:
    secrets = [name for name in done.contents if name.startswith("Secret/")]
    result |= {
        "changed": done.changed,
        "contents": list(done.contents),
        "secrets": secrets,
        "left": list(done.left),
        "attempts": [{"revision": attempt.revision, "rollout": attempt.progress.to_dict()} for attempt in done.attempts],
    }
    if secrets and not check_mode:
        result["warnings"] = [_UNDONE.format(", ".join(secrets))]


def _come_back(workload: Workload, progress: Progress, timeout: float, result: Result) -> Progress:
    """It runs a proven revision, perhaps since a moment ago: one that does not come up as it was proven is not the end either."""
    revisions = workload.revisions()
    current = current_revision(revisions)
    if current is not None and current.proof is not None:
        progress = as_proven(current, progress)
    others = [revision for revision in revisions if revision.proven and not revision.current]
    if progress.status in {COMPLETE, PAUSED} or not others:
        return progress
    done = roll_back(workload, others, timeout, dry_run=False)
    _returned(result, done, check_mode=False)
    return done.attempts[-1].progress


def _summary(workload: Workload) -> dict[str, Any]:
    current = current_revision(workload.revisions(proofs=False))
    paused = bool(workload.read()["spec"].get("paused"))
    return {"revision": current.number if current else None, "images": current.images if current else [], "paused": paused}
