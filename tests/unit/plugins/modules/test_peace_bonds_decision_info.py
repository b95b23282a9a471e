# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.euystacio.meta_salvage.plugins.modules import peace_bonds_decision_info


@pytest.fixture
def run(run_module: Any) -> Any:
    return lambda module=peace_bonds_decision_info, **arguments: run_module(module, **arguments)


def record(provider: str, at: str, *, allow: bool) -> str:
    result = {"allow": allow, "deny": [] if allow else ["risk_score=0.81"]}
    data = {"decision_id": "d", "path": "euystacio/peace_bonds", "input": {"provider": {"id": provider}}, "result": result, "timestamp": at}
    return json.dumps(data) + "\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "decisions.json"
    lines = [record("a", "2026-11-24T14:00:00Z", allow=True), record("b", "2026-11-24T15:00:00Z", allow=False)]
    path.write_text("".join(lines))
    return path


def test_decisions_are_counted(run: Any, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    result = run(paths=[str(log)])
    assert (result["changed"], result["complete"], warnings) == (False, True, [])
    assert result["summary"]["counts"] == {"allowed": 1, "denied": 1, "unknown": 0}
    assert (result["summary"]["first_seen"], result["sources"][0]["records"]) == ("2026-11-24T14:00:00Z", 2)
    later = run(paths=[str(log)], since="2026-11-24T14:30:00Z", revisions=[{"revision": "r", "since": "2026-11-24T00:00:00Z"}])
    assert [item["provider"] for item in later["summary"]["providers"]] == ["b"]
    assert later["summary"]["revisions"][0]["revision"] == "r"


def test_a_damaged_log_is_a_warning(run: Any, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    log.write_bytes(log.read_bytes() + b'{"decision_id": broken}\n' + record("c", "2026-11-24T15:00:00Z", allow=True).encode())
    result = run(paths=[str(log)])
    assert (result["complete"], result["sources"][0]["broken"]) == (False, 1)
    assert warnings == ["Not everything could be read; see the sources' problems, broken and too_long."]


@pytest.mark.parametrize(
    ("arguments", "msg"),
    [
        ({"since": "noon"}, "since is 'noon', not a time such as 2026-11-24T14:00:00Z"),
        ({"bucket": 0}, "bucket must be more than 0 seconds"),
        ({"thresholds": {"a": {"low": 1}}}, "thresholds.a must be an object with min, max or both"),
    ],
)
def test_bad_input_is_one_sentence(run: Any, log: Path, arguments: dict[str, Any], msg: str) -> None:
    result = run(paths=[str(log)], **arguments)
    assert (result["failed"], result["reason"], result["msg"]) == (True, "bad_input", msg)
