# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback: to the first revision that comes up as it was proven, each tried once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..._workloads.progress import COMPLETE, FAILED, PAUSED, Progress
from ..._workloads.proofs import images_moved, images_of
from ..._workloads.revisions import Revision
from .rollback import Workload


@dataclass(frozen=True)
class Attempt:
    revision: int
    progress: Progress


@dataclass(frozen=True)
class Return:
    """What a rollback did: the ConfigMaps and Secrets with their old contents, and those that it left although they differ."""

    changed: bool = False
    contents: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()


def roll_back(
    workload: Workload,
    targets: list[Revision],
    timeout: float | None,
    *,
    dry_run: bool,
    settled: Callable[[Progress], bool] = lambda progress: progress.status in {COMPLETE, PAUSED},
) -> Return:
    """To the first target that comes up, each tried once.  Without a timeout the first one is written and not waited for."""
    done = Return()
    for target in targets:
        change, brought = workload.go_back(target, dry_run=dry_run)
        left = [*brought.left, *(f"{name}: Secrets are not restored" for name in workload.secrets_left(target))]
        done = replace(
            done,
            changed=done.changed or change.changed or bool(brought.changed),
            contents=(*done.contents, *(name for name in brought.changed if name not in done.contents)),
            left=tuple(left),
        )
        if timeout is None or dry_run:
            break
        progress = as_proven(target, workload.wait(timeout))
        done = replace(done, attempts=(*done.attempts, Attempt(target.number, progress)))
        if settled(progress):
            break
    return done


def as_proven(target: Revision, progress: Progress) -> Progress:
    """Failed if what came up is not what was proven: a tag that was used again names other software."""
    moved = images_moved(target.proof, images_of(progress.pods, target.template)) if progress.status == COMPLETE else ()
    if not moved:
        return progress
    reason = f"revision {target.number} runs other images than it was proven with, under the same names: {', '.join(moved)}"
    return replace(progress, status=FAILED, reason=f"{reason}; deploy the image by its digest")
