# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook with no variable set: it does its work with the runbook's names, or says in one sentence what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster_lab import CHECKOUT, Lab
from tutorials import Reader

pytestmark = pytest.mark.lab

DONE = {"diagnostics", "health_check", "incident_report", "incident_watch", "monitoring", "peace_bonds_review", "rebuild"}
NEEDS = {
    "deploy": "There is nothing to deploy; set deploy_manifests, deploy_kustomize or deploy_helm",
    "rollback": "no revision is recorded as proven good",
    "blue_green": "run once with blue_green_adopt=true",
    "scale": "There is nothing to scale; set scale_replicas",
    "incident_open": "title is missing; say in a few words what is wrong",
    "incident_update": "there is no incident that can be updated; set id",
    "incident_resolve": "there is no incident that can be resolved; set id",
    "backup": "missing required arguments: backup_public_key, backup_recipients, backup_repository, backup_signing_key",
    "backup_verify": "missing required arguments: backup_public_key, backup_repository",
    "restore": "missing required arguments: backup_identity, backup_public_key, backup_repository",
    "restore_drill": "missing required arguments: backup_identity, backup_public_key, backup_repository",
    "notify_test": "There is no channel to test; set notify_channels",
    "peace_bonds_policy": "give policy_files, policy_dir, policy_data or restrictions",
    "game_day": "missing required arguments: game_day_cluster, game_day_fault",
    "respond": "missing required arguments: alert_response_alert",
    "peace_bonds_respond": "missing required arguments: peace_bonds_provider",
}


def test_every_playbook_is_in_the_table() -> None:
    assert {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")} == DONE | NEEDS.keys()


@pytest.mark.parametrize("runbook", sorted(DONE | NEEDS.keys()))
def test_without_a_variable(lab: Lab, runbook: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    run = lab.play(runbook, {})
    assert (run.code == 0) == (runbook in DONE), run.output
    assert NEEDS.get(runbook, "") in run.output


def test_the_first_health_check_as_the_tutorial_prints_it(lab: Lab, tmp_path: Path) -> None:
    reader = Reader(lab, "1_first_health_check.md", tmp_path)
    _install, choose, check = reader.blocks["bash"]  # tools/install.py installs it
    assert choose == "export KUBECONFIG=~/.kube/config\n"
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").symlink_to(lab.kubeconfig)
    code, said = reader.run(choose + check)
    assert code == 0 and "HEALTHY" in said, said
    assert f"Report: {tmp_path}/reports/health.html" in said, said
    assert (tmp_path / "reports/health.html").is_file()


def test_a_bake_with_the_default_addresses_asks_prometheus(lab: Lab, tmp_path: Path) -> None:
    """The operator's Service answers under the default address, so a change is not judged by the pods' own metrics alone."""
    playbook = tmp_path / "measure.yml"
    playbook.write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n"
        "    - euystacio.meta_salvage.bake: {state: measured, window: 60}\n"
        "      register: measured\n"
        "    - ansible.builtin.assert: {that: measured.baseline.source.startswith('Prometheus')}\n"
    )
    run = lab.play(str(playbook), {})
    assert run.code == 0, run.output
