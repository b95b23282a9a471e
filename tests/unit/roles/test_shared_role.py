# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles share, run by Ansible: the record of a run, and the connection of a role that a developer uses alone."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tools import role_docs
from tools.env import CHECKOUT

ENVIRONMENT = "/of/the/environment"


def play(tmp_path, *plays, options=()):
    """The exit status and the output of a playbook; each play is a role, with the keywords of its play."""
    playbook = tmp_path / "play.yml"
    every = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}}
    reason = {"ansible.builtin.debug": {"msg": "{{ id }}: {{ ansible_failed_result.msg }}"}}
    playbook.write_text(
        json.dumps([{**every, "tasks": [{"block": [task], "rescue": [reason], "vars": {"id": id_}}], **more} for id_, task, more in plays])
    )
    given = {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"), "K8S_AUTH_KUBECONFIG": ENVIRONMENT}
    run = subprocess.run(
        [sys.executable, "-m", "ansible.cli.playbook", *options, str(playbook)],
        cwd=tmp_path,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def record(id_, folder, reason=""):
    given = {"meta_salvage_record_dir": str(folder), "meta_salvage_record_name": id_, "meta_salvage_record": {"run": "ä", "reason": reason}}
    return id_, {"ansible.builtin.include_role": {"name": "euystacio.meta_salvage.meta_salvage", "tasks_from": "record"}, "vars": given}, {}


def rollback(id_, play_defaults=None, **variables):
    task = {"ansible.builtin.include_role": {"name": "euystacio.meta_salvage.rollback"}, "vars": variables}
    return id_, task, {"module_defaults": {"group/euystacio.meta_salvage.salvage": play_defaults}} if play_defaults else {}


def test_a_record_is_for_its_owner_alone_and_hides_no_failure(tmp_path):
    folder = tmp_path / "state" / "records"
    (tmp_path / "file").write_text("")
    output = play(
        tmp_path,
        record("written", folder),
        record("good", tmp_path / "file" / "a"),
        record("bad", tmp_path / "file" / "a", "the cluster is down"),
    )
    assert "changed=0 " in output
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "written.json").stat().st_mode) == 0o600
    assert "ä" in (folder / "written.json").read_text()
    assert "good.json cannot be written" in output
    assert "bad.json cannot be written" not in output


