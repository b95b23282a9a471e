# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module pod_restart: its options and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._cluster.session import Cluster
from ..._core.errors import SalvageError
from ..._core.options import argument_spec, from_params, option
from ..._core.progress import PROGRESS_ARGUMENTS, teller
from ..options import WorkloadOptions
from ..rollout.rollback import Workload
from .pods import PodChoice, restart_pods


@dataclass(frozen=True)
class PodOptions:
    name: str = option()
    uid: str = option("")


@dataclass(frozen=True)
class PodRestartOptions(WorkloadOptions):
    pods: list[PodOptions] = option(None, required=True)
    timeout: float = option(300.0)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **PROGRESS_ARGUMENTS, **argument_spec(PodRestartOptions)},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(PodRestartOptions, params)
    if not given.pods or not all(one.name for one in given.pods):
        raise SalvageError("pods: name at least one pod; the whole workload is restarted by the module rollout", reason="bad_input")
    workload = Workload(
        Cluster.connect(params, timeout=given.request_timeout),
        given.kind,
        given.namespace,
        given.name,
        tell=teller(params["progress_path"]),
    )
    return restart_pods(workload, [PodChoice(one.name, one.uid) for one in given.pods], given.timeout, dry_run=check_mode)
