# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module rollout does for each of its states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._workloads.progress import COMPLETE, PAUSED, Progress
from ..._workloads.workload import current_revision
from .rollback import Workload, roll_back

Result = dict[str, Any]


def perform(workload: Workload, params: Mapping[str, Any], *, check_mode: bool) -> Result:
    """The module's result; ``failed`` and ``msg`` are set if the rollout did not complete.  Raises SalvageError."""
    result: Result = {"changed": False}
    before = _summary(workload) if params["state"] != "complete" else {}
    progress = _act(workload, params, result, check_mode=check_mode)
    if progress is not None:
        result["rollout"] = progress.to_dict()
        if progress.status != (PAUSED if params["state"] == "paused" else COMPLETE):
            what = f"{workload.kind} {workload.name} in {workload.namespace}"
            result |= {"failed": True, "msg": f"{what}: {progress.reason}", "explanation": workload.explain(progress, params["log_lines"])}
        elif result["changed"] and not check_mode and params["state"] in {"restarted", "rolled_back"}:
            workload.carry_proof()
    if params["record"] == "failed" or (params["record"] and progress is not None and progress.status == COMPLETE):
        revision, changed = workload.record(
            params["record"],
            run=params["run"],
            reason=params["record_reason"],
            dry_run=check_mode,
            expected=params["revision"] if params["state"] == "complete" else None,
            baseline=params["baseline"],
        )
        result |= {"recorded": revision.to_dict(), "changed": result["changed"] or changed}
    if before:
        after = result.pop("planned", None) if check_mode else _summary(workload)
        result["diff"] = {"before": before, "after": after or before}
    result.pop("planned", None)
    return result


def _act(workload: Workload, params: Mapping[str, Any], result: Result, *, check_mode: bool) -> Progress | None:
    state = params["state"]
    timeout = params["timeout"] if params["wait"] else None
    if state == "rolled_back":
        targets = workload.targets(params["revision"], unproven=params["unproven"])
        changed, contents, attempts = roll_back(workload, targets, timeout, dry_run=check_mode)
        result |= {
            "changed": changed,
            "contents": contents,
            "attempts": [{"revision": attempt.revision, "rollout": attempt.progress.to_dict()} for attempt in attempts],
        }
        if targets:
            result["planned"] = {"revision": targets[0].number, "images": targets[0].images, "paused": False, "contents": contents}
        if attempts:
            return attempts[-1].progress
    elif state == "restarted":
        result["changed"] = workload.restart(dry_run=check_mode).changed
        result["planned"] = {**_summary(workload), "restarted": True}
    elif state in {"paused", "resumed"}:
        result["changed"] = workload.pause(state == "paused", dry_run=check_mode).changed
        result["planned"] = {**_summary(workload), "paused": state == "paused"}
    if params["record"] == "failed" or timeout is None or (check_mode and result["changed"]):
        return None
    return workload.wait(timeout) if not check_mode else workload.progress()


def _summary(workload: Workload) -> dict[str, Any]:
    current = current_revision(workload.revisions())
    paused = bool(workload.read()["spec"].get("paused"))
    return {"revision": current.number if current else None, "images": current.images if current else [], "paused": paused}
