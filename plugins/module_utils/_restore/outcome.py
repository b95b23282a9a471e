# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a restore: every object of the backup is in one of the counts; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.status import FAIL, PARTIAL, PASS
from .kinds import Key
from .plan import CREATE, KEPT, NOT_SELECTED, REBIND, RECREATE, UNCHANGED, UPDATE, Left, RestorePlan, Step
from .writes import WRITES

_COUNT = {CREATE: "created", UPDATE: "updated", REBIND: "updated", RECREATE: "recreated", UNCHANGED: "unchanged", KEPT: "kept"}
_EXAMPLES = 10


@dataclass(frozen=True)
class Outcome:
    status: str
    changed: bool
    report: dict[str, Any]
    diff: list[dict[str, Any]]
    first: str  # of what failed


def restore_outcome(
    manifest: Mapping[str, Any],
    plan: RestorePlan,
    *,
    finished: int,
    safety_backup: str | None,
    resumed: bool,
    not_proven: list[dict[str, str]],
    diff: list[dict[str, Any]],
    seconds: float,
) -> Outcome:
    counts = Counter(dict.fromkeys(("created", "updated", "recreated", "unchanged", "kept", "failed", "skipped", "not_selected"), 0))
    failed, kept = [], []
    for step in plan.steps:
        row = {"kind": step.key.kind, "namespace": step.key.namespace, "name": step.key.name}
        if step.problem:
            counts["failed"] += 1
            failed.append({**row, "reason": step.problem, "fields": list(step.fields)})
        else:
            counts[_COUNT[step.action]] += 1
            if step.action == KEPT:
                kept.append({**row, "fields": list(step.fields)})
    counts["not_selected"] = sum(entry.reason == NOT_SELECTED for entry in plan.left)
    counts["skipped"] = len(plan.left) - counts["not_selected"]
    total = len(manifest["objects"])
    status = FAIL if failed or sum(counts.values()) != total else PARTIAL if kept or plan.unknown or manifest.get("holes") else PASS
    report = {
        "backup": manifest["name"],
        **{name: manifest.get(name) for name in ("created", "cluster", "server")},
        "result": status,
        "total": total,
        "counts": dict(counts),
        "failed": failed,
        "kept": kept,
        "skipped": _by_reason(plan.left),
        "stripped": _by_field(plan.steps),
        "powers": [
            {"object": str(step.key), "action": step.action, "why": step.power}
            for step in plan.steps
            if step.power and step.action in WRITES
        ],
        "finished": finished,
        "holes": dict(manifest.get("holes") or {}),
        "unknown": plan.unknown,
        "notes": plan.notes,
        "not_proven": not_proven,
        "safety_backup": safety_backup,
        "resumed": resumed,
        "seconds": round(seconds, 2),
    }
    first = next((f"{step.key}: {step.problem}" for step in plan.steps if step.problem), "none, but the counts do not add up")
    return Outcome(status, any(step.written for step in plan.steps), report, diff, first)


def _by_reason(left: Iterable[Left]) -> list[dict[str, Any]]:
    groups: dict[str, list[Key]] = defaultdict(list)
    for key, reason in left:
        if reason != NOT_SELECTED:
            groups[reason].append(key)
    return [
        {"reason": reason, "count": len(keys), "objects": [str(key) for key in sorted(keys)[:_EXAMPLES]]}
        for reason, keys in sorted(groups.items())
    ]


def _by_field(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """What an isolated copy does not have of its objects, each of them named."""
    groups: dict[str, list[str]] = defaultdict(list)
    for step in steps:
        for path in step.lost:
            groups[path].append(str(step.key))
    return [{"field": path, "count": len(keys), "objects": keys} for path, keys in sorted(groups.items())]
