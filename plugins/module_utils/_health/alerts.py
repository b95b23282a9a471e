# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The finding of an alert.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .._alerts.alerts import Alert
from .._core.status import CRITICAL, HEALTHY, STATUSES, UNKNOWN, WARNING
from .._core.times import ago
from .model import Check

DEFAULT_SEVERITIES = {"critical": CRITICAL, "page": CRITICAL, "warning": WARNING, "info": HEALTHY, "none": HEALTHY}

_QUIET = ("silenced", "inhibited", "muted")


def alert_check(alert: Alert, severities: Mapping[str, str], now: float) -> Check:
    """The finding of a firing alert.

    Upper and lower case of a severity mean the same.  A severity that is not in ``severities`` is unknown; an alert without one is a
    warning.  A silenced, inhibited or muted alert is shown, as healthy.
    """
    known = {severity.lower(): status for severity, status in severities.items()}
    word = alert.severity.strip().lower()
    status = HEALTHY if alert.state in _QUIET else UNKNOWN
    if alert.state == "active":
        status = known.get(word, UNKNOWN if word else WARNING)
    says = alert.annotations.get("summary") or alert.annotations.get("description") or alert.annotations.get("message") or ""
    by = {"silenced": alert.silenced_by, "inhibited": alert.inhibited_by, "muted": alert.muted_by}.get(alert.state)
    severity = f"severity {alert.severity or 'not given'}" + (", which is not in alert_severities" if word and word not in known else "")
    state = f"{alert.name}: {alert.problem}" if alert.problem else f"{alert.name} fires {ago(alert.starts_at, now)}".rstrip()
    reason = f"{state} ({severity})" + (f", {alert.state} by {', '.join(by)}" if by else "")
    return Check(
        id=f"alerts/{alert.name}/{alert.fingerprint}",
        status=status if status in STATUSES else UNKNOWN,
        reason=f"{reason}: {says}" if says else reason,
        subject={"kind": "Alert", "name": alert.name},
        since=alert.starts_at,
        evidence={"labels": dict(alert.labels), "state": alert.state},
    )
