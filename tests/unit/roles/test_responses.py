# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role alert_response keeps, run by Ansible; no cluster is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def play(folder: Path, tasks: list[dict[str, Any]]) -> str:
    base = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}}
    (folder / "play.yml").write_text(json.dumps([{**base, "tasks": tasks}]))
    environ = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOCAL_TEMP": str(folder / "tmp")}
    command = [sys.executable, "-m", "ansible.cli.playbook", "play.yml"]
    run = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def answer(fingerprint: str, **labels: str) -> dict[str, Any]:
    alert = {"name": "HighCPUUsage", "labels": labels, "fingerprint": fingerprint, "started_at": "2026-11-28T02:00:00Z"}
    verdicts = {"state": {"answer": "healthy", "reason": "it is", "details": {}}}
    words = {"response": "high_cpu", "title": "High CPU usage", "state": "healthy", "severity": "P2", "judged_at": "2026-11-28T02:35:10Z"}
    return {**words, "alert": alert, "verdicts": verdicts, "actions": [], "missing": [], "summary": []}


def test_alerts_of_one_name_that_are_judged_in_the_same_second_each_keep_their_evidence(tmp_path: Path) -> None:
    answers = [answer("f1", pod="a"), answer("f2", pod="b"), answer("", pod="c"), answer("", pod="../../d {{ 1 }}\n")]
    role = {"name": "euystacio.meta_salvage.alert_response", "tasks_from": "answer"}
    seen = {"alert_response_results": [], "alert_response_record_dir": str(tmp_path / "kept"), "alert_response_alert": "a"}
    tasks = [
        {"ansible.builtin.set_fact": seen},
        *({"ansible.builtin.include_role": role, "vars": {"alert_response_first": one}} for one in answers),
    ]
    play(tmp_path, tasks)
    kept = [json.loads(path.read_text())["alert"] for path in (tmp_path / "kept").glob("20261128T023510Z.*.json")]
    assert sorted(one["labels"]["pod"][0] for one in kept) == [".", "a", "b", "c"]
