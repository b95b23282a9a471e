# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils import run_identity


def test_each_run_of_ansible_is_a_holder_of_its_own_and_each_host_too() -> None:
    mine = run_identity.holder({"inventory_hostname": "prod"}, os.getpid())
    assert mine == run_identity.holder({"inventory_hostname": "prod"}, os.getpid())
    with subprocess.Popen(["sleep", "60"]) as other:
        another = run_identity.holder({"inventory_hostname": "prod"}, other.pid)
        other.kill()
    assert len({one["run"] for one in (mine, another, run_identity.holder({"inventory_hostname": "stage"}, os.getpid()))}) == 3
    assert "/prod/" in mine["run"]


def test_a_job_of_awx_says_who_started_it_and_its_number() -> None:
    job: dict[str, Any] = {"inventory_hostname": "prod", "awx_user_name": "alice", "awx_job_id": 17}
    found = run_identity.holder(job, os.getpid())
    assert found["who"].startswith("alice@") and found["who"].endswith("(job 17)")
    assert run_identity.holder({**job, "awx_job_id": 18}, os.getpid())["run"] != found["run"]


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unnamed() -> str:
        raise KeyError(os.getuid())

    monkeypatch.setattr(run_identity.getpass, "getuser", unnamed)
    assert run_identity.holder({}, os.getpid())["who"].startswith(f"uid {os.getuid()}@")
