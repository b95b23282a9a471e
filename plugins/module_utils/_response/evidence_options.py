# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module alert_response_info."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._cluster import defaults
from .._core.errors import SalvageError
from .._core.options import option
from .._core.times import parse_duration
from .._workloads.workload import KINDS
from .evidence_model import JudgeSettings

_DURATIONS = ("persists", "changed_within", "max_age", "leak_horizon", "growth_span", "backup_age")


@dataclass(frozen=True)
class JudgeOptions:
    persists: str = option("15m")
    changed_within: str = option("2h")
    max_age: str = option("5m")
    cpu_limit: float = option(0.80)
    memory_limit: float = option(0.85)
    input_quality: float = option(0.9)
    spike: float = option(3.5)
    spike_ratio: float = option(1.5)
    share: float = option(0.6)
    restart_share: float = option(0.5)
    leak_horizon: str = option("1d")
    growth_span: str = option("2m")
    scale_to: int = option(8)
    backup_age: str = option("26h")


@dataclass(frozen=True)
class RedCodeOptions:
    config_map: str = option("euystacio-red-code")
    key: str = option("red_code.json", no_log=False)
    path: str = option("/red_code.json")
    file: str | None = option(None, type="path")
    digest: str | None = option(None)


@dataclass(frozen=True)
class OpaOptions:
    namespace: str = option(defaults.NAMESPACE)
    name: str = option("opa-peace-bonds")
    container: str = option("opa")
    config_map: str = option("peace-bonds-policies")


@dataclass(frozen=True)
class ResponseQuery:
    alert: Any = option(type="raw")
    kind: str = option("Deployment", choices=list(KINDS))
    name: str = option(defaults.WORKLOAD)
    namespace: str = option(defaults.NAMESPACE)
    api_url: str = option(defaults.API_URL)
    prometheus_url: str = option(defaults.PROMETHEUS_URL)
    alertmanager_url: str = option(defaults.ALERTMANAGER_URL)
    profile: dict[str, Any] | None = option(None)
    red_code: RedCodeOptions | None = option(None)
    opa: OpaOptions | None = option(None)
    judge: JudgeOptions | None = option(None)
    proof_key: str | None = option(None, type="path", no_log=False)
    record_dir: str | None = option(None, type="path")
    memory_window: str = option("1h")
    log_lines: int = option(200)
    evidence: list[dict[str, Any]] | None = option(None, elements="dict")
    before: dict[str, Any] | None = option(None)
    now: float | None = option(None)
    deadline: float = option(20.0)
    request_timeout: float = option(5.0)


def settings_of(given: JudgeOptions | None) -> JudgeSettings:
    """Raises SalvageError(bad_input)."""
    raw = vars(given or JudgeOptions())
    times: dict[str, Any] = {name: parse_duration(raw[name], f"judge.{name}") for name in _DURATIONS}
    numbers: dict[str, Any] = {name: value for name, value in raw.items() if name not in _DURATIONS}
    for name in ("cpu_limit", "memory_limit", "input_quality", "share", "restart_share"):
        if not 0 < numbers[name] <= 1:
            raise SalvageError(f"judge.{name}: {numbers[name]:g} is not a share above 0, up to 1", reason="bad_input")
    for name in ("spike", "spike_ratio", "scale_to"):
        if not 1 <= numbers[name] < 1e6:
            raise SalvageError(f"judge.{name}: {numbers[name]:g} is not at least 1", reason="bad_input")
    for name, seconds in times.items():
        if not 1 <= seconds <= 366 * 86400:
            raise SalvageError(f"judge.{name}: {raw[name]} is not between one second and a year", reason="bad_input")
    return JudgeSettings(**times, **numbers)
