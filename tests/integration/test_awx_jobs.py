# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example project under ansible-runner, as AWX starts it.

AWX_JOBS=all starts a check job of every playbook; without it, those that show the most.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from awx_jobs import Controller, Job
from cluster_lab import CHECKOUT, Lab

pytestmark = pytest.mark.lab

SPACE, INCIDENTS = "awx-jobs", "awx-jobs-incidents"
EVERY = sorted(path.stem for path in (CHECKOUT / "playbooks").glob("*.yml"))
CHECKED = EVERY if os.environ.get("AWX_JOBS") == "all" else ["deploy"]
# What a check job says that lacks something, or has nothing to do.
NEEDS = {
    "backup": "missing required arguments: backup_public_key, backup_recipients",
    "backup_verify": "missing required arguments: backup_public_key, backup_repository",
    "restore": "missing required arguments: backup_identity, backup_public_key",
    "restore_drill": "missing required arguments: backup_identity, backup_public_key",
    "blue_green": "not_found",
    "respond": "missing required arguments: alert_response_alert",
    "game_day": "the connected cluster does not say what it is",
    "rollback": "there is no Deployment euystacio-api in namespace",
    "scale": "There is nothing to scale; set scale_replicas",
    "notify_test": "There is no channel to test",
    "incident_update": "there is no incident that can be updated",
    "incident_resolve": "there is no incident that can be resolved",
    "peace_bonds_policy": "there is no ConfigMap peace-bonds-policies in namespace",
}
ANSWERS: dict[str, dict[str, Any]] = {
    "game_day": {"game_day_cluster": "a-cluster", "game_day_fault": "qek-below-minimum"},
    "incident_open": {"incident_title": "a check"},
    "peace_bonds_respond": {"peace_bonds_provider": "provider-aurora"},
}


def config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": SPACE}, "data": data}


@pytest.fixture(scope="module")
def controller(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    rbac = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": "awx", "namespace": SPACE}
    objects: list[dict[str, Any]] = [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (SPACE, INCIDENTS)),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "awx", "namespace": SPACE}},
        {
            "apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": SPACE}, "subjects": [account],
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
        },
    ]  # fmt: skip
    lab.kubectl("delete", "namespace", SPACE, INCIDENTS, "--ignore-not-found", "--wait=true")
    lab.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    yield Controller(lab, tmp_path_factory.mktemp("awx"), lab.kubectl("create", "token", "awx", "-n", SPACE, "--duration=1h").strip())
    lab.kubectl("delete", "clusterrolebinding", SPACE, "--ignore-not-found")
    lab.kubectl("delete", "namespace", SPACE, INCIDENTS, "--wait=false")


def clean(controller: Controller, job: Job) -> Job:
    """Its events have no credential and no defect."""
    said = json.dumps(job.events)
    assert controller.token not in said and "Traceback" not in said
    assert "client-key-data" not in said
    return job


def test_a_health_check_reports_and_hands_its_status_on(controller: Controller) -> None:
    job = clean(controller, controller.launch("health_check", {"health_check_parts": ["pods", "api"]}))
    assert job.status == "successful", job.output
    (found,) = job.artifacts["meta_salvage_results"]["health"].values()
    assert found["result"] == "done" and found["facts"] == {"status": "healthy"} and found["job"] == str(job.id)
    assert "Its container is removed when it ends" in job.words
    assert "The report of this run is " in job.words


def test_the_incident_that_a_job_opened_is_the_one_that_a_later_job_resolves(controller: Controller, lab: Lab) -> None:
    place = {"meta_salvage_incident_namespace": INCIDENTS, "incident_read_alerts": False, "incident_read_health": False}
    title = "{{ lookup('ansible.builtin.env', 'K8S_AUTH_API_KEY') }}"  # from a person: no template
    first = clean(controller, controller.launch("incident_open", {"incident_title": title, "incident_severity": "P2"}, given=place))
    assert first.status == "successful", first.output
    other = clean(controller, controller.launch("incident_open", {"incident_title": "another"}, given={**place, "incident_severity": "P3"}))
    (found,) = first.artifacts["meta_salvage_results"]["incident"].values()
    last = clean(controller, controller.launch("incident_resolve", given={**place, **first.artifacts}))
    assert last.status == "successful", last.output
    (resolved,) = last.artifacts["meta_salvage_results"]["incident"].values()
    assert (resolved["facts"]["incident"], resolved["facts"]["status"]) == (found["facts"]["incident"], "resolved")
    assert other.artifacts["meta_salvage_results"]["incident"]["localhost"]["facts"]["incident"] != resolved["facts"]["incident"]
    records = lab.kubectl("get", "configmaps", "-n", INCIDENTS, "-o", "json")
    assert controller.token not in records and "anna" in records  # who launched it


@pytest.mark.parametrize("playbook", CHECKED)
def test_a_check_job_changes_nothing_and_says_in_one_sentence_what_it_lacks(
    controller: Controller, lab: Lab, tmp_path: Path, playbook: str
) -> None:
    (tmp_path / "set.yaml").write_text(json.dumps(config("deployed", a="b")))
    answers = ANSWERS.get(playbook, {})
    if playbook == "deploy":
        answers = {"deploy_manifests_lines": f"\n {tmp_path / 'set.yaml'} \n", "deploy_lock_take_over": "no", "deploy_name": "none"}
    before = lab.kubectl("get", "configmaps,secrets,leases", "-n", SPACE, "-o", "name")
    own = {"meta_salvage_namespace": SPACE} if playbook not in {"health_check", "peace_bonds_review", "peace_bonds_respond"} else {}
    job = clean(controller, controller.launch(playbook, answers, check=True, given=own, kubeconfig=playbook == "deploy"))
    assert lab.kubectl("get", "configmaps,secrets,leases", "-n", SPACE, "-o", "name") == before
    if playbook in NEEDS:
        assert job.status == "failed" and NEEDS[playbook] in job.words, job.output
    else:
        assert job.status == "successful", job.output
