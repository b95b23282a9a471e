# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback plugin in a run of Ansible."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

CANARY = "canary0123456789abcdef"


def play(folder: Path, tasks: list[dict[str, Any]], *options: str, **environ: str) -> tuple[int, str]:
    every = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}}
    (folder / "play.yml").write_text(json.dumps([{**every, "tasks": tasks}]))
    given = {
        "ANSIBLE_CALLBACKS_ENABLED": "euystacio.meta_salvage.run_report", "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"), "XDG_STATE_HOME": str(folder / "state"), **environ,
    }  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-m", "ansible.cli.playbook", *options, str(folder / "play.yml")],
        cwd=folder, env={**os.environ, **given}, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


def test_a_run_that_fails_has_its_report_in_an_open_incident_and_no_credential(tmp_path: Path) -> None:
    incident = {"dir": str(tmp_path / "incidents"), "state": "opened", "title": "down", "severity": "P1"}
    hooked = {"meta_salvage_incident": "open", "meta_salvage_incident_dir": str(tmp_path / "incidents"), "meta_salvage_incident_heads": ""}
    event = {"kind": "deploy", "what": "The deployment", "failed": True}
    tasks = [
        {"name": "Open", "euystacio.meta_salvage.incident": incident},
        {
            "name": "Report the end of the run",
            "ansible.builtin.include_role": {"name": "euystacio.meta_salvage.meta_salvage", "tasks_from": "end"},
            "vars": {**hooked, "meta_salvage_event": event},
        },
        {"name": "Secret", "ansible.builtin.debug": {"msg": CANARY}, "no_log": True},
        {"name": "End", "ansible.builtin.fail": {"msg": f"password={CANARY} is refused"}},
    ]
    code, output = play(tmp_path, tasks, "-e", "awx_job_id=9", "-e", "awx_user_name=anna")
    assert code == 2 and "Traceback" not in output, output
    (report,) = (tmp_path / "state/meta-salvage/runs").glob("*.json")
    assert report.name.endswith("-9.json") and stat.S_IMODE(report.stat().st_mode) == 0o600
    assert f"The report of this run is {str(report).removesuffix('.json')}.html" in output
    found = json.loads(report.read_text())
    assert (found["result"], found["who"], found["job"]) == ("failed", "anna", "9")
    assert found["left"][-1]["what"] == "password=(hidden) is refused"
    assert any(one["word"] == "open" for one in found["decisions"])
    assert not [path for path in report.parent.iterdir() if CANARY in path.read_text()]
    kept = "".join(path.read_text() for path in (tmp_path / "incidents").rglob("*") if path.is_file())
    assert '"kind":"run_report"' in kept.replace(" ", "") and "play: failed" in kept and CANARY not in kept


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    tasks = [{"ansible.builtin.debug": {"msg": "done"}}]
    code, output = play(tmp_path, tasks, META_SALVAGE_RUN_REPORT_PATH=str(tmp_path / "file" / "runs"))
    assert code == 0
    said = "".join(output.split())  # a warning is wrapped, on some releases within a word
    assert "Thereportofthisruncannotbewrittento" in said and "SetMETA_SALVAGE_RUN_REPORT_PATH" in said
    code, output = play(
        tmp_path, tasks, "--check", META_SALVAGE_RUN_REPORT_PATH=str(tmp_path / "runs"), META_SALVAGE_RUN_REPORT_FORMATS="junit"
    )
    assert code == 0 and [path.name.endswith(".junit.xml") for path in (tmp_path / "runs").iterdir()] == [True]
