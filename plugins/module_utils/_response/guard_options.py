# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module response_guard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._cluster import defaults
from .._core.hours import DAYS
from .._core.options import option
from .._core.run_identity import RunIdentity
from .guard_model import OUTCOMES

NAME = "meta-salvage-response"
STATES = ("admitted", "finished", "paused", "resumed", "approved", "reported")


@dataclass(frozen=True)
class TargetOptions:
    kind: str = option()
    name: str = option()
    namespace: str = option("")
    uid: str = option("")
    resource_version: str = option("")


@dataclass(frozen=True)
class QuietWindow:
    start: str = option()
    end: str = option()
    timezone: str = option("UTC")
    days: tuple[str, ...] = option(DAYS, choices=list(DAYS))
    environments: tuple[str, ...] = option(())
    reason: str = option("quiet hours")


@dataclass(frozen=True)
class Freeze:
    start: str = option()
    end: str = option()
    timezone: str = option("UTC")
    environments: tuple[str, ...] = option(())
    reason: str = option("change freeze")


@dataclass(frozen=True)
class LimitOptions:
    window: str = option("1h")
    max_actions: int = option(6)
    max_actions_per_incident: int = option(3)
    cooldown: str = option("30m")
    max_share: float = option(50.0)
    storm_window: str = option("10m")
    storm_targets: int = option(5)
    storm_share: float = option(25.0)
    fleet: int = option(0)
    flap_window: str = option("1h")
    failure_hold: str = option("1h")
    permit_duration: str = option("10m")
    approval_max_age: str = option("4h")
    max_clock_skew: str = option("60s")
    allowed_actions: dict[str, Any] = option({})
    quiet_hours: list[QuietWindow] = option(())
    freezes: list[Freeze] = option(())


@dataclass(frozen=True)
class ApprovalOptions:
    path: str | None = option(None, type="path")
    data: dict[str, Any] | None = option(None)
    public_keys: tuple[str, ...] = option((), elements="path", no_log=False)
    key: str | None = option(None, type="path", no_log=False)
    approver: str | None = option(None)


@dataclass(frozen=True)
class GuardOptions:
    state: str = option("admitted", choices=list(STATES))
    namespace: str = option(defaults.NAMESPACE)
    name: str = option(NAME)
    alert: str | None = option(None)
    fingerprint: str | None = option(None)
    started_at: str | None = option(None)
    target: TargetOptions | None = option(None)
    action: str | None = option(None)
    opposite: str | None = option(None)
    environment: str | None = option(None)
    replicas: int | None = option(None)
    touched: int | None = option(None)
    incident: str | None = option(None)
    plan_sha256: str | None = option(None)
    limits: LimitOptions | None = option(None)
    approval: ApprovalOptions | None = option(None)
    permit: str | None = option(None)
    outcome: str | None = option(None, choices=list(OUTCOMES))
    note: str | None = option(None)
    take_over: bool = option(False)
    reason: str | None = option(None)
    until: str | None = option(None)
    holder: RunIdentity | None = option(None)
    request_timeout: float = option(10.0)
