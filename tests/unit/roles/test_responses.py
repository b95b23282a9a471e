# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role alert_response keeps, run by Ansible; no cluster is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.env import CHECKOUT


def play(folder: Path, tasks: list[dict[str, Any]], **forced: Any) -> str:
    base = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}}
    (folder / "play.yml").write_text(json.dumps([{**base, "tasks": tasks}]))
    environ = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOCAL_TEMP": str(folder / "tmp")}
    command = [sys.executable, "-m", "ansible.cli.playbook", "play.yml", "-e", json.dumps(forced)]
    run = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def all_tasks(listed: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in listed:
        yield task
        for part in ("block", "rescue", "always"):
            yield from all_tasks(task.get(part, []))


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
    kept = [json.loads(path.read_text())["alert"] for path in (tmp_path / "kept").glob("20261128T023510Z-*.json")]
    assert sorted(one["labels"]["pod"][0] for one in kept) == [".", "a", "b", "c"]


@pytest.mark.parametrize("role", ["scale", "rollback"])
def test_an_action_leaves_nothing_of_what_it_does_to_the_inventory(role: str) -> None:
    """Otherwise `rollback_unproven: true` there would change what a plan does that was judged and approved without it."""
    roles = CHECKOUT / "roles"
    known = set(yaml.safe_load((roles / role / "defaults/main.yml").read_text()))
    # How it is checked, and contents that belong to the revision.
    free = {"scale_service", "rollback_restore_secrets"}
    given = [
        set(task["vars"])
        for path in sorted((roles / "alert_response/tasks").glob("*.yml"))
        for task in all_tasks(yaml.safe_load(path.read_text()))
        if task.get("ansible.builtin.include_role", {}).get("name") == f"euystacio.meta_salvage.{role}"
    ]
    assert given
    assert [known - one - free for one in given if known - one - free] == []


def test_a_temporary_size_that_stays_keeps_no_alert_from_being_answered(tmp_path: Path) -> None:
    """Its lock is held by somebody, or its cluster refuses: the role scale fails."""
    role = {"name": "euystacio.meta_salvage.alert_response", "tasks_from": "expire"}
    (tmp_path / "no_kubeconfig").write_text("{}")
    given = {"alert_response_alert": "a", "alert_response_kubeconfig": str(tmp_path / "no_kubeconfig")}
    tasks: list[dict[str, Any]] = [{"ansible.builtin.include_role": role, "vars": given}]
    expired = {"before": {"replicas": 8}, "after": {"replicas": 2}}
    output = play(tmp_path, [*tasks, {"ansible.builtin.debug": {"msg": "the alert is answered"}}], alert_response_expired=expired)
    assert "The size of before was not restored: " in output
    assert "the alert is answered" in output


def test_an_alert_that_can_t_be_answered_keeps_no_other_from_it(tmp_path: Path) -> None:
    role = {"name": "euystacio.meta_salvage.alert_response", "tasks_from": "answer_one"}
    (tmp_path / "file").write_text("")
    broken = {**answer("f1", pod="a"), "summary": None}
    seen = {"alert_response_results": [], "alert_response_failed": [], "alert_response_alert": "a", "alert_response_changed": False}
    # The second one is answered, though nothing can be written.
    seen["alert_response_record_dir"] = str(tmp_path / "file" / "kept")
    tasks = [
        {"ansible.builtin.set_fact": seen},
        *({"ansible.builtin.include_role": role, "vars": {"alert_response_first": one}} for one in (broken, answer("f2", pod="b"))),
        {"ansible.builtin.copy": {"content": "{{ [alert_response_failed, alert_response_results] | to_json }}", "dest": "told.json"}},
    ]
    output = play(tmp_path, tasks)
    failed, results = json.loads((tmp_path / "told.json").read_text())
    assert [one.partition(": ")[0] for one in failed] == ["HighCPUUsage is not answered"]
    assert [(one["state"], one["file"]) for one in results] == [("unknown", ""), ("healthy", "")]
    assert "cannot be written" in output


def test_the_record_says_how_an_action_ended_in_a_word_of_its_own(tmp_path: Path) -> None:
    done = [
        {"action": "roll_back", "decision": "admitted", "outcome": "failed", "says": "roll_back is done: x; failed y; better look"},
        {"action": "scale_up", "decision": "propose", "outcome": "", "says": "scale_up is proposed: x; y"},
    ]
    facts = {"alert_response_done": done, "alert_response_answer": answer("f1"), "alert_response_found": {}, "alert_response_unkept": ""}
    tasks = [
        {"ansible.builtin.set_fact": facts},
        {"ansible.builtin.include_vars": {"file": str(CHECKOUT / "roles/alert_response/vars/main.yml")}},
        {"ansible.builtin.copy": {"content": "{{ alert_response_facts | to_json }}", "dest": "facts.json"}},
    ]
    play(tmp_path, tasks, alert_response_record_dir=str(tmp_path))
    told = json.loads((tmp_path / "facts.json").read_text())
    assert {name: value for name, value in told.items() if name.startswith("outcome")} == {"outcome roll_back": "failed"}


def test_the_wait_after_an_action_ends_where_the_clock_is_set_back(tmp_path: Path) -> None:
    """The end is a time of the clock; without another bound the run would wait until the clock gets there again."""
    (tmp_path / "no_kubeconfig").write_text("{}")
    role = {"name": "euystacio.meta_salvage.alert_response", "tasks_from": "look"}
    given = {
        "alert_response_alert": "HighCPUUsage", "alert_response_kubeconfig": str(tmp_path / "no_kubeconfig"),
        "alert_response_before": {"answer": "breached", "details": {"value": 1}}, "alert_response_verify_interval": 0,
        "alert_response_verify_timeout": 2, "alert_response_deadline": 1e11, "alert_response_settled": 1e11,
        "alert_response_judge": {"scale_to": 0},
    }  # fmt: skip
    looked = {
        "block": [{"ansible.builtin.include_role": role, "vars": given}],
        "rescue": [{"ansible.builtin.debug": {"msg": "it has ended"}}],
    }
    output = play(tmp_path, [looked])
    assert "it has ended" in output and output.count("RETRYING") == 3, output
