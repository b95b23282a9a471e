# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.severity import Facts, Proposal, propose

CRITICAL = {"name": "A", "severity": "critical"}
INFO = {"name": "I", "severity": "info"}


def report(status: str, **parts: str) -> dict[str, Any]:
    return {"status": status, "parts": [{"name": name, "status": its, "reason": "it is down"} for name, its in parts.items()]}


@pytest.mark.parametrize(
    ("facts", "severity", "why"),
    [
        ({"data_loss": True, "alerts": [CRITICAL]}, "P0", "data is lost"),
        ({"security_breach": True}, "P0", "there is a security breach"),
        ({"error_rate": 0.5}, "P0", "50.0% of requests fail"),
        ({"error_rate": 0.05}, "P1", "5.0% of requests fail"),
        ({"error_rate": 0.01}, "P2", "1.0% of requests fail"),
        ({"error_rate": 0}, "P3", "0.0% of requests fail"),
        ({"error_rate": float("nan")}, "P2", "the share of failing requests is unknown: the value is NaN"),
        ({"error_rate": 7}, "P2", "the share of failing requests is unknown: it is not between 0 and 1"),
        ({"error_rate": "x"}, "P2", "the share of failing requests is unknown: the value is the string 'x', not a number"),
        ({"failed_journeys": ["log in"], "journeys": 4}, "P1", "user journeys fail: log in"),
        ({"failed_journeys": ["log in"], "journeys": 1}, "P0", "all 1 user journeys fail"),
        ({"failed_journeys": ["log in"]}, "P1", "user journeys fail: log in"),
        ({"journeys": 3}, "P3", "all 3 user journeys work"),
        ({"health": report("critical", api="critical")}, "P0", "the service does not answer: it is down"),
        ({"health": report("critical", pods="critical", api="healthy")}, "P1", "the health check is critical (pods)"),
        ({"health": report("unknown", opa="unknown")}, "P2", "the health check is unknown (opa)"),
        ({"health": report("warning", nodes="warning")}, "P2", "the health check is warning (nodes)"),
        ({"health": report("splendid")}, "P2", "the health check is unknown"),
        ({"health": {"status": None, "parts": None}}, "P2", "the health check is unknown"),
        ({"health": report("healthy", api="healthy")}, "P3", "the health check is healthy"),
        ({"alerts": [CRITICAL, {**CRITICAL, "name": "B"}]}, "P1", "2 alerts at once: A, B"),
        ({"alerts": [CRITICAL, INFO]}, "P2", "one alert: A"),
        ({"alerts": [{"name": "X"}]}, "P2", "one alert: X"),
        ({"alerts": [INFO]}, "P3", "1 alerts, all for information"),
        ({"alerts": [CRITICAL], "error_rate": 0.012}, "P2", "1.2% of requests fail; one alert: A"),
    ],
)
def test_the_facts_propose_a_severity_with_the_reason(facts: dict[str, Any], severity: str, why: str) -> None:
    assert propose(Facts(**facts)) == Proposal(severity, why)


def test_without_facts_nothing_is_proposed() -> None:
    assert propose(Facts()) is None
    assert propose(Facts(journeys=0)) is None
