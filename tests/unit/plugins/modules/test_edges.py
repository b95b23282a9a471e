# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge of every module: it ends with one sentence and a reason where it cannot begin, in check mode too, and never with a traceback."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import REASONS

MODULES = "ansible_collections.euystacio.meta_salvage.plugins.modules"
REPOSITORY = {"repository": "/nowhere/repository", "public_key": "/nowhere/key.pub"}
NO_FILE = {"kubeconfig": "/nowhere/kubeconfig"}
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "alert_info": (NO_FILE, "there is no kubeconfig /nowhere/kubeconfig"),
    "alert_response_info": ({**NO_FILE, "alert": "QEKBelowMinimum"}, "there is no kubeconfig"),
    "alert_silence": ({**NO_FILE, "matchers": ["a=b"], "creator": "c"}, "there is no kubeconfig"),
    "alertmanager_config_info": (NO_FILE, "there is no kubeconfig"),
    "backup": ({**NO_FILE, "repository": "/nowhere", "recipients": ["age1"], "signing_key": "/nowhere/key.pem"}, "recipients has 'age1'"),
    "backup_info": (REPOSITORY, "/nowhere/key.pub"),
    "bake": (NO_FILE, "there is no kubeconfig"),
    "blue_green": (NO_FILE, "there is no kubeconfig"),
    "diagnostics": ({**NO_FILE, "path": "/nowhere/"}, "there is no kubeconfig"),
    "game_day": (
        {**NO_FILE, "fault": "a", "faults": [{"name": "a", "alert": "A", "manifests": [{}]}]},
        "there is no kubeconfig",
    ),
    "grafana_dashboards": (
        {**NO_FILE, "definitions": [], "files": ["/nowhere/a.json"], "holder": {"run": "a", "who": "b"}},
        "/nowhere/a.json can't be read",
    ),
    "health_info": (NO_FILE, "there is no kubeconfig"),
    "incident": (NO_FILE, "there is no kubeconfig"),
    "incident_info": (NO_FILE, "there is no kubeconfig"),
    "manifests": ({**NO_FILE, "files": ["/nowhere/app.yaml"]}, "/nowhere/app.yaml can't be read"),
    "monitoring_restart": ({**NO_FILE, "component": "prometheus"}, "there is no kubeconfig"),
    "notification": ({"deadline": 0, "outbox": "/nowhere"}, "deadline, flood.limit or flood.seconds is 0 or less"),
    "peace_bonds_decision_info": ({"paths": ["/nowhere/decisions.log"]}, "/nowhere/decisions.log"),
    "peace_bonds_info": ({**NO_FILE, "providers": [{"id": "a"}]}, "there is no kubeconfig"),
    "peace_bonds_policy": (NO_FILE, "there is no kubeconfig"),
    "peace_bonds_record": (
        {"dir": "/nowhere", "key": "/nowhere/key.pem", "decision": "keep_block", "provider": "a", "who": "b", "why": "c"},
        "/nowhere/key.pem",
    ),
    "peace_bonds_record_info": ({"dir": "/nowhere", "keys": ["/nowhere/key.pub"]}, "/nowhere/key.pub"),
    "pod_restart": ({**NO_FILE, "pods": [{"name": "a"}]}, "there is no kubeconfig"),
    "prometheus_config": ({**NO_FILE, "state": "verified"}, "there is no kubeconfig"),
    "prometheus_snapshot": ({**NO_FILE, "directory": "/nowhere"}, ""),
    "response_guard": ({**NO_FILE, "holder": {"run": "a", "who": "b"}}, "there is no kubeconfig"),
    "restore": ({**NO_FILE, **REPOSITORY}, "identity is missing"),
    "rollout": (NO_FILE, "there is no kubeconfig"),
    "rollout_info": (NO_FILE, "there is no kubeconfig"),
    "scale": ({**NO_FILE, "replicas": 3}, "there is no kubeconfig"),
    "terraform_apply": ({"root": "/nowhere", "work_dir": "/nowhere/else"}, ""),
    "threshold_info": ({**NO_FILE, "url": "service://a/b:80"}, "there is no kubeconfig"),
    "workload_lock": ({**NO_FILE, "holder": {"run": "a", "who": "b"}}, "there is no kubeconfig"),
}


def test_every_module_is_in_the_table() -> None:
    found = {path.stem for path in Path(importlib.import_module(MODULES).__path__[0]).glob("*.py")}
    assert found - {"health_report"} == CASES.keys()  # health_report is an action plugin, which has its own tests


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_a_module_that_cannot_begin(name: str, check: bool, monkeypatch: pytest.MonkeyPatch, run_module: Any, tmp_path: Path) -> None:
    for variable in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG"):
        monkeypatch.delenv(variable, raising=False)
    options, words = CASES[name]
    given = {**options, "_ansible_check_mode": check, "_ansible_remote_tmp": str(tmp_path)}
    result = run_module(importlib.import_module(f"{MODULES}.{name}"), **given)
    assert result["failed"], result
    assert words in result["msg"]
    assert "\n" not in result["msg"] and "Traceback" not in result["msg"]
    assert result["reason"] in REASONS
    assert not result.get("changed")
