# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a drill and of a rebuild is never better than what happened; no cluster is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HEALTH = {"report": {"status": "healthy"}}
PASS: dict[str, Any] = {"restore": {"result": "PASS", "counts": {"skipped": 0}, "stripped": []}}
DRILLS: list[tuple[str, dict[str, Any]]] = [
    ("PARTIAL", {"restore_drill_health": {"report": {"status": "unknown"}}}),  # restore_drill_accept may allow it
    ("FAIL", {"restore_drill_outcome": {}}),
]
REBUILDS: list[tuple[str, list[tuple[str, str]], str]] = [
    ("PARTIAL", [("provision", ""), ("restore", "PARTIAL"), ("verify", "PASS")], ""),
    ("FAIL", [("restore", "PARTIAL")], "the pods are not ready"),
]


def test_a_report_is_never_better_than_the_worst_step(tmp_path: Path) -> None:
    tasks = []
    for number, (_result, facts) in enumerate(DRILLS):
        given = {
            "restore_drill_run": f"drill-{number}", "restore_drill_namespace": "a", "restore_drill_began": "then",
            "restore_drill_failure": "", "restore_drill_backup": {"name": "b"}, "restore_drill_measured": {"rto_s": 1.0, "rpo_s": 1.0},
            "restore_drill_outcome": PASS, "restore_drill_health": HEALTH, "restore_drill_report_dir": str(tmp_path), **facts,
        }  # fmt: skip
        tasks.append(_report("restore_drill", given))
    for number, (_result, steps, failure) in enumerate(REBUILDS):
        rows = [{"step": name, "result": result, "said": "x", "seconds": 1.0, "budget": 5} for name, result in steps]
        journal = {"run": f"rebuild-{number}", "began": "2026-01-01T00:00:00Z", "clock": 0, "steps": rows}
        given = {
            "cluster_rebuild_journal": journal, "cluster_rebuild_resumed": False, "cluster_rebuild_at": "verify",
            "cluster_rebuild_restored": {}, "cluster_rebuild_record_dir": str(tmp_path), "cluster_rebuild_folder": {"path": str(tmp_path)},
            **({"cluster_rebuild_failure": failure} if failure else {}),
        }  # fmt: skip
        tasks.append(_report("cluster_rebuild", given))
    playbook = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(json.dumps(playbook))
    command = [sys.executable, "-m", "ansible.cli.playbook", "play.yml", "-e", f"ansible_python_interpreter={sys.executable}"]
    environ = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp")}
    run = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    found = {path.stem: json.loads(path.read_text())["result"] for path in tmp_path.glob("*-[0-9].json")}
    assert found == {
        **{f"drill-{number}": drill[0] for number, drill in enumerate(DRILLS)},
        **{f"rebuild-{number}": rebuild[0] for number, rebuild in enumerate(REBUILDS)},
    }


def _report(role: str, variables: dict[str, Any]) -> dict[str, Any]:
    name = {"name": f"euystacio.meta_salvage.{role}", "tasks_from": "report", "rolespec_validate": False}
    return {"ansible.builtin.include_role": name, "vars": variables}
