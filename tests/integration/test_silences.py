# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences in the lab's Alertmanager: one for a hundred runs, expired in the end, and none of a killed run."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring import silence_task
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.run_identity import holder
from cluster_lab import Lab

pytestmark = pytest.mark.lab

ALERTMANAGER = "/api/v1/namespaces/monitoring/services/prometheus-operator-kube-p-alertmanager:9093/proxy/api/v2"


def states(lab: Lab, name: str) -> list[str]:
    """Of all silences of a namespace that only a test has, also of those that have ended."""
    listed = json.loads(lab.kubectl("get", "--raw", f"{ALERTMANAGER}/silences"))
    return sorted(one["status"]["state"] for one in listed if any(name in matcher["value"] for matcher in one["matchers"]))


def silence(lab: Lab, name: str, pid: int, **options: Any) -> dict[str, Any]:
    given = {"matchers": [f"namespace={name}"], "holder": holder({"inventory_hostname": name}, pid), "kubeconfig": str(lab.kubeconfig)}
    return silence_task.run({**given, **options}, check_mode=False)


def test_a_hundred_runs_leave_one_silence_and_it_ends_with_them(lab: Lab) -> None:
    name = f"silences-{uuid.uuid4().hex[:8]}"
    results = [silence(lab, name, os.getpid(), duration=600) for _run in range(100)]
    assert [one["changed"] for one in results] == [True] + [False] * 99
    assert states(lab, name) == ["active"]
    longer = silence(lab, name, os.getpid(), duration=1200)
    assert longer["changed"] and longer["silence"]["ends_at"] > results[0]["silence"]["ends_at"]
    assert states(lab, name).count("active") == 1
    assert silence(lab, name, os.getpid(), state="expired")["changed"]
    assert set(states(lab, name)) == {"expired"}


def test_the_silence_of_a_killed_run_is_expired_by_the_next(lab: Lab) -> None:
    name = f"silences-{uuid.uuid4().hex[:8]}"
    killed = subprocess.Popen(["sleep", "60"])
    left = silence(lab, f"{name}-other", killed.pid, purpose="restore")["silence"]
    killed.kill()
    killed.wait()
    result = silence(lab, name, os.getpid())
    assert left["id"] in [one["id"] for one in result["left_over"]]
    assert states(lab, f"{name}-other") == ["expired"]
    assert silence(lab, name, os.getpid(), state="absent")["expired"] == [result["silence"]["id"]]


def test_a_role_silences_its_namespace_while_it_works(lab: Lab, tmp_path: Path) -> None:
    """A drill without a backup fails after its silence began; the silence does not outlive it."""
    name = f"silences-{uuid.uuid4().hex[:8]}"
    key = tmp_path / "key.pub"
    key.write_text("none")
    variables = {
        "meta_salvage_silence": True, "restore_drill_namespace": name, "restore_drill_take": False, "backup_repository": str(tmp_path),
        "backup_public_key": str(key), "backup_identity": str(key), "restore_drill_report_dir": str(tmp_path / "reports"),
    }  # fmt: skip
    run = lab.play("restore_drill", variables)
    assert run.code != 0 and "The drill FAILED" in run.output
    assert states(lab, f"{name}-drill-") == ["expired"], run.output
