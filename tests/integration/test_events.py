# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts to responses with real processes: kill -9 at any moment, two runners, ansible-rulebook, Prometheus and Alertmanager."""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from alert_source import TOKEN, alert, get, payload_of
from cluster_lab import CHECKOUT, Lab, end_all
from rulebook_runner import Runner, free_port, taken, until

sys.path.append(str(CHECKOUT))
from lab import debian, versions
from lab.common import Progress

KILLS = int(os.environ.get("EVENTS_KILLS", "4"))  # 50 by `make soak`
RUNNER_KILLS = int(os.environ.get("EVENTS_RUNNER_KILLS", "1"))  # 50 by `make soak`
STORM = int(os.environ.get("EVENTS_STORM", "6"))  # responses by ansible-rulebook; 500 by `make soak`
EDA = CHECKOUT / "extensions" / "eda"


def metric(port: int, name: str) -> float:
    return next(
        float(line.split()[-1]) for line in get(port, "/metrics")[1].splitlines() if line.startswith(f"meta_salvage_events_{name} ")
    )


class Workers:
    """Event sources without a rule engine, and what they did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        (folder / "claims").mkdir()

    def start(self, port: int, journal: str = "journal") -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            str(CHECKOUT / "tests/integration/events_worker.py"),
            str(self.folder),
            str(port),
            str(self.folder / journal),
        ]
        with (self.folder / "stderr").open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def said(self, what: str) -> list[str]:
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.split()[1] for line in lines if line.startswith(f"{what} ")]

    def claimed_once(self, wanted: set[str]) -> bool:
        """Each has its claim, and nobody says the same one twice; a kill between the claim and its line in the log hides the line."""
        return {path.name for path in (self.folder / "claims").iterdir()} == wanted and set(Counter(self.said("claimed")).values()) == {1}

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    found = Workers(tmp_path)
    yield found
    found.end()


def ids(numbers: range) -> set[str]:
    return {f"{number:016x}@{alert()['startsAt']}#firing" for number in numbers}


def test_kill_9_of_the_source_loses_nothing_and_repeats_nothing(workers: Workers) -> None:
    """At a random moment each time: while it starts, reads, writes, hands on or compacts."""
    port, per_round = free_port(), 40
    for round_ in range(KILLS + 1):
        process = workers.start(port)
        if round_ == KILLS:
            break
        killer = threading.Timer(random.uniform(0.3, 1.2), process.kill)
        killer.start()
        numbers = range(round_ * per_round, (round_ + 1) * per_round)
        with suppress(AssertionError):
            for number in numbers:
                taken(port, payload_of(alert(number), alert(max(0, number - 1))), seconds=0.3)
        killer.join()
        process.wait()
    everything = range(KILLS * per_round)
    taken(port, payload_of(*[alert(number) for number in everything]))
    until(lambda: all(f'alerts{{state="{state}"}} 0' in get(port, "/metrics")[1] for state in ("waiting", "handed")))
    assert workers.claimed_once(ids(everything))
    # What was confirmed is not handed on again. (The line is written after the answer, so a kill in between hides some.)
    lines = (workers.folder / "log").read_text().splitlines()
    confirmed: set[str] = set()
    for what, name in map(str.split, lines):
        assert not (what == "handed" and name in confirmed), name
        if what == "confirmed":
            confirmed.add(name)
    assert metric(port, "journal_damaged_lines") <= 1


def test_a_storm_20_times_a_restart_and_two_runners(workers: Workers) -> None:
    """500 alerts in one POST. Both runners have a journal of their own and get everything, as two receivers of Alertmanager do."""
    ports = [free_port(), free_port()]
    processes = [workers.start(port, f"journal{number}") for number, port in enumerate(ports)]
    storm = payload_of(*[alert(number) for number in range(500)])
    for port in ports:
        taken(port, {**storm, "alerts": storm["alerts"][:1]})
    seconds = []
    for _time in range(21):
        threads = [threading.Thread(target=lambda port=port: seconds.append(taken(port, storm))) for port in ports]  # type: ignore[misc]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if _time == 10:
            processes[0].kill()
            processes[0].wait()
            processes[0] = workers.start(ports[0], "journal0")
    until(lambda: all('alerts{state="handled"} 500' in get(port, "/metrics")[1] for port in ports))
    assert workers.claimed_once(ids(range(500)))
    median = sorted(seconds)[len(seconds) // 2]
    print(f"500 alerts in one POST, two sources at a time: slowest answer {max(seconds):.3f} s, median {median:.3f} s")


def test_two_sources_with_one_journal_take_turns(workers: Workers) -> None:
    port = free_port()
    first = workers.start(port)
    taken(port, payload_of(*[alert(number) for number in range(20)]))
    workers.start(port)
    time.sleep(0.5)
    first.kill()
    start = time.monotonic()
    taken(port, payload_of(*[alert(number) for number in range(40)]))
    assert time.monotonic() - start < 5
    until(lambda: 'alerts{state="handled"} 40' in get(port, "/metrics")[1])
    assert workers.claimed_once(ids(range(40)))


PLAYBOOK = """
- name: A response
  hosts: all
  gather_facts: false
  tasks:
    - name: Claim
      ansible.builtin.command: {argv: [mkdir, "FOLDER/claims/{{ id }}"]}
      register: claim
      failed_when: false
      changed_when: true
    - name: Act
      ansible.builtin.shell: echo "{{ id }}" >> FOLDER/acted
      when: claim.rc == 0
      changed_when: true
    - name: Keep what came
      ansible.builtin.copy: {content: "{{ alert | to_json }}", dest: "FOLDER/alerts/{{ id }}", mode: "0600"}
    - name: Confirm
      ansible.builtin.include_role: {name: euystacio.meta_salvage.meta_salvage, tasks_from: handled.yml}
  vars:
    alert: "{{ (alert_response_alert if alert_response_alert is not string else alert_response_alert | urldecode | from_json)[0] }}"
    id: "{{ alert.fingerprint }}@{{ alert.startsAt }}#{{ alert.status }}"
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    found = Runner(tmp_path_factory.mktemp("rulebook"), PLAYBOOK)
    found.start()
    yield found
    found.kill()
    end_all(found.mark)


