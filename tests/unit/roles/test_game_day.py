# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A game day that answers its alert itself, run by Ansible on a cluster in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeApi, api  # noqa: F401

PROXY = "/api/v1/namespaces/m/services"
SPACE = "game"
CORE = f"/api/v1/namespaces/{SPACE}"
HOSTILE = "{{ lookup('pipe', 'touch hacked') }}\n{% raw %}"
FAULT = {
    "name": "backup-too-old", "alert": "BackupTooOld", "verdicts": {"state": "breached"}, "actions": {"back_up": "proposed"},
    "manifests": [{
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old-backup", "namespace": SPACE}, "data": {"a.prom": "old"},
    }],
}  # fmt: skip
NAMES = {
    "meta_salvage_namespace": SPACE, "meta_salvage_api_url": "", "meta_salvage_prometheus_url": "service://m/prometheus:9090",
    "meta_salvage_alertmanager_url": "service://m/alertmanager:9093", "game_day_cluster": "c", "game_day_fault": "backup-too-old",
    "game_day_faults": [FAULT], "game_day_alert_timeout": 10, "game_day_heal_timeout": 10, "game_day_interval": 1,
}  # fmt: skip


@pytest.fixture
def cluster(api: FakeApi) -> FakeApi:  # noqa: F811
    """A cluster that may have faults; its alert fires for as long as the fault is there."""
    since: list[str] = []

    def alerts() -> tuple[int, str, str]:
        if f"{CORE}/configmaps/old-backup" not in api.objects:
            return 200, "application/json", "[]"
        since.append(datetime.now(timezone.utc).isoformat())
        labels = {"alertname": "BackupTooOld", "namespace": SPACE, "note": HOSTILE}
        firing = {"labels": labels, "annotations": {"summary": HOSTILE}, "status": {"state": "active"}}
        return 200, "application/json", json.dumps([{**firing, "startsAt": since[0], "fingerprint": "00ff00ff00ff00ff"}])

    def query() -> tuple[int, str, str]:
        data = {"resultType": "vector", "result": [{"metric": {}, "value": [time.time(), "1760000000"]}]}
        return 200, "application/json", json.dumps({"status": "success", "data": data})

    none = json.dumps({"status": "success", "data": {"alerts": []}})
    api.answers[f"{PROXY}/alertmanager:9093/proxy/api/v2/alerts"] = alerts
    api.answers[f"{PROXY}/prometheus:9090/proxy/api/v1/query"] = query
    api.answers[f"{PROXY}/prometheus:9090/proxy/api/v1/alerts"] = lambda: (200, "application/json", none)

    def created(path: str) -> None:
        api.objects[path]["metadata"].update(creationTimestamp=datetime.now(timezone.utc).isoformat())

    api.owners, api.controller = True, created
    kinds = {"ConfigMap": "configmaps", "Secret": "secrets"}
    served = [{"name": name, "kind": kind, "namespaced": True, "verbs": ["list"]} for kind, name in kinds.items()]
    api.answers["/api/v1"] = lambda: (200, "application/json", json.dumps({"kind": "APIResourceList", "resources": served}))
    api.put("/api/v1/namespaces/kube-system", {"kind": "Namespace", "metadata": {"uid": "u1"}})
    api.put(f"/api/v1/namespaces/{SPACE}", {"kind": "Namespace"})
    said = {"name": "c", "environment": "lab", "uid": "u1"}
    api.put(f"{CORE}/configmaps/meta-salvage-cluster", {"kind": "ConfigMap", "data": said})
    return api


def play(cluster: FakeApi, folder: Path, **variables: Any) -> tuple[int, str]:
    (folder / "variables.json").write_text(json.dumps({**NAMES, **variables}))
    one = {"clusters": [{"name": "c", "cluster": {"server": cluster.server}}], "users": [{"name": "c", "user": {}}]}
    config = {"apiVersion": "v1", "kind": "Config", **one, "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}
    (folder / "kubeconfig").write_text(json.dumps({**config, "current-context": "c"}))
    environ = {
        **os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"), "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"), "KUBECONFIG": str(folder / "kubeconfig"),
    }  # fmt: skip
    command = [sys.executable, "-m", "ansible.cli.playbook", "euystacio.meta_salvage.game_day", "-e", f"@{folder / 'variables.json'}"]
    run = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False)
    return run.returncode, run.stdout + run.stderr


