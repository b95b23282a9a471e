# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.modules import peace_bonds_info


@pytest.fixture
def run(run_module: Any) -> Any:
    return lambda module=peace_bonds_info, **arguments: run_module(module, **arguments)


WHOLE = {"provider": {"trust_weight": 0.9, "compliance_score": 0.9, "ethical_alignment": 0.9}, "symbiosis_score": 0.8}


@pytest.fixture
def opa_url(web: Any) -> str:
    web.answers["/health"] = {}
    web.answers["/v1/data/euystacio/peace_bonds"] = {"result": {"allow": True, "deny": []}}
    web.answers["/v1/data/euystacio/adaptive_enforcement"] = {"result": {"enforcement_action": "monitor"}}
    return str(web.url)


def test_decisions_and_their_counts(run: Any, opa_url: str) -> None:
    result = run(opa_url=opa_url, common_input=WHOLE, providers=[{"id": "a"}, {"id": "b", "input": {"symbiosis_score": "none"}}])
    assert [(one["provider"], one["status"]) for one in result["decisions"]] == [("a", "allowed"), ("b", "unknown")]
    assert (result["changed"], result["opa_healthy"], result["counts"]) == (False, True, {"allowed": 1, "denied": 0, "unknown": 1})
    assert (result["summary"], "failed" in result) == ("2 providers: 1 allowed, 0 denied, 1 unknown", False)


def test_fail_on_fails_with_the_decisions(run: Any, opa_url: str) -> None:
    result = run(opa_url=opa_url, providers=[{"id": "a"}], fail_on=["denied", "unknown"])
    assert (result["failed"], result["msg"]) == (True, "1 provider: 0 allowed, 0 denied, 1 unknown; fail_on names unknown")
    assert result["decisions"][0]["provider"] == "a"


def test_a_token_does_not_go_through_the_proxy(run: Any) -> None:
    result = run(opa_token="a-secret-token", host="http://127.0.0.1:9", api_key="another-secret", providers=[{"id": "a"}])
    assert (result["failed"], result["reason"]) == (True, "bad_input")
    assert "opa_token can't go through the API server's proxy" in result["msg"]
