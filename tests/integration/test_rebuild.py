# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rebuild runbook as a user runs it, with a real Terraform or OpenTofu.

A namespace of the lab comes back, by OpenTofu. A whole second cluster is provisioned, by Terraform where there is one, and gets the lab's
objects, monitoring and samples.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from backups import Backups
from cluster_lab import CHECKOUT, NAMESPACE, Lab, Run, comes_to

sys.path.append(str(CHECKOUT))
from lab import build, debian, images, versions

pytestmark = pytest.mark.lab

SPACE = "rebuild-test"
SECOND = "rebuilt"
ROOT = 'resource "terraform_data" "cluster" {\n  provisioner "local-exec" {\n    command = "%s"\n  }\n}\n'


def app(image: str) -> list[dict[str, Any]]:
    meta = {"name": "app", "namespace": SPACE}
    container = {
        "name": "api",
        "image": image,
        "imagePullPolicy": "Never",
        "envFrom": [{"configMapRef": {"name": "app"}}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000}, "periodSeconds": 1},
    }
    template = {"metadata": {"labels": {"app": "app"}}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"LEVEL": "info"}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"selector": {"matchLabels": {"app": "app"}}, "template": template},
        },
    ]


@dataclass
class Lost:
    """A namespace that is in a backup and nowhere else, and a Terraform root."""

    lab: Lab
    folder: Path
    binary: str
    backups: Backups

    @property
    def variables(self) -> dict[str, Any]:
        keys = {
            "repository": str(self.folder / "store"),
            "public_key": str(self.folder / "sign.pub"),
            "identity": str(self.folder / "identity"),
        }
        return {
            "cluster_rebuild_terraform_root": str(self.folder / "root"),
            "cluster_rebuild_terraform_binary": self.binary,
            "cluster_rebuild_namespaces": [SPACE],
            "cluster_rebuild_backup": keys,
            "cluster_rebuild_restore": {"namespaces": [SPACE], "cluster_scoped": False, "backup_first": False},
            "cluster_rebuild_opa": {},
            "cluster_rebuild_service": {"kind": "Deployment", "namespace": SPACE, "name": "app"},
            "cluster_rebuild_health": {"parts": ["pods", "workloads"], "namespaces": [SPACE]},
            "cluster_rebuild_record_dir": str(self.folder / "records"),
        }

    def root(self, text: str) -> None:
        (self.folder / "root").mkdir(exist_ok=True)
        (self.folder / "root/main.tf").write_text(text)

    def rebuild(self, **variables: Any) -> Run:
        return self.lab.play("rebuild", {**self.variables, **variables})

    @property
    def journal(self) -> Path:
        return self.folder / "records/localhost.journal.json"

    @property
    def report(self) -> dict[str, Any]:
        """The last one."""
        found: dict[str, Any] = json.loads(max((self.folder / "records").glob("rebuild-*.json")).read_text())
        return found


def test_what_was_lost_comes_back_though_the_first_run_is_killed(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "none"))  # each command warns of that
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    image = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    lab.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": app(image)}))
    backups = Backups(str(lab.kubeconfig), tmp_path)
    backups.back_up(SPACE)
    lab.kubectl("delete", "namespace", SPACE, "--wait=true")
    lost = Lost(lab, tmp_path, lab.lab("tool", "tofu").strip(), backups)
    lost.root(ROOT % "true")
    try:
        _comes_back(lost)
    finally:
        lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=false")


