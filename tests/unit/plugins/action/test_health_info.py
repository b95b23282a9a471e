# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.action import health_info

AS_A_MODULE = {"ran": "as a module"}


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr(health_info.RunsModule, "run", lambda self, tmp, task_vars: AS_A_MODULE)

    def call(args, *, transport="local", become=None, python=sys.executable, **more):
        task = SimpleNamespace(**{"args": args, "async_val": 0, "delegate_to": None, "environment": None, **more})
        connection = SimpleNamespace(transport=transport, become=become)
        templar = SimpleNamespace(template=lambda value: value)
        plugin = health_info.ActionModule(task, connection, SimpleNamespace(), None, templar, None)
        return plugin.run(task_vars={"ansible_python_interpreter": python})

    return lambda args=None, **how: call({"kubeconfig": str(tmp_path / "none"), **(args or {})}, **how)


def test_where_the_module_would_be_in_the_same_place_it_is_done_here(run, tmp_path):
    done = run()
    assert (done["failed"], done["reason"]) == (True, "bad_input")
    assert done["msg"].startswith(f"there is no kubeconfig {tmp_path}/none")
    assert run(environment=[{}]) == done


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
        {"args": {"api_key": "secret"}},
        {"args": {"token": "secret"}},
        {"args": {"proxy_headers": {"basic_auth": "a:b"}}},
        {"args": {"kubeconfig": {"users": [{"name": "u", "user": {"token": "secret"}}]}}},
        {"args": {"proxy": "http://me:secret@proxy"}},
        {"args": {"colour": "red"}},
        {"args": {"parts": ["podz"]}},
        {"args": {"timeout": "soon"}},
    ],
)
def test_whatever_asks_for_more_runs_as_the_module(run, how):
    assert run(how.pop("args", None), **how) == AS_A_MODULE


def test_what_the_cluster_says_is_clean_here_as_from_the_module(run, monkeypatch):
    monkeypatch.setattr(health_info.task, "run", lambda *_: {"reason": "\x1b[2Jtoken=HUNTER2"})
    assert run() == {"reason": "token=(hidden)"}


def test_the_connection_is_that_of_the_environment_too(run, monkeypatch, tmp_path):
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", str(tmp_path / "of-the-environment"))
    assert "of-the-environment" in run({"kubeconfig": None})["msg"]
