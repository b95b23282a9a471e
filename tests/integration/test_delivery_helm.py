# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deploy runbook with a Helm release, as a user runs it, on real pods in a namespace of their own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import NAMESPACE, Lab, Run
from load import Load
from test_delivery_playbooks import App

pytestmark = pytest.mark.lab

SPACE = "helm-test"
# A chart whose values are its objects; what they hold is not Helm's to template.
TEMPLATE = """{{ range .Values.objects }}
---
{{ toYaml . }}
{{ end }}
"""


class Release:
    """The stand-in as the release `app` of a chart."""

    def __init__(self, app: App, helm: str) -> None:
        self.app, self.program = app, helm
        self.chart = app.folder / "chart"
        (self.chart / "templates").mkdir(parents=True)
        (self.chart / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "app", "version": "1.0.0"}))
        (self.chart / "templates/app.yaml").write_text(TEMPLATE)

    def values(self, level: str, **container: Any) -> str:
        path = self.app.folder / f"{level}.json"
        path.write_text(json.dumps({"objects": self.app.objects(level, **container)}))
        return str(path)

    def command(self, *arguments: str) -> list[str]:
        return [self.program, f"--kubeconfig={self.app.lab.kubeconfig}", f"--namespace={SPACE}", *arguments]

    def helm(self, *arguments: str) -> str:
        return subprocess.run(self.command(*arguments), check=True, capture_output=True, text=True, timeout=120).stdout

    def deploy(self, level: str, command: list[str] | None = None, **variables: Any) -> Run:
        values = self.values(level, **({"command": command} if command else {}))
        return self.app.deploy(deploy_helm={"name": "app", "chart_ref": str(self.chart), "values_files": [values]}, **variables)

    @property
    def state(self) -> tuple[str, str]:
        """What Helm believes: its status, and the level of the ConfigMap."""
        status = json.loads(self.helm("status", "app", "--output", "json"))
        return status["info"]["status"], status["config"]["objects"][0]["data"]["LEVEL"]


@pytest.fixture(scope="module")
def release(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    helm = lab.lab("tool", "helm").strip()
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(helm).parent}{os.pathsep}{path}"
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)
    image = standin["spec"]["template"]["spec"]["containers"][0]["image"]
    yield Release(App(lab, "app", image, tmp_path_factory.mktemp("release"), SPACE), helm)
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")
    os.environ["PATH"] = path


def test_a_release_is_installed_upgraded_and_taken_back(release: Release) -> None:
    app = release.app
    # The first time there is nothing to compare with: it may not be known to be good, but it runs.
    release.deploy("info", deploy_window=1, deploy_extend=0)
    assert app.runs == (app.image, "info", 2)
    assert release.state == ("deployed", "info")

    with Load(app.get("service")["spec"]["clusterIP"]):
        good = release.deploy("debug")
    assert good.code == 0, good.output
    assert app.runs == (app.image, "debug", 2)
    assert release.state == ("deployed", "debug")

    bad = release.deploy("bad", command=["/nonsense"])
    assert bad.code != 0
    assert app.runs == (app.image, "debug", 2)
    assert release.state == ("deployed", "debug"), bad.output
    assert "The Helm release app is back on revision 2" in str(app.incident[0]["done"])


def test_a_release_that_another_run_holds_is_refused(release: Release) -> None:
    values = release.values("stuck", readinessProbe={"httpGet": {"path": "/none", "port": "http"}})
    held = subprocess.Popen(
        release.command("upgrade", "app", str(release.chart), "--values", values, "--wait", "--timeout=10m", "--install"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while '"pending-' not in release.helm("list", "--all", "--output", "json"):
            assert time.monotonic() < deadline, "helm does not begin"
            time.sleep(0.2)
    finally:
        held.kill()
        held.wait()
    run = release.deploy("info")
    assert run.code != 0
    assert "helm rollback app" in run.output
    assert release.state[0].startswith("pending-"), "nothing was written"
