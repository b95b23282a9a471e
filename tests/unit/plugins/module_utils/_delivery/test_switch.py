# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches on an API server in memory whose endpoints follow the Service at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import apply
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery import switch
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.colours import JOURNAL, Journal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.old_colour import HELD, Ending
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.switch import BlueGreen, Settings

CORE = "/api/v1/namespaces/a"
SERVICE = f"{CORE}/services/api"
HPA = "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers/h"
APPS = "/apis/apps/v1/namespaces/a/deployments"
SLICE = "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices/api-x"
QUIET = Settings(run="r1", health_path="", stability=0, settle=0, proof_timeout=2, bake=60, timeout=1)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(switch.time, "sleep", lambda seconds: None)


def deployment(colour: str, replicas: int = 2) -> dict[str, Any]:
    labels = {"app": "api", "version": colour}
    return {
        "metadata": {"generation": 1},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "api", "image": "api:1"}]}},
        },
        "status": {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas},
    }


def pod(name: str, colour: str, ready: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": "api", "version": colour}, "ownerReferences": []},
        "spec": {"containers": []},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}], "containerStatuses": []},
    }


def follow(api: Any) -> Callable[[str], None]:
    """The endpoint slice controller."""

    def controller(path: str) -> None:
        if path != SERVICE and "/pods/" not in path:
            return
        selector = api.objects[SERVICE]["spec"]["selector"].items()
        pods = [obj for at, obj in api.objects.items() if at.startswith(f"{CORE}/pods/")]
        chosen = [p for p in pods if selector <= p["metadata"]["labels"].items() and p["status"]["conditions"][0]["status"] == "True"]
        names = [obj["metadata"]["name"] for obj in chosen]
        endpoints = [{"addresses": [name], "targetRef": {"name": name}, "conditions": {"ready": True}} for name in names]
        api.put(SLICE, {"metadata": {"labels": {}}, "ports": [{"name": "http", "port": 8000}], "endpoints": endpoints})
        api.seen.append(tuple(sorted(names)))

    return controller


@pytest.fixture
def system(api: Any) -> Any:
    api.seen = []
    ports = [{"name": "http", "port": 8000, "targetPort": 8000}]
    api.put(SERVICE, {"metadata": {"annotations": {}}, "spec": {"selector": {"app": "api", "version": "blue"}, "ports": ports}})
    for colour in ("blue", "green"):
        api.put(f"{APPS}/api-{colour}", deployment(colour))
        for n in (1, 2):
            api.put(f"{CORE}/pods/{colour}{n}", pod(f"{colour}{n}", colour))
    api.controller = follow(api)
    api.controller(SERVICE)
    return api


def blue_green(api: Any, **settings: Any) -> BlueGreen:
    return BlueGreen(api, "a", "api", settings=Settings(**{**QUIET.__dict__, **settings}))


def much_later(api: Any, run: str) -> BlueGreen:
    """When every other run counts as dead."""
    return BlueGreen(api, "a", "api", settings=Settings(**{**QUIET.__dict__, "run": run}), clock=lambda: 9e12)


def colour(api: Any) -> str:
    return str(api.objects[SERVICE]["spec"]["selector"]["version"])


def test_a_switch_and_back(system: Any) -> None:
    result = blue_green(system).promote("green", dry_run=False)
    assert (result["changed"], result["active"], result["proven"]) == (True, "green", True)
    assert result["diff"]["before"]["selector"]["version"] == "blue"
    assert colour(system) == "green"
    assert not blue_green(system).promote("green", dry_run=False)["changed"]
    assert blue_green(system).revert()["active"] == "blue"
    assert colour(system) == "blue"
    assert not blue_green(system).revert()["changed"]


def test_check_mode_writes_nothing(system: Any) -> None:
    before = dict(system.objects)
    assert blue_green(system).promote("green", dry_run=True)["changed"]
    assert system.objects == before


@pytest.mark.parametrize("broken", ["unready", "small", "paused"])
def test_a_green_that_is_not_fit_leaves_the_service_alone(system: Any, broken: str) -> None:
    """Argo Rollouts #4750: a bad image made the active selector empty."""
    green = system.objects[f"{APPS}/api-green"]
    if broken == "unready":
        system.put(f"{CORE}/pods/green1", pod("green1", "green", ready=False))
    elif broken == "small":
        system.put(f"{APPS}/api-green", deployment("green", replicas=1))
    else:
        system.put(f"{APPS}/api-green", {**green, "spec": {**green["spec"], "paused": True}})
    result = blue_green(system).promote("green", dry_run=False)
    assert result["failed"]
    assert "not fit to take over" in result["msg"]
    assert colour(system) == "blue"
    assert not system.writes


