# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role notify and what the runbooks include of it, run by Ansible, with a receiver on the loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_vendors import WEBHOOK, body_of
from fake_web import Web, web  # noqa: F401

from tools.env import CHECKOUT

SECRET = "a-secret-of-at-least-24-bytes"
RUNBOOKS = (
    *("deploy", "rollback", "blue_green", "scale", "restore", "restore_drill", "cluster_rebuild", "backup", "health_check", "peace_bonds"),
)


def play(folder: Path, plays: list[dict[str, Any]] | str, *options: str, variables: dict[str, Any] | None = None) -> tuple[int, str]:
    playbook = plays if isinstance(plays, str) else str(folder / "play.yml")
    if not isinstance(plays, str):
        (folder / "play.yml").write_text(json.dumps(plays))
    (folder / "variables.json").write_text(json.dumps(variables or {}))
    environ = {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"), "XDG_STATE_HOME": str(folder / "state")}
    run = subprocess.run(
        [sys.executable, "-m", "ansible.cli.playbook", *options, "-e", f"@{folder / 'variables.json'}", playbook],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert SECRET not in run.stdout + run.stderr
    return run.returncode, run.stdout + run.stderr


def hook(server: Web, **how: Any) -> dict[str, Any]:
    return {"name": "hook", "type": "webhook", "url": server.url + "/hook", "secret": SECRET, "timeout": 2, **how}


def variables(server: Web, **more: Any) -> dict[str, Any]:
    server.answers["/hook"] = (204, "text/plain", "")
    return {"notify_channels": [hook(server)], "notify_routes": [{"channels": ["hook"]}], "notify_deadline": 3, **more}


def event(**changes: Any) -> dict[str, Any]:
    role = {"name": "euystacio.meta_salvage.meta_salvage", "tasks_from": "end"}
    return {
        "ansible.builtin.include_role": role,
        "vars": {"meta_salvage_event": {"kind": "deploy", "subject": "a/api", "what": "The deployment of api", **changes}},
    }


def test_a_failure_opens_what_the_next_success_ends_and_nothing_fails_the_run(web: Web, tmp_path: Path) -> None:  # noqa: F811
    tasks = [
        event(failed=True, reason="the rollout stalled, password: hunter2hunter2", facts={"run": "r1"}),
        event(failed=True, reason="the rollout stalled", facts={"run": "r2"}),
        event(failed=False, facts={"run": "r3"}),
        event(kind="health", what="The health", outcome=" is healthy"),
    ]
    base = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}}
    code, output = play(tmp_path, [{**base, "tasks": tasks}], "-v", variables=variables(web, meta_salvage_notify=True))
    assert code == 0 and "changed=0 " in output, output
    first, last = (body_of(asked, WEBHOOK) for asked in web.asked)
    assert (first["title"], first["action"], first["severity"]) == ("The deployment of api failed on localhost", "trigger", "P2")
    assert first["dedup_key"] == last["dedup_key"] == "deploy/localhost/a/api"
    assert first["facts"]["cluster"] == "localhost" and first["facts"]["run"] == "r1"
    assert "the rollout stalled" in first["summary"] and "hunter2" not in json.dumps(first) + output
    assert (last["title"], last["action"]) == ("The deployment of api succeeded on localhost", "resolve")
    # A dead receiver, and settings that are wrong: neither fails the run.
    web.answers["/hook"] = (500, "text/plain", "")
    tasks = [event(failed=True), {**event(failed=True, subject="b"), "vars": {**event()["vars"], "notify_max_age": "soon"}}]
    code, output = play(tmp_path, [{**base, "tasks": tasks}], variables=variables(web, meta_salvage_notify=True) | {"notify_deadline": 0.2})
    assert code == 0, output
    assert "No message was sent: " in output and "is not a duration" in output


def test_an_alert_that_has_ended_ends_the_call_about_it(web: Web, tmp_path: Path) -> None:  # noqa: F811
    """The escalations of the call would go on otherwise, about what is over."""
    alert = {"name": "HighCPUUsage", "fingerprint": "f1", "labels": {"alertname": "HighCPUUsage"}, "state": "resolved"}
    silenced = {**alert, "fingerprint": "f2", "state": "suppressed"}
    role = {"name": "euystacio.meta_salvage.alert_response", "tasks_from": "ended"}
    seen = {"alert_response_seen": {"not_answered": [silenced, alert]}, "alert_response_incident": False, "alert_response_alert": "a"}
    ended = {"ansible.builtin.include_role": role, "vars": seen}
    fires = event(kind="alert_response", subject="HighCPUUsage/f1", action="trigger", severity="P2")
    base = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}}
    given = variables(web, meta_salvage_notify=True)
    code, output = play(tmp_path, [{**base, "tasks": [fires, ended]}], variables=given)
    assert code == 0, output
    sent = [body_of(asked, WEBHOOK) for asked in web.asked]
    assert [one["action"] for one in sent] == ["trigger", "resolve"], output
    assert sent[0]["dedup_key"] == sent[1]["dedup_key"] == "alert_response/localhost/HighCPUUsage/f1"
    assert sent[1]["title"] == "HighCPUUsage has ended on localhost"
    code, output = play(tmp_path, [{**base, "tasks": [ended]}], "--check", variables=given)
    assert code == 0 and len(web.asked) == 2, output


def test_notify_test_says_who_received_it(web: Web, tmp_path: Path) -> None:  # noqa: F811
    code, output = play(tmp_path, "euystacio.meta_salvage.notify_test", variables=variables(web, meta_salvage_notify=True))
    assert code == 0, output
    assert "hook (webhook): arrived" in output
    given = variables(web)
    given["notify_channels"].append(hook(web, name="broken", url=web.url + "/nowhere"))
    code, output = play(tmp_path, "euystacio.meta_salvage.notify_test", variables=given)
    assert code != 0
    assert "broken (webhook): FAILED: 127.0.0.1 answered 404" in output
    code, output = play(tmp_path, "euystacio.meta_salvage.notify_test")
    assert code != 0 and "There is no channel to test; set notify_channels" in output


@pytest.mark.parametrize("inventory", ["local", "staging", "production"])
def test_the_example_of_an_inventory_is_whole(tmp_path: Path, inventory: str) -> None:
    """Its times, routes and channels are right, and without credentials each channel says what it needs."""
    folder = CHECKOUT / "inventory" / inventory
    given = yaml.safe_load((folder / "group_vars/all/notify.yml").read_text())
    known = yaml.safe_load((CHECKOUT / "roles/notify/defaults/main.yml").read_text()).keys() | {"meta_salvage_notify"}
    assert given.keys() <= known and given["meta_salvage_notify"] is False
    names = {one["name"] for one in given["notify_channels"]}
    assert {name for route in given["notify_routes"] for name in route["channels"]} <= names
    if inventory != "local":  # the same file
        assert given == yaml.safe_load((CHECKOUT / "inventory/local/group_vars/all/notify.yml").read_text())
        return
    code, output = play(tmp_path, "euystacio.meta_salvage.notify_test", "--check", "-i", str(folder / "hosts.yml"))
    assert code != 0
    assert "pager: routing_key is missing" in output and "ops: token is missing" in output


@pytest.mark.parametrize("role", RUNBOOKS)
def test_each_runbook_reports_its_end_by_one_include(role: str) -> None:
    found = [path.name for path in (CHECKOUT / "roles" / role / "tasks").glob("*.yml") if "tasks_from: end\n" in path.read_text()]
    assert len(found) == (2 if role == "peace_bonds" else 1)
