# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.scaling.run import (
    Wish,
    check_surge,
    end_temporary,
    scale,
    undo,
)

APPS = "/apis/apps/v1/namespaces/a"
DEPLOYMENT = f"{APPS}/deployments/api"
HPA = "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers/h"
CORE = "/api/v1/namespaces/a"
NODE = {
    "spec": {},
    "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}, "conditions": [{"type": "Ready", "status": "True"}]},
}


@pytest.fixture
def system(api: Any, shapes: Any) -> Any:
    """A Deployment of 2, whose controller brings up what is asked for at once."""
    template = shapes.template()
    template["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
    api.put("/api/v1/nodes/n1", NODE)
    api.put(f"{APPS}/replicasets/api-h1", shapes.replicaset(1, template))
    api.put(DEPLOYMENT, shapes.deployment(template))

    def controller(path: str) -> None:
        if path == HPA:
            low = api.objects[HPA]["spec"]["minReplicas"]
            deployment = api.objects[DEPLOYMENT]
            if deployment["spec"]["replicas"] < low or low == api.objects[HPA]["spec"]["maxReplicas"]:
                api.put(DEPLOYMENT, {**deployment, "spec": {**deployment["spec"], "replicas": low}})
        if path != DEPLOYMENT:
            return
        deployment = api.objects[DEPLOYMENT]
        size = deployment["spec"]["replicas"]
        status = {"replicas": size, "updatedReplicas": size, "availableReplicas": size, "observedGeneration": 1}
        if deployment["status"].get("replicas") != size:
            for n in range(size):
                api.put(f"{CORE}/pods/p{n}", shapes.pod(f"p{n}", 1))
            for gone in [at for at in api.objects if at.startswith(f"{CORE}/pods/p") and int(at.rsplit("p", 1)[1]) >= size]:
                api.remove(gone)
            api.put(DEPLOYMENT, {**deployment, "status": status})

    api.controller = controller
    api.put(f"{CORE}/pods/p0", shapes.pod("p0", 1))
    api.put(f"{CORE}/pods/p1", shapes.pod("p1", 1))
    return api


def workload(system: Any, kind: str = "Deployment") -> Workload:
    return Workload(system, kind, "a", "api")


def wish(**wanted: Any) -> Wish:
    return Wish(**{"timeout": 0.5, **wanted})


def replicas(system: Any) -> int:
    return int(system.objects[DEPLOYMENT]["spec"]["replicas"])


def test_up_down_and_back(system: Any) -> None:
    assert scale(workload(system), wish(replicas=5), dry_run=False)["ready"] == 5
    assert not scale(workload(system), wish(replicas=5), dry_run=False)["changed"]
    assert scale(workload(system), wish(replicas=3), dry_run=False)["ready"] == 3
    result = undo(workload(system), wish(), dry_run=False)
    assert (result["changed"], replicas(system)) == (True, 2)
    assert not undo(workload(system), wish(), dry_run=False)["changed"]


def test_check_mode_tells_and_leaves(system: Any) -> None:
    before = dict(system.objects)
    result = scale(workload(system), wish(replicas=5), dry_run=True)
    assert result["changed"]
    assert (result["diff"]["before"]["replicas"], result["diff"]["after"]["replicas"]) == (2, 5)
    assert system.objects == before


def test_with_an_autoscaler_its_bounds_are_set_and_not_the_replicas(system: Any) -> None:
    target = {"kind": "Deployment", "name": "api"}
    system.put(HPA, {"metadata": {}, "spec": {"minReplicas": 1, "maxReplicas": 4, "scaleTargetRef": target}})
    result = scale(workload(system), wish(replicas=6), dry_run=False)
    assert (result["after"]["min"], result["after"]["max"], result["ready"]) == (6, 6, 6)
    assert scale(workload(system), wish(replicas=3, pin=True), dry_run=False)["ready"] == 3
    undo(workload(system), wish(), dry_run=False)
    assert (system.objects[HPA]["spec"]["minReplicas"], system.objects[HPA]["spec"]["maxReplicas"]) == (1, 4)


def test_two_autoscalers_are_told(system: Any) -> None:
    for name in ("h", "h2"):
        system.put(HPA[:-1] + name, {"spec": {"minReplicas": 1, "maxReplicas": 4, "scaleTargetRef": {"kind": "Deployment", "name": "api"}}})
    with pytest.raises(SalvageError, match="several autoscalers"):
        scale(workload(system), wish(replicas=3), dry_run=False)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"replicas": 50}, "48 more pods are to start and the nodes have room for 20"),
        ({"resources": {"api": {"requests": {"cpu": "3"}}}}, "room for 0"),
    ],
)
def test_no_room_changes_nothing(system: Any, wanted: Any, words: str) -> None:
    with pytest.raises(SalvageError, match=words):
        scale(workload(system), wish(**wanted), dry_run=False)
    assert not system.writes


