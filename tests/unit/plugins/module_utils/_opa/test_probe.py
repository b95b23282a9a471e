# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint, Http
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.options import from_params
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.client import Opa
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.probe import Probe, ask_probe

CONFLICT = (500, "application/json", json.dumps({"errors": [{"code": "eval_conflict_error", "message": "two values"}]}))


@pytest.mark.parametrize(
    ("path", "answer", "expect", "status", "problem"),
    [
        ("p/allow", {"result": True}, True, "healthy", ""),
        ("p/allow", {"result": False}, True, "critical", "the probe p is denied and must be allowed"),
        ("p/ready", {"result": False}, False, "healthy", ""),
        ("p/ready", {"result": True}, False, "critical", "the probe p is allowed and must be denied"),
        ("p", {"result": {"allow": True}}, True, "healthy", ""),
        ("p", {"result": {"allow": False, "deny": ["no trust"]}}, True, "critical", "the probe p is denied and must be allowed (no trust)"),
        ("p", {"result": {"deny": []}}, False, "unknown", "no decision about the probe p: allow is undefined; an empty deny is not enough"),
        ("p/allow", {}, False, "unknown", "no decision about the probe p: undefined: no rule gives /v1/data/p/allow a value"),
        ("p/allow", {"result": "yes"}, True, "unknown", "no decision about the probe p: the result is a text, not a decision"),
        ("p/allow", CONFLICT, False, "unknown", "no decision about the probe p: rules of /v1/data/p/allow contradict each other"),
        ("p/allow", (503, "text/plain", "x"), False, "unknown", "no decision about the probe p: OPA answered 503"),
    ],
)
def test_an_answer_is_compared_with_the_expected_one(web: Any, path: str, answer: Any, expect: bool, status: str, problem: str) -> None:
    web.answers[f"/v1/data/{path}"] = answer
    opa = Opa(Endpoint(address="opa", base=web.url, http=Http(timeout=2)))
    found = ask_probe(opa, Probe("p", {"x": 1}, expect, path), "other")
    assert found.status == status
    assert found.problem.startswith(problem)
    assert bool(found.problem) == bool(problem)
    assert web.asked[-1].body == b'{"input": {"x": 1}}'


def test_a_probe_without_a_path_is_asked_at_the_common_one(web: Any) -> None:
    web.answers["/v1/data/bonds/allow"] = {"result": True}
    opa = Opa(Endpoint(address="opa", base=web.url, http=Http(timeout=2)))
    assert ask_probe(opa, Probe("p"), "bonds/allow").status == "healthy"
    with pytest.raises(SalvageError, match="path of an OPA rule"):
        ask_probe(opa, Probe("p"))


def test_a_probe_is_an_option_of_modules() -> None:
    assert from_params(Probe, {"name": "p", "input": None, "expect": None}) == Probe("p", {}, True, "")
