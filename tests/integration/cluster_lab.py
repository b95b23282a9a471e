# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as tests use it: kubectl, the stand-in's faults, and the runbooks run as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
NAMESPACE = "euystacio-ai"


@dataclass(frozen=True)
class Run:
    """One ansible-playbook run, and the report that it wrote."""

    code: int
    output: str
    report: dict[str, Any] | None

    @property
    def words(self) -> str:
        """The output as one line, for Ansible breaks sentences."""
        return " ".join(self.output.split())

    def part(self, name: str) -> dict[str, Any]:
        assert self.report is not None, self.output
        found = [part for part in self.report["parts"] if part["name"] == name]
        assert found, f"no part {name} in {[part['name'] for part in self.report['parts']]}"
        return found[0]

    def check(self, part: str, words: str) -> dict[str, Any]:
        """The one check of a part whose id or reason has these words."""
        checks = self.part(part)["checks"]
        found = [check for check in checks if words in check["id"] or words in (check["reason"] or "")]
        assert found, f"no check of {part} speaks of {words}: {json.dumps(checks, indent=1)}"
        return found[0]


def _with(mark: str) -> list[int]:
    """The processes whose environment has it, the dead ones that nobody has buried yet left out."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and f"{mark}\0".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def end_all(mark: str) -> None:
    """Signal 9 to everything that inherited the mark: workers of Ansible are sessions of their own, so a group is not enough."""
    while found := _with(mark):
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def comes_to(process: subprocess.Popen[str], seen: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until it has got there."""
    deadline = time.monotonic() + seconds
    while not seen():
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline, "it does not get on"
        time.sleep(0.05)


class Lab:
    def __init__(self, kubeconfig: Path, scratch: Path) -> None:
        self.kubeconfig = kubeconfig
        self.name = kubeconfig.parent.name
        self.scratch = scratch

    def lab(self, *arguments: str, given: str | None = None) -> str:
        patience = 3600 if arguments[0] == "tool" else 300  # a tool is built where it is asked for the first time
        done = subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            cwd=CHECKOUT,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=patience,
        )
        assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        return self.lab("kubectl", self.name, "--", *arguments, given=given)

    def get(self, *arguments: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return data

    @contextmanager
    def applied(self, *objects: Mapping[str, Any]) -> Iterator[None]:
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=given)
        try:
            yield
        finally:
            self.kubectl("delete", "--ignore-not-found", "--wait=true", "--grace-period=1", "-f", "-", given=given)

    @contextmanager
    def defined(self, crd: Mapping[str, Any]) -> Iterator[None]:
        """A kind of object, once the API server serves it: that comes a moment after it says that it is established."""
        name = crd["metadata"]["name"]
        with self.applied(crd):
            self.kubectl("wait", f"crd/{name}", "--for=condition=Established", "--timeout=60s")
            deadline = time.monotonic() + 60
            while True:
                try:
                    self.kubectl("get", name, "-A")
                    break
                except AssertionError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.5)
            yield

    @contextmanager
    def faults(self, **switches: object) -> Iterator[None]:
        """The switches in every replica of the stand-in, and put back afterwards."""
        pods = [pod["metadata"]["name"] for pod in self.get("pods", "-n", NAMESPACE, "-l", "app=euystacio-api")["items"]]
        try:
            for pod in pods:
                self._switch(pod, switches)
            yield
        finally:
            for pod in pods:
                self._switch(pod, dict.fromkeys(switches))

    def _switch(self, pod: str, switches: Mapping[str, object]) -> None:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8000/proxy/_fault"
        self.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(switches))

    @contextmanager
    def scaled(self, what: str, namespace: str, replicas: int, back: int) -> Iterator[None]:
        """A Deployment or StatefulSet at another size, and back when its pods are Ready again."""
        self.kubectl("scale", what, "-n", namespace, f"--replicas={replicas}")
        try:
            yield
        finally:
            self.kubectl("scale", what, "-n", namespace, f"--replicas={back}")
            self.kubectl("rollout", "status", what, "-n", namespace, "--timeout=120s")

    def play(
        self,
        runbook: str,
        variables: Mapping[str, Any],
        *,
        kubeconfig: Path | None = None,
        inventory: Path | None = None,
        check: bool = False,
    ) -> Run:
        """Run a playbook of the collection, from another folder than the checkout."""
        folder = self.scratch / f"reports-{time.monotonic_ns()}"
        folder.mkdir()
        command = self._command(runbook, {"health_check_report_dir": str(folder), **variables})
        environ = self._environ(kubeconfig or self.kubeconfig)
        done = subprocess.run(
            command + (["-i", str(inventory)] if inventory else []) + (["--check", "--diff"] if check else []),
            cwd=self.scratch, env=environ, capture_output=True, text=True, check=False, timeout=900, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        report = folder / "localhost.json"
        output = done.stdout + done.stderr
        assert "Traceback" not in output, output
        return Run(done.returncode, output, json.loads(report.read_text()) if report.exists() else None)

    def _command(self, runbook: str, variables: Mapping[str, Any]) -> list[str]:
        playbook = runbook if "/" in runbook else f"euystacio.meta_salvage.{runbook}"
        return ["ansible-playbook", playbook, "-e", json.dumps(variables)]

    def _environ(self, kubeconfig: Path) -> dict[str, str]:
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("K8S_AUTH_", "KUBECONFIG"))}
        return {**environ, "KUBECONFIG": str(kubeconfig), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"}

    @contextmanager
    def playing(self, playbook: str, variables: Mapping[str, Any], *, output: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
        """A playbook that runs meanwhile, a runbook's name or a file; in the end all its processes are ended by signal 9."""
        mark = f"PLAYED_BY={os.getpid()}-{time.monotonic_ns()}"
        name, _equals, value = mark.partition("=")
        environ = {**self._environ(self.kubeconfig), name: value}
        command, nothing = self._command(playbook, variables), subprocess.DEVNULL
        with subprocess.Popen(command, cwd=self.scratch, env=environ, stdin=nothing, stdout=output, stderr=nothing, text=True) as run:
            try:
                yield run
            finally:
                end_all(mark)

    def health(self, **variables: Any) -> Run:
        return self.play("health_check", {f"health_check_{name}": value for name, value in variables.items()})

    def health_until(self, seen: Callable[[Run], bool], timeout: float = 90, **variables: Any) -> Run:
        """Check again until the cluster has got to what the test is about; the last run, whatever it saw."""
        deadline = time.monotonic() + timeout
        while True:
            run = self.health(**variables)
            if seen(run) or time.monotonic() > deadline:
                return run
