# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads that are waited for together: until all have settled, or one has failed for good."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Optional, Protocol

from ..._cluster.http import Query, ServesProxy
from ..._cluster.watch import Scene, Watch
from ..._core.progress import Tell
from ..._core.times import iso
from ..._workloads.progress import FAILED, PROGRESSING, Patience, Progress

Lists = Mapping[str, tuple[str, Optional[Query]]]  # noqa: UP045 - as pylint wants it


class Watched(Protocol):
    """A workload, and what has to be listed to see how far it is."""

    @property
    def title(self) -> str:
        """Its kind and name."""

    def lists_now(self) -> Lists:
        """Raises SalvageError if it is not there."""

    def progress_in(self, scene: Scene) -> Progress:
        """What the lists say."""


def wait_together(cluster: ServesProxy, workloads: Sequence[Watched], timeout: float, tell: Tell) -> list[Progress]:
    """How far each is in the end; what is progressing still has not settled until the timeout."""
    began = time.monotonic()
    patience = [Patience() for _workload in workloads]
    said = [""] * len(workloads)

    def seen(scene: Scene) -> list[Progress]:
        return [workload.progress_in(_part(scene, index)) for index, workload in enumerate(workloads)]

    def settled(scene: Scene) -> list[Progress] | None:
        found, waits = seen(scene), False
        for index, progress in enumerate(found):
            if not patience[index].waits(progress, time.monotonic()) and progress.status != PROGRESSING:
                if has_failed(progress):
                    return found
                continue
            waits = True
            if progress.reason != said[index]:
                said[index] = progress.reason
                about = f"{workloads[index].title}: " if index else ""
                tell(
                    {
                        "at": iso(int(time.time())),
                        "reason": progress.reason,
                        "says": f"{time.monotonic() - began:.0f} s, {about}{progress.reason}",
                    }
                )
        return None if waits else found

    lists = {f"{index} {name}": one for index, workload in enumerate(workloads) for name, one in workload.lists_now().items()}
    with Watch(cluster, lists) as watch:
        done = watch.wait(settled, began + timeout)
        if done is not None:
            return done
        last = seen(watch.scene)
    return [
        replace(one, reason=f"not complete after {timeout:g} s: {one.reason}") if one.status == PROGRESSING or one.out_of_quota else one
        for one in last
    ]


def has_failed(progress: Progress) -> bool:
    """One that its update strategy holds back has done what its manifest says."""
    return progress.status == FAILED and not progress.held


def _part(scene: Scene, index: int) -> Scene:
    mark = f"{index} "
    return {name[len(mark) :]: objects for name, objects in scene.items() if name.startswith(mark)}
