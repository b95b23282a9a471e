# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of weights on an API server in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.colours import DONE
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.gates_seen import Settings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.old_colour import Ending
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.weighted import Weighted
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.weights import HTTPROUTE, ROUTE

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
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: None)


@pytest.fixture(params=[HTTPROUTE, ROUTE])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


CORE = "/api/v1/namespaces/a"
APPS = "/apis/apps/v1/namespaces/a/deployments"
HPA = "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers/h"


def labels(colour: str) -> dict[str, str]:
    return {"app": "api", "version": colour}


def endpoints(api: Any, colour: str, number: int) -> None:
    found = [{"addresses": [f"{colour}{n}"], "targetRef": {"name": f"{colour}{n}"}} for n in range(number)]
    path = f"/apis/discovery.k8s.io/v1/namespaces/a/endpointslices/api-{colour}"
    its = {"kubernetes.io/service-name": f"api-{colour}"}
    api.put(path, {"metadata": {"labels": its}, "ports": [{"port": 8000}], "endpoints": found})


def deployment(colour: str, replicas: int = 2) -> dict[str, Any]:
    template = {"metadata": {"labels": labels(colour)}, "spec": {"containers": [{"name": "api", "image": "api:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels(colour)}, "template": template}
    return {"metadata": {"generation": 1}, "spec": spec, "status": {}}


def colour_of(api: Any, colour: str) -> None:
    """A colour as somebody made it: Deployment, two ready pods that are well, Service, endpoints."""
    api.put(f"{APPS}/api-{colour}", deployment(colour))
    api.put(f"{CORE}/services/api-{colour}", {"spec": {"selector": labels(colour), "ports": [{"port": 80, "targetPort": 8000}]}})
    for name in (f"{colour}0", f"{colour}1"):
        status = {"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": []}
        containers = [{"name": "api", "image": "api:1"}]
        api.put(f"{CORE}/pods/{name}", {"metadata": {"labels": labels(colour)}, "spec": {"containers": containers}, "status": status})
        say(api, name, "healthy")
    endpoints(api, colour, 2)


def say(api: Any, pod: str, status: str) -> None:
    api.answers[f"{CORE}/pods/{pod}:8000/proxy/health"] = lambda: (200, "application/json", json.dumps({"status": status}))


def split(api: Any, kind: str, run: str = "r1", **settings: Any) -> Weighted:
    careless = {"stability": 0, "settle": 0, "proof_timeout": 0.3, "bake": 60, "timeout": 0.05, **settings}
    return Weighted(api, "a", kind, "api", {"blue": "api-blue", "green": "api-green"}, Settings(run=run, **careless), clock=lambda: 1000.0)


def weights(api: Any, kind: str) -> dict[str, float | None]:
    return split(api, kind).inspect()[0]


@pytest.fixture
def ready(api: Any, kind: str) -> Any:
    colour_of(api, "blue")
    colour_of(api, "green")
    target = {"kind": "Deployment", "name": "api-blue"}
    api.put(HPA, {"metadata": {}, "spec": {"minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": target}})
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
    assert weights(ready, kind) == {"blue": 0, "green": 100}
    assert len([path for _method, path in ready.writes if path == PATHS[kind]]) == 3


def test_a_failed_verdict_gets_no_more_and_the_way_back_needs_blue_alone(ready: Any, kind: str) -> None:
    steps = split(ready, kind)
    steps.promote("green", STEPS, "unknown", dry_run=False)
    assert steps.promote("green", STEPS, "failed", dry_run=False)["failed"]
    endpoints(ready, "green", 0)
    back = split(ready, kind, "someone else").revert()
    assert (back["changed"], back["active"], back["diff"]["before"]) == (True, "blue", {"blue": 95})
    assert weights(ready, kind)["blue"] == 100
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
        if method == "PATCH" and path == PATHS[kind] and not stumbled:
            stumbled.append(path)
            ready.put(path, {**ready.objects[path], "spec": SPECS[kind]})

    ready.stumble = meanwhile
    with pytest.raises(SalvageError, match=r".") as caught:
        split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    assert caught.value.reason == "conflict"
    assert weights(ready, kind)["green"] == 0


def test_a_write_whose_answer_was_lost_is_one_step(ready: Any, kind: str) -> None:
    lost: list[str] = []

    def lose(method: str, path: str) -> str | None:
        if method == "PATCH" and path == PATHS[kind] and not lost:
            lost.append(path)
            return "reset after"
        return None

    ready.stumble = lose
    assert split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)["weight"] == 5
    assert weights(ready, kind)["green"] == 5


def test_what_the_controller_refuses_goes_back(ready: Any, kind: str) -> None:
    route = ready.objects[PATHS[kind]]
    conditions = [{"type": name, "status": "False", "message": "no such backend"} for name in ("Accepted", "ResolvedRefs", "Admitted")]
    ready.put(PATHS[kind], {**route, "status": {"parents": [{"conditions": conditions}], "ingress": [{"conditions": conditions}]}})
    result = split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    assert result["failed"]
    assert "no such backend" in result["msg"]
    assert weights(ready, kind)["blue"] == 100


def test_check_mode_writes_nothing(ready: Any, kind: str) -> None:
    assert split(ready, kind).promote("green", STEPS, "unknown", dry_run=True)["changed"]
    assert weights(ready, kind)["green"] == 0


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


def test_a_pod_that_says_it_is_not_well_gets_no_more(ready: Any, kind: str) -> None:
    split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    say(ready, "green1", "degraded")
    refused = split(ready, kind).promote("green", STEPS, "passed", dry_run=False)
    assert "green1: /health answered 200, but it says 'degraded'" in refused["msg"]
    assert weights(ready, kind)["green"] == 5


def test_each_pod_must_run_the_image(ready: Any, kind: str) -> None:
    assert "another image" in split(ready, kind, image="api:2").promote("green", STEPS, "unknown", dry_run=False)["msg"]
    assert split(ready, kind, image="api:1").promote("green", STEPS, "unknown", dry_run=False)["changed"]


def test_the_autoscaler_keeps_blue_up_until_it_is_back_or_retired(ready: Any, kind: str) -> None:
    split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    assert ready.objects[HPA]["spec"]["minReplicas"] == 2
    split(ready, kind).revert()
    assert ready.objects[HPA]["spec"]["minReplicas"] == 1


def test_retired_once_all_is_on_green(ready: Any, kind: str) -> None:
    ending = Ending(drain_timeout=0, drain_interval=0)
    for verdict in ("unknown", "passed"):
        split(ready, kind).promote("green", STEPS, verdict, dry_run=False)
        with pytest.raises(SalvageError, match="promote to 100 % first"):
            split(ready, kind).retire(ending, dry_run=False)
    split(ready, kind).promote("green", STEPS, "passed", dry_run=False)
    before = dict(ready.objects)
    assert split(ready, kind).retire(ending, dry_run=True)["changed"]
    assert ready.objects == before
    result = split(ready, kind).retire(ending, dry_run=False)
    assert (result["retired"], result["hpa_moved"]) == ("blue", ["h"])
    assert ready.objects[f"{APPS}/api-blue"]["spec"]["replicas"] == 0
    assert ready.objects[HPA]["spec"] == {"minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "api-green"}}
    journal = split(ready, kind).inspect()[1]
    assert journal is not None
    assert journal.phase == DONE
    assert not split(ready, kind).retire(ending, dry_run=False)["changed"]


def test_prepare_makes_green_behind_its_own_service(ready: Any, kind: str) -> None:
    for path in (f"{APPS}/api-green", f"{CORE}/services/api-green"):
        ready.remove(path)
    result = split(ready, kind).prepare("green", "api-green", None, {"api": "api:2"}, dry_run=False)
    assert result["failed"]  # no controller here brings it up
    made = ready.objects[f"{APPS}/api-green"]["spec"]
    assert (made["replicas"], made["template"]["spec"]["containers"][0]["image"]) == (2, "api:2")
    assert ready.objects[f"{CORE}/services/api-green"]["spec"]["selector"] == labels("green")


def test_prepare_leaves_what_takes_traffic_as_it_is(ready: Any, kind: str) -> None:
    split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
    before = dict(ready.objects)
    assert not split(ready, kind).prepare("green", "x", None, {"api": "api:1"}, dry_run=False)["changed"]
    with pytest.raises(SalvageError, match="a new version goes to another colour"):
        split(ready, kind).prepare("green", "x", None, {"api": "api:2"}, dry_run=False)
    assert ready.objects == before


@pytest.mark.parametrize(("colour", "words"), [("blue", "must name version=blue"), ("green", "does not select version=green")])
def test_prepare_takes_no_service_of_something_else(ready: Any, kind: str, colour: str, words: str) -> None:
    path = f"{CORE}/services/api-{colour}"
    ready.put(path, {**ready.objects[path], "spec": {"selector": {"app": "api"}, "ports": []}})
    with pytest.raises(SalvageError, match=words):
        split(ready, kind).prepare("green", "api-green", None, {}, dry_run=False)


def test_a_service_that_is_missing_is_named(ready: Any, kind: str) -> None:
    ready.remove(f"{CORE}/services/api-green")
    with pytest.raises(SalvageError, match="there is no Service api-green in namespace a"):
        split(ready, kind).promote("green", STEPS, "unknown", dry_run=False)
