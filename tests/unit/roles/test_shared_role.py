# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles share, run by Ansible: the record of a run, and the connection of a role that a developer uses alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

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


def test_check_mode_writes_no_record(tmp_path):
    play(tmp_path, record("written", tmp_path / "records"), options=["--check"])
    assert not (tmp_path / "records").exists()


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
