# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Service that leads nowhere, or answers otherwise, while each pod is healthy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cluster_lab import Lab, comes_to
from deployed_app import NAME, App, deployed
from manifest_sets import deployment

pytestmark = pytest.mark.lab

SPACE = "journey-test"


@pytest.fixture(scope="module")
def app(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with deployed(lab, SPACE, tmp_path_factory.mktemp("journey")) as one:
        yield one


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"port": 8999}, "connection refused"),
        ({"port": "htttp"}, "no endpoints available"),
        ({"selector": {"app": "nobody"}}, "no endpoints available"),
    ],
)
def test_a_service_that_leads_nowhere_fails_although_its_pods_are_healthy(app: App, change: dict[str, Any], words: str) -> None:
    before = app.service
    run = app.deploy(**change)
    assert run.code != 0, run.output
    assert f"GET /health through Service {NAME}:http" in run.words
    assert words in run.words
    assert f"Objects put back as they were: Service {SPACE}/{NAME}" in run.words
    assert app.service == before
    assert "meta-salvage-journal" not in app.lab.kubectl("get", "secrets", "-n", SPACE, "-o", "name")


def test_a_step_with_another_status_fails(app: App) -> None:
    steps = {"deploy_journey": [{"path": "/api/metrics/thresholds?token=planted-5d41402a"}]}
    good = app.deploy(**steps)
    assert good.code == 0, good.output
    faults = json.dumps({"error_rate": 1, "error_code": 500, "paths": ["/api/metrics/thresholds"]})
    run = app.deploy(faults=faults, **steps)
    assert run.code != 0, run.output
    assert f"GET /api/metrics/thresholds through Service {NAME}:http: answered 500, expected 200" in run.words
    assert "planted-5d41402a" not in run.output
    assert app.template["containers"][0]["env"] == [{"name": "FAULTS", "value": "{}"}]


def test_another_workload_of_the_manifests_that_does_not_come_up_fails_too_and_new_objects_go(app: App) -> None:
    before = app.template
    worker = deployment("worker", image="localhost/not-there:1", replicas=1)
    worker["metadata"]["namespace"] = SPACE
    worker["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Never"
    run = app.deploy(faults='{"latency_ms": 1}', beside=(worker,))
    assert run.code != 0, run.output
    assert f"Deployment worker in {SPACE}: pod worker-" in run.words
    assert "ErrImageNeverPull" in run.words
    assert f"New objects removed: Deployment {SPACE}/worker" in run.words
    assert app.template == before
    assert [one["metadata"]["name"] for one in app.lab.get("deployments", "-n", SPACE)["items"]] == [NAME]


def test_rollback_takes_the_whole_change_of_a_killed_deployment_back(app: App) -> None:
    before = app.service
    asked = app.asked(port=8999, faults='{"latency_ms": 1}', deploy_window=60)
    with app.lab.playing("deploy", asked) as run:
        comes_to(run, lambda: app.service != before, 240)
    back = app.lab.play("rollback", {"rollback_name": NAME, "rollback_namespace": SPACE})
    assert back.code == 0, back.output
    assert app.service == before, back.output
    assert app.template["containers"][0]["env"] == [{"name": "FAULTS", "value": "{}"}]
    assert "meta-salvage-journal" not in app.lab.kubectl("get", "secrets", "-n", SPACE, "-o", "name")