def test_endpoints_that_do_not_follow_are_switched_back(system: Any) -> None:
    follows = system.controller

    def sleepy(path: str) -> None:
        if colour(system) != "green":
            follows(path)

    system.controller = sleepy
    result = blue_green(system, proof_timeout=0.2).promote("green", dry_run=False)
    assert result["failed"]
    assert "switched back to blue" in result["msg"]
    assert colour(system) == "blue"


def test_back_needs_a_ready_pod_of_blue_and_nothing_else(system: Any) -> None:
    blue_green(system).promote("green", dry_run=False)
    for n in (1, 2):
        system.put(f"{CORE}/pods/green{n}", pod(f"green{n}", "green", ready=False))
    system.remove(f"{APPS}/api-green")
    assert blue_green(system, run="another").revert()["active"] == "blue"


def test_back_to_nobody_is_refused(system: Any) -> None:
    blue_green(system).promote("green", dry_run=False)
    for n in (1, 2):
        system.put(f"{CORE}/pods/blue{n}", pod(f"blue{n}", "blue", ready=False))
    with pytest.raises(SalvageError, match="0 pods of blue are ready"):
        blue_green(system).revert()
    assert colour(system) == "green"


def test_another_run_elsewhere_is_refused_until_it_counts_as_dead(system: Any) -> None:
    blue_green(system).promote("green", dry_run=False)
    with pytest.raises(SalvageError, match="run r1 switched api from blue to green and is not finished"):
        blue_green(system, run="r2").promote("blue", dry_run=False)
    assert much_later(system, "r2").promote("blue", dry_run=False)["changed"]


def test_the_autoscaler_keeps_blue_up_until_the_end(system: Any) -> None:
    target = {"kind": "Deployment", "name": "api-blue"}
    system.put(HPA, {"metadata": {}, "spec": {"minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": target}})
    blue_green(system).promote("green", dry_run=False)
    assert system.objects[HPA]["spec"]["minReplicas"] == 2
    blue_green(system).revert()
    assert system.objects[HPA]["spec"]["minReplicas"] == 1
    assert HELD not in system.objects[HPA]["metadata"]["annotations"]


def test_retired(system: Any) -> None:
    target = {"kind": "Deployment", "name": "api-blue"}
    system.put(HPA, {"metadata": {}, "spec": {"minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": target}})
    ending = Ending(drain_timeout=0, drain_interval=0)
    with pytest.raises(SalvageError, match="no finished switch"):
        blue_green(system).retire(ending, dry_run=False)
    blue_green(system).promote("green", dry_run=False)
    assert blue_green(system).retire(ending, dry_run=True)["changed"]
    assert system.objects[f"{APPS}/api-blue"]["spec"]["replicas"] == 2
    result = blue_green(system).retire(ending, dry_run=False)
    assert result["hpa_moved"] == ["h"]
    assert system.objects[f"{APPS}/api-blue"]["spec"]["replicas"] == 0
    assert system.objects[HPA]["spec"]["scaleTargetRef"]["name"] == "api-green"
    assert system.objects[HPA]["spec"]["minReplicas"] == 1
    assert not blue_green(system).retire(ending, dry_run=False)["changed"]


