# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module rollout_info: its options and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._cluster.session import Cluster
from ..._core.options import argument_spec, from_params, option
from ..._workloads.revisions import short_history
from ..options import WorkloadOptions
from .rollback import Workload


@dataclass(frozen=True)
class RolloutInfoOptions(WorkloadOptions):
    log_lines: int = option(20)
    proof_key: str | None = option(None, type="path", no_log=False)


MODULE: dict[str, Any] = {"argument_spec": {**AUTH_ARG_SPEC, **argument_spec(RolloutInfoOptions)}, "supports_check_mode": True}


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(RolloutInfoOptions, params)
    workload = Workload(
        Cluster.connect(params, timeout=given.request_timeout), given.kind, given.namespace, given.name, proof_key=given.proof_key or ""
    )
    progress = workload.progress()
    short = short_history(workload.read())
    return {
        "changed": False,
        **({"warnings": [short]} if short else {}),
        "rollout": progress.to_dict(),
        "revisions": [revision.to_dict() for revision in workload.revisions()],
        "explanation": workload.explain(progress, given.log_lines),
    }
