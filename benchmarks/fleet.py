# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health check of a fleet of 50 clusters, against the least time that its CPU work takes on all cores.

    python benchmarks/fleet.py --kubeconfig PATH [--hosts 50] [--runs 3] [--real-time] [--write]

Namespaces stand for clusters: every host has a kubeconfig and a session of its own, to one API server.  The second row has three more
hosts: one refuses connections, one answers each request half a second late, one gives no rights.  ``--real-time`` puts the playbook
before other work of the machine (chrt); put the API server and etcd there too, or they are what the playbook waits for.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT / "tests" / "integration"), str(CHECKOUT / "benchmarks")]

from fleet_hosts import CHECK, inventory
from health import write

NAMESPACE = "euystacio-ai"
MOST = 1.3


@dataclass(frozen=True)
class Cost:
    """Seconds of the clock and of CPU, with all children's; the CPU work on all cores is the least that the clock can show."""

    wall: float
    cpu: float

    @property
    def least(self) -> float:
        return self.cpu / (os.cpu_count() or 1)


def measure(command: list[str], environ: dict[str, str], allowed: set[int]) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in allowed:
        sys.exit(f"The health check ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def kubectl(kubeconfig: str, *arguments: str, given: str | None = None) -> str:
    command = ["kubectl", f"--kubeconfig={kubeconfig}", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout.strip()


def statuses(reports: Path) -> dict[str, str]:
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in reports.glob("*.json")}
    return {name: str(one["status"]) for name, one in found.items() if name not in {"fleet", "health"}}


def fleet(kubeconfig: str, hosts: int, runs: int, real_time: bool, token: str) -> Cost:
    """The median of some runs, with the three odd ones if there is a token."""
    config = json.loads(kubectl(kubeconfig, "config", "view", "--raw", "--flatten", "-o", "json"))
    found = []
    with tempfile.TemporaryDirectory() as name, inventory(Path(name), config, hosts, 0.5, token) as (file, wrong):
        for _turn in range(runs):
            reports = Path(name, "reports")
            asked = {**CHECK, "health_check_namespaces": [NAMESPACE], "health_check_report_dir": str(reports)}
            command = ["ansible-playbook", "euystacio.meta_salvage.health_check", "-i", str(file), "--forks", str(hosts + len(wrong))]
            command += ["-e", json.dumps(asked)]
            environ = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
            found.append(measure([*(["chrt", "--rr", "1"] if real_time else []), *command], environ, {2} if wrong else {0}))
            seen = statuses(reports)
            bad = {one: status for one, status in seen.items() if status != "healthy"}
            if len(seen) != hosts + len(wrong) or bad.keys() != wrong.keys() - {"slow"}:
                sys.exit(f"{len(seen)} clusters have a report, and these are not healthy: {bad}")
            print(f"{hosts} hosts, {len(wrong)} odd ones: {found[-1]}", file=sys.stderr, flush=True)
    return Cost(statistics.median(one.wall for one in found), statistics.median(one.cpu for one in found))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kubeconfig", required=True)
    options.add_argument("--hosts", type=int, default=50)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--real-time", action="store_true", help="before other work of the machine, by chrt")
    options.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    chosen = options.parse_args()
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bench-nobody", "namespace": NAMESPACE}}
    kubectl(chosen.kubeconfig, "apply", "-f", "-", given=json.dumps(account))
    try:
        token = kubectl(chosen.kubeconfig, "create", "token", "bench-nobody", "-n", NAMESPACE)
        well = fleet(chosen.kubeconfig, chosen.hosts, chosen.runs, chosen.real_time, "")
        odd = fleet(chosen.kubeconfig, chosen.hosts, chosen.runs, chosen.real_time, token)
    finally:
        kubectl(chosen.kubeconfig, "delete", "serviceaccount", "bench-nobody", "-n", NAMESPACE)
    lines = [
        f"Median of {chosen.runs} runs on {os.cpu_count()} cores under a load of {os.getloadavg()[1]:.1f}"
        + (", at real-time priority because of it." if chosen.real_time else "."),
        "",
        "| clusters | wall | CPU | CPU on all cores | wall / that |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, cost in ((f"{chosen.hosts}", well), (f"{chosen.hosts}, a dead one, a slow one, one without rights", odd)):
        lines.append(f"| {name} | {cost.wall:.2f} s | {cost.cpu:.2f} s | {cost.least:.2f} s | {cost.wall / cost.least:.2f} |")
    held = well.wall / well.least <= MOST
    lines += ["", "| to reach | measured | |", "|---|---:|---|"]
    lines.append(
        f"| {chosen.hosts} clusters, wall / CPU on all cores <= {MOST} | {well.wall / well.least:.2f} | {'reached' if held else 'missed'} |"
    )
    text = "\n".join(lines) + "\n"
    print(text)
    if chosen.write:
        write(text, "benchmarks/fleet.py", "A fleet")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