def test_a_quota_changes_nothing(system: Any) -> None:
    system.put(f"{CORE}/resourcequotas/q", {"spec": {}, "status": {"hard": {"pods": "3"}, "used": {"pods": "2"}}})
    with pytest.raises(SalvageError, match="quota q"):
        scale(workload(system), wish(replicas=5), dry_run=False)
    assert not system.writes


def test_room_that_can_not_be_seen_is_no_room(system: Any) -> None:
    system.stumble = lambda method, path: "403" if path == "/api/v1/nodes" else None
    with pytest.raises(SalvageError, match="check_headroom: false"):
        scale(workload(system), wish(replicas=5), dry_run=False)
    assert scale(workload(system), wish(replicas=5, check_headroom=False), dry_run=False)["ready"] == 5


def test_what_could_only_add_room_need_not_be_read(system: Any) -> None:
    system.stumble = lambda method, path: "403" if "priorityclasses" in path or "kube-system" in path else None
    assert scale(workload(system), wish(replicas=5), dry_run=True)["changed"]


def test_endpoints_are_counted_where_there_is_a_service(system: Any) -> None:
    result = scale(workload(system), wish(replicas=3, service="api", timeout=0.1), dry_run=False)
    assert result["failed"]
    assert "0 of 3 ready" in result["msg"]


def test_resources_that_do_not_come_up_are_set_back(system: Any, shapes: Any) -> None:
    follows = system.controller

    def broken(path: str) -> None:
        follows(path)
        deployment = system.objects[DEPLOYMENT]
        asked = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]
        late = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]
        if path == DEPLOYMENT and asked == "200m" and deployment["status"].get("conditions") != late:
            system.put(DEPLOYMENT, {**deployment, "status": {**deployment["status"], "availableReplicas": 1, "conditions": late}})

    system.controller = broken
    result = scale(workload(system), wish(resources={"api": {"requests": {"cpu": "200m"}}}), dry_run=False)
    assert result["failed"]
    assert "resources are as they were before" in result["msg"]
    assert system.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "100m"}}


