# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPA in pods of a namespace of the test's own, and the Peace Bonds modules as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cluster_lab import CHECKOUT, Lab

sys.path.append(str(CHECKOUT))
from lab import build, versions

POLICIES = CHECKOUT / "lab/policies"
DEFECTS = POLICIES / "upstream_defects"
GOOD: dict[str, Any] = {
    "provider": {"id": "provider-aurora", "trust_weight": 0.95, "compliance_score": 0.97, "ethical_alignment": 0.96},
    "symbiosis_score": 0.82,
    "metrics": {"cpu_usage": 40, "memory_usage": 50, "qek_value": 0.938, "hvar_value": 0.043, "ethisches_ideal": 0.998},
}
BAD: dict[str, Any] = {**GOOD, "provider": {"id": "provider-dusk", "trust_weight": 0.1, "compliance_score": 0.2, "ethical_alignment": 0.15}}
MEDIUM: dict[str, Any] = {
    **GOOD,
    "provider": {"id": "provider-boreas", "trust_weight": 0.6, "compliance_score": 0.7, "ethical_alignment": 0.65},
}
FIXTURES = [{"name": "a good provider", "input": GOOD, "allow": True}, {"name": "a bad provider", "input": BAD, "allow": False}]


def policy_files(*, tests: bool = False) -> dict[str, str]:
    return {
        path.name: path.read_text()
        for path in POLICIES.iterdir()
        if path.suffix in {".rego", ".json"} and (tests or not path.name.endswith("_test.rego"))
    }


@dataclass
class Bonds:
    """OPA in pods of its own namespace, and the modules run as a user runs them."""

    lab: Lab
    scratch: Path
    opa: str
    space: str

    def task(self, module: str, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        out = self.scratch / f"result-{time.monotonic_ns()}.json"
        play = [
            {
                "hosts": "localhost",
                "gather_facts": False,
                "tasks": [
                    {f"euystacio.meta_salvage.{module}": arguments, "register": "result", "ignore_errors": True},
                    {"ansible.builtin.copy": {"content": "{{ result | to_json }}", "dest": str(out), "mode": "0600"}, "check_mode": False},
                ],
            }
        ]
        book = self.scratch / "task.yml"
        book.write_text(json.dumps(play))
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("K8S_AUTH_", "KUBECONFIG"))}
        environ.update(KUBECONFIG=str(self.lab.kubeconfig), ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="false")
        command = [
            "ansible-playbook",
            str(book),
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            *(["--check", "--diff"] if check else []),
        ]
        done = subprocess.run(
            command, cwd=self.scratch, env=environ, capture_output=True, text=True, check=False, timeout=900, stdin=subprocess.DEVNULL
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        assert out.exists(), done.stdout + done.stderr
        result: dict[str, Any] = json.loads(out.read_text())
        result["output"] = done.stdout + done.stderr
        return result

    def policy(self, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        defaults: dict[str, Any] = {
            "namespace": self.space, "opa_binary": self.opa, "fixtures": FIXTURES, "min_decisions": 0, "wait_timeout": 120,
        }  # fmt: skip
        return self.task("peace_bonds_policy", check=check, **{**defaults, **arguments})

    def ask(self, *documents: Mapping[str, Any], **arguments: Any) -> dict[str, Any]:
        providers = [{"id": document["provider"]["id"], "input": document} for document in documents]
        return self.task("peace_bonds_info", opa_url=f"service://{self.space}/opa-service:8181", providers=providers, **arguments)

    def config_map(self) -> dict[str, Any]:
        return self.lab.get("configmap", "peace-bonds-policies", "-n", self.space)

    def put(self, files: Mapping[str, str]) -> None:
        """The ConfigMap and OPA's pods as if nobody had ever used the module."""
        self.lab.kubectl("delete", "configmap", "-n", self.space, "--all", "--ignore-not-found")
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "peace-bonds-policies", "namespace": self.space},
            "data": dict(files),
        }
        self.lab.kubectl("create", "-f", "-", given=json.dumps(body))
        self.lab.kubectl("rollout", "restart", "deployment/opa-peace-bonds", "-n", self.space)
        self.lab.kubectl("rollout", "status", "deployment/opa-peace-bonds", "-n", self.space, "--timeout=120s")


def until(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


@contextmanager
def opa_in(lab: Lab, space: str, scratch: Path) -> Iterator[Bonds]:
    """OPA as the lab has it, in another namespace, until the end."""
    image = lab.get("deployment", "opa-peace-bonds", "-n", "euystacio-ai")["spec"]["template"]["spec"]["containers"][0]["image"]
    text = (CHECKOUT / "lab/manifests/30-opa.yaml").read_text().replace("${IMAGE_OPA}", image).replace("euystacio-ai", space)
    objects = [item for item in yaml.safe_load_all(text) if item]
    opa = str(build.binary(versions.load(), "opa"))
    with lab.applied({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}, *objects):
        yield Bonds(lab, scratch, opa, space)
