# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of each Alertmanager, the receivers of sample alerts, and whether alerts arrive."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring import routing_task

CONFIG = """
route:
  receiver: engineers
  routes: [{receiver: on-call, matchers: ['severity="critical"']}]
receivers: [{name: engineers}, {name: on-call}]
"""
CRITICAL = {"labels": {"alertname": "QEK", "severity": "critical"}, "receivers": ["on-call"]}


def alert(age: float, name: str = "Watchdog") -> dict[str, Any]:
    return {"labels": {"alertname": name}, "status": {"state": "active"}, "updatedAt": iso(time.time() - age)}


def run(web: Any, *, find: Any = None, code: int = 0, **options: Any) -> dict[str, Any]:
    given = {"replicas": [web.url], "alerts": [CRITICAL], **options}
    return routing_task.run(given, lambda argv, **how: (code, "", "FAILED: bad template"), lambda name: find)


@pytest.fixture
def alertmanager(web: Any) -> Any:
    web.answers["/api/v2/status"] = {"config": {"original": CONFIG}}
    web.answers["/api/v2/alerts"] = [alert(400), alert(20), alert(1, "Other")]
    return web


def test_a_healthy_one(alertmanager: Any) -> None:
    found = run(alertmanager)
    assert (found["status"], found["found"], found["problems"]) == ("healthy", [], {})
    assert found["receivers"] == ["engineers", "on-call"] and found["watchdog"][alertmanager.url] == pytest.approx(20, abs=3)
    assert found["alerts"] == [{"labels": CRITICAL["labels"], "receivers": {alertmanager.url: ["on-call"]}}]


def test_an_alert_that_reaches_somebody_else(alertmanager: Any) -> None:
    found = run(alertmanager, alerts=[{"labels": {"severity": "warning"}, "receivers": ["on-call"]}])
    assert found["status"] == "critical" and "the alert severity=warning reaches engineers, not on-call" in found["found"][0]


@pytest.mark.parametrize(
    ("alerts", "words"),
    [([], "does not arrive"), ([alert(1, "Other")], "does not arrive"), ([alert(301)], "last arrived")],
)
def test_a_watchdog_that_does_not_bark(alertmanager: Any, alerts: list[Any], words: str) -> None:
    alertmanager.answers["/api/v2/alerts"] = alerts
    found = run(alertmanager)
    assert found["status"] == "critical" and words in found["found"][0]
    assert run(alertmanager, watchdog="")["status"] == "healthy"


@pytest.mark.parametrize(
    "answer",
    [{}, [{"labels": 1}], [{"labels": {"alertname": "Watchdog"}}], [alert(-3600)], (503, "text/plain", "not ready")],
)
def test_an_answer_that_tells_nothing_is_not_healthy(alertmanager: Any, answer: Any) -> None:
    alertmanager.answers["/api/v2/alerts"] = answer
    found = run(alertmanager)
    assert found["status"] == "unknown" and list(found["problems"]) == [alertmanager.url]


def test_no_configuration_is_not_healthy(alertmanager: Any) -> None:
    for answer in ({}, {"config": {"original": " "}}, (500, "text/plain", "no")):
        alertmanager.answers["/api/v2/status"] = answer
        assert run(alertmanager)["status"] == "unknown"


def test_a_file_before_it_is_applied(web: Any, tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yaml"
    with pytest.raises(SalvageError, match="can't be read"):
        run(web, path=str(path))
    path.write_text(CONFIG)
    assert run(web, path=str(path))["status"] == "healthy"
    with pytest.raises(SalvageError, match="amtool refuses the configuration: FAILED"):
        run(web, path=str(path), find="/bin/amtool", code=1)
    path.write_text(CONFIG.replace("{name: on-call}", "{name: night}"))
    with pytest.raises(SalvageError, match=r"route\.routes\[0\] names the receiver 'on-call', which is not among") as caught:
        run(web, path=str(path))
    assert caught.value.reason == "invalid"
    path.write_bytes(b"\xff")
    with pytest.raises(SalvageError, match="can't be read"):
        run(web, path=str(path))


def test_an_age_that_cannot_be_meant(web: Any) -> None:
    with pytest.raises(SalvageError, match="watchdog_age is 0"):
        run(web, watchdog_age=0)