@contextmanager
def running(*command: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "output").open("ab") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def prometheus_config(lab: Lab, folder: Path, alertmanager: int) -> dict[str, Any]:
    """A Prometheus that reads the metrics of the lab's stand-in through the API server, with an alert that is true."""
    kubeconfig = json.loads(lab.kubectl("config", "view", "--raw", "-o", "json"))
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    for name, data in (
        ("ca", cluster["certificate-authority-data"]),
        ("crt", user["client-certificate-data"]),
        ("key", user["client-key-data"]),
    ):
        (folder / name).write_bytes(base64.b64decode(data))
    rule = {"alert": "QEKBelowMinimum", "expr": "qek_value < 2", "labels": {"severity": "critical", "namespace": "euystacio-ai"}}
    rule["annotations"] = {"summary": "QEK is {{ $value }}", "hostile": "{{ `{{ lookup('pipe', 'touch pwned') }}` }}"}  # type: ignore[assignment]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "test", "rules": [rule]}]}))
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
        "scrape_configs": [
            {
                "job_name": "euystacio-api",
                "scheme": "https",
                "metrics_path": "/api/v1/namespaces/euystacio-ai/services/euystacio-api:8000/proxy/metrics",
                "static_configs": [{"targets": [cluster["server"].removeprefix("https://")]}],
                "tls_config": {"ca_file": "ca", "cert_file": "crt", "key_file": "key"},
            }
        ],
    }


