# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as it grows, task by task.  It has no clock: the time of each event is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.redact import outgoing
from .findings import change_said, decision_said, failure_reason, left_said
from .record import ChangeMade, DecisionMade, LeftToDo, PlaybookRun, StepDone

MOST_LISTED = 10_000  # of each kind are listed
# They say what is done and do nothing themselves.
_QUIET = frozenset(f"ansible.builtin.{name}" for name in ("add_host", "debug", "group_by", "include_vars", "meta", "set_fact", "set_stats"))


@dataclass(frozen=True)
class TaskKnown:
    """What is known of a task before it ends."""

    id: str
    host: str
    name: str
    role: str
    module: str


@dataclass
class RunBook:
    run: PlaybookRun
    _began: dict[tuple[str, str], float] = field(default_factory=dict)

    def begins(self, task: TaskKnown, now: float) -> None:
        self._began[task.id, task.host] = now

    def ends(self, task: TaskKnown, status: str, result: Mapping[str, Any], now: float) -> None:
        """status: ok, skipped, failed, ignored, unreachable."""
        run, began = self.run, self._began.pop((task.id, task.host), now)
        if task.host not in run.hosts:
            run.hosts.append(task.host)
        changed = bool(result.get("changed"))
        if status == "ok" and changed:
            status = "changed"
        run.counts[status] = run.counts.get(status, 0) + 1
        if status == "skipped":
            return
        name = str(outgoing(task.name))
        failed = status in {"failed", "ignored", "unreachable"}
        reason = failure_reason(result) if failed else ""
        step = StepDone(task.host, name, task.role, task.module, status, began, round(max(0.0, now - began), 3), reason)
        self._add("steps", step)
        decided = decision_said(task.module, result)
        if decided:
            self._add("decisions", DecisionMade(task.host, name, *decided))
        if changed and task.module not in _QUIET:
            self._add("changes", ChangeMade(task.host, name, task.module, change_said(result)))
        for what in left_said(task.module, result):
            self._add("left", LeftToDo(task.host, name, what))
        if status in {"failed", "unreachable"}:
            self._add("left", LeftToDo(task.host, name, reason))

    def closes(self, now: float, rescued: Mapping[str, int]) -> PlaybookRun:
        """The whole run.  ``rescued``: how many failures of each host a rescue put right, the earliest ones."""
        run = self.run
        for host, count in rescued.items():
            for number, step in enumerate(run.steps):
                if count and step.host == host and step.status == "failed":
                    count -= 1
                    run.steps[number] = StepDone(**{**step.__dict__, "status": "rescued"})
                    run.left = [one for one in run.left if (one.host, one.step, one.what) != (host, step.name, step.reason)]
                    run.counts["failed"] -= 1
                    run.counts["rescued"] = run.counts.get("rescued", 0) + 1
        if run.check and run.changes:
            self._add("left", LeftToDo("all", "check mode", f"Nothing was changed. A run would make {len(run.changes)} changes"))
        run.ended = now
        return run

    def _add(self, kind: str, one: Any) -> None:
        into: list[Any] = getattr(self.run, kind)
        if len(into) < MOST_LISTED:
            into.append(one)
        else:
            self.run.not_listed[kind] = self.run.not_listed.get(kind, 0) + 1
