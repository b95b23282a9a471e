# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daily health check, three ways, at 10, 1,000 and 5,000 pods: the runbook's bash, a playbook of kubernetes.core and uri, and ours.

    python benchmarks/health.py [--pods 10,1000,5000] [--runs 5] [--write]

On the control-plane-size lab: a real API server and etcd, and kwok's pods.  The service, Prometheus, Alertmanager and OPA are one small
server on the loopback for all three alike, so that the difference is in how the cluster is read.  Ours does more: it also looks at
autoscalers, volumes, certificates, restarts, the metrics' history and what changed, and writes the report.  ``--write`` puts the table into
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

CHECKOUT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent / "health"
LAB = "bench-health"
RESULTS = CHECKOUT / "docs" / "benchmarks.md"
TARGETS = {
    "ours at 1,000 pods: seconds beyond an empty playbook": ("<=", 1.0),
    "kubernetes.core / ours at 5,000 pods, wall": (">=", 8.0),
    "bash / ours at 5,000 pods, wall": (">", 1.0),
    "ours at 5,000 pods, the largest process in MB": ("<", 100.0),
}


@dataclass(frozen=True)
class Cost:
    """Seconds of the clock, seconds of CPU, and two peaks in MB: the largest process, and all processes of the run together (PSS)."""

    wall: float
    cpu: float
    largest: float
    together: float


