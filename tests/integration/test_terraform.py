# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Terraform or OpenTofu, through the module."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import Lab, comes_to

pytestmark = pytest.mark.lab

MODULE = "ansible_collections.euystacio.meta_salvage.plugins.modules.terraform_apply"


class Site:
    def __init__(self, binary: str, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        (folder / "root").mkdir()

    def write(self, *resources: str, command: str = "true") -> None:
        form = 'resource "terraform_data" "%s" {\n  provisioner "local-exec" {\n    command = "%s"\n  }\n}\n'
        (self.folder / "root/main.tf").write_text("".join(form % (name, command) for name in resources))

    def given(self, more: Mapping[str, Any]) -> str:
        options = {"root": f"{self.folder}/root", "work_dir": f"{self.folder}/work", "binary": self.binary, **more}
        return json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "progress_path": f"{self.folder}/progress"}})

    def run(self, *, check: bool = False, **more: Any) -> dict[str, Any]:
        asked = {**more, "_ansible_check_mode": check}
        done = subprocess.run(
            [sys.executable, "-m", MODULE], input=self.given(asked), capture_output=True, text=True, check=False, timeout=120
        )
        assert "Traceback" not in done.stderr, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        assert not (self.folder / "work").exists()
        return found

    @property
    def said(self) -> list[str]:
        return [json.loads(line)["says"] for line in (self.folder / "progress").read_text().splitlines()]


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Site:
    return Site(lab.lab("tool", "tofu").strip(), tmp_path)


def test_it_is_applied_once_and_never_deleted(site: Site) -> None:
    site.write("cluster", command="echo kubeadm join --token SECRET")
    assert site.run(check=True)["changed"]
    first = site.run()
    assert (first["changed"], first["plan"]) == (True, {"create": ["terraform_data.cluster"]})
    assert first["diff"]["after"] == "create terraform_data.cluster\n"
    assert "terraform_data.cluster: local-exec complete" in site.said
    assert "SECRET" not in str(site.said) + str(first)  # what a provisioner prints, and its command
    assert not site.run()["changed"]

    assert site.run(binary="no-such-program")["reason"] == "missing_library"

    site.write("cluster", "more")
    planned = site.run(check=True)
    assert (planned["changed"], planned["plan"]["create"]) == (True, ["terraform_data.more"])
    site.write("more")
    refused = site.run()
    assert (refused["reason"], refused["failed"]) == ("conflict", True)
    assert "terraform_data.cluster" in refused["msg"]


def test_what_fails_is_told_and_what_is_half_made_stays(site: Site) -> None:
    site.write("cluster", command="echo --token SECRET; exit 3")
    failed = site.run()
    assert "terraform_data.cluster: local-exec provisioner error" in failed["msg"]
    assert "SECRET" not in str(failed) + str(site.said)
    site.write("cluster", command="exit ${")
    assert "failed" in site.run()["msg"]
    site.write("cluster")
    refused = site.run()  # what failed half-way is tainted, and so would be replaced
    assert (refused["reason"], "by hand" in refused["msg"]) == ("conflict", True), refused


def test_variables_reach_the_root_and_nothing_else(site: Site) -> None:
    text = f"""variable "token" {{
  type = string
}}
variable "nodes" {{
  type = map(number)
}}
resource "terraform_data" "cluster" {{
  input = sensitive(var.token)
  provisioner "local-exec" {{
    command = "printf %s '${{var.token}} ${{var.nodes.a}}' > {site.folder}/seen"
  }}
}}
output "token" {{
  value = nonsensitive(var.token)
}}
"""
    (site.folder / "root/main.tf").write_text(text)
    result = site.run(variables={"token": "SE $HOME CRET", "nodes": {"a": 3}})
    assert result["changed"], result
    assert (site.folder / "seen").read_text() == "SE $HOME CRET 3"
    assert "CRET" not in str(result) + str(site.said)
    wrong = site.run(variables={"token": "SE $HOME CRET", "nodes": "CRET"})
    assert wrong["failed"]
    assert "CRET" not in str(wrong["msg"])


def test_what_it_had_begun_is_made_though_the_module_is_killed(site: Site) -> None:
    site.write("cluster", command=f"touch {site.folder}/begun; while [ ! -e {site.folder}/go ]; do sleep 0.1; done")
    with subprocess.Popen([sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as module:
        assert module.stdin is not None
        module.stdin.write(site.given({}))
        module.stdin.close()
        comes_to(module, (site.folder / "begun").exists)
        os.kill(module.pid, signal.SIGKILL)
    (site.folder / "go").touch()
    after = site.run(lock_timeout=60)
    assert after["changed"] is False, after