def _comes_back(lost: Lost) -> None:
    with lost.lab.playing("rebuild", lost.variables) as killed:
        comes_to(killed, lambda: lost.journal.exists() and "provision" in lost.journal.read_text(), 180)
    began = json.loads(lost.journal.read_text())["began"]

    run = lost.rebuild()
    assert run.code == 0, run.output
    report = lost.report
    said = {step["step"]: step["said"] for step in report["steps"]}
    assert (report["result"], report["resumed"], report["began"]) == ("PASS", True, began)
    assert said["provision"] == "it is as planned"
    assert said["restore"].startswith("PASS")
    assert said["monitoring"] == "left out"
    for words in (f"RTO {report['rto_seconds']} s", "RPO of the objects", *said):
        assert words in run.output
    assert not lost.journal.exists()
    assert lost.lab.get("deployment", "app", "-n", SPACE)["status"]["readyReplicas"] == 1

    missing = lost.rebuild(cluster_rebuild_restore={"name": "backup-none"})
    assert missing.code != 0
    assert "holds no backup backup-none" in lost.report["reason"]

    # The cluster is in the state of Terraform and no longer in its root.
    lost.root("")
    refused = lost.rebuild()
    assert refused.code != 0
    assert lost.report["failed_at"] == "provision"
    assert "the plan deletes terraform_data.cluster" in lost.report["reason"]


def test_a_whole_cluster(lab: Lab, tmp_path: Path) -> None:
    backups = Backups(str(lab.kubeconfig), tmp_path)
    backups.back_up(NAMESPACE)
    promtool, helm = (lab.lab("tool", tool).strip() for tool in ("promtool", "helm"))
    samples = {"directory": str(tmp_path / "samples"), "promtool": promtool}
    options = {
        "kubeconfig": str(lab.kubeconfig),
        "sample": "qek_value",
        "cluster": "localhost",
        "signing_key": str(tmp_path / "sign.pem"),
        **samples,
    }
    samples["public_key"] = str(tmp_path / "sign.pub")
    command = ["ansible", "localhost", "-m", "euystacio.meta_salvage.prometheus_snapshot", "-a", json.dumps(options)]
    subprocess.run(command, cwd=tmp_path, check=True, stdin=subprocess.DEVNULL, timeout=900)

    chart = tmp_path / "chart"
    shutil.copytree(CHECKOUT / "tests/fixtures/monitoring-chart", chart)
    (chart / "manifests").mkdir()
    for path in (CHECKOUT / "lab/manifests").glob("[456]*.yaml"):  # the operator, Prometheus, Alertmanager, what they watch
        shutil.copy(path, chart / "manifests")
    known = versions.load()
    made = images.build_all(known, debian.root_of(known.debian))
    values = {"images": {images.placeholder(name): image.reference for name, image in made.items()}}
    up = f"cd {CHECKOUT} && {sys.executable} -m lab up {SECOND} --bare"
    lost = Lost(lab, tmp_path, shutil.which("terraform") or lab.lab("tool", "tofu").strip(), backups)
    lost.root(ROOT % up)
    second = lab.kubeconfig.parent.parent / SECOND / "kubeconfig"
    whole = {
        **lost.variables,
        "cluster_rebuild_kubeconfig": str(second),
        "cluster_rebuild_crds": [str(build.folder_of(known.modules["prometheus-operator"]) / "crds/*.yaml")],
        "cluster_rebuild_namespaces": [NAMESPACE, "monitoring"],
        "cluster_rebuild_restore": {"namespaces": [NAMESPACE], "cluster_scoped": False, "backup_first": False},
        "cluster_rebuild_monitoring": {
            "name": "prometheus-operator",
            "chart_ref": str(chart),
            "values": values,
            "binary_path": helm,
            "take_ownership": True,
        },
        "cluster_rebuild_snapshot": samples,
        "cluster_rebuild_opa": {"kind": "Deployment", "namespace": NAMESPACE, "name": "opa-peace-bonds"},
        "cluster_rebuild_service": {"kind": "Deployment", "namespace": NAMESPACE, "name": "euystacio-api"},
        "cluster_rebuild_health": {},
    }
    lab.lab("down", SECOND)
    try:
        run = lab.play("rebuild", whole)
        print(run.output)
        assert run.code == 0, run.output
        assert lost.report["rto_seconds"] <= 180, lost.report
        again = lab.play("rebuild", whole)
        assert again.code == 0, again.output
        assert "changed=0 " in again.output
    finally:
        lab.lab("down", SECOND)
