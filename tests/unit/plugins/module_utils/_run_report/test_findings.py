# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report import findings
from fake_results import NAMES, result_of
from hypothesis import given
from hypothesis import strategies as st

PREFIX = "euystacio.meta_salvage."
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", sorted(findings.DECIDES))
def test_the_documented_result_of_a_module_is_a_decision(name: str) -> None:
    decided = findings.decision_said(PREFIX + name, result_of(name))
    assert decided is not None
    word, _reason, evidence = decided
    assert word and len(word) <= 500
    for path in findings.DECIDES[name][2]:
        assert findings._at(result_of(name), path) in (None, "", [], {}) or path[-1] in evidence, path


def test_a_decision_has_its_reason_and_its_evidence() -> None:
    word, reason, evidence = findings.decision_said(PREFIX + "bake", result_of("bake")) or ("", "", {})
    assert (word, evidence["looks"]) == ("failed", 3)
    assert reason.startswith("errors: 36 of 900")


def test_every_module_that_decides_exists() -> None:
    assert set(findings.DECIDES) <= set(NAMES)


@given(
    st.sampled_from(NAMES), st.dictionaries(st.sampled_from(["report", "status", "left", "problems", "msg", "results", "counts"]), VALUES)
)
def test_no_result_is_too_odd(name: str, result: dict[str, Any]) -> None:
    for module in (PREFIX + name, f"other.collection.{name}"):
        findings.decision_said(module, result)
        assert all(len(line) <= 500 for line in findings.left_said(module, result))
        assert "\n" not in findings.failure_reason(result) and "\n" not in findings.change_said(result)


@pytest.mark.parametrize("hidden", [{"_ansible_no_log": True}, {"censored": "the output has been hidden"}])
def test_a_hidden_result_says_nothing(hidden: dict[str, Any]) -> None:
    result = {**hidden, "verdict": "failed", "reason": "canary", "problems": ["canary"], "msg": "canary", "counts": {"canary": 1}}
    said = [
        findings.decision_said(PREFIX + "bake", result), findings.left_said(PREFIX + "bake", result), findings.failure_reason(result),
        findings.change_said(result),
    ]  # fmt: skip
    assert "canary" not in str(said)


def test_the_reasons_of_a_loop_are_those_of_its_failed_items() -> None:
    result = {
        "msg": "One or more items failed",
        "results": [{"failed": True, "msg": "a"}, {"msg": "fine"}, {"failed": True, "msg": "b\nc"}],
    }
    assert findings.failure_reason(result) == "a; b c"


def test_what_is_left_is_told_of_this_collection_only() -> None:
    result = {"left": ["restart the pods", ""], "problems": {"a": "b"}}
    assert findings.left_said(PREFIX + "manifests", result) == ["restart the pods", "a: b"]
    assert findings.left_said("ansible.builtin.command", result) == []
