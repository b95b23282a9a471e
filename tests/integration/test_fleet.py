# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet with a dead cluster, a slow one and one without rights; hosts with a session each stand for clusters."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import NAMESPACE, Lab
from fleet_hosts import CHECK, inventory, is_signed

pytestmark = pytest.mark.lab

WELL = int(os.environ.get("FLEET_HOSTS", "5"))


def config(lab: Lab) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(lab.kubectl("config", "view", "--raw", "--flatten", "-o", "json"))
    return data


def test_a_dead_cluster_a_slow_one_and_one_without_rights_hold_up_nobody(lab: Lab, tmp_path: Path) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "fleet-nobody", "namespace": NAMESPACE}}
    reports = tmp_path / "reports"
    asked = {**CHECK, "health_check_namespaces": [NAMESPACE], "health_check_report_dir": str(reports)}
    with lab.applied(account):
        token = lab.kubectl("create", "token", "fleet-nobody", "-n", NAMESPACE).strip()
        assert is_signed(token)
        with inventory(tmp_path, config(lab), WELL, delay=0.5, token=token) as (hosts, wrong):
            run = lab.play("health_check", asked, inventory=hosts)
    fleet = {path.stem: json.loads(path.read_text()) for path in reports.glob("*.json") if path.stem not in {"fleet", "health"}}
    assert len(fleet) == WELL + 3, run.output
    # What other tests left in the namespace is the same for all of them.
    answered = {name: one["status"] for name, one in fleet.items() if name not in {"dead", "without-rights"}}
    assert len(set(answered.values())) == 1, answered
    assert "unknown" not in answered.values(), answered
    for name in ("dead", "without-rights"):
        assert fleet[name]["status"] == "unknown"
        assert wrong[name] in json.dumps(fleet[name]), fleet[name]
    assert run.code != 0, "two clusters are unknown"
    assert token not in run.output + json.dumps(fleet)