def test_a_record_goes_to_the_home_of_the_environment_as_everything_else_does(tmp_path, monkeypatch):
    """Not to that of the user database, which is another under sudo -E and in containers."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    play(tmp_path, record("written", "~/state/records"))
    assert (tmp_path / "home/state/records/written.json").is_file()


def test_check_mode_writes_no_record(tmp_path):
    play(tmp_path, record("written", tmp_path / "records"), options=["--check"])
    assert not (tmp_path / "records").exists()


def silence(id_, state, **variables):
    given = {"meta_salvage_silence_state": state, "meta_salvage_silence_purpose": "deploy", **variables}
    return (
        id_,
        {"ansible.builtin.include_role": {"name": "euystacio.meta_salvage.meta_salvage", "tasks_from": "silence"}, "vars": given},
        {},
    )


def test_an_alertmanager_that_cannot_be_reached_is_named_and_stops_nothing(tmp_path):
    nowhere = {"meta_salvage_alertmanager_url": "http://127.0.0.1:1"}
    output = play(
        tmp_path,
        silence("begin", "present", **nowhere),
        silence("end", "expired", **nowhere),
        silence("none", "present", meta_salvage_alertmanager_url=""),
    )
    assert "The alerts are not silenced, the work goes on: http://127.0.0.1:1/api/v2/silences is unreachable" in output
    assert "The silence was not expired, it ends by itself: http://127.0.0.1:1" in output
    assert "the work goes on: no Alertmanager is set" in output


@pytest.mark.parametrize("role", ["deploy", "blue_green", "scale", "restore", "restore_drill", "cluster_rebuild"])
def test_a_role_that_reports_its_start_reports_its_end_whatever_happens(role):
    found = []

    def look(tasks, saved):
        for task in tasks:
            part = task.get("ansible.builtin.include_role", {}).get("tasks_from")
            if part in {"begin", "end"}:
                found.append((part, saved))
                assert task["vars"]["meta_salvage_work"] == f"{{{{ {role}_work }}}}"
            look(task.get("block", []), saved)
            look(task.get("always", []), saved=True)
            saved = saved or "rescue" in task  # what comes after it runs even if it failed

    look(yaml.safe_load((role_docs.ROLES / role / "tasks/main.yml").read_text()), saved=False)
    assert found == [("begin", False), ("end", True)]


def test_a_run_that_did_not_begin_takes_nothing_back(tmp_path):
    def part(name):
        work = {"kind": "deploy", "namespaces": ["a"], "duration": 60}
        given = {"meta_salvage_work": work, "meta_salvage_event": {"kind": "deploy", "what": "The deployment"}}
        role = {"name": "euystacio.meta_salvage.meta_salvage", "tasks_from": name}
        return name, {"ansible.builtin.include_role": role, "vars": {**given, "meta_salvage_metrics_dir": str(tmp_path)}}, {}

    file = tmp_path / "meta_salvage_run_started_timestamp_seconds.localhost.deploy.prom"
    play(tmp_path, part("end"))
    assert not file.exists()
    play(tmp_path, part("begin"))
    assert not file.read_text().endswith(" 0")
    play(tmp_path, part("begin"), part("end"))
    assert file.read_text().split()[-1] == "0"


def test_a_role_that_is_used_alone_connects_by_its_variables_or_by_what_its_play_gives(tmp_path):
    output = play(
        tmp_path,
        rollback("shared", meta_salvage_kubeconfig="/of/all/roles"),
        rollback("own", meta_salvage_kubeconfig="/of/all/roles", rollback_kubeconfig="/of/this/role"),
        rollback("empty"),
        rollback("play", {"kubeconfig": "/of/the/play"}),
    )
    for id_, path in {"shared": "/of/all/roles", "own": "/of/this/role", "empty": ENVIRONMENT, "play": "/of/the/play"}.items():
        assert f"{id_}: there is no kubeconfig {path};" in output


def metric(id_, folder, value, **labels):
    given = {
        "meta_salvage_metrics_dir": str(folder), "meta_salvage_metric": "meta_salvage_run_started_timestamp_seconds",
        "meta_salvage_metric_value": value, "meta_salvage_metric_labels": labels,
    }  # fmt: skip
    return id_, {"ansible.builtin.include_role": {"name": "euystacio.meta_salvage.meta_salvage", "tasks_from": "metric"}, "vars": given}, {}


def test_a_metric_is_one_that_a_textfile_collector_reads_and_stops_nothing(tmp_path):
    folder = tmp_path / "metrics"
    folder.mkdir()
    output = play(
        tmp_path,
        metric("a", folder, "{{ 1764000000.5 }}", runbook="deploy"),
        metric("b", folder, 0, runbook="scale"),
        metric("c", tmp_path / "nowhere", 0),
    )
    assert len(list(folder.iterdir())) == 2, output
    name = "meta_salvage_run_started_timestamp_seconds"
    (family,) = text_string_to_metric_families((folder / f"{name}.localhost.deploy.prom").read_text())
    assert [(one.name, one.labels, one.value) for one in family.samples] == [
        (name, {"cluster": "localhost", "runbook": "deploy"}, 1764000000.5)
    ]
    assert stat.S_IMODE((folder / f"{name}.localhost.scale.prom").stat().st_mode) == 0o644
    assert f"The metric {name} can't be written" in output and "changed=0 " in output
    play(tmp_path, metric("d", tmp_path / "metrics", 5, runbook="check"), options=["--check"])
    assert len(list(folder.iterdir())) == 2


def handed_on(tmp_path, *options):
    """The statistics that a play leaves for the next job of a workflow."""
    given = {
        "kind": "deploy", "what": "The deployment", "failed": True, "reason": "password=hunter2hunter2 was refused",
        "facts": {"run": "r1"}, "paths": ["s3://bucket/x", "", "/var/records", "/var/records"],
    }  # fmt: skip
    role = {"name": "euystacio.meta_salvage.meta_salvage", "tasks_from": "end"}
    playbook = tmp_path / "results.yml"
    task = {"ansible.builtin.include_role": role, "vars": {"meta_salvage_event": given}}
    every = {"hosts": "all", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}}
    playbook.write_text(json.dumps([{**every, "tasks": [task]}]))
    environ = {**os.environ, "ANSIBLE_SHOW_CUSTOM_STATS": "true", "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"), "ANSIBLE_NOCOLOR": "1"}
    command = [sys.executable, "-m", "ansible.cli.playbook", "-i", "one,two", *options, str(playbook)]
    run = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout, dict(json.loads(run.stdout.partition("RUN: ")[2].partition("\n\n")[0])) if "RUN: " in run.stdout else {}


def test_a_job_of_awx_hands_its_result_on_for_each_cluster_and_names_what_is_lost(tmp_path):
    output, stats = handed_on(tmp_path, "-e", "awx_job_id=17")
    found = stats["meta_salvage_results"]["deploy"]
    assert set(found) == {"one", "two"}
    assert found["one"]["result"] == "failed" and found["one"]["job"] == "17" and found["one"]["facts"] == {"run": "r1"}
    assert "was refused" in found["one"]["reason"] and "hunter2" not in output
    assert "This job wrote to /var/records. Its container is removed" in output


def test_a_check_job_hands_on_its_plan_and_a_run_elsewhere_hands_on_nothing(tmp_path):
    output, stats = handed_on(tmp_path, "-e", '{"tower_job_id": 18}', "--check")
    assert stats["meta_salvage_results"]["deploy"]["two"]["result"] == "failed"
    assert "This job wrote" not in output
    assert handed_on(tmp_path)[1] == {}


@pytest.mark.parametrize("strategy", ["linear", "free"])
@pytest.mark.parametrize(("allowed", "done"), [(0, "abd"), ("20%", "abd"), (25, "abdef"), ("25%", "abdef")])
def test_a_wave_with_a_failure_stops_the_next_ones(tmp_path, strategy, allowed, done):
    """One of the three hosts of the second wave fails, in a block with an always section: one of the four that were tried."""
    role = {
        "ansible.builtin.import_role": {"name": "euystacio.meta_salvage.meta_salvage", "tasks_from": "wave", "rolespec_validate": False}
    }
    fails = {"ansible.builtin.assert": {"that": "inventory_hostname != 'c'"}}
    work = {
        "block": [fails, {"ansible.builtin.debug": {"msg": "{{ inventory_hostname }} is done"}}],
        "always": [{"ansible.builtin.debug": {}}],
    }
    playbook = tmp_path / "play.yml"
    every = {"hosts": "all", "connection": "local", "gather_facts": False, "strategy": strategy, "serial": [1, 3, 2]}
    variables = {"ansible_python_interpreter": sys.executable, "meta_salvage_max_fail_percentage": allowed}
    playbook.write_text(json.dumps([{**every, "vars": variables, "pre_tasks": [role], "tasks": [work]}]))
    run = subprocess.run(
        [sys.executable, "-m", "ansible.cli.playbook", "-i", "a,b,c,d,e,f,", str(playbook)],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 2, run.stdout + run.stderr
    assert sorted(re.findall(r"\b(\w) is done", run.stdout)) == sorted(done)
    assert ("The wave of e, f does not start, because c failed." in run.stdout) == ("e" not in done)


def test_every_role_that_logs_in_uses_the_login_that_all_share():
    """Without it `meta_salvage_openshift` is ignored, and the role works on the cluster of another login."""
    texts = {path: path.read_text() for path in sorted((CHECKOUT / "roles").glob("*/tasks/**/*.yml"))}
    own = {path: text for path, text in texts.items() if "salvage.salvage_role:" in text}
    assert len(own) > 10
    assert [
        str(path) for path, text in own.items() if text.count("salvage.salvage_role:") != text.count("combine(meta_salvage_login)")
    ] == []
