# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.modules import peace_bonds_policy


@pytest.fixture
def run(run_module: Any) -> Any:
    return lambda module=peace_bonds_policy, **arguments: run_module(module, **arguments)


GOOD = {"name": "good", "input": {"score": 0.1}, "allow": True}


def test_a_candidate_is_validated_without_a_cluster(run: Any, opa: str) -> None:
    arguments = {"state": "validated", "opa_binary": opa, "min_decisions": 0, "fixtures": [GOOD]}
    result = run(**arguments, policy_files={"p.rego": "limit=0.8 \n"})
    assert (result["changed"], result["accepted"], result["refusals"]) == (False, True, [])
    assert [fixture["passed"] for fixture in result["fixtures"]] == [True]


def test_a_refusal_fails_with_what_was_found(run: Any, opa: str) -> None:
    result = run(state="validated", opa_binary=opa, fixtures=[GOOD], policy_files={"p.rego": "limit=0.05 \n"}, _ansible_check_mode=True)
    assert (result["failed"], result["reason"], result["accepted"], len(result["refusals"])) == (True, "invalid", False, 2)
    assert result["msg"].startswith("the policy is refused, nothing was changed: fixture good would be denied")
    assert len(result["revision"]) == 12


def test_bad_input_is_one_sentence(run: Any) -> None:
    result = run(state="validated", policy_dir="/nonexistent")
    assert (result["failed"], result["reason"]) == (True, "bad_input")
    assert "policy_files|policy_dir" in run(policy_files={"p.rego": ""}, policy_dir="/tmp")["msg"]
