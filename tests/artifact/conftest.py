# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects for AWX, filled in by Ansible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_controller import AWX_KINDS as KINDS

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """As ``apply_awx.yml`` gives them to the modules."""
    folder = tmp_path_factory.mktemp("objects")
    copies = [
        {"ansible.builtin.copy": {"content": f"{{{{ {name} | to_json }}}}", "dest": f"{folder}/{name}.json", "mode": "0600"}}
        for name in KINDS
    ]
    tasks = [{"ansible.builtin.include_vars": {"dir": str(CHECKOUT / "extensions/awx/controller")}}, *copies]
    every = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}}
    (folder / "play.yml").write_text(json.dumps([{**every, "tasks": tasks}]))
    command = [sys.executable, "-m", "ansible.cli.playbook", str(folder / "play.yml")]
    environ = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in KINDS}
