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
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green import switch
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.colours import JOURNAL, Journal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.gates_seen import Settings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.old_colour import HELD, Ending
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.switch import BlueGreen

CORE = "/api/v1/namespaces/a"
SERVICE = f"{CORE}/services/api"
HPA = "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers/h"
APPS = "/apis/apps/v1/namespaces/a/deployments"
SLICE = "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices/api-x"
QUIET = Settings(run="r1", health_path="", stability=0, settle=0, proof_timeout=2, bake=60, timeout=1)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: None)
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
        api.put(
            SLICE,
            {
                "metadata": {"labels": {"kubernetes.io/service-name": "api"}},
                "ports": [{"name": "http", "port": 8000}],
                "endpoints": endpoints,
            },
        )
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


def test_an_autoscaler_of_an_operator_is_left_to_it(system: Any) -> None:
    owner = {"kind": "ScaledObject", "name": "api", "controller": True}
    spec = {"minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "api-blue"}}
    system.put(HPA, {"metadata": {"ownerReferences": [owner]}, "spec": spec})
    blue_green(system).promote("green", dry_run=False)
    result = blue_green(system).retire(Ending(drain_timeout=0, drain_interval=0), dry_run=False)
    assert (result["hpa_moved"], result["hpa_left"]) == ([], ["h: managed by ScaledObject api"])
    assert "point it at the new Deployment there" in result["warnings"][0]
    assert system.objects[HPA]["spec"] == spec


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


def without_colour(api: Any, *, labelled: bool) -> None:
    """One Deployment behind a Service that selects the application alone."""
    for path in (f"{APPS}/api-green", f"{CORE}/pods/green1", f"{CORE}/pods/green2"):
        api.remove(path)
    api.put(SERVICE, {**api.objects[SERVICE], "spec": {**api.objects[SERVICE]["spec"], "selector": {"app": "api"}}})
    if not labelled:
        bare = deployment("blue")
        del bare["spec"]["template"]["metadata"]["labels"]["version"]
        api.put(f"{APPS}/api-blue", bare)
    follows = api.controller

    def controller(path: str) -> None:
        if path == f"{APPS}/api-blue" and "version" in api.objects[path]["spec"]["template"]["metadata"]["labels"]:
            keep(api)
        follows(path)

    api.controller = controller


def keep(api: Any) -> None:
    """The ReplicaSet of what the Deployment is now."""
    there = api.objects[f"{APPS}/api-blue"]
    metadata = {"ownerReferences": [{"uid": there["metadata"]["uid"], "controller": True}], "annotations": {}}
    api.put("/apis/apps/v1/namespaces/a/replicasets/api-blue-1", {"metadata": metadata, "spec": there["spec"]})


def test_adoption_labels_the_pods_before_the_selector_is_narrowed(system: Any) -> None:
    without_colour(system, labelled=False)
    result = blue_green(system).adopt("blue", dry_run=False)
    assert (result["active"], result["proven"], colour(system)) == ("blue", True, "blue")
    assert system.objects[f"{APPS}/api-blue"]["spec"]["template"]["metadata"]["labels"] == {"app": "api", "version": "blue"}
    assert [path for _method, path in system.writes] == [f"{APPS}/api-blue", SERVICE]


def test_adoption_leaves_the_service_alone_if_the_pods_do_not_come_up(system: Any) -> None:
    without_colour(system, labelled=True)
    with pytest.raises(SalvageError, match="did not come up with its colour, the Service is as it was"):
        blue_green(system, timeout=0.05).adopt("blue", dry_run=False)
    assert not system.writes


def test_adoption_takes_no_pods_of_others_out_of_the_service(system: Any) -> None:
    without_colour(system, labelled=True)
    keep(system)
    system.put(f"{CORE}/pods/by-hand", {**pod("by-hand", "blue"), "metadata": {"labels": {"app": "api"}}})
    with pytest.raises(SalvageError, match="endpoints of other pods: by-hand; it is as it was"):
        blue_green(system).adopt("blue", dry_run=False)
    assert not system.writes


def test_a_service_that_is_not_there_is_one_sentence(system: Any) -> None:
    system.remove(SERVICE)
    with pytest.raises(SalvageError, match="there is no Service api in namespace a") as caught:
        blue_green(system).promote("green", dry_run=False)
    assert caught.value.reason == "not_found"


def test_prepare_brings_a_green_that_is_there_to_size_and_lets_it_go_on(system: Any) -> None:
    green = deployment("green", replicas=1)
    green["spec"]["paused"] = True
    system.put(f"{APPS}/api-green", green)
    preview = f"{CORE}/services/api-preview"
    system.put(preview, {"spec": {"selector": {"app": "api", "version": "red", "track": "old"}}})
    before = dict(system.objects)
    planned = blue_green(system).prepare("green", "unused", None, {"api": "api:2"}, dry_run=True)
    assert (planned["changed"], planned["deployment"], planned["size"]) == (True, "api-green", 2)
    assert system.objects == before
    blue_green(system, timeout=0.05).prepare("green", "unused", None, {"api": "api:2"}, dry_run=False)
    spec = system.objects[f"{APPS}/api-green"]["spec"]
    assert (spec["replicas"], spec["paused"], spec["template"]["spec"]["containers"][0]["image"]) == (2, False, "api:2")
    assert system.objects[preview]["spec"]["selector"] == {"app": "api", "version": "green"}
    assert not blue_green(system).prepare("green", "unused", None, {"api": "api:2"}, dry_run=True)["changed"]


def test_another_service_that_selects_green_is_refused_before_green_starts(system: Any) -> None:
    system.put(f"{CORE}/services/internal", {"spec": {"selector": {"app": "api"}}})
    system.remove(f"{APPS}/api-green")
    before = dict(system.objects)
    with pytest.raises(SalvageError, match="take traffic of internal at once"):
        blue_green(system).prepare("green", "api-green", None, {"api": "api:2"}, dry_run=False)
    assert system.objects == before
    allowed = blue_green(system, timeout=0.05, shared_services=("internal",))
    assert allowed.prepare("green", "api-green", None, {"api": "api:2"}, dry_run=False)["changed"]


def test_an_evicted_pod_does_not_keep_the_gates_closed(system: Any) -> None:
    evicted = pod("g9", "green", ready=False)
    evicted["status"]["phase"] = "Failed"
    system.put(f"{CORE}/pods/g9", evicted)
    assert blue_green(system).promote("green", dry_run=False)["active"] == "green"


def test_a_colours_own_service_is_not_rewritten(system: Any) -> None:
    system.put(f"{CORE}/services/api-green", {"spec": {"selector": {"app": "other"}}})
    own = BlueGreen(system, "a", "api", settings=QUIET, backend="api-green")
    with pytest.raises(SalvageError, match="the Service api-green does not select version=green as it should"):
        own.prepare("green", "api-green", None, {}, dry_run=False)
    assert system.objects[f"{CORE}/services/api-green"]["spec"]["selector"] == {"app": "other"}


@pytest.mark.parametrize(
    ("image", "port", "refused"),
    [("api:1", "http", ""), ("api:9", "http", "image: another image"), ("api:1", "grpc", "ports: not served: http")],
)
def test_the_image_and_what_the_preview_serves_are_looked_at(system: Any, image: str, port: str, refused: str) -> None:
    for n in (1, 2):
        system.put(f"{CORE}/pods/green{n}", {**pod(f"green{n}", "green"), "spec": {"containers": [{"name": "api", "image": "api:1"}]}})
    system.put(f"{CORE}/services/api-preview", {"spec": {"selector": {"app": "api", "version": "green"}}})
    endpoints = [{"addresses": [name], "targetRef": {"name": name}} for name in ("green1", "green2")]
    labels = {"kubernetes.io/service-name": "api-preview"}
    of_preview = {"metadata": {"labels": labels}, "ports": [{"name": port, "port": 8000}], "endpoints": endpoints}
    system.put("/apis/discovery.k8s.io/v1/namespaces/a/endpointslices/preview-x", of_preview)
    result = blue_green(system, image=image).promote("green", dry_run=True)
    assert {"image", "endpoints", "ports"} <= {gate["gate"] for gate in result["gates"]}
    assert refused in result.get("msg", "") and result["changed"] is not bool(refused)


@pytest.mark.parametrize(("answer", "said", "tries"), [("403", "403", 1), ("409", "written by others five times in a row", 5)])
def test_a_switch_that_the_server_refuses_leaves_the_service_alone(system: Any, answer: str, said: str, tries: int) -> None:
    system.stumble = lambda method, path: answer if (method, path) == ("PATCH", SERVICE) else None
    with pytest.raises(SalvageError, match=said):
        blue_green(system).promote("green", dry_run=False)
    assert (colour(system), system.writes) == ("blue", [("PATCH", SERVICE)] * tries)


@pytest.mark.parametrize(("answer", "said"), [("403", "403"), ("409", "written by others twenty times in a row")])
def test_a_way_back_that_the_server_refuses_is_told(system: Any, answer: str, said: str) -> None:
    system.stumble = lambda method, path: answer if (method, path) == ("PATCH", SERVICE) else None
    with pytest.raises(SalvageError, match=said):
        blue_green(system).revert("green")
    assert colour(system) == "blue"


def test_the_way_back_is_only_planned_in_check_mode(system: Any) -> None:
    with pytest.raises(SalvageError, match="no switch of api is on record; name the colour to go back to"):
        blue_green(system).revert()
    planned = blue_green(system).revert("green", dry_run=True)
    assert (planned["changed"], planned["active"], planned["diff"]["after"]["selector"]["version"]) == (True, "blue", "green")
    assert not system.writes


def test_a_colour_that_takes_traffic_and_is_down_is_a_failure(system: Any) -> None:
    for n in (1, 2):
        system.put(f"{CORE}/pods/blue{n}", pod(f"blue{n}", "blue", ready=False))
    result = blue_green(system).promote("blue", dry_run=False)
    assert (result["failed"], result["changed"], result["proven"]) == (True, False, False)
    assert "api is on blue, which is not fit: 0 ready, 1 needed" in result["msg"]


def test_a_run_that_comes_again_finishes_its_own_switch_at_once(system: Any) -> None:
    blue_green(system).promote("green", dry_run=False)
    note = Journal.of(system.objects[SERVICE])
    assert note is not None
    cut_off = Journal(note.run, note.source, note.target, switch.SWITCHED, note.at, 9e12)
    metadata = {**system.objects[SERVICE]["metadata"], "annotations": {JOURNAL: cut_off.to_annotation()}}
    system.put(SERVICE, {**system.objects[SERVICE], "metadata": metadata})
    result = blue_green(system).promote("green", dry_run=False)
    assert (result["changed"], result["resumed"], result["journal"]["phase"]) == (True, "r1", switch.SETTLED)
    note = Journal.of(system.objects[SERVICE])
    assert note is not None and note.phase == switch.SETTLED
