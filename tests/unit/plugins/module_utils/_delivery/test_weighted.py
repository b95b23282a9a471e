# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of weights on an API server in memory."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import apply
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.colours import endpoints_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.switch import Settings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.weighted import Weighted
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.weights import HTTPROUTE, ROUTE

PATHS = {
    HTTPROUTE: "/apis/gateway.networking.k8s.io/v1/namespaces/a/httproutes/api",
    ROUTE: "/apis/route.openshift.io/v1/namespaces/a/routes/api",
}
SPECS: dict[str, Any] = {
    HTTPROUTE: {"rules": [{"backendRefs": [{"name": "api-blue", "port": 8000}]}]},
    ROUTE: {"to": {"kind": "Service", "name": "api-blue"}},
}
STEPS = [5, 25, 100]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply.time, "sleep", lambda seconds: None)


@pytest.fixture(params=[HTTPROUTE, ROUTE])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def endpoints(api: Any, colour: str, number: int) -> None:
    found = [{"addresses": [f"{colour}{n}"], "targetRef": {"name": f"{colour}{n}"}} for n in range(number)]
    labels = {"kubernetes.io/service-name": f"api-{colour}"}
    path = f"/apis/discovery.k8s.io/v1/namespaces/a/endpointslices/api-{colour}"
    api.put(path, {"metadata": {"labels": labels}, "ports": [{"port": 8000}], "endpoints": found})


class Split(Weighted):
    """The API server in memory knows no selectors."""

    def _endpoints(self, colour: str) -> Any:
        everything = dict(self.cluster.objects)  # type: ignore[attr-defined]
        path = f"/apis/discovery.k8s.io/v1/namespaces/a/endpointslices/api-{colour}"
        return endpoints_of([everything[path]])


def split(api: Any, kind: str, run: str = "r1") -> Split:
    settings = Settings(run=run, stability=0, settle=0, proof_timeout=0.3, bake=60)
    return Split(api, "a", kind, "api", {"blue": "api-blue", "green": "api-green"}, settings, clock=lambda: 1000.0)


@pytest.fixture
def ready(api: Any, kind: str) -> Any:
    endpoints(api, "blue", 2)
    endpoints(api, "green", 2)
    api.put(PATHS[kind], {"spec": SPECS[kind]})
    return api


def test_each_step_waits_for_the_verdict_on_the_one_before(ready: Any, kind: str) -> None:
    steps = split(ready, kind)
    assert steps.promote("green", STEPS, "unknown", dry_run=False)["weight"] == 5
    held = steps.promote("green", STEPS, "unknown", dry_run=False)
    assert (held["changed"], held["weight"], held["finished"]) == (False, 5, False)
    assert steps.promote("green", STEPS, "passed", dry_run=False)["weight"] == 25
    last = steps.promote("green", STEPS, "passed", dry_run=False)
    assert (last["weight"], last["finished"], last["proven"]) == (100, True, True)
    assert steps.promote("green", STEPS, "passed", dry_run=False)["changed"] is False
    assert steps.inspect()["weights"] == {"blue": 0, "green": 100}
    assert len(ready.writes) == 3


def test_a_failed_verdict_gets_no_more_and_the_way_back_needs_blue_alone(ready: Any, kind: str) -> None:
    steps = split(ready, kind)
    steps.promote("green", STEPS, "unknown", dry_run=False)
    assert steps.promote("green", STEPS, "failed", dry_run=False)["failed"]
    endpoints(ready, "green", 0)
    back = split(ready, kind, "someone else").revert()
    assert (back["changed"], back["active"], back["diff"]["before"]) == (True, "blue", {"blue": 95})
    assert steps.inspect()["active"] == "blue"
    assert steps.revert()["changed"] is False


def test_blue_without_endpoints_is_not_gone_back_to(ready: Any, kind: str) -> None:
    split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    endpoints(ready, "blue", 0)
    with pytest.raises(SalvageError, match="scale blue up"):
        split(ready, kind).revert()


def test_green_without_enough_endpoints_gets_nothing(ready: Any, kind: str) -> None:
    endpoints(ready, "green", 1)
    refused = split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    assert "1 ready, 2 needed" in refused["msg"]
    assert not ready.writes


def test_another_run_to_the_other_side_is_refused(ready: Any, kind: str) -> None:
    split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    with pytest.raises(SalvageError, match="not finished"):
        split(ready, kind, "r2").promote("blue", STEPS, "passed", dry_run=False)


def test_who_comes_second_does_not_write(ready: Any, kind: str) -> None:
    stumbled: list[str] = []

    def meanwhile(method: str, path: str) -> None:
        if method == "PATCH" and not stumbled:
            stumbled.append(path)
            ready.put(path, {**ready.objects[path], "spec": SPECS[kind]})

    ready.stumble = meanwhile
    with pytest.raises(SalvageError, match=r".") as caught:
        split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    assert caught.value.reason == "conflict"
    assert split(ready, kind).inspect()["weights"]["green"] == 0


def test_a_write_whose_answer_was_lost_is_one_step(ready: Any, kind: str) -> None:
    lost: list[str] = []

    def lose(method: str, path: str) -> str | None:
        if method == "PATCH" and not lost:
            lost.append(path)
            return "reset after"
        return None

    ready.stumble = lose
    assert split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)["weight"] == 5
    assert split(ready, kind).inspect()["weights"]["green"] == 5


def test_what_the_controller_refuses_goes_back(ready: Any, kind: str) -> None:
    route = ready.objects[PATHS[kind]]
    conditions = [{"type": name, "status": "False", "message": "no such backend"} for name in ("Accepted", "ResolvedRefs", "Admitted")]
    ready.put(PATHS[kind], {**route, "status": {"parents": [{"conditions": conditions}], "ingress": [{"conditions": conditions}]}})
    result = split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    assert result["failed"]
    assert "no such backend" in result["msg"]
    assert split(ready, kind).inspect()["active"] == "blue"


def test_check_mode_writes_nothing(ready: Any, kind: str) -> None:
    assert split(ready, kind).promote("green", STEPS, "unknown", dry_run=True)["changed"]
    assert split(ready, kind).inspect()["weights"]["green"] == 0


def test_a_third_backend_does_not_bar_the_way_back(ready: Any, kind: str) -> None:
    split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    spec = ready.objects[PATHS[kind]]["spec"]
    backends = spec["alternateBackends"] if kind == ROUTE else spec["rules"][0]["backendRefs"]
    backends.append({"kind": "Service", "name": "third", "weight": 1})
    with pytest.raises(SalvageError, match="third"):
        split(ready, kind).promote("green", STEPS, "passed", dry_run=False)
    assert split(ready, kind).revert()["changed"]
    assert split(ready, kind).revert()["changed"] is False


def test_a_route_of_others_is_left_alone(ready: Any, kind: str) -> None:
    other = {"kind": "Service", "name": "other"}
    ready.put(PATHS[kind], {"spec": {"to": other} if kind == ROUTE else {"rules": [{"backendRefs": [other]}]}})
    with pytest.raises(SalvageError, match="neither"):
        split(ready, kind).revert("blue")
    assert not ready.writes