def test_it_answers_its_own_alert_and_grades_the_answer(cluster: FakeApi, tmp_path: Path) -> None:
    code, output = play(cluster, tmp_path)
    (report,) = [json.loads(path.read_text()) for path in (tmp_path / "state/meta-salvage/game_days").glob("*.json")]
    assert code == 0, output
    assert report["grade"]["status"] == "healthy", report["grade"]
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(("name", "value"), [("game_day_interval", 0), ("game_day_interval", -1), ("game_day_alert_timeout", -1)])
def test_a_time_that_can_t_be_is_refused_in_one_sentence_before_the_fault(cluster: FakeApi, tmp_path: Path, name: str, value: int) -> None:
    code, output = play(cluster, tmp_path, **{name: value})
    assert code != 0
    assert f"{name} is {value}; write" in " ".join(output.split()), output
    assert cluster.writes == []


def test_the_response_is_about_the_namespace_with_the_fault(cluster: FakeApi, tmp_path: Path) -> None:
    """An action in another namespace would be one on a workload that has no fault."""
    given = {"meta_salvage_namespace": "other", "meta_salvage_prometheus_url": "", "meta_salvage_alertmanager_url": ""}
    given |= {"game_day_alertmanager_url": NAMES["meta_salvage_alertmanager_url"]}
    code, output = play(cluster, tmp_path, **given, game_day_namespace=SPACE, game_day_prometheus_url=NAMES["meta_salvage_prometheus_url"])
    assert code == 0, output
    assert [path for _method, path in cluster.requests if "/namespaces/other/" in path and "/deployments" in path] == []
    assert [path for _method, path in cluster.requests if f"/namespaces/{SPACE}/deployments/euystacio-api" in path]


@pytest.mark.parametrize(
    ("while_", "words"),
    [("it is there", "nobody knows whether BackupTooOld fires"), ("it is gone", "nobody knows whether the alert has ended")],
)
def test_an_alertmanager_that_does_not_answer_is_unknown(cluster: FakeApi, tmp_path: Path, while_: str, words: str) -> None:
    """An empty list of a source that has a problem is not the end of an alert, and not the proof that none came."""
    path, fault = f"{PROXY}/alertmanager:9093/proxy/api/v2/alerts", f"{CORE}/configmaps/old-backup"
    answered, was_there = cluster.answers[path], []

    def alerts() -> tuple[int, str, str]:
        there = fault in cluster.objects
        was_there.extend([True] * there)
        wrong = there if while_ == "it is there" else bool(was_there) and not there
        return (500, "text/html", "<h1>Sorry</h1>") if wrong else answered()

    cluster.answers[path] = alerts
    code, output = play(cluster, tmp_path, game_day_alert_timeout=1, game_day_heal_timeout=1)
    assert code != 0
    (report,) = [json.loads(one.read_text()) for one in (tmp_path / "state/meta-salvage/game_days").glob("*.json")]
    step = {one["name"]: one for one in report["grade"]["steps"]}["detected" if while_ == "it is there" else "healed"]
    assert step["status"] == "unknown", step
    assert words in step["reason"]
    assert fault not in cluster.objects, output


def test_an_alert_that_somebody_silences_has_not_ended(cluster: FakeApi, tmp_path: Path) -> None:
    path, fault = f"{PROXY}/alertmanager:9093/proxy/api/v2/alerts", f"{CORE}/configmaps/old-backup"
    answered, last = cluster.answers[path], []

    def alerts() -> tuple[int, str, str]:
        if fault in cluster.objects:
            last[:] = json.loads(answered()[2])
        elif last:
            last[0]["status"] = {"state": "suppressed", "silencedBy": ["s1"], "inhibitedBy": [], "mutedBy": []}
        return 200, "application/json", json.dumps(last)

    cluster.answers[path] = alerts
    code, output = play(cluster, tmp_path, game_day_heal_timeout=1)
    assert code != 0 and "the fault is taken back, and the alert still fires" in " ".join(output.split()), output
    code, output = play(cluster, tmp_path)
    assert code != 0 and "BackupTooOld fires already" in " ".join(output.split()), output
