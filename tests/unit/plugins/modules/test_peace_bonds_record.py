# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.modules import peace_bonds_record, peace_bonds_record_info


@pytest.fixture
def run(run_module: Any) -> Any:
    return lambda module=peace_bonds_record, **arguments: run_module(module, **arguments)


@pytest.fixture
def decision(tmp_path: Path) -> dict[str, Any]:
    key = tmp_path / "secret"
    key.write_text("0123456789abcdef" * 4)
    return {
        "dir": str(tmp_path / "records"),
        "key": f"hmac:{key}",
        "decision": "keep_block",
        "provider": "p",
        "who": "me",
        "why": "because",
    }


def test_a_decision_is_recorded_once_and_found_again(run: Any, decision: dict[str, Any]) -> None:
    planned = run(**decision, _ansible_check_mode=True)
    assert (planned["changed"], Path(decision["dir"]).exists()) == (True, False)
    done = run(**decision, evidence={"numbers": [1, 2]})
    assert (done["changed"], done["diff"]["before"], len(done["record"]["evidence"]["numbers"])) == (True, {}, 64)
    assert done["record"]["at"].endswith("Z")
    again = run(**decision)
    assert (again["changed"], again["record"]) == (False, done["record"])
    listed = run(peace_bonds_record_info, dir=decision["dir"], keys=[decision["key"]], provider="p")
    assert (listed["changed"], listed["verified"], listed["count"]) == (False, True, 1)
    assert listed["records"][0]["record"] == done["record"]
    assert run(peace_bonds_record_info, dir=decision["dir"], keys=[decision["key"]], provider="q")["records"] == []


def test_a_changed_record_fails_where_it_must(run: Any, decision: dict[str, Any]) -> None:
    path = Path(run(**decision)["file"])
    path.write_text(path.read_text().replace("because", "no reason"))
    question = {"dir": decision["dir"], "keys": [decision["key"]]}
    assert not run(peace_bonds_record_info, **question)["verified"]
    result = run(peace_bonds_record_info, **question, fail_on_unverified=True)
    assert (result["failed"], result["count"]) == (True, 1)
    assert result["msg"].startswith("1 of 1 records are not verified: 000001-")


def test_bad_input_is_one_sentence(run: Any, decision: dict[str, Any]) -> None:
    assert run(**{**decision, "key": "/nonexistent"})["reason"] == "bad_input"
    missing = run(peace_bonds_record_info, dir=decision["dir"], keys=[decision["key"]])
    assert (missing["failed"], missing["reason"]) == (True, "not_found")
