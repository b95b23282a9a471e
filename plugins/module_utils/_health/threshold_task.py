# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of threshold_info: its options, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster import defaults, routes
from .._cluster.retry import ONCE
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._core.times import parse_duration
from .._metrics.decide import result_of
from .._metrics.fetch import read_thresholds, with_history
from .._metrics.profile import parse_profile


@dataclass(frozen=True)
class ThresholdQuery:
    url: str = option(defaults.API_URL)
    path: str | None = option(None)
    format: str = option("auto", choices=["auto", "api", "exposition", "promql"])
    profile: dict[str, Any] | None = option(None)
    max_age: str = option("10m")
    prometheus_url: str | None = option(None)
    history: str | None = option(None)
    timeout: float = option(10)
    fail_on: tuple[str, ...] = option((), choices=["warning", "critical", "unknown"])


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(ThresholdQuery), **routes.ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The status of each metric.  Raises SalvageError(bad_input)."""
    query = from_params(ThresholdQuery, params)
    if query.timeout <= 0:
        raise SalvageError(f"timeout: {query.timeout:g} is too short; set seconds above 0", reason="bad_input")
    profile = parse_profile(query.profile)
    max_age = (parse_duration(query.max_age, "max_age") if query.max_age else 0.0) or None
    span = None if query.history is None else parse_duration(query.history, "history")
    past = query.prometheus_url or (query.url if query.format == "promql" else None)
    if span and not past:
        raise SalvageError("history: it needs a Prometheus; set prometheus_url", reason="bad_input")
    addresses = routes.Routes(params, query.timeout, retry=ONCE)
    endpoint = addresses.open(query.url)
    prometheus = addresses.open_if(past)
    evaluations = read_thresholds(
        endpoint,
        profile=profile,
        fmt=query.format,
        path=query.path,
        max_age=max_age,
        now=now,
        timeout=query.timeout,
        prometheus=prometheus,
    )
    if span and prometheus:
        evaluations = with_history(evaluations, prometheus, profile=profile, start=now - span, end=now, timeout=query.timeout)
    result = {"changed": False, **result_of(evaluations)}
    if result["status"] in query.fail_on:
        return {**result, "failed": True, "msg": f"The metrics are {result['status']}. {result['summary']}"}
    return result
