# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace that was lost, and how it is rebuilt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backups import Backups
from cluster_lab import Lab, Run

SPACE = "rebuild-test"
LABELS = {"pod-security.kubernetes.io/enforce": "baseline", "team": "over-there"}
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
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": LABELS, "annotations": {"note": "n"}}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": SPACE},
            "imagePullSecrets": [{"name": "regcred"}],
        },
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