def test_races_have_one_winner(system: Any) -> None:
    for n in range(20):
        aim = ("green", "blue")[n % 2]
        results: list[Any] = []

        def one(name: str, aim: str = aim, results: list[Any] = results) -> None:
            try:
                results.append(blue_green(system, run=name, bake=0).promote(aim, dry_run=False)["changed"])
            except SalvageError as exc:
                results.append(str(exc))

        threads = [threading.Thread(target=one, args=(f"r{n}-{i}",)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert colour(system) == aim
        assert results.count(True) == 1, results


@pytest.mark.parametrize("seed", range(5))
def test_an_api_server_that_stumbles_one_time_in_ten(system: Any, seed: int) -> None:
    rng = random.Random(seed)
    faults = ["429", "500", "reset", "reset after"]
    system.stumble = lambda method, path: rng.choice(faults) if rng.random() < 0.1 else None
    result = blue_green(system).promote("green", dry_run=False)
    assert result.get("failed") is None
    assert colour(system) == "green"
    assert blue_green(system).revert()["active"] == "blue"


class Killed(BaseException):
    pass


def test_a_run_killed_at_any_request_is_finished_by_the_next(system: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    send = system.http.request
    at = 0
    while True:
        left = at

        def request(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            answer = send(*args, **kwargs)
            if left < 0 and threading.current_thread() is threading.main_thread():
                raise Killed
            return answer

        monkeypatch.setattr(system.http, "request", request)
        try:
            blue_green(system, run="dead").promote("green", dry_run=False)
            finished = True
        except Killed:
            finished = False
        monkeypatch.setattr(system.http, "request", send)
        if finished:
            break
        at += 1
        assert system.objects[SLICE]["endpoints"]
        assert not much_later(system, "next").promote("green", dry_run=False).get("failed")
        assert colour(system) == "green"
        note = Journal.of(system.objects[SERVICE])
        assert note is not None
        assert note.phase == "settled"
        blue_green(system).revert()
        system.put(SERVICE, {**system.objects[SERVICE], "metadata": {**system.objects[SERVICE]["metadata"], "annotations": {JOURNAL: ""}}})
    assert at > 10
    assert all(names in {("blue1", "blue2"), ("green1", "green2")} for names in system.seen)


def test_adoption_narrows_the_selector_to_the_pods_that_are_there(system: Any) -> None:
    system.remove(f"{APPS}/api-green")
    for n in (1, 2):
        system.remove(f"{CORE}/pods/green{n}")
    system.put(SERVICE, {**system.objects[SERVICE], "spec": {**system.objects[SERVICE]["spec"], "selector": {"app": "api"}}})
    owner = {"uid": system.objects[f"{APPS}/api-blue"]["metadata"]["uid"], "controller": True}
    keeper = {"metadata": {"ownerReferences": [owner], "annotations": {}}, "spec": deployment("blue")["spec"]}
    system.put("/apis/apps/v1/namespaces/a/replicasets/api-blue-1", keeper)
    assert blue_green(system).adopt("ignored", dry_run=True)["active"] == "blue"
    assert system.objects[SERVICE]["spec"]["selector"] == {"app": "api"}
    result = blue_green(system).adopt("ignored", dry_run=False)
    assert (result["active"], result["proven"]) == ("blue", True)
    assert not blue_green(system).adopt("ignored", dry_run=False)["changed"]


def test_adoption_of_two_deployments_is_refused(system: Any) -> None:
    system.put(SERVICE, {**system.objects[SERVICE], "spec": {**system.objects[SERVICE]["spec"], "selector": {"app": "api"}}})
    with pytest.raises(SalvageError, match="exactly one Deployment"):
        blue_green(system).adopt("blue", dry_run=False)


def test_prepare_makes_green_as_big_as_blue(system: Any) -> None:
    system.remove(f"{APPS}/api-green")
    system.put(f"{APPS}/api-blue", deployment("blue", replicas=5))
    result = blue_green(system, timeout=0.05).prepare("green", "api-green", None, {"api": "api:2"}, dry_run=False)
    assert result["failed"]  # no controller here brings it up
    made = system.objects[f"{APPS}/api-green"]
    assert made["spec"]["replicas"] == 5
    assert system.objects[f"{CORE}/services/api-preview"]["spec"]["selector"] == {"app": "api", "version": "green"}
    assert colour(system) == "blue"


def test_what_takes_the_traffic_is_as_asked_or_refused(system: Any) -> None:
    before = dict(system.objects)
    same = blue_green(system).prepare("blue", "x", None, {"api": "api:1"}, dry_run=False)
    assert (same["changed"], same["deployment"], same["size"]) == (False, "api-blue", 2)
    with pytest.raises(SalvageError, match="a new version goes to another colour"):
        blue_green(system).prepare("blue", "x", None, {"api": "api:2"}, dry_run=False)
    restarted = deployment("blue")
    restarted["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    assert system.objects == before
    system.put(f"{APPS}/api-blue", restarted)
    assert not blue_green(system).prepare("blue", "x", {**deployment("blue")}, {}, dry_run=False)["changed"]
