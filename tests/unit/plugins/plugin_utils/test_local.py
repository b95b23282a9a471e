# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils import local

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
COLLECTION = "ansible_collections.euystacio.meta_salvage.plugins"
AS_A_MODULE = {"ran": "as a module"}


def ends(**result):
    """A module that gives back its options, and ``result``."""

    def main():
        module = AnsibleModule({"name": {}, "password": {"no_log": True}}, supports_check_mode=True)
        module.exit_json(
            **{"name": module.params["name"], "said": module.params["password"], "checked": module.check_mode, **result},
            folder=os.getcwd(),  # noqa: PTH109
        )

    return main


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr(local.RunsModule, "_execute_module", lambda self, **_: AS_A_MODULE)
    monkeypatch.setattr(local.RunsModule, "run", lambda self, tmp, task_vars: self._execute_module(task_vars=task_vars))
    monkeypatch.setattr(
        local.RunsModule,
        "_update_module_args",
        lambda self, name, args, task_vars: args.update(_ansible_check_mode=self._task.check_mode, _ansible_module_name=name),
    )

    def call(main=None, args=None, *, transport="local", become=None, python=sys.executable, folder=None, **more):
        wanted = {
            "args": args or {},
            "action": "one",
            "async_val": 0,
            "delegate_to": None,
            "environment": None,
            "check_mode": False,
            **more,
        }
        connection = SimpleNamespace(transport=transport, become=become)
        templar, loader = SimpleNamespace(template=lambda value: value), SimpleNamespace(get_basedir=lambda: folder or tmp_path)
        plugin = local.LocalAction(SimpleNamespace(**wanted), connection, SimpleNamespace(), loader, templar, None)
        plugin.main = main or ends()
        return plugin.run(task_vars={"ansible_python_interpreter": python})

    return call


def test_the_module_runs_in_the_folder_of_the_playbook_with_the_settings_of_the_task(run, tmp_path):
    done = run(args={"name": "a"}, check_mode=True)
    assert (done["name"], done["checked"], done["folder"]) == ("a", True, str(tmp_path))
    assert "_ansible_check_mode" not in done
    assert run(environment=[{}])["checked"] is False


def test_a_playbook_of_the_collection_finds_the_files_of_the_folder_that_it_was_started_in(run, monkeypatch, tmp_path):
    link = tmp_path / "installed"
    link.symlink_to(PLUGINS.parent)
    monkeypatch.chdir(tmp_path)
    for folder in (PLUGINS.parent / "playbooks", link / "playbooks"):
        assert run(folder=str(folder))["folder"] == str(tmp_path)
    assert run(folder=str(PLUGINS))["folder"] == str(PLUGINS)  # a playbook of the user


def test_a_secret_option_is_hidden_as_in_any_module(run):
    assert "HUNTER2" not in str(run(args={"name": "it is HUNTER2", "password": "HUNTER2"}))


def test_nothing_that_a_module_says_is_a_template(run):
    said = run(ends(reason="{{ 1 + 1 }}"))["reason"]
    assert Templar(DataLoader()).template(said) == "{{ 1 + 1 }}"


@pytest.mark.parametrize(
    "how",
    [
        {"transport": "ssh"},
        {"become": object()},
        {"python": "/usr/bin/another"},
        {"python": None},
        {"delegate_to": "elsewhere"},
        {"async_val": 30},
        {"environment": [{"K8S_AUTH_CONTEXT": "one"}]},
    ],
)
def test_a_task_that_belongs_elsewhere_runs_as_a_module(run, how):
    assert run(**how) == AS_A_MODULE


def test_the_files_of_a_module_are_kept_where_ansible_keeps_them(run, monkeypatch):
    monkeypatch.setattr(local.C, "DEFAULT_KEEP_REMOTE_FILES", True)
    assert run() == AS_A_MODULE


def test_what_a_module_and_its_programs_print_stays_out_of_the_result_of_a_good_run(run):
    def main():
        sys.stderr.write("a warning\n")
        subprocess.run(["sh", "-c", "echo from a program >&2"], check=True)
        ends()()

    assert set(run(main)) >= {"name", "folder"}


@pytest.mark.parametrize(
    "ended", [lambda: 1 / 0, lambda: os._exit(7), lambda: os.kill(os.getpid(), 9), lambda: sys.exit("no"), lambda: None]
)
def test_a_module_that_ends_without_a_result_fails_with_what_it_printed(run, ended):
    def main():
        sys.stderr.write("http://me:HUNTER2@host\n")
        sys.stderr.flush()
        ended()

    done = run(main)
    assert (done["failed"], done["msg"][:34]) == (True, "The module ended without a result;")
    assert done["module_stderr"].startswith("http://(hidden)@host")


def test_a_task_that_reaches_its_time_limit_takes_the_module_with_it(run, monkeypatch, tmp_path):
    def main():
        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(60)

    def result(self):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        raise TimeoutError

    monkeypatch.setattr(local._Child, "result", result)
    with pytest.raises(TimeoutError):
        run(main)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize("name", sorted(path.stem for path in (PLUGINS / "modules").glob("*.py") if path.stem != "__init__"))
def test_each_module_has_an_action_that_can_run_it_here(name):
    action = importlib.import_module(f"{COLLECTION}.action.{name}").ActionModule
    if name != "health_report":  # works on the controller alone
        assert issubclass(action, local.LocalAction)
        assert action.main.__module__ == f"{COLLECTION}.modules.{name}"