class Services(BaseHTTPRequestHandler):
    """What the runbook asks beside the cluster, all healthy."""

    protocol_version = "HTTP/1.1"
    metrics: ClassVar = {"QEK": 0.938, "H_VAR": 0.043, "ETHISCHES_IDEAL": 1.0, "SYMBIOSIS": 0.9}

    def _answer(self, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/health":
            self._answer({"status": "healthy", "version": "v1"})
        elif path == "/api/metrics/thresholds":
            self._answer({"metrics": {name: {"current_value": value, "status": "ok"} for name, value in self.metrics.items()}})
        elif path == "/api/v1/alerts":
            self._answer({"status": "success", "data": {"alerts": []}})
        elif path == "/api/v2/alerts":
            self._answer([])
        elif path == "/api/v1/query_range":
            now = time.time()
            series = {"metric": {}, "values": [[now - 18 * age, "0.938"] for age in range(200, 0, -1)]}
            self._answer({"status": "success", "data": {"resultType": "matrix", "result": [series]}})
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        allow = asked["provider"]["trust_weight"] > 0.5
        self._answer({"result": {"allow": allow, "deny": [] if allow else ["no trust"], "risk_score": 0.1 if allow else 0.9}})

    def log_message(self, *_: object) -> None:
        pass


def tree(root: int) -> list[int]:
    """The process and all below it, as far as they are there."""
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        with contextlib.suppress(OSError):
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += map(int, children.read_text().split())
    return found


def pss(pid: int) -> int:
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def measure(command: list[str], environ: dict[str, str], *, memory: bool) -> Cost:
    """One run.  Sampling the memory of all processes together costs CPU, so it is a run of its own."""
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        together = 0
        while memory and os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            together = max(together, sum(map(pss, tree(process.pid))))
            time.sleep(0.01)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{output.read().decode()[-3000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, together / 1024)


def compare(commands: dict[str, list[str]], environ: dict[str, str], runs: int) -> dict[str, Cost]:
    """The medians of each command.  They take turns, so that what else the machine does falls on all alike; the first turn warms caches."""
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            cost = measure(command, environ, memory=False)
            if turn:
                found[name].append(cost)
    medians = {}
    for name, costs in found.items():
        together = measure(commands[name], environ, memory=True).together
        medians[name] = Cost(*(statistics.median(getattr(one, field) for one in costs) for field in ("wall", "cpu", "largest")), together)
    return medians


def lab(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"lab {' '.join(arguments)} failed; what it said is above")
    return done.stdout.strip()


def at_each_size(name: str, sizes: str, runs: int, contestants: Callable[[Path], dict[str, list[str]]]) -> dict[int, dict[str, Cost]]:
    """The costs on a control-plane lab of this name with so many pods each; it is taken down in the end."""
    found: dict[int, dict[str, Cost]] = {}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for pods in map(int, sizes.split(",")):
                lab("up", name, "--size", "control-plane", "--nodes", "20", "--pods", str(pods))
                kubeconfig = lab("kubeconfig", name)
                path = f"{Path(kubectl()).parent}:{os.environ['PATH']}"
                environ = {**os.environ, "KUBECONFIG": kubeconfig, "K8S_AUTH_KUBECONFIG": kubeconfig, "PATH": path}
                found[pods] = compare(contestants(Path(scratch)), environ, runs)
                for contestant, cost in found[pods].items():
                    print(f"{pods:>6} pods  {contestant:16} {cost}", file=sys.stderr, flush=True)
    finally:
        lab("down", name)
    return found


def contestants(scratch: Path, services: str) -> dict[str, list[str]]:
    playbook = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    ours = {
        "health_check_report_dir": str(scratch / "reports"),
        "health_check_namespaces": ["euystacio-ai"],
        "health_check_opa_selector": "",
        **{f"health_check_{name}_url": services for name in ("api", "prometheus", "alertmanager", "opa")},
    }
    return {
        "empty playbook": [*playbook, str(HERE / "empty.yml")],
        "bash": ["bash", str(HERE / "runbook.sh"), services],
        "kubernetes.core": [*playbook, "-e", f"services={services}", str(HERE / "kubernetes_core.yml")],
        "ours": [*playbook, "-e", json.dumps(ours), "euystacio.meta_salvage.health_check"],
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pods", default="10,1000,5000")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    chosen = options.parse_args()
    for tool in ("jq", "curl", "ansible-playbook"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not on PATH; the comparison needs it")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Services)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    services = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        found = at_each_size(LAB, chosen.pods, chosen.runs, lambda scratch: contestants(scratch, services))
    finally:
        server.shutdown()
    text = table(found, chosen.runs)
    print(text)
    if chosen.write:
        write(text, "benchmarks/health.py", "The daily health check")
    return 0 if all("missed" not in line for line in text.splitlines()) else 1


def kubectl() -> str:
    sys.path.insert(0, str(CHECKOUT))
    from lab import build, versions  # noqa: PLC0415

    return str(build.binary(versions.load(), "kubectl"))


def table(found: dict[int, dict[str, Cost]], runs: int) -> str:
    lines = [
        f"Median of {runs} runs, in turns, on {os.cpu_count()} cores under a load of {os.getloadavg()[1]:.1f}.",
        "Memory: the largest process, and all processes of the run together (PSS).",
        "",
        "| pods | what | wall | CPU | largest process | together |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for pods, costs in found.items():
        for name, cost in costs.items():
            lines.append(f"| {pods:,} | {name} | {cost.wall:.2f} s | {cost.cpu:.2f} s | {cost.largest:.0f} MB | {cost.together:.0f} MB |")
    lines += ["", "| to reach | measured | |", "|---|---:|---|"]
    values = {}
    if 1000 in found:
        values["ours at 1,000 pods: seconds beyond an empty playbook"] = found[1000]["ours"].wall - found[1000]["empty playbook"].wall
    if 5000 in found:
        most = found[5000]
        values["kubernetes.core / ours at 5,000 pods, wall"] = most["kubernetes.core"].wall / most["ours"].wall
        values["bash / ours at 5,000 pods, wall"] = most["bash"].wall / most["ours"].wall
        values["ours at 5,000 pods, the largest process in MB"] = most["ours"].largest
    for name, value in values.items():
        sign, target = TARGETS[name]
        held = {"<=": value <= target, ">=": value >= target, ">": value > target, "<": value < target}[sign]
        lines.append(f"| {name} {sign} {target:g} | {value:.2f} | {'reached' if held else 'missed'} |")
    return "\n".join(lines) + "\n"


def write(text: str, script: str, title: str) -> None:
    """Between a benchmark's marks, which are made at the end of the page if they are not there."""
    begin, end = f"<!-- {script} -->", f"<!-- end of {script} -->"
    page = RESULTS.read_text() if RESULTS.exists() else "# Benchmarks\n"
    section = f"{begin}\n{text}{end}"
    if begin in page:
        page = page[: page.index(begin)] + section + page[page.index(end) + len(end) :]
    else:
        page += f"\n## {title}\n\n`python {script} --write`\n\n{section}\n"
    RESULTS.write_text(page)


if __name__ == "__main__":
    sys.exit(main())