def autoscaler(low: int = 2, high: int = 6, **metadata: Any) -> dict[str, Any]:
    target = {"kind": "Deployment", "name": "api"}
    return {"metadata": metadata, "spec": {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": target}}


def test_from_nothing_the_replicas_are_set_because_an_autoscaler_does_nothing_then(system: Any) -> None:
    controller = system.controller
    system.controller = lambda path: controller(path) if path != HPA else None
    deployment = system.objects[DEPLOYMENT]
    system.put(DEPLOYMENT, {**deployment, "spec": {**deployment["spec"], "replicas": 0}})
    system.put(HPA, autoscaler())
    result = scale(workload(system), wish(replicas=3), dry_run=False)
    assert (result["ready"], replicas(system), system.objects[HPA]["spec"]["minReplicas"]) == (3, 3, 3)
    undo(workload(system), wish(), dry_run=False)
    assert (replicas(system), system.objects[HPA]["spec"]["minReplicas"]) == (0, 2)


def test_an_autoscaler_that_an_operator_manages_is_refused_by_name(system: Any) -> None:
    owner = {"kind": "ScaledObject", "name": "api", "uid": "u", "controller": True}
    system.put(HPA, autoscaler(ownerReferences=[owner]))
    with pytest.raises(SalvageError, match="the autoscaler h is managed by ScaledObject api, which sets its bounds back"):
        scale(workload(system), wish(replicas=4), dry_run=False)
    assert not system.writes
    assert scale(workload(system), wish(resources={"api": {"requests": {"cpu": "150m"}}}), dry_run=True)["changed"]


@pytest.mark.parametrize("held", ["paused", "old pods"])
def test_a_paused_workload_has_its_size_with_pods_of_two_revisions(system: Any, shapes: Any, held: str) -> None:
    deployment = system.objects[DEPLOYMENT]
    newer = {**shapes.template("api:2")}
    system.put(f"{APPS}/replicasets/api-h2", shapes.replicaset(2, newer))
    system.put(DEPLOYMENT, {**deployment, "spec": {**deployment["spec"], "template": newer, "paused": True}})
    if held == "old pods":
        system.put(f"{CORE}/pods/q1", shapes.pod("q1", 2, ready=False))
    assert scale(workload(system), wish(replicas=3), dry_run=False)["ready"] == 3


def test_other_resources_do_not_reach_the_pods_of_a_paused_workload(system: Any) -> None:
    deployment = system.objects[DEPLOYMENT]
    system.put(DEPLOYMENT, {**deployment, "spec": {**deployment["spec"], "paused": True}})
    with pytest.raises(SalvageError, match="api is paused"):
        scale(workload(system), wish(resources={"api": {"requests": {"cpu": "150m"}}}), dry_run=False)


def test_a_size_that_is_not_reached_is_said_to_stay(system: Any) -> None:
    system.controller = lambda path: None
    result = scale(workload(system), wish(replicas=4, timeout=0.1), dry_run=False)
    assert "its size stays 4: state undone sets it back to 2" in result["msg"]


def test_the_service_of_the_pods_is_found(system: Any) -> None:
    def service(name: str, **selector: str) -> None:
        system.put(f"{CORE}/services/{name}", {"spec": {"selector": selector}})

    service("euystacio-api", app="another")
    assert scale(workload(system), wish(replicas=3, service=None), dry_run=False)["ready"] == 3
    service("front", app="api")
    result = scale(workload(system), wish(replicas=4, service=None, timeout=0.1), dry_run=False)
    assert "0 of 4 ready" in result["msg"]


def test_the_room_for_a_rollout_is_what_its_strategy_starts(system: Any) -> None:
    full = {"spec": {}, "status": {"hard": {"pods": "2"}, "used": {"pods": "2"}}}
    system.put(f"{CORE}/resourcequotas/q", full)
    with pytest.raises(SalvageError, match="1 more pods would break the quota q"):
        check_surge(workload(system), check_headroom=True)
    assert check_surge(workload(system), check_headroom=False)["surge"] == 1
    deployment = system.objects[DEPLOYMENT]
    for strategy in ({"type": "Recreate"}, {"rollingUpdate": {"maxSurge": 0}}):
        system.put(DEPLOYMENT, {**deployment, "spec": {**deployment["spec"], "strategy": strategy}})
        assert check_surge(workload(system), check_headroom=True) == {"changed": False, "surge": 0}
    assert not system.writes


def test_nodes_that_come_on_demand_are_not_counted(system: Any) -> None:
    system.put("/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status", {"data": {"status": "Running"}})
    assert scale(workload(system), wish(replicas=50), dry_run=True)["changed"]


def test_a_daemonset_can_not_be_scaled(system: Any) -> None:
    system.put(f"{APPS}/daemonsets/api", {"spec": {}})
    with pytest.raises(SalvageError, match="as many pods as there are nodes"):
        scale(workload(system, "DaemonSet"), wish(replicas=2), dry_run=False)


def test_a_temporary_size_ends_when_its_time_is_over_and_once(system: Any) -> None:
    found = scale(workload(system), wish(replicas=5, until=1000.0), dry_run=False)
    assert (found["changed"], found["until"]) == (True, "1970-01-01T00:16:40Z")
    again = scale(workload(system), wish(replicas=5, until=2000.0), dry_run=False)
    assert (again["changed"], again["until"]) == (False, "1970-01-01T00:16:40Z")
    assert not end_temporary(workload(system), wish(), 999.0, dry_run=False)["changed"]
    assert replicas(system) == 5
    assert end_temporary(workload(system), wish(), 1000.0, dry_run=True)["changed"]
    assert replicas(system) == 5
    assert end_temporary(workload(system), wish(), 1000.0, dry_run=False)["changed"]
    assert replicas(system) == 2
    assert not end_temporary(workload(system), wish(), 1000.0, dry_run=False)["changed"]


def test_a_temporary_size_of_an_autoscaler_ends_with_its_bounds(system: Any) -> None:
    system.put(HPA, {"metadata": {}, "spec": {"minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "api"}}})
    scale(workload(system), wish(replicas=6, until=1000.0), dry_run=False)
    assert (system.objects[HPA]["spec"]["minReplicas"], system.objects[HPA]["spec"]["maxReplicas"]) == (6, 6)
    end_temporary(workload(system), wish(), 1001.0, dry_run=False)
    assert (system.objects[HPA]["spec"]["minReplicas"], system.objects[HPA]["spec"]["maxReplicas"]) == (1, 3)


def test_a_size_that_somebody_has_set_since_stays(system: Any) -> None:
    scale(workload(system), wish(replicas=5, until=1000.0), dry_run=False)
    deployment = system.objects[DEPLOYMENT]
    system.put(DEPLOYMENT, {**deployment, "spec": {**deployment["spec"], "replicas": 7}})
    found = end_temporary(workload(system), wish(), 1001.0, dry_run=False)
    assert "it stays" in found["msg"]
    assert replicas(system) == 7
    assert not end_temporary(workload(system), wish(), 1001.0, dry_run=False)["changed"]


def test_a_size_that_is_to_stay_takes_the_place_of_a_temporary_one(system: Any) -> None:
    scale(workload(system), wish(replicas=5, until=1000.0), dry_run=False)
    assert scale(workload(system), wish(replicas=5), dry_run=False)["changed"]
    assert not scale(workload(system), wish(replicas=5), dry_run=False)["changed"]
    assert not end_temporary(workload(system), wish(), 1001.0, dry_run=False)["changed"]
    assert undo(workload(system), wish(), dry_run=False)["changed"]
    assert replicas(system) == 2


def test_an_end_within_a_scaling_that_stays_goes_back_to_that(system: Any) -> None:
    scale(workload(system), wish(replicas=3), dry_run=False)
    scale(workload(system), wish(replicas=6, until=1000.0), dry_run=False)
    end_temporary(workload(system), wish(), 1001.0, dry_run=False)
    assert replicas(system) == 3
    undo(workload(system), wish(), dry_run=False)
    assert replicas(system) == 2


def test_a_record_that_can_t_be_read_is_none(system: Any) -> None:
    deployment = system.objects[DEPLOYMENT]
    for text in ("", "{", "[]", '{"until": "soon"}', '{"before": {"replicas": "x"}, "wanted": {}, "until": "2026-11-27T00:00:00Z"}'):
        annotated = {**deployment["metadata"], "annotations": {"meta-salvage.euystacio/scaled-until": text}}
        system.put(DEPLOYMENT, {**deployment, "metadata": annotated})
        assert not end_temporary(workload(system), wish(), 1e12, dry_run=False)["changed"]
