# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module scale: its options and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._cluster.session import Cluster
from ..._core.options import argument_spec, from_params, option
from ..._core.progress import PROGRESS_ARGUMENTS, teller
from ..options import WorkloadOptions
from ..rollout.rollback import Workload
from .run import Wish, check_surge, scale, undo


@dataclass(frozen=True)
class ScaleOptions(WorkloadOptions):
    state: str = option("present", choices=["present", "undone", "checked"])
    replicas: int | None = option(None)
    hpa_min: int | None = option(None)
    hpa_max: int | None = option(None)
    pin: bool = option(False)
    resources: dict[str, Any] | None = option(None)
    service: str | None = option(None)
    check_headroom: bool = option(True)
    timeout: float = option(300.0)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **PROGRESS_ARGUMENTS, **argument_spec(ScaleOptions)},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(ScaleOptions, params)
    wish = Wish(
        given.replicas, given.hpa_min, given.hpa_max, given.pin, given.resources, given.service, given.check_headroom, given.timeout
    )
    cluster = Cluster.connect(params, timeout=given.request_timeout)
    workload = Workload(cluster, given.kind, given.namespace, given.name, tell=teller(params["progress_path"]))
    if given.state == "checked":
        return check_surge(workload, check_headroom=given.check_headroom)
    return (scale if given.state == "present" else undo)(workload, wish, dry_run=check_mode)
