# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace of the lab comes back by the runbook `rebuild` and OpenTofu, and the result is not better than what happened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from backups import Backups
from cluster_lab import NAMESPACE, Lab, comes_to
from rebuilds import LABELS, ROOT, SPACE, Lost, app

pytestmark = pytest.mark.lab


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
    # The rebuild creates the namespace before the restore, and Kubernetes the account.
    assert lost.lab.get("namespace", SPACE)["metadata"]["labels"].items() >= LABELS.items()
    assert lost.lab.get("serviceaccount", "default", "-n", SPACE)["imagePullSecrets"] == [{"name": "regcred"}]

    lost.lab.kubectl("patch", "configmap", "app", "-n", SPACE, "--type=merge", "-p", '{"data": {"LEVEL": "debug"}}')
    kept = lost.rebuild()
    assert kept.code != 0 and "is PARTIAL" in kept.words and "set cluster_rebuild_allow_partial=true" in kept.words, kept.output
    assert (lost.report["result"], [row["name"] for row in lost.report["restore"]["kept"]]) == ("PARTIAL", ["app"])
    assert not lost.journal.exists()

    missing = lost.rebuild(cluster_rebuild_restore={"name": "backup-none"})
    assert missing.code != 0
    assert "holds no backup backup-none" in lost.report["reason"]

    # The cluster is in the state of Terraform and no longer in its root.
    lost.root("")
    refused = lost.rebuild()
    assert refused.code != 0
    assert lost.report["failed_at"] == "provision"
    assert "the plan deletes terraform_data.cluster" in lost.report["reason"]
