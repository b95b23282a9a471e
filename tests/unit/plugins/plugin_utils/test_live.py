# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.progress import teller
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils import live, local


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The action on a module that tells two steps, and goes on when the first was shown, if it is to be shown at all."""
    shown, seen = [], threading.Event()

    def show(line):
        shown.append(line)
        seen.set()

    def module(self, module_args, **_):
        path = module_args.get("progress_path")
        assert "progress" in module_args or path
        tell = teller(path)
        tell({"says": "1/2 s"})
        if path and wait:
            assert seen.wait(60), "the first step was not shown while the module ran"
        tell({"step": 2})
        if path:
            with Path(path).open("a") as file:
                file.write("no JSON\n[1]\n")
        tell({"says": "2/2 s"})
        return {"changed": True, "invocation": {"module_args": dict(module_args)}}

    monkeypatch.setattr(local.RunsModule, "_execute_module", module)
    monkeypatch.setattr(local.RunsModule, "run", lambda self, tmp, task_vars: self._execute_module(task_vars=task_vars))
    monkeypatch.setattr(live.C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(live.display, "display", show)
    wait = True

    def call(args=None, *, waits=True, transport="local", become=None, **more):
        nonlocal wait
        wait = waits
        task = SimpleNamespace(
            **{
                "args": args or {},
                "action": "euystacio.meta_salvage.bake",
                "async_val": 0,
                "no_log": False,
                "delegate_to": "another",
                **more,
            }
        )
        plugin = live.LiveAction(task, SimpleNamespace(transport=transport, become=become), SimpleNamespace(), None, None, None)
        result = plugin.run(task_vars={"inventory_hostname": "staging"})
        assert task.args == (args or {})
        assert result["invocation"]["module_args"].get("progress_path") == (args or {}).get("progress_path")
        return shown

    return call


def test_each_step_is_shown_while_the_module_runs(run, tmp_path):
    assert run() == ["bake [staging]: 1/2 s", "bake [staging]: 2/2 s"]
    assert not list(tmp_path.iterdir())


def test_what_others_say_drives_no_terminal_and_has_no_credential(run, monkeypatch):
    ran = local.RunsModule._execute_module

    def module(self, module_args, **_):
        with Path(module_args["progress_path"]).open("a") as file:  # as one of another version may write it
            file.write(json.dumps({"says": "\x1b]0;PWNED\x07\x1b[31mred token=HUNTER2\n2"}) + "\n")
        return {**ran(self, module_args), "module_stderr": "KeyError: 'http://u:HUNTER2@h'\x1b[2J"}

    monkeypatch.setattr(local.RunsModule, "_execute_module", module)
    assert run()[0] == "bake [staging]: ]0;PWNED red token=(hidden) 2"


def test_a_file_of_the_users_is_followed_from_where_it_ends_and_stays(run, tmp_path):
    path = tmp_path / "progress.jsonl"
    path.write_text('{"says": "an earlier run"}\n')
    assert run({"progress_path": str(path)}) == ["bake [staging]: 1/2 s", "bake [staging]: 2/2 s"]
    assert json.loads(path.read_text().splitlines()[1]) == {"says": "1/2 s"}


@pytest.mark.parametrize(
    "how",
    [
        {"args": {"progress": False}},
        {"args": {"progress": "no"}},
        {"transport": "ssh"},
        {"become": object()},
        {"async_val": 30},
        {"no_log": True},
    ],
)
def test_whoever_asks_for_silence_or_runs_elsewhere_has_the_plain_module(run, monkeypatch, how):
    assert run({"progress": True, **how.pop("args", {})}, waits=False, **how) == []


def test_nor_is_json_broken_by_lines(run, monkeypatch):
    monkeypatch.setattr(live.C, "DEFAULT_STDOUT_CALLBACK", "ansible.posix.jsonl")
    assert run({"progress": True}, waits=False) == []


def test_a_module_that_fails_leaves_nothing_behind(run, monkeypatch, tmp_path):
    def broken(self, **_):
        raise RuntimeError("gone")

    monkeypatch.setattr(local.RunsModule, "_execute_module", broken)
    before = set(threading.enumerate())  # not their number: those of tests before may end meanwhile
    with pytest.raises(RuntimeError):
        run()
    assert (list(tmp_path.iterdir()), set(threading.enumerate()) - before) == ([], set())


def test_a_path_that_can_not_be_written_is_told_and_a_full_disk_ends_nothing(tmp_path):
    with pytest.raises(SalvageError, match="progress_path can't be written"):
        teller(str(tmp_path / "none" / "file"))
    tell = teller(str(tmp_path / "file"))
    (tmp_path / "file").unlink()
    (tmp_path / "file").mkdir()
    tell({"says": "anything"})
