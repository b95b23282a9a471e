# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is an allow, and what is not: nothing but a plain true on whole input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.decide import combine, decide, decide_result, missing_input
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.model import REQUIRED_INPUT, Decision
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import GONE, false_healthy
from hypothesis import given, settings
from hypothesis import strategies as st

PACKAGE = "/v1/data/euystacio/peace_bonds"


def answer(result: object, status: int = 200) -> Decision:
    return decide(status, json.dumps({"result": result}).encode(), path=PACKAGE)


def test_a_plain_allow_is_allowed() -> None:
    decision = answer({"allow": True, "deny": [], "risk_score": 0.12, "risk_level": "low"})
    assert (decision.status, decision.allow, decision.risk_score, decision.risk_level) == ("allowed", True, 0.12, "low")


def test_a_deny_carries_its_reasons() -> None:
    decision = answer({"allow": False, "deny": ["trust weight 0.2 < 0.5"], "risk_score": 0.9, "risk_level": "critical"})
    assert decision.status == "denied"
    assert decision.deny == ("trust weight 0.2 < 0.5",)
    assert "trust weight" in decision.reason


def test_the_allowed_and_violations_shape_and_the_bare_boolean() -> None:
    assert answer({"allowed": True, "violations": []}).status == "allowed"
    assert answer({"allowed": False, "violations": ["x"]}).status == "denied"
    assert decide(200, b'{"result": true}', path=PACKAGE + "/allow").status == "allowed"
    assert decide(200, b'{"result": false}', path=PACKAGE + "/allow").status == "denied"
    assert decide(200, b'{"result": ["no"]}', path=PACKAGE + "/deny").status == "denied"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"{}", "undefined"),
        (200, b'{"warning": {"code": "api_usage_warning"}}', "undefined"),
        (404, b'{"code": "undefined_document"}', "404"),
        (500, b'{"code":"internal_error","errors":[{"code":"eval_conflict_error","message":"complete rules conflict"}]}', "contradict"),
        (500, b"boom", "500"),
        (401, b"{}", "token"),
        (403, b"{}", "forbids"),
        (301, b"", "301"),
        (200, b"<html>", "not JSON"),
        (200, b'{"result": {"allow": true', "not JSON"),
        (200, b"", "empty"),
        (200, b"[]", "list"),
        (200, b'{"result": true}', "boolean"),
        (200, b'{"result": {"allow": "true"}}', "text"),
        (200, b'{"result": {"allow": 1}}', "number"),
        (200, b'{"result": {"allow": null}}', "null"),
        (200, b'{"result": {"deny": []}}', "an empty deny is not enough"),
        (200, b'{"result": {"allow": true, "deny": ["x"]}}', "although"),
        (200, b'{"result": {"allow": true, "deny": {"x": 1}}}', "list of texts"),
        (200, b'{"result": {"allow": true, "deny": [1]}}', "list of texts"),
        (200, b'{"result": {"allow": true, "allowed": false}}', "both"),
        (200, b'{"result": {"allow": true, "decision": {"allow": false}}}', "both"),
        (200, b'{"result": {"allow": true, "allow": false}}', "twice"),
        (200, b'{"result": {"allow": true, "risk_score": 1.01}}', "outside"),
        (200, b'{"result": {"allow": true, "risk_score": -0.1}}', "outside"),
        (200, b'{"result": {"allow": true, "risk_score": NaN}}', "NaN"),
        (200, b'{"result": {"allow": true, "risk_score": 1e999}}', "outside"),
        (200, b'{"result": {"allow": true, "risk_score": true}}', "outside"),
        (200, b'{"result": {"allow": true, "risk_score": "0.1"}}', "outside"),
        (200, b'{"result": {"allow": true, "risk_level": "fine"}}', "risk_level"),
        (200, b'{"result": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deep"),
        (200, b'{"result": {"allow": true, "risk_score": ' + b"9" * 5000 + b"}}", ""),
        (200, b'{"result": "allow\\u0000"}', "text"),
        (200, b"\x00\xff", "not JSON"),
    ],
)
def test_whatever_is_not_plain_is_unknown_with_a_reason(status: int, body: bytes, expected: str) -> None:
    decision = decide(status, body, path=PACKAGE)
    assert decision.status == "unknown"
    assert decision.allow is None
    assert decision.reason
    assert expected in decision.reason


