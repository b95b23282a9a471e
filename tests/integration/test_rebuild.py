# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook `rebuild`: a second cluster is provisioned, by Terraform where there is one, and gets objects, monitoring and samples."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from backups import Backups
from cluster_lab import CHECKOUT, NAMESPACE, Lab
from rebuilds import ROOT, Lost

sys.path.append(str(CHECKOUT))
from lab import build, debian, images, pki, versions

pytestmark = pytest.mark.lab

SECOND = "rebuilt"


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
    # The operator, Prometheus, Alertmanager, and what they watch; the admission would ask the operator before it runs.
    for path in (CHECKOUT / "lab/manifests").glob("[456]*.yaml"):
        if "admission" not in path.name:
            shutil.copy(path, chart / "manifests")
    known = versions.load()
    made = images.build_all(known, debian.root_of(known.debian))
    keys = lab.kubeconfig.parent / "pki"
    files = {"OPERATOR_CERTIFICATE": keys / f"{pki.OPERATOR.file}.crt", "OPERATOR_KEY": keys / f"{pki.OPERATOR.file}.key"}
    placeholders = {images.placeholder(name): image.reference for name, image in made.items()} | {"MONITORING_REPLICAS": "1"}
    placeholders |= {name: pki.inline(path.read_bytes()) for name, path in files.items()}
    values = {"placeholders": placeholders}
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