def test_an_alert_of_prometheus_starts_the_playbook(lab: Lab, runner: Runner, tmp_path: Path) -> None:
    """Through Alertmanager with the receiver that is shipped, and resolved in the end."""
    port = free_port()
    config = yaml.safe_load((EDA / "alertmanager.yaml").read_text())
    (webhook,) = config["receivers"][1]["webhook_configs"]
    webhook["url"] = f"http://127.0.0.1:{runner.port}/alerts"
    webhook["http_config"] = {**webhook["http_config"], "tls_config": {}}
    webhook["http_config"]["authorization"]["credentials_file"] = str(runner.folder / "token")
    config["route"]["routes"][0]["group_interval"] = "1s"
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(prometheus_config(lab, tmp_path, port)))
    unpacked = debian.unpack(list(versions.load().debian), Progress())
    # Debian's Alertmanager looks for its templates in /usr/share.
    shown = 'mount --bind "$0/usr/share" /usr/share && exec "$0/usr/bin/prometheus-alertmanager" "$@"'
    alertmanager = ["unshare", "--mount", "sh", "-c", shown, str(unpacked), "--config.file=alertmanager.yml", "--cluster.listen-address="]
    prometheus = [lab.lab("tool", "prometheus").strip(), "--config.file=prometheus.yml", f"--web.listen-address=127.0.0.1:{free_port()}"]
    with (
        running(*alertmanager, f"--web.listen-address=127.0.0.1:{port}", folder=tmp_path),
        running(*prometheus, folder=tmp_path) as process,
    ):
        until(lambda: [one["status"] for one in runner.alerts()] == ["firing"])
        (fired,) = runner.alerts()
        rules = tmp_path / "rules.yml"
        rules.write_text(rules.read_text().replace("qek_value < 2", "qek_value > 2"))
        process.send_signal(signal.SIGHUP)
        until(lambda: len(runner.alerts()) == 2)
    (resolved,) = [one for one in runner.alerts() if one["status"] == "resolved"]
    assert (resolved["fingerprint"], resolved["startsAt"]) == (fired["fingerprint"], fired["startsAt"])
    assert (fired["labels"]["namespace"], fired["labels"]["severity"]) == ("euystacio-ai", "critical")
    assert fired["annotations"]["summary"].startswith("QEK is 0.9")
    assert fired["annotations"]["hostile"] == "{ { lookup('pipe', 'touch pwned') }}"
    assert not list(tmp_path.rglob("pwned")) + list(runner.folder.rglob("pwned"))
    assert TOKEN not in (runner.folder / "output").read_text()


def test_kill_9_of_ansible_rulebook(runner: Runner) -> None:
    """A storm in one POST, posted again and again, and the runner killed in between."""
    episodes = [alert(number, start="2026-11-27T04:00:00Z") for number in range(STORM)]
    wanted = {f"{one['fingerprint']}@2026-11-27T04:00:00Z#firing" for one in episodes}
    slowest = taken(runner.port, payload_of(*episodes))
    for _time in range(20):
        slowest = max(slowest, taken(runner.port, payload_of(*episodes)))
    kills = 0
    while kills < RUNNER_KILLS and not runner.claims() >= wanted:
        before = len(runner.claims())
        if kills % 5 != 4:  # each fifth time before the rules are ready
            until(lambda before=before: len(runner.claims()) > before)  # type: ignore[misc]
        time.sleep(random.uniform(0, 2))
        runner.kill()
        kills += 1
        runner.start()
        taken(runner.port, payload_of(*episodes))
    until(lambda: runner.claims() >= wanted, 60 + 4 * STORM)
    until(runner.done, 60 + 4 * STORM)
    acted = Counter((runner.folder / "acted").read_text().split())
    assert {acted[name] for name in wanted} <= {0, 1}
    print(f"{STORM} alerts through ansible-rulebook, killed {kills} times: slowest answer {slowest:.3f} s")


def test_the_manifests_are_what_the_cluster_takes(lab: Lab) -> None:
    """In a namespace with the restricted Pod Security that they ask for, and without a warning."""
    objects = yaml.safe_load((EDA / "kubernetes.yaml").read_text())["items"]
    receiver = yaml.safe_load((EDA / "alertmanagerconfig.yaml").read_text())
    (space,) = [one for one in objects if one["kind"] == "Namespace"]
    space["metadata"] |= {"name": "events-manifests"}
    (template,) = [one["spec"]["template"] for one in objects if one["kind"] == "Deployment"]
    # Of a Deployment, Pod Security only warns; it refuses pods.
    pod: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": "as-deployed"}}
    with lab.applied(
        space, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "alert-events", "namespace": "events-manifests"}}
    ):
        asked = [one for one in (*objects, receiver, pod) if one is not space]
        for one in asked:
            one["metadata"]["namespace"] = "events-manifests"
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": asked})
        lab.kubectl("apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-", given=given)
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        with pytest.raises(AssertionError, match="violates PodSecurity"):
            lab.kubectl("apply", "--dry-run=server", "-f", "-", given=json.dumps(pod))


def test_alertmanager_takes_the_receiver() -> None:
    amtool = debian.unpack(list(versions.load().debian), Progress()) / "usr/bin/amtool"
    subprocess.run([str(amtool), "check-config", str(EDA / "alertmanager.yaml")], check=True, capture_output=True)
