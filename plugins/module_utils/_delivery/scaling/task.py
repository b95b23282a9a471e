# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module scale: its options and what it does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._cluster.session import Cluster
from ..._core.errors import SalvageError, shown
from ..._core.options import argument_spec, from_params, option
from ..._core.progress import PROGRESS_ARGUMENTS, teller
from ..._core.times import parse_duration
from ..options import WorkloadOptions
from ..rollout.rollback import Workload
from .run import Wish, check_surge, end_temporary, scale, undo


@dataclass(frozen=True)
class ScaleOptions(WorkloadOptions):
    state: str = option("present", choices=["present", "undone", "expired", "checked"])
    replicas: int | None = option(None)
    hpa_min: int | None = option(None)
    hpa_max: int | None = option(None)
    pin: bool = option(False)
    resources: dict[str, Any] | None = option(None)
    service: str | None = option(None)
    check_headroom: bool = option(True)
    expires_after: str | None = option(None)
    timeout: float = option(300.0)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **PROGRESS_ARGUMENTS, **argument_spec(ScaleOptions)},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(ScaleOptions, params)
    moment = time.time()
    until = moment + _lasts(given) if given.expires_after else None
    wish = Wish(
        given.replicas, given.hpa_min, given.hpa_max, given.pin, given.resources, given.service, given.check_headroom, given.timeout, until
    )
    cluster = Cluster.connect(params, timeout=given.request_timeout)
    workload = Workload(cluster, given.kind, given.namespace, given.name, tell=teller(params["progress_path"]))
    if given.state == "checked":
        return check_surge(workload, check_headroom=given.check_headroom)
    if given.state == "expired":
        return end_temporary(workload, wish, moment, dry_run=check_mode)
    return (scale if given.state == "present" else undo)(workload, wish, dry_run=check_mode)


def _lasts(given: ScaleOptions) -> float:
    """Seconds.  Raises SalvageError(bad_input)."""
    seconds = parse_duration(given.expires_after, "expires_after")
    if not 1 <= seconds <= 31 * 86400:
        raise SalvageError(f"expires_after: {shown(given.expires_after)} is not between one second and 31 days", reason="bad_input")
    if given.resources:
        raise SalvageError("expires_after: resources do not end by themselves; set only sizes with it", reason="bad_input")
    return seconds
