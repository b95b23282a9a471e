# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long Alertmanager waits for an answer: the event source of this collection beside the webhook source of ansible-rulebook.

    python benchmarks/events.py [--alerts 500] [--busy 40]
    python benchmarks/events.py --respond 20  # on the cluster of KUBECONFIG

Both run in ansible-rulebook with the same rules: once with rules that do nothing, once with a playbook for each alert.  Ours checks the
token and each alert, and writes it to the disk, before it answers; the other one checks a token.

With --respond: how long it takes from Alertmanager's POST until the shipped rulebook and the playbook `respond` have the evidence written.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path += [str(CHECKOUT), str(CHECKOUT / "tests" / "unit" / "fakes")]

import yaml
from alert_source import TOKEN, alert, payload_of

from lab import debian
from lab.common import Progress

OURS, WEBHOOK = "ours", "eda.builtin.webhook"
TARGET = 0.05  # p99 of single alerts
EVIDENCE = 10.0  # p95 from the POST to the first evidence
NAMES = ("QEKBelowMinimum", "HVARExceededMaximum", "HighCPUUsage", "HighMemoryUsage", "EuystacioApiDown")
PLAYBOOK = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "{{ ansible_eda.event | length }}"}}]}]


def source(which: str, folder: Path, port: int) -> dict[str, Any]:
    if which == WEBHOOK:
        return {WEBHOOK: {"host": "127.0.0.1", "port": port, "token": TOKEN}}
    return {
        "euystacio.meta_salvage.alerts": {"port": port, "journal": str(folder / "journal"), "token_file": str(folder / "token")},
    }


@contextmanager
def ready(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """ansible-rulebook in this folder, until its rules are ready."""
    environ = dict(os.environ)
    if not shutil.which("java"):
        environ["JAVA_HOME"] = str(debian.java(Progress()))
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(["ansible-rulebook", *command], cwd=folder, env=environ, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        time.sleep(2)  # the rules
        yield
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def rulebook(which: str, busy: bool) -> Iterator[int]:
    """The port of a source whose rules are ready."""
    with tempfile.TemporaryDirectory() as name:
        port, folder = free_port(), Path(name)
        (folder / "token").write_text(TOKEN)
        (folder / "inventory").write_text("localhost ansible_connection=local\n")
        (folder / "playbook.yml").write_text(yaml.safe_dump(PLAYBOOK))
        action = {"run_playbook": {"name": str(folder / "playbook.yml")}} if busy else {"none": {}}
        rule = {"name": "each", "condition": "event.meta is defined" if busy else "event.never is defined", "action": action}
        (folder / "rules.yml").write_text(
            yaml.safe_dump([{"name": "b", "hosts": "all", "sources": [source(which, folder, port)], "rules": [rule]}])
        )
        with ready(["-r", "rules.yml", "-i", "inventory"], folder, port):
            yield port


def evidence_times(number: int) -> list[float]:
    """Seconds from the POST of each alert, one after another, until its evidence is in the record."""
    with tempfile.TemporaryDirectory() as name:
        port, folder = free_port(), Path(name)
        records = folder / "state" / "responses"
        (folder / "token").write_text(TOKEN)
        here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        quiet = {"meta_salvage_state_dir": str(folder / "state"), "alert_response_incident": False, "alert_response_diagnostics": False}
        (folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {"lab": {**here, **quiet}}}}))
        variables = {
            "events_port": port,
            "events_url": f"http://127.0.0.1:{port}",
            "events_journal": str(folder / "journal"),
            "events_token_file": str(folder / "token"),
        }
        (folder / "vars.yml").write_text(yaml.safe_dump(variables))
        found = []
        with ready(["-r", "euystacio.meta_salvage.alerts", "-i", "inventory.yml", "--vars", "vars.yml"], folder, port):
            for which in range(number):
                start = time.time()
                given = alert(
                    which, start=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start - 60)), alertname=NAMES[which % len(NAMES)]
                )
                before = set(records.glob("*.json"))
                answers(port, [json.dumps(payload_of(given)).encode()])
                deadline = time.monotonic() + 300
                while not (new := set(records.glob("*.json")) - before):
                    if time.monotonic() > deadline:
                        raise SystemExit((folder / "output").read_text()[-3000:])
                    time.sleep(0.02)
                found.append(max(path.stat().st_mtime for path in new) - start)
        return found


def answers(port: int, bodies: list[bytes]) -> list[float]:
    """The seconds of each, one after another on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    found = []
    for body in bodies:
        start = time.monotonic()
        connection.request("POST", "/alerts", body, {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        found.append(time.monotonic() - start)
        assert answer.status in (200, 202), answer.status
    return found


def percentile(seconds: list[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def row(what: str, how: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p99 = percentile(ordered, 0.99)
    figures = (statistics.median(ordered), p99, ordered[-1])
    return f"| {how} | {what} | {len(seconds)} | {' | '.join(f'{figure * 1000:.1f} ms' for figure in figures)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=500)
    parser.add_argument("--busy", type=int, default=40)
    parser.add_argument("--respond", type=int, default=0)
    given = parser.parse_args()
    if given.respond:
        times = evidence_times(given.respond)
        p95 = percentile(times, 0.95)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        row_of = (statistics.median(times), p95, max(times), (used.ru_utime + used.ru_stime) / len(times))
        print("| alerts | from the POST to the evidence: median | p95 | slowest | processor for each |")
        print("|---:|---:|---:|---:|---:|")
        print(f"| {len(times)} | {' | '.join(f'{figure:.1f} s' for figure in row_of)} |")
        print(f"\nTo reach: p95 at most {EVIDENCE:.0f} s.")
        return
    print("| posts | source | requests | median | p99 | slowest |\n|---|---|---:|---:|---:|---:|")
    for which in (OURS, WEBHOOK):
        with rulebook(which, busy=False) as port:
            answers(port, [json.dumps(payload_of(alert(0))).encode()])
            singles = answers(port, [json.dumps(payload_of(alert(number))).encode() for number in range(1, given.alerts + 1)])
            print(row(which, "one alert", singles), flush=True)
            storm = json.dumps(payload_of(*[alert(number) for number in range(10_000, 10_500)])).encode()
            print(row(which, "500 alerts at once, the first time and 20 times more", answers(port, [storm] * 21)), flush=True)
        with rulebook(which, busy=True) as port:
            bodies = [json.dumps(payload_of(alert(number))).encode() for number in range(given.busy)]
            print(row(which, "one alert, each starts a playbook", answers(port, bodies)), flush=True)
    print(f"\nTo reach: p99 of single alerts below {TARGET * 1000:.0f} ms, 500 alerts below 200 ms.")


if __name__ == "__main__":
    main()
