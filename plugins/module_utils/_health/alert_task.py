# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of alert_info: its options, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._alerts.alerts import STATES
from .._alerts.sources import read_alerts
from .._cluster import defaults, routes
from .._cluster.retry import ONCE
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._prometheus.client import PrometheusApi


@dataclass(frozen=True)
class AlertQuery:
    prometheus_url: str = option(defaults.PROMETHEUS_URL)
    alertmanager_url: str = option(defaults.ALERTMANAGER_URL)
    names: list[str] | None = option(None)
    states: tuple[str, ...] = option(STATES, choices=list(STATES))
    partial: bool = option(False)
    timeout: float = option(5)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(AlertQuery), **routes.ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """The firing alerts; failed where a source does not answer, unless the others are enough.  Raises SalvageError."""
    query = from_params(AlertQuery, params)
    sources = [url for url in (query.prometheus_url, query.alertmanager_url) if url]
    if not sources:
        raise SalvageError("no source of alerts is set: set prometheus_url or alertmanager_url", reason="bad_input")
    addresses = routes.Routes(params, query.timeout, retry=ONCE)
    prometheus = addresses.open_if(query.prometheus_url)
    firing, problems = read_alerts(PrometheusApi(prometheus) if prometheus else None, addresses.open_if(query.alertmanager_url))
    wanted = [one for one in firing if one.state in query.states and (query.names is None or one.name in query.names)]
    result = {"changed": False, "alerts": [one.to_dict() for one in wanted], "problems": problems}
    if problems and (not query.partial or len(problems) == len(sources)):
        return {**result, "failed": True, "msg": "; ".join(problems.values())}
    return result
