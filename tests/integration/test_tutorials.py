# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first backup and the first deploy, with each command that the tutorials print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import NAMESPACE, Lab
from manifest_sets import deployment, obj
from tutorials import Reader

pytestmark = pytest.mark.lab


def test_the_first_backup(lab: Lab, tmp_path: Path) -> None:
    reader = Reader(lab, "2_first_backup.md", tmp_path)
    try:
        reader.done(0)
        recipients = reader.done(1).split()
        assert len(recipients) == 2 and all(one.startswith("age1") for one in recipients)
        reader.write(
            "backup.yml",
            {
                "/var/backups/first": str(tmp_path / "repository"),
                "/etc/meta-salvage/": f"{tmp_path}/",
                "[age1..., age1...]": json.dumps(recipients),
            },
        )
        taken = reader.done(2)
        assert "is COMPLETE" in taken, taken
        restored = reader.done(3)
        (printed,) = reader.blocks["text"]
        assert " ".join(printed.split()) in restored, restored
        code, found = reader.run("kubectl get configmap settings -n first-backup -o jsonpath={.data.colour}")
        assert (code, found) == (0, "green")
        assert len(list((tmp_path / "repository").glob("*.age"))) == 2  # the second has the state before the restore
    finally:
        lab.kubectl("delete", "namespace", "first-backup", "--ignore-not-found", "--wait=false")


def test_the_first_deploy(lab: Lab, tmp_path: Path) -> None:
    reader = Reader(lab, "3_first_deploy.md", tmp_path)
    shop = app(lab)
    (container,) = shop[0]["spec"]["template"]["spec"]["containers"]

    def saved() -> None:
        (tmp_path / "app.yaml").write_text("\n---\n".join(json.dumps(one) for one in shop))

    try:
        reader.done(0)
        saved()
        # The minutes of watching are the reader's time, not the test's.
        shorter = {
            "deploy_window: 60": "deploy_window: 5",
            "deploy_extend: 60": "deploy_extend: 5",
            "deploy_interval: 5": "deploy_interval: 1",
        }
        reader.write("deploy.yml", {"/home/ann/first-deploy/app.yaml": str(tmp_path / "app.yaml"), **shorter})
        assert "proven" in reader.done(1)
        first = lab.get("deployment", "shop", "-n", "first-deploy")["spec"]

        container["readinessProbe"]["periodSeconds"] = 2
        saved()
        code, output = reader.run(reader.blocks["bash"][1])
        verdict = reader.blocks["text"][0].strip().partition("(")[0].strip()
        assert code != 0 and verdict in output, output
        assert lab.get("deployment", "shop", "-n", "first-deploy")["spec"] == first

        container["readinessProbe"]["periodSeconds"] = 1
        container["image"] = "shop:no-such-version"
        saved()
        (deploy,) = [line for line in reader.blocks["bash"][1].splitlines() if "--check" not in line]
        code, output = reader.run(deploy, " -e deploy_timeout=60")
        assert (
            code != 0 and "ErrImageNeverPull" in output and "is recorded as failed. Rolled back to a revision that is proven good" in output
        ), output
        assert lab.get("deployment", "shop", "-n", "first-deploy")["spec"] == first

        assert reader.done(2)
    finally:
        lab.kubectl("delete", "namespace", "first-deploy", "--ignore-not-found", "--wait=false")


def app(lab: Lab) -> tuple[dict[str, Any], dict[str, Any]]:
    """A Deployment with a readiness probe, and a Service in front of it."""
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]
    one = deployment("shop", image=standin["image"], replicas=2)
    (container,) = one["spec"]["template"]["spec"]["containers"]
    container |= {
        "imagePullPolicy": "Never",
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
    }
    return one, obj("Service", "shop", spec={"selector": {"app": "shop"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]})
