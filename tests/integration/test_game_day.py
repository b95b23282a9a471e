# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Game days: fault, Prometheus, Alertmanager, ansible-rulebook, the playbook respond, the incident; graded, and taken back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_lab import CHECKOUT, Lab, Run, comes_to, end_all
from game_day_site import API, OPA, game_day_site, objects, this_machine
from rulebook_runner import Runner

pytestmark = pytest.mark.lab

SPACE = "game-day-test"
FAULTS = ("qek-below-minimum", "hvar-without-traffic", "symbiosis-below-minimum", "ethisches-ideal-below-minimum")
FAULTS += ("violations-without-denial", "api-down", "high-cpu", "memory-leak", "backup-too-old", "target-down", "opa-down")
GAME_DAYS = tuple(os.environ.get("GAME_DAYS", "qek-below-minimum").replace("all", ",".join(FAULTS)).split(","))  # all by `make soak`

SHIPPED = yaml.safe_load((CHECKOUT / "roles/game_day/vars/main.yml").read_text())["game_day_shipped_faults"]
OWN_FAULTS: list[dict[str, Any]] = [
    # as they are shipped, but for the action that the responses may take here
    *({**one, "actions": {"roll_back": "done"}} for one in SHIPPED if one.get("actions") == {"roll_back": "refused"}),
    {
        "name": "target-down", "alert": "PrometheusTargetDown", "verdicts": {"state": "breached"},
        "manifests": [{
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "nobody-answers", "namespace": SPACE, "labels": {"scrape": "yes", "service": "nobody"}},
            "spec": {"containers": [{
                "name": "nobody", "image": "localhost/none:1", "imagePullPolicy": "Never",
                "ports": [{"name": "http", "containerPort": 8999}],
            }]},
        }],
    },
    {
        "name": "backup-too-old", "alert": "BackupTooOld", "verdicts": {"state": "breached"}, "actions": {"back_up": "proposed"},
        "manifests": [{
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "textfiles", "namespace": SPACE},
            "data": {"a.prom": 'meta_salvage_backup_created_timestamp_seconds{cluster="lab"} 1760000000\n'},
        }],
    },
]  # fmt: skip


@dataclass(frozen=True)
class GameDays:
    lab: Lab
    folder: Path
    runner: Runner

    def play(self, fault: str, *, check: bool = False, **more: Any) -> Run:
        return self.lab.play("game_day", {**self.given(fault), **more}, check=check)

    def playing(self, fault: str) -> AbstractContextManager[subprocess.Popen[str]]:
        return self.lab.playing("game_day", self.given(fault))

    def given(self, fault: str) -> dict[str, Any]:
        return {
            **self.names, "game_day_cluster": "game-day-lab", "game_day_fault": fault, "game_day_faults": [*OWN_FAULTS, self.opa_down],
            "game_day_events_url": self.runner.url, "game_day_namespace": SPACE, "game_day_report_dir": str(self.folder / "reports"),
        }  # fmt: skip

    @property
    def opa_down(self) -> dict[str, Any]:
        """OPA as it is, without a replica."""
        every = objects(self.lab, SPACE, self.runner.url)
        (opa,) = (one for one in every if one["kind"] == "Deployment" and one["metadata"]["name"] == OPA)
        gone = {**opa, "spec": {**opa["spec"], "replicas": 0}}
        # No pod, no log.
        return {"name": "opa-down", "alert": "OPADown", "verdicts": {"state": "breached"}, "manifests": [gone], "missing": ["logs"]}

    @property
    def names(self) -> dict[str, Any]:
        common = {
            "namespace": SPACE, "api_url": f"service://{SPACE}/{API}:8000", "prometheus_url": f"service://{SPACE}/prometheus:9090",
            "alertmanager_url": f"service://{SPACE}/alertmanager:9093", "state_dir": str(self.folder),
        }  # fmt: skip
        return {f"meta_salvage_{name}": value for name, value in common.items()}

    def seconds_to_evidence(self) -> float:
        """Of the newest response: from the moment that the event source has the alert."""
        newest = max((self.folder / "responses").glob("*.json"), key=lambda path: path.name)
        answer = json.loads(newest.read_text())
        lines = [json.loads(line.partition(" ")[2]) for line in (self.runner.folder / "journal/journal").read_text().splitlines()]
        wanted = (answer["alert"]["fingerprint"], "firing")
        posted = [one["at"] for one in lines if one["is"] == "alert" and (one["alert"]["fingerprint"], one["alert"]["status"]) == wanted]
        return min(one["at"] for one in answer["evidence"]) - posted[-1]

    @property
    def objects(self) -> list[str]:
        """What a game day makes, and its journal. Copies of the configuration of proven revisions stay."""
        made = {"configmap/euystacio-faults", "configmap/textfiles", "configmap/euystacio-game-day", "secret/meta-salvage-game-day"}
        return sorted(made & set(self.lab.kubectl("get", "configmaps,secrets", "-n", SPACE, "-o", "name").split()))


