# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of health_info."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster import routes
from .._cluster.retry import ONCE
from .._core.options import argument_spec, from_params
from . import collect
from .options import HealthQuery, wanted

MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(HealthQuery), **routes.ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The report of a cluster, and a sentence on it.  Raises SalvageError."""
    query = from_params(HealthQuery, params)
    addresses = routes.Routes(params, query.request_timeout, retry=ONCE)
    report = collect.check(addresses.cluster, wanted(query, addresses), name=query.name, previous=query.previous, now=now)
    found = "; ".join(f"{part['name']}: {part['reason']}" for part in report["parts"] if part["reason"])
    msg = f"the cluster is {report['status']}" + (f": {found}" if found else "")
    failed = {"failed": True} if report["status"] in query.fail_on else {}
    return {"changed": False, "msg": msg, "report": report, **failed}
