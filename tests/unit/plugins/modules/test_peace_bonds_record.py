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
def decision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
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


def test_newest_records_that_were_taken_away_are_found(run: Any, decision: dict[str, Any], tmp_path: Path) -> None:
    for provider in "abc":
        done = run(**{**decision, "provider": provider})
    question = {"dir": decision["dir"], "keys": [decision["key"]]}
    count, digest = done["head"]["count"], done["head"]["digest"]
    assert (count, run(peace_bonds_record_info, **question)["head"]) == (3, done["head"])
    nowhere = {**question, "head": str(tmp_path / "nowhere")}
    unknown = run(peace_bonds_record_info, **nowhere, fail_on_unverified=True)
    assert (unknown["failed"], unknown["verified"]) == (True, False)
    assert "is not known" in unknown["msg"]
    for expected in (
        {"expected_count": count},
        {"expected_head": digest},
        {"expected_count": 2},
        {"expected_count": count, "expected_head": digest},
    ):
        assert run(peace_bonds_record_info, **nowhere, **expected)["verified"], expected
    for expected in ({"expected_count": 4}, {"expected_head": "00"}, {"expected_count": 2, "expected_head": digest}):
        assert not run(peace_bonds_record_info, **nowhere, **expected)["verified"], expected
    Path(done["file"]).unlink()
    assert "the newest are missing" in run(peace_bonds_record_info, **question)["problems"][0]
    for expected in ({"expected_count": count}, {"expected_head": digest}):
        assert not run(peace_bonds_record_info, **nowhere, **expected)["verified"], expected
    assert "are not complete" in run(**decision)["msg"]


def test_a_head_that_nobody_signed_proves_nothing(run: Any, decision: dict[str, Any], tmp_path: Path) -> None:
    head = tmp_path / "head.json"
    run(**decision, head=str(head))
    head.write_text(head.read_text().replace('"count": 1', '"count": 0'))
    found = run(peace_bonds_record_info, dir=decision["dir"], keys=[decision["key"]], head=str(head))
    assert (found["verified"], found["problems"]) == (
        False,
        [f"{head} is not the head of these records: its signature does not fit its content"],
    )


def test_bad_input_is_one_sentence(run: Any, decision: dict[str, Any]) -> None:
    assert run(**{**decision, "key": "/nonexistent"})["reason"] == "bad_input"
    missing = run(peace_bonds_record_info, dir=decision["dir"], keys=[decision["key"]])
    assert (missing["failed"], missing["reason"]) == (True, "not_found")
