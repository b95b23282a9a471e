# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.modules import alert_info

LOW = {"alertname": "Low", "severity": "critical"}
HIGH = {"alertname": "High"}


@pytest.fixture
def run(web: Any, run_module: Any) -> Any:
    alerts = [{"labels": labels, "state": "firing", "activeAt": "2026-11-24T14:00:00Z"} for labels in (LOW, HIGH)]
    web.answers["/api/v1/alerts"] = {"status": "success", "data": {"alerts": alerts}}
    web.answers["/api/v2/alerts"] = [
        {"labels": {**LOW, "cluster": "eu"}, "fingerprint": "f", "status": {"state": "suppressed", "silencedBy": ["s1"]}}
    ]

    def call(**more: Any) -> Any:
        return run_module(alert_info, **{"prometheus_url": web.url, "alertmanager_url": web.url, **more})

    return call


def names(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(alert["name"], alert["state"]) for alert in result["alerts"]]


def test_each_alert_once(run: Any) -> None:
    result = run()
    assert names(result) == [("High", "active"), ("Low", "silenced")]
    assert (result["changed"], result["problems"], result["alerts"][1]["silenced_by"]) == (False, {}, ["s1"])
    assert names(run(states=["active"])) == [("High", "active")]
    assert names(run(names=["Low"])) == [("Low", "silenced")]


def test_no_alert_is_only_an_answer_where_everybody_gave_one(run: Any, web: Any) -> None:
    web.answers["/api/v2/alerts"] = (500, "text/plain", "broken")
    result = run()
    assert (result["failed"], result["msg"]) == (True, f"{web.url}/api/v2/alerts answered 500: broken")
    assert names(result) == [("High", "active"), ("Low", "active")]
    result = run(partial=True)
    assert ("failed" in result, list(result["problems"])) == (False, ["alertmanager"])
    web.answers["/api/v1/alerts"] = {"status": "error"}
    result = run(partial=True)
    assert result["failed"]
    assert f"{web.url}/api/v1/alerts: Prometheus refused the query" in result["problems"]["prometheus"]


@pytest.mark.parametrize(
    ("arguments", "msg"),
    [
        ({"prometheus_url": "", "alertmanager_url": ""}, "no source of alerts is set: set prometheus_url or alertmanager_url"),
        (
            {"prometheus_url": "prometheus"},
            "'prometheus' is not the address of a service; write http://host:port, or service://namespace/name:port",
        ),
    ],
)
def test_bad_input_is_one_sentence(run: Any, arguments: dict[str, Any], msg: str) -> None:
    result = run(**arguments)
    assert (result["failed"], result["reason"], result["msg"]) == (True, "bad_input", msg)


@pytest.mark.parametrize("state", ["Alerting", "Alerting (NoData)", "Error", "", None, 3])
def test_a_state_that_is_not_one_of_prometheus_is_reported(run: Any, web: Any, state: Any) -> None:
    web.answers["/api/v1/alerts"] = {"status": "success", "data": {"alerts": [{"labels": {"alertname": "DiskFull"}, "state": state}]}}
    result = run(alertmanager_url="")
    assert (names(result), result["failed"]) == ([("DiskFull", "unknown")], True)
    assert "DiskFull: it" in result["msg"]


def test_an_answer_with_warnings_is_not_a_whole_one(run: Any, web: Any) -> None:
    warning = "receiving rules from ruler-0: connection refused"
    web.answers["/api/v1/alerts"] = {"status": "success", "data": {"alerts": []}, "warnings": [warning]}
    result = run(alertmanager_url="")
    assert (result["failed"], result["msg"]) == (True, f"{web.url} gave no whole answer: Prometheus warns: {warning}")
