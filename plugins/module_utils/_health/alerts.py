# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The finding of an alert.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .._alerts.alerts import Alert
from .._core.status import CRITICAL, HEALTHY, STATUSES, WARNING
from .._core.times import ago
from .model import Check

DEFAULT_SEVERITIES = {"critical": CRITICAL, "page": CRITICAL, "warning": WARNING, "info": HEALTHY, "none": HEALTHY}


def alert_check(alert: Alert, severities: Mapping[str, str], now: float) -> Check:
    """The finding of a firing alert.

    A severity that is not in ``severities`` counts as a warning; a silenced alert is shown, as healthy.
    """
    status = severities.get(alert.severity, WARNING) if alert.state == "active" else HEALTHY
    says = alert.annotations.get("summary") or alert.annotations.get("description") or alert.annotations.get("message") or ""
    quiet = {
        "silenced": f", silenced by {', '.join(alert.silenced_by)}",
        "inhibited": f", inhibited by {', '.join(alert.inhibited_by)}",
    }.get(alert.state, "")
    reason = f"{alert.name} fires {ago(alert.starts_at, now)}".rstrip() + f" (severity {alert.severity or 'not given'}){quiet}"
    return Check(
        id=f"alerts/{alert.name}/{alert.fingerprint}",
        status=status if status in STATUSES else WARNING,
        reason=f"{reason}: {says}" if says else reason,
        subject={"kind": "Alert", "name": alert.name},
        since=alert.starts_at,
        evidence={"labels": dict(alert.labels), "state": alert.state},
    )
