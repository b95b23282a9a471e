# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many pods a workload wants and has, by its status: one rule for a rollout, health, blue-green and a restore.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.json_values import is_integer


@dataclass(frozen=True)
class Replicas:
    """``seen``: its controller has seen what is asked now; else the numbers are of what was asked before, or of nothing."""

    seen: bool
    desired: int
    updated: int
    available: int
    total: int

    @property
    def ready(self) -> bool:
        """Whether every pod that is wanted is available; of the new template or of the one before."""
        return self.seen and self.available >= self.desired


def replicas_of(kind: str, workload: Mapping[str, Any]) -> Replicas:
    """Of a Deployment, StatefulSet or DaemonSet.  A number that its status does not have is 0, as the API leaves it out."""
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    seen = _number(status.get("observedGeneration")) >= _number(workload["metadata"].get("generation"))
    if kind == "DaemonSet":
        desired = status.get("desiredNumberScheduled")  # never left out: without it no controller has looked
        names = ("updatedNumberScheduled", "numberAvailable", "currentNumberScheduled")
    else:
        desired = 1 if spec.get("replicas") is None else spec["replicas"]
        names = ("updatedReplicas", "availableReplicas", "replicas")
    return Replicas(seen and is_integer(desired) and desired >= 0, _number(desired), *(_number(status.get(name)) for name in names))


def _number(value: object) -> int:
    return value if is_integer(value) else 0
