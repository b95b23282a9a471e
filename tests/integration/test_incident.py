# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents in the ConfigMaps of a cluster: opened by an alert, worked through by the clock, written by many, reported."""

from __future__ import annotations

import datetime
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import delete, write
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident import info_task, task
from cluster_lab import CHECKOUT, Lab

pytestmark = pytest.mark.lab

NAMESPACE = "incident-records"
STORE = {"meta_salvage_incident_namespace": NAMESPACE}
ALERTS = "/api/v1/namespaces/monitoring/services/prometheus-operator-kube-p-alertmanager:9093/proxy/api/v2/alerts"
CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
PROCESSES, THREADS = 5, 10
KILLS = int(os.environ.get("INCIDENT_KILLS", "2"))
MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture(scope="module")
def space(lab: Lab) -> Iterator[str]:
    with lab.applied({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}):
        yield NAMESPACE


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def change(lab: Lab, now: float, **given: Any) -> dict[str, Any]:
    return task.run({"kubeconfig": str(lab.kubeconfig), "namespace": NAMESPACE, "who": "ops", **given}, now, check_mode=False)


def show(lab: Lab, name: str, now: float, **given: Any) -> dict[str, Any]:
    asked = {"kubeconfig": str(lab.kubeconfig), "namespace": NAMESPACE, "id": name, "records": True, "reports": True, **given}
    found: dict[str, Any] = info_task.run(asked, now)["incidents"][0]
    return found


def test_an_alert_opens_an_incident_that_goes_through_all_phases(lab: Lab, space: str, tmp_path: Path) -> None:
    cluster = Cluster.connect({"kubeconfig": str(lab.kubeconfig)})
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)
    labels = {"alertname": "IncidentDrill", "severity": "info"}  # which a health check takes for healthy
    cluster.call("POST", ALERTS, body=[{"labels": labels, "endsAt": ends.isoformat()}])
    given = {**STORE, "incident_severity": "P0", "incident_read_health": False}
    for changed in (True, False):
        run = lab.play("incident_open", given)
        assert run.code == 0, run.output
        assert f"changed={int(changed)} " in run.output
    (listed,) = info_task.run({"kubeconfig": str(lab.kubeconfig), "namespace": space}, time.time())["incidents"]
    name = listed["id"]
    assert "IncidentDrill" in {one["name"] for one in listed["alerts"]}
    begun = datetime.datetime.fromisoformat(listed["opened_at"].replace("Z", "+00:00")).timestamp()

    def at(minute: float, **what: Any) -> list[str]:
        return [record["kind"] for record in change(lab, begun + minute * MINUTE, id=name, **what)["new"]]

    assert at(3, watch=True) == []
    assert at(4, acknowledged=True, roles={"commander": "alice"}) == ["acknowledged", "role"]
    assert at(4.5, watch=True) == ["reminder", "reminder"]  # the channel, and the blast radius
    assert at(6, watch=True) == ["overdue", "overdue"]
    assert at(7, done=["channel", "blast_radius", "find_cause"], watch=True) == ["item", "item", "item"]
    told = {"audience": "public", "text": "We work on it."}
    assert at(12, state="mitigated", stakeholder_update=told) == ["stakeholder_update", "mitigated"]
    assert at(30, watch=True) == []
    assert at(45, watch=True) == ["update_due"]
    assert at(50, state="resolved", done=["verify", "monitor"]) == ["item", "item", "resolved"]
    assert at(23 * 60, watch=True) == []
    assert at(49 * 60, watch=True).count("overdue") == 3
    run = lab.play("incident_report", {**STORE, "incident_id": name, "incident_report_dir": str(tmp_path / "reports")})
    assert run.code == 0, run.output
    assert at(50 * 60, done=["post_mortem", "prevent"], state="reviewed")[-1] == "reviewed"
    first, second = show(lab, name, begun + 51 * HOUR), show(lab, name, begun + 60 * HOUR)
    assert (first["markdown"], first["html"], first["verified"]) == (second["markdown"], second["html"], True)
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {f"incident-{name}.{end}" for end in ("md", "html", "texts.json")}

    (part,) = cluster.list(CONFIGMAPS, {"labelSelector": f"meta-salvage.euystacio/incident={name}"})
    entry = part["data"]["000002.json"].replace('"kind":"', '"kind":"x')
    path = f"{CONFIGMAPS}/{part['metadata']['name']}"
    write(cluster, path, {"data": {"000002.json": entry}}, part["metadata"]["resourceVersion"])
    found = show(lab, name, begun)
    assert not found["verified"]
    assert found["problems"][0] == "000003.json: the record before it was changed or taken away"
    assert delete(cluster, path)


def worker(lab: Lab, incident: str, name: str, notes: int, threads: int) -> subprocess.Popen[str]:
    arguments = [str(lab.kubeconfig), NAMESPACE, incident, name, str(notes), str(threads)]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    command = [sys.executable, str(CHECKOUT / "tests/integration/incident_worker.py"), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})


def test_fifty_writers_in_several_processes_and_killed_ones_lose_nothing(lab: Lab, space: str) -> None:
    now = time.time()
    name = change(lab, now, state="opened", title="many writers", severity="P1")["incident"]["id"]
    writers = [worker(lab, name, f"w{number}", THREADS, THREADS) for number in range(PROCESSES)]
    said = [line for writer in writers for line in writer.communicate(timeout=180)[0].split()]
    assert len(said) == PROCESSES * THREADS
    for kill in range(KILLS):
        victim = worker(lab, name, f"k{kill}", 1000, 1)
        assert victim.stdout is not None
        said.append(victim.stdout.readline().strip())
        time.sleep(random.uniform(0.0, 0.3))
        victim.send_signal(signal.SIGKILL)
        said += [line.strip() for line in victim.stdout]
        victim.wait()
    found = show(lab, name, now)
    texts = [record["data"].get("text") for record in found["records"]]
    assert found["verified"], found["problems"]
    assert [one for one in said if texts.count(one) != 1] == []
    change(lab, now, id=name, state="cancelled", why="a test")


def test_a_run_adds_itself_to_the_incident_and_goes_on_without_it(lab: Lab, space: str, tmp_path: Path) -> None:
    name = change(lab, time.time(), state="opened", title="a run", severity="P2")["incident"]["id"]
    scale = {"scale_namespace": space, "scale_name": "nothing", "scale_replicas": 2, "meta_salvage_incident": "open"}
    run = lab.play("scale", {**scale, **STORE})
    assert run.code != 0 and "does not have this run" not in run.words
    (evidence,) = show(lab, name, time.time())["evidence"]
    assert (evidence["kind"], evidence["facts"]["result"]) == ("scale", "failed")
    (tmp_path / "file").write_text("")
    unreachable = lab.play("scale", {**scale, "meta_salvage_incident_dir": str(tmp_path / "file/incidents")})
    assert "The incident open does not have this run" in unreachable.words
    assert "nothing" in unreachable.words
    change(lab, time.time(), id=name, state="cancelled", why="a test")