def test_an_allow_on_partial_input_is_not_believed_but_a_deny_is() -> None:
    missing = missing_input({"provider": {"trust_weight": 1, "compliance_score": True}}, REQUIRED_INPUT)
    assert missing == ["provider.compliance_score", "provider.ethical_alignment", "symbiosis_score"]
    assert decide_result({"allow": True}, missing=missing).status == "unknown"
    assert decide_result({"allow": False}, missing=missing).status == "denied"


def test_reasons_of_others_come_as_one_bounded_line() -> None:
    decision = answer({"allow": False, "deny": ["a\nb\x1b[31m" + "x" * 5000]})
    assert "\n" not in decision.reason
    assert "\x1b" not in decision.reason
    assert len(decision.deny[0]) <= 300


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (None, "allowed"),
        ({"allow": True, "risk_score": 0.1}, "allowed"),
        ({"allow": False}, "unknown"),
        ({"allow": True, "risk_score": 0.8}, "unknown"),
        ({"allow": True, "risk_level": "high"}, "unknown"),
        ("text", "unknown"),
    ],
)
def test_a_disagreement_is_never_an_allow(api: object, expected: str) -> None:
    opa = decide_result({"allow": True, "risk_score": 0.1, "risk_level": "low"})
    combined = combine(opa, None if api is None else decide_result(api))
    assert combined.status == expected
    assert bool(combined.reason) == (expected != "allowed")


def test_a_deny_of_opa_stays_a_deny() -> None:
    combined = combine(decide_result({"allow": False, "deny": ["r"]}), decide_result({"allow": True}))
    assert combined.status == "denied"
    assert "service says allow=true" in combined.reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["allow", "allowed", "deny", "violations", "risk_score", "risk_level", "decision", "action"]) | st.text(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def is_plain_allow(result: object) -> bool:
    sources = [result, result.get("decision")] if isinstance(result, dict) else []
    sources = [s for s in sources if isinstance(s, dict)]
    values = [s[n] for s in sources for n in ("allow", "allowed") if n in s]
    denies = [s[n] for s in sources for n in ("deny", "violation", "violations", "denied") if n in s]
    if isinstance(result, dict) and "decision" in result and not isinstance(result["decision"], dict):
        values.append(result["decision"])
    return bool(values) and all(v is True for v in values) and all(d == [] and isinstance(d, list) for d in denies)


@settings(max_examples=500)
@given(JSON)
def test_any_result_is_judged_and_only_a_plain_allow_is_allowed(result: object) -> None:
    decision = decide_result(result, path=PACKAGE)
    assert decision.status in {"allowed", "denied", "unknown"}
    if decision.status == "allowed":
        assert is_plain_allow(result)
        assert decision.risk_score is None or 0 <= decision.risk_score <= 1
    else:
        assert decision.reason


@settings(max_examples=500)
@given(st.integers(100, 599), st.binary(max_size=200))
def test_any_bytes_end_in_a_reason(status: int, body: bytes) -> None:
    decision = decide(status, body)
    assert decision.status == "unknown"
    assert decision.reason


@pytest.mark.parametrize("more", [{}, {"decision": "allow"}, {"decision": {"allowed": True}}])
def test_an_allow_with_one_place_wrong_is_never_allowed(more: dict[str, Any]) -> None:
    result = {"allow": True, "deny": [], "violations": [], "risk_score": 0.1, "risk_level": "low", **more}
    good = {"result": result, "decision_id": "d1"}

    def status(answer: Any) -> str:
        decision = decide(200, json.dumps(answer).encode(), path=PACKAGE)
        assert decision.status == "allowed" or decision.reason
        return "healthy" if decision.status == "allowed" else decision.status

    places = ["result", "result/allow", "result/deny", "result/violations", "result/risk_score", "result/risk_level",
              *(f"result/{name}" for name in more)]  # fmt: skip
    gone = [None, GONE]
    honest = {"result/deny": [GONE], "result/violations": [GONE], "result/risk_score": [*gone, 0], "result/risk_level": gone,
              "result/allow": [GONE] if more else [], "result/decision": [True, GONE, {}, {"a": 1}]}  # fmt: skip
    assert false_healthy(status, good, *places, honest=honest) == []
    for other in ({"denied": ["r"]}, {"violation": [{"msg": "r"}]}, {"decision": "deny"}, {"decision": "Perhaps"}, {"decision": None}):
        assert status({**good, "result": {**result, **other}}) != "healthy"
    assert status({**good, "warning": {"code": "api_usage_warning", "message": "'input' key missing from the request"}}) == "unknown"
