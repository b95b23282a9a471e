# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Service that leads nowhere, or answers otherwise, while each pod is healthy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import NAMESPACE, Lab, Run

pytestmark = pytest.mark.lab

SPACE = "journey-test"
NAME = "app"
QUICK = {
    "deploy_name": NAME,
    "deploy_namespace": SPACE,
    "deploy_window": 2,
    "deploy_interval": 0.5,
    "deploy_extend": 60,
    "deploy_prometheus_url": "",
    "deploy_judge": {"alpha": 0.05, "floor": 0.3, "harm": 3.2, "durations_metric": "", "check_thresholds": False, "exclude_paths": []},
}


@dataclass
class App:
    lab: Lab
    image: str
    folder: Path

    def deploy(self, *, port: Any = "http", selector: dict[str, str] | None = None, faults: str = "{}", **more: Any) -> Run:
        labels = {"app": NAME}
        meta = {"name": NAME, "namespace": SPACE}
        container = {
            "name": "api",
            "image": self.image,
            "imagePullPolicy": "Never",
            "ports": [{"name": "http", "containerPort": 8000}],
            "env": [{"name": "FAULTS", "value": faults}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        }
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 2}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template, "progressDeadlineSeconds": 60}
        service = {"selector": selector or labels, "ports": [{"name": "http", "port": 8000, "targetPort": port}]}
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
            {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
        ]
        path = self.folder / "manifest.yaml"
        path.write_text("\n---\n".join(json.dumps(one) for one in objects))
        return self.lab.play("deploy", {**QUICK, "deploy_record_dir": str(self.folder), "deploy_manifests": [str(path)], **more})


@pytest.fixture(scope="module")
def app(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true", "--timeout=120s")
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)
    one = App(lab, standin["spec"]["template"]["spec"]["containers"][0]["image"], tmp_path_factory.mktemp("journey"))
    first = one.deploy()
    assert first.code == 0, first.output
    yield one
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"port": 8999}, "connection refused"),
        ({"port": "htttp"}, "no endpoints available"),
        ({"selector": {"app": "nobody"}}, "no endpoints available"),
    ],
)
def test_a_service_that_leads_nowhere_fails_although_its_pods_are_healthy(app: App, change: dict[str, Any], words: str) -> None:
    good = app.deploy()  # the Service of before is back
    assert good.code == 0, good.output
    run = app.deploy(**change)
    assert run.code != 0, run.output
    assert f"GET /health through Service {NAME}:http" in run.words
    assert words in run.words


def test_a_step_with_another_status_fails(app: App) -> None:
    steps = {"deploy_journey": [{"path": "/api/metrics/thresholds?token=planted-5d41402a"}]}
    good = app.deploy(**steps)
    assert good.code == 0, good.output
    faults = json.dumps({"error_rate": 1, "error_code": 500, "paths": ["/api/metrics/thresholds"]})
    run = app.deploy(faults=faults, **steps)
    assert run.code != 0, run.output
    assert f"GET /api/metrics/thresholds through Service {NAME}:http: answered 500, expected 200" in run.words
    assert "planted-5d41402a" not in run.output
    deployment = app.lab.get("deployment", NAME, "-n", SPACE)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "FAULTS", "value": "{}"}]
