# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a health check of a healthy system, then of the same system with one thing broken.

With KUBECONFIG set it checks that cluster, once, and changes nothing.  Otherwise it brings up the lab (LAB names it).  Where the lab is
not built yet, a first check runs as soon as the control plane and the service are up, before the other two thirds are built.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab import build, node, versions

CHECKOUT = Path(__file__).resolve().parents[1]
REPORTS = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "meta-salvage" / "demo"
NAMESPACE, APP, PORT = "euystacio-ai", "euystacio-api", 8000
SETTLING = 90.0  # seconds until alerts about a fault that is gone have ended
# What needs neither Prometheus nor OPA nor metrics-server; the thresholds are read from the pods.
FIRST_LOOK: dict[str, object] = {
    "parts": ["pods", "nodes", "api", "thresholds", "storage", "certificates"],
    "namespaces": [NAMESPACE],
    "report_dir": str(REPORTS / "first"),
}
FAULT = {"metrics": {"qek_value": 0.82}}


class DemoError(Exception):
    """One sentence."""


def main() -> int:
    try:
        return demo()
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1


def demo() -> int:
    if os.environ.get("KUBECONFIG"):
        _say("A health check of the cluster of KUBECONFIG. It only reads.")
        return _check()
    lab = os.environ.get("LAB") or "dev"
    _say(f"The lab {lab}: a whole Kubernetes on this machine, with the runbook's system on it.")
    if begin_early(missing()):
        _first_look(lab)
    _lab("up", lab)
    os.environ["KUBECONFIG"] = _lab("kubeconfig", lab, capture=True).strip()
    # Its first readings of the pods come some seconds after they are Ready, and until then it can't scale.
    _lab("kubectl", lab, "--", "wait", "hpa", f"{APP}-hpa", "-n", NAMESPACE, "--for=condition=ScalingActive", "--timeout=60s", capture=True)
    _say("1. A health check of the healthy system.")
    deadline = time.monotonic() + SETTLING
    while _check(fail_on=["warning", "critical", "unknown"]):
        if time.monotonic() > deadline:
            _say("The system should be healthy and is not; see the report. The demo has broken nothing yet.")
            return 1
        _say("Not yet: the system, or an alert about what an earlier demo broke, is still settling. Again in 10 s.")
        time.sleep(10)
    _say(f"2. QEK falls to {FAULT['metrics']['qek_value']}, below its critical limit 0.85, and the same check again.")
    with _broken(lab):
        found = _check()
    _say("QEK is put back.")
    if not found:
        _say("The check should have failed, for QEK is critical, and did not.")
        return 1
    _say(f"The report of the second check, with what changed since the first: {REPORTS / 'health.html'}")
    print(
        f"The lab still runs. Use it with: export KUBECONFIG={os.environ['KUBECONFIG']}\nTake it down with: make lab-down LAB={lab}",
        flush=True,
    )
    return 0


def missing() -> list[str]:
    """What of the lab is not built yet."""
    return build.missing_of(versions.load(), node.MODULES)


def begin_early(missing: Sequence[str]) -> bool:
    """Whether the service is worth a look before all is up: something that it does not need takes minutes to build."""
    return any(name not in node.FIRST for name in missing)


def _first_look(lab: str) -> None:
    _say("It is built once, in steps: the control plane and the service first. Ctrl-C any time; the next run goes on where this one was.")
    _lab("up", lab, "--first")
    os.environ["KUBECONFIG"] = _lab("kubeconfig", lab, capture=True).strip()
    _say("The first look: a health check of the service and its metrics.")
    _check(**FIRST_LOOK)
    _say(
        "DNS, OPA, Prometheus and the metrics of pods are built now. The cluster runs meanwhile: "
        f"export KUBECONFIG={os.environ['KUBECONFIG']}"
    )


def _check(**variables: object) -> int:
    given = {"health_check_report_dir": str(REPORTS), **{f"health_check_{name}": value for name, value in variables.items()}}
    command = [
        "ansible-playbook",
        "euystacio.meta_salvage.health_check",
        "-i",
        str(CHECKOUT / "inventory" / "local"),
        "-e",
        json.dumps(given),
    ]
    started = time.monotonic()
    code = subprocess.run(command, check=False).returncode
    print(f"It took {time.monotonic() - started:.1f} s and ended with exit status {code}.", flush=True)
    return code


@contextmanager
def _broken(lab: str) -> Iterator[None]:
    """The fault is in every replica, and gone from every replica afterwards, whatever happens."""
    pods = json.loads(_lab("kubectl", lab, "--", "get", "pods", "-n", NAMESPACE, "-l", f"app={APP}", "-o", "json", capture=True))["items"]
    names = [pod["metadata"]["name"] for pod in pods]
    try:
        for name in names:
            _post(lab, name, FAULT)
        yield
    finally:
        for name in names:
            _put_back(lab, name)


def _put_back(lab: str, pod: str) -> None:
    try:
        _post(lab, pod, dict.fromkeys(FAULT))
    except DemoError as error:  # the pod may be gone by now, and its fault with it
        print(error, file=sys.stderr)


def _post(lab: str, pod: str, faults: Mapping[str, object]) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:{PORT}/proxy/_fault"
    _lab("kubectl", lab, "--", "create", "--raw", path, "-f", "-", capture=True, given=json.dumps(faults))


def _lab(*arguments: str, capture: bool = False, given: str | None = None) -> str:
    command = [sys.executable, "-m", "lab", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, check=False, text=True, input=given, stdout=subprocess.PIPE if capture else None)
    if done.returncode:
        raise DemoError(f"`python3 {' '.join(command[1:])}` failed; what it said is above.")
    return done.stdout or ""


def _say(text: str) -> None:
    print(f"\n=== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
