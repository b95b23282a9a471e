# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Deployment of the stand-in behind a Service, deployed by the runbook in a namespace of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster_lab import NAMESPACE, Lab, Run

NAME = "app"
# A verdict in seconds, on a few requests.
QUICK = {
    "deploy_name": NAME,
    "deploy_window": 2,
    "deploy_interval": 0.5,
    "deploy_extend": 60,
    "deploy_prometheus_url": "",
    "deploy_judge": {"alpha": 0.05, "floor": 0.3, "harm": 3.2, "durations_metric": "", "check_thresholds": False, "exclude_paths": []},
}


@dataclass
class App:
    lab: Lab
    space: str
    image: str
    folder: Path

    def deploy(self, **change: Any) -> Run:
        return self.lab.play("deploy", self.asked(**change))

    def asked(
        self,
        port: Any = "http",
        selector: dict[str, str] | None = None,
        faults: str = "{}",
        beside: tuple[dict[str, Any], ...] = (),
        more_containers: tuple[dict[str, Any], ...] = (),
        container: dict[str, Any] | None = None,
        replicas: int = 1,
        **more: Any,
    ) -> dict[str, Any]:
        """The runbook's variables, with a manifest of the app and of what is ``beside`` it."""
        labels = {"app": NAME}
        meta = {"name": NAME, "namespace": self.space}
        api = {
            "name": "api",
            "image": self.image,
            "imagePullPolicy": "Never",
            "ports": [{"name": "http", "containerPort": 8000}],
            "env": [{"name": "FAULTS", "value": faults}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
            **(container or {}),
        }
        pod = {"containers": [api, *more_containers], "terminationGracePeriodSeconds": 2}
        template = {"metadata": {"labels": labels}, "spec": pod}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, "progressDeadlineSeconds": 60}
        service = {"selector": selector or labels, "ports": [{"name": "http", "port": 8000, "targetPort": port}]}
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.space}},
            {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
            *beside,
        ]
        path = self.folder / "manifest.yaml"
        path.write_text("\n---\n".join(json.dumps(one) for one in objects))
        return {**QUICK, "deploy_namespace": self.space, "deploy_record_dir": str(self.folder), "deploy_manifests": [str(path)], **more}

    @property
    def service(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.lab.get("service", NAME, "-n", self.space)["spec"]
        return spec

    @property
    def template(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.lab.get("deployment", NAME, "-n", self.space)["spec"]["template"]["spec"]
        return spec


@contextmanager
def deployed(lab: Lab, space: str, folder: Path, **first: Any) -> Iterator[App]:
    """The app in a new namespace, deployed once and proven good."""
    lab.kubectl("delete", "namespace", space, "--ignore-not-found", "--wait=true", "--timeout=120s")
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)
    app = App(lab, space, standin["spec"]["template"]["spec"]["containers"][0]["image"], folder)
    run = app.deploy(**first)
    assert run.code == 0, run.output
    yield app
    lab.kubectl("delete", "namespace", space, "--wait=false")