@pytest.fixture(scope="module")
def days(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GameDays]:
    folder = tmp_path_factory.mktemp("game-days")
    runner = Runner(folder / "runner", "euystacio.meta_salvage.respond", this_machine(lab), events_confirm_seconds=900)
    found = GameDays(lab, folder, runner)
    answers = {
        "environment": "lab", "allowed_actions": {"lab": ["roll_back"]}, "judge": {"persists": "2s", "max_age": "10m", "memory_limit": 0.7},
        "verify_settle": 30, "verify_interval": 2, "diagnostics": False,
    }  # fmt: skip
    variables = {**found.names, **{f"alert_response_{name}": value for name, value in answers.items()}}
    runner.environ = {**runner.environ, "KUBECONFIG": str(lab.kubeconfig), "K8S_AUTH_KUBECONFIG": str(lab.kubeconfig)}
    runner.inventory(variables)
    with game_day_site(lab, SPACE, runner.url):
        runner.start(120)
        yield found
    runner.kill()
    end_all(runner.mark)


@pytest.mark.parametrize("fault", GAME_DAYS)
def test_a_game_day_is_as_expected(days: GameDays, fault: str) -> None:
    run = days.play(fault)
    reports = sorted((days.folder / "reports").glob(f"game-day-{fault}-*.json"))
    assert reports, run.output
    report = json.loads(reports[-1].read_text())
    log = (days.runner.folder / "output").read_text()
    assert report["grade"]["status"] == "healthy", json.dumps(report["grade"], indent=1) + run.output + log[-6000:]
    assert run.code == 0, run.output
    assert days.objects == []
    assert fault in reports[-1].with_suffix(".html").read_text()
    print(f"{fault}: {report['grade']['seconds']}, from Alertmanager's POST to the first evidence {days.seconds_to_evidence():.1f} s")


def test_a_game_day_that_answers_its_alert_itself(days: GameDays) -> None:
    """As people without an event source hold it. The one of this site answers too, and neither acts."""
    answers = {"alert_response_environment": "lab", "alert_response_diagnostics": False, "alert_response_judge": {"max_age": "10m"}}
    run = days.play("hvar-without-traffic", game_day_events_url="", **answers)
    assert run.code == 0, run.output
    assert "TASK [Answer the alert]" in run.output
    assert days.objects == []


def test_another_cluster_gets_no_fault_and_check_mode_changes_nothing(days: GameDays) -> None:
    refused = days.play(GAME_DAYS[0], game_day_cluster="production")
    assert refused.code == 2 and "connect to the one that is meant" in refused.words, refused.output
    planned = days.play(GAME_DAYS[0], check=True)
    assert planned.code == 0, planned.output
    assert days.objects == []


def test_the_next_run_takes_back_the_fault_of_a_killed_one(days: GameDays) -> None:
    """Killed when its fault is there. The next one waits for no alert, so that it is short."""
    with days.playing("symbiosis-below-minimum") as run:
        comes_to(run, lambda: "configmap/euystacio-faults" in days.objects, 300)
    assert days.objects
    later = days.play("never", game_day_faults=[{**OWN_FAULTS[0], "name": "never", "alert": "NoSuchAlert"}], game_day_alert_timeout=0)
    assert "The fault symbiosis-below-minimum of" in later.words, later.output
    assert "NoSuchAlert did not fire in time" in later.words, later.output
    assert days.objects == []
