# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.weights import (
    HTTPROUTE,
    ROUTE,
    accepted,
    check_steps,
    next_step,
    pinned,
    shares,
    weights_patch,
)
from hypothesis import given
from hypothesis import strategies as st


def httproute(*rules: list[dict[str, Any]], **status: Any) -> dict[str, Any]:
    spec = {"rules": [{"matches": [{"path": {"value": f"/{n}"}}], "backendRefs": refs} for n, refs in enumerate(rules)]}
    return {"metadata": {"name": "api", "namespace": "a", "generation": 3}, "spec": spec, "status": status}


def openshift(to: dict[str, Any], *alternates: dict[str, Any], **status: Any) -> dict[str, Any]:
    spec = {"to": to, "alternateBackends": list(alternates), "port": {"targetPort": "http"}}
    return {"metadata": {"name": "api", "namespace": "a", "generation": 3}, "spec": spec, "status": status}


def ref(name: str, weight: int | None = None, **more: Any) -> dict[str, Any]:
    return {"kind": "Service", "name": name, **({} if weight is None else {"weight": weight}), **more}


def test_a_rule_that_names_blue_alone_gets_green_beside_it() -> None:
    patch = weights_patch(HTTPROUTE, httproute([ref("b", port=8000)], [ref("other")]), "b", "g", 5)
    assert patch["spec"]["rules"][0]["backendRefs"] == [ref("b", 95, port=8000), ref("g", 5, port=8000)]
    assert patch["spec"]["rules"][0]["matches"] == [{"path": {"value": "/0"}}]
    assert patch["spec"]["rules"][1]["backendRefs"] == [ref("other")]


def test_a_route_keeps_its_first_backend_and_weighs_the_other() -> None:
    patch = weights_patch(ROUTE, openshift(ref("b")), "b", "g", 25)
    assert patch == {"spec": {"to": ref("b", 75), "alternateBackends": [ref("g", 25)]}}


def test_backends_without_a_weight_weigh_what_the_api_gives_them() -> None:
    assert shares(HTTPROUTE, httproute([ref("b"), ref("g", 1)]), "b", "g").agreed == 50
    assert shares(ROUTE, openshift(ref("b"), ref("g", 100)), "b", "g").agreed == 50


def test_rules_that_split_differently_have_no_share() -> None:
    route = httproute([ref("b", 1), ref("g", 0)], [ref("b", 0), ref("g", 1)])
    assert shares(HTTPROUTE, route, "b", "g").agreed is None


def test_a_rule_that_somebody_pinned_to_one_colour_is_left_alone() -> None:
    legacy, testers = [ref("b")], [ref("g")]
    route = httproute(legacy, [ref("b", 100), ref("g", 0)], testers)
    assert shares(HTTPROUTE, route, "b", "g").agreed == 0
    for percent in (5, 100, 0):
        rules = weights_patch(HTTPROUTE, route, "b", "g", percent)["spec"]["rules"]
        assert [rule["backendRefs"] for rule in rules] == [legacy, [ref("b", 100 - percent), ref("g", percent)], testers]
    assert pinned(HTTPROUTE, route, "b", "g")
    assert not pinned(HTTPROUTE, httproute([ref("b", 0)], [ref("b", 0), ref("g", 100)]), "b", "g")
    assert not pinned(ROUTE, openshift(ref("b", 0), ref("g", 100)), "b", "g")


@pytest.mark.parametrize("rules", [([ref("b")], [ref("b")]), ([ref("g")], [ref("b")])])
def test_where_no_rule_names_both_it_is_not_guessed_which_to_split(rules: Any) -> None:
    route = httproute(*rules)
    assert shares(HTTPROUTE, route, "b", "g").agreed is None
    with pytest.raises(SalvageError, match="no rule of api names both b and g"):
        weights_patch(HTTPROUTE, route, "b", "g", 5)


@pytest.mark.parametrize(
    ("route", "sentence"),
    [
        (httproute([ref("b", 1), ref("x", 1)]), "beside"),
        (httproute([ref("b", 1), ref("g", 1, namespace="far")]), "beside"),
        (httproute([ref("b", 0), ref("g", 0)]), "gives no weight to b or g"),
        (httproute([ref("x", 1)]), "neither"),
        (httproute(), "neither"),
    ],
)
def test_what_is_no_split_between_the_two_is_refused(route: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SalvageError, match=sentence):
        shares(HTTPROUTE, route, "b", "g")


@pytest.mark.parametrize("steps", [[], [5], [0, 100], [25, 5, 100], [5, 5, 100], [100, 101]])
def test_steps_that_do_not_rise_to_100_are_refused(steps: list[int]) -> None:
    with pytest.raises(SalvageError, match="rise"):
        check_steps(steps)


def test_steps_go_up_to_the_end() -> None:
    assert [next_step([5, 25, 100], share) for share in (0, 5, 10, 25, 99.5, 100)] == [5, 25, 25, 100, 100, None]


def says(status: str, generation: int = 3) -> list[dict[str, Any]]:
    return [
        {"type": name, "status": "True" if name == "Accepted" else status, "observedGeneration": generation}
        for name in ("Accepted", "ResolvedRefs")
    ]


@pytest.mark.parametrize(
    ("parents", "verdict"),
    [
        ([], True),
        ([{"conditions": says("True")}], True),
        ([{"conditions": says("False")}], False),
        ([{"conditions": says("True", 2)}], None),
        ([{"conditions": says("False", 2)}], None),
        ([{"conditions": says("Unknown")}], None),
        ([{"conditions": []}], None),
        ([{"conditions": says("True")}, {"conditions": says("False")}], False),
    ],
)
def test_controllers_are_believed_for_what_they_looked_at(parents: list[dict[str, Any]], verdict: bool | None) -> None:
    assert accepted(HTTPROUTE, httproute([ref("b")], parents=parents))[0] is verdict


def test_a_router_that_does_not_admit_the_route_is_heard() -> None:
    refused = [{"conditions": [{"type": "Admitted", "status": "False", "message": "host taken"}]}]
    assert accepted(ROUTE, openshift(ref("b"), ingress=refused)) == (False, "Admitted: host taken")


weights = st.one_of(st.none(), st.integers(0, 256))


@given(st.lists(st.tuples(st.sampled_from(["b", "g"]), weights), min_size=1, max_size=4), st.integers(0, 100), st.booleans())
def test_whatever_stood_there_the_share_is_what_was_asked_for(backends: list[tuple[str, int | None]], percent: int, gateway: bool) -> None:
    refs = [ref(name, weight) for name, weight in backends]
    kind, route = (HTTPROUTE, httproute(refs, [ref("other")])) if gateway else (ROUTE, openshift(*refs))
    patch = weights_patch(kind, route, "b", "g", percent)
    after = {**route, "spec": {**route["spec"], **patch["spec"]}}
    assert shares(kind, after, "b", "g").agreed == percent
    assert weights_patch(kind, after, "b", "g", percent) == patch
