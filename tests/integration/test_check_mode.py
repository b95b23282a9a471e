# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode of the playbooks that need no workload of their own; those of delivery are in test_delivery_playbooks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from audit import checked
from cluster_lab import CHECKOUT, NAMESPACE, Lab

sys.path.append(str(CHECKOUT))
from lab import build, versions

pytestmark = pytest.mark.lab

STRICTER: dict[str, Any] = {"policy_data": {"euystacio": {"thresholds": {"risk_max": 0.71}}}, "min_decisions": 0}
RESTRICTED = {"decision": "restrict", "until": "2099-01-01T00:00:00Z", "who": "the test", "why": "to see it", "min_decisions": 0}


def test_the_health_check_only_asks(lab: Lab) -> None:
    run, events = checked(lab, "health_check", {})
    assert run.code == 0, run.output
    assert any("/proxy/" in event["requestURI"] for event in events)


@pytest.mark.parametrize(
    ("runbook", "given", "would_write"),
    [
        ("review", {"providers": [{"id": "provider-aurora"}]}, False),
        ("policy", STRICTER, True),
        ("respond", {"provider": "provider-boreas", **RESTRICTED}, True),
        ("respond", {"provider": "provider-boreas"}, False),
    ],
    ids=["review", "policy", "restrict", "recommend"],
)
def test_peace_bonds_only_ask(lab: Lab, tmp_path: Path, runbook: str, given: dict[str, Any], would_write: bool) -> None:
    key = tmp_path / "decisions.key"
    key.write_text("k" * 64)
    records = tmp_path / "decisions"
    own = {"opa_binary": str(build.binary(versions.load(), "opa")), "record_dir": str(records), "record_key": f"hmac:{key}"}
    before = lab.get("configmaps", "-n", NAMESPACE)["items"]
    run, events = checked(lab, f"peace_bonds_{runbook}", {f"peace_bonds_{name}": value for name, value in {**own, **given}.items()})
    assert run.code == 0, run.output
    assert any("dryRun=All" in event["requestURI"] for event in events) == would_write
    assert lab.get("configmaps", "-n", NAMESPACE)["items"] == before
    assert not records.exists() or not list(records.iterdir())
