# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine on an API server in memory; what only a real one does is in tests/integration/test_manifests.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests import engine, task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.documents import manifests_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.engine import ManifestSet
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.model import ApplySettings, Text
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.result import set_result

SPACE = "/api/v1/namespaces/demo"
MAPS = f"{SPACE}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/demo/deployments"
SCALERS = "/apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def kinds(**found: bool) -> dict[str, Any]:
    return {
        "kind": "APIResourceList",
        "metadata": {},
        "resources": [
            {"name": f"{kind.lower()}s", "kind": kind, "namespaced": namespaced, "verbs": ["list"]} for kind, namespaced in found.items()
        ],
    }


@pytest.fixture
def cluster(api: Any) -> Any:
    api.objects["/api/v1"] = kinds(Namespace=False, ConfigMap=True, Secret=True, Service=True)
    api.objects["/apis/apps/v1"] = kinds(Deployment=True)
    api.objects["/apis/autoscaling/v2"] = kinds(HorizontalPodAutoscaler=True)
    api.objects["/apis/apiextensions.k8s.io/v1"] = kinds(CustomResourceDefinition=False)
    api.put(SPACE, {"apiVersion": "v1", "kind": "Namespace"})
    return api


def obj(kind: str, name: str, api_version: str = "v1", namespace: str | None = "demo", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def run(cluster: Any, *objects: Any, dry_run: bool = False, **settings: Any) -> dict[str, Any]:
    manifests = manifests_of(Text(f"{number}.yaml", json.dumps(one).encode()) for number, one in enumerate(objects, 1))
    whole = ManifestSet(cluster, manifests, ApplySettings("ours", **{"wait_timeout": 2.0, **settings}))
    return set_result(whole.plan() if dry_run else whole.apply(), show=True)


def actions(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["name"], row["action"]) for row in result["objects"]]


CONF = obj("ConfigMap", "conf", data={"a": "1"})


def test_a_new_object_is_created_read_again_and_then_unchanged(cluster: Any) -> None:
    first = run(cluster, CONF)
    assert (first["changed"], actions(first)) == (True, [("conf", "created")])
    assert cluster.objects[f"{MAPS}/conf"]["data"] == {"a": "1"}
    writes = len(cluster.writes)
    again = run(cluster, CONF)
    assert (again["changed"], again["diff"], actions(again)) == (False, [], [("conf", "unchanged")])
    assert len(cluster.writes) == writes + 1  # the dry run of the plan


@pytest.mark.parametrize("listed", [True, False])
def test_of_many_objects_a_list_proves_what_nobody_changed_and_the_others_are_read(cluster: Any, listed: bool) -> None:
    def controller(path: str) -> None:
        cluster.controller = lambda path: None
        cluster.put(f"{MAPS}/conf-3", {**cluster.objects[f"{MAPS}/conf-3"], "data": {"a": "other"}})
        cluster.objects[f"{MAPS}/conf-4"]["metadata"]["uid"] = "another"

    if not listed:
        cluster.stumble = lambda method, path: "403" if (method, path) == ("GET", MAPS) else None
    objects = [obj("ConfigMap", f"conf-{number}", data={"a": "1"}) for number in range(5)]
    assert not run(cluster, *objects).get("failed")
    cluster.controller = lambda path: controller(path) if path.endswith("/conf-0") else None
    cluster.requests.clear()
    result = run(cluster, obj("ConfigMap", "conf-0", data={"a": "2"}), *objects[1:], workers=1)
    assert [problem.partition(":")[0] for problem in result["problems"]] == ["ConfigMap demo/conf-3 (4.yaml, line 1)"]
    assert "was there and does not hold .data.a as asked" in result["msg"]
    again = [path.rpartition("/")[2] for method, path in cluster.requests if method == "GET"][-5:]
    assert (again[-2:] == ["conf-3", "conf-4"] and MAPS.endswith(again[-3])) if listed else again == [f"conf-{n}" for n in range(5)]


def test_a_plan_writes_nothing(cluster: Any) -> None:
    before = dict(cluster.objects)
    assert run(cluster, CONF, dry_run=True)["changed"]
    assert cluster.objects == before


def test_the_changed_fields_are_named_and_the_difference_is_shown(cluster: Any) -> None:
    cluster.put(f"{MAPS}/conf", {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "0"}})
    result = run(cluster, CONF)
    assert result["objects"][0]["fields"] == [".data.a"]
    assert (result["diff"][0]["before"]["data"], result["diff"][0]["after"]["data"]) == ({"a": "(hidden)"}, {"a": "(hidden, changed)"})


def test_values_of_secrets_are_not_shown(cluster: Any) -> None:
    result = run(cluster, obj("Secret", "word", stringData={"a": "hunter2"}))
    assert result["diff"][0]["after"]["data"]["a"].startswith("(hidden")
    changed = run(cluster, obj("Secret", "word", stringData={"a": "hunter3"}))
    assert "aHVudGVy" not in json.dumps([result, changed])
    assert changed["objects"][0]["fields"] == [".data.a"]


def test_a_problem_of_one_object_lets_nothing_be_written(cluster: Any) -> None:
    cluster.refusals[f"{MAPS}/bad"] = (422, {"kind": "Status", "code": 422, "message": "it is wrong"})
    result = run(cluster, CONF, obj("ConfigMap", "bad"))
    assert result["msg"] == "ConfigMap demo/bad (2.yaml, line 1): the API server answered 422: it is wrong; nothing was written"
    assert (result["failed"], result["changed"], result["reason"]) == (True, False, "invalid")
    assert f"{MAPS}/conf" not in cluster.objects


def test_an_apply_stops_at_the_first_failure_and_names_what_was_written(cluster: Any) -> None:
    def controller(path: str) -> None:
        if path == f"{MAPS}/conf":
            cluster.refusals[f"{SPACE}/services/web"] = (403, {"kind": "Status", "code": 403, "message": "no"})

    cluster.controller = controller
    result = run(cluster, obj("Deployment", "app", "apps/v1", spec={"replicas": 1}), obj("Service", "web"), CONF)
    assert result["msg"] == (
        "Service demo/web (2.yaml, line 1): the API server answered 403: no; written: ConfigMap demo/conf; not written: 2 objects"
    )
    assert (result["changed"], result["reason"]) == (True, "forbidden")
    assert f"{DEPLOYMENTS}/app" not in cluster.objects


def test_what_the_set_brings_is_planned_as_new_and_not_sent(cluster: Any) -> None:
    objects = (obj("ConfigMap", "conf", namespace="new"), obj("Namespace", "new", namespace=None))
    result = run(cluster, *objects, dry_run=True)
    assert actions(result) == [("new", "created"), ("conf", "created")]
    assert result["objects"][1]["deferred"] == "its namespace new comes with this set"
    assert not [path for _method, path in cluster.writes if "/namespaces/new/" in path]
    applied = run(cluster, *objects)
    assert not applied.get("failed")
    assert "/api/v1/namespaces/new/configmaps/conf" in cluster.objects


def test_a_namespace_that_is_missing_or_ends_is_told_in_one_sentence(cluster: Any) -> None:
    missing = run(cluster, obj("ConfigMap", "conf", namespace="nope"))
    assert "namespace nope does not exist; create it first, or add it to the manifests; nothing was written" in missing["msg"]
    cluster.put("/api/v1/namespaces/gone", {"metadata": {"deletionTimestamp": "now"}})
    assert "namespace gone is being deleted" in run(cluster, obj("ConfigMap", "conf", namespace="gone"))["msg"]


def test_an_account_without_rights_to_namespaces_and_autoscalers_can_apply(cluster: Any) -> None:
    cluster.stumble = lambda method, path: "403" if path in (SPACE, SCALERS) else None
    assert not run(cluster, CONF, obj("Deployment", "app", "apps/v1", spec={"replicas": 1})).get("failed")


def test_an_object_that_is_being_deleted_is_not_written(cluster: Any) -> None:
    cluster.put(f"{MAPS}/conf", {"metadata": {"deletionTimestamp": "now"}})
    assert "it is being deleted; wait until it is gone" in run(cluster, CONF)["msg"]


def test_an_object_that_goes_after_the_write_is_a_failure(cluster: Any) -> None:
    def controller(path: str) -> None:
        if path == f"{SPACE}/services/web":
            cluster.remove(f"{MAPS}/conf")

    cluster.controller = controller
    result = run(cluster, CONF, obj("Service", "web"))
    assert "ConfigMap demo/conf (1.yaml, line 1): it was written and does not exist any more" in result["msg"]
    assert "written: ConfigMap demo/conf, Service demo/web; not written: 0 objects" in result["msg"]


def test_an_object_that_somebody_changes_after_the_write_is_a_failure(cluster: Any) -> None:
    def controller(path: str) -> None:
        if path == f"{SPACE}/services/web":
            cluster.objects[f"{MAPS}/conf"]["data"] = {"a": "9"}

    cluster.controller = controller
    assert "does not hold .data.a as asked" in run(cluster, CONF, obj("Service", "web"))["msg"]


def test_a_field_that_the_server_does_not_keep_is_a_failure_of_the_plan(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = cluster.apply

    def losing(path: str, body: Any, dry_run: bool) -> Any:
        status, after = keep(path, body, dry_run)
        return status, {**after, "spec": {"ports": after["spec"]["ports"][1:]}}

    monkeypatch.setattr(cluster, "apply", losing)
    ports = [{"port": 8000, "protocol": "TCP"}, {"port": 8000, "protocol": "UDP"}]
    result = run(cluster, obj("Service", "web", spec={"ports": ports}))
    assert "the API server does not keep .spec.ports[0]" in result["msg"]
    assert f"{SPACE}/services/web" not in cluster.objects


def test_a_definition_is_established_before_its_objects_are_written(cluster: Any) -> None:
    def controller(path: str) -> None:
        if path == f"{DEFINITIONS}/widgets.example.org" and "status" not in cluster.objects[path]:
            conditions = [{"type": "Established", "status": "True"}]
            cluster.put(path, {**cluster.objects[path], "status": {"conditions": conditions}})
            cluster.objects["/apis/example.org/v1"] = kinds(Widget=True)

    spec = {"group": "example.org", "names": {"kind": "Widget", "plural": "widgets"}, "scope": "Namespaced"}
    definition = obj("CustomResourceDefinition", "widgets.example.org", "apiextensions.k8s.io/v1", namespace=None, spec=spec)
    widget = obj("Widget", "one", "example.org/v1")
    planned = run(cluster, widget, definition, dry_run=True)
    assert planned["objects"][1]["deferred"] == "its definition comes with this set"
    cluster.controller = controller
    result = run(cluster, widget, definition)
    assert not result.get("failed"), result
    assert "/apis/example.org/v1/namespaces/demo/widgets/one" in cluster.objects


def test_a_definition_that_is_not_established_stops_the_rest(cluster: Any) -> None:
    spec = {"group": "example.org", "names": {"kind": "Widget", "plural": "widgets"}, "scope": "Namespaced"}
    definition = obj("CustomResourceDefinition", "widgets.example.org", "apiextensions.k8s.io/v1", namespace=None, spec=spec)
    result = run(cluster, obj("Widget", "one", "example.org/v1"), definition, wait_timeout=0.3)
    assert "the API server has not established it after 0.3 s" in result["msg"]
    assert "written: CustomResourceDefinition widgets.example.org; not written: 1 object" in result["msg"]


def test_what_refers_to_an_object_of_the_set_is_deferred(cluster: Any) -> None:
    message = 'pods "app" is forbidden: error looking up service account demo/conf: serviceaccount "conf" not found'
    cluster.refusals[f"{DEPLOYMENTS}/app"] = (403, {"kind": "Status", "code": 403, "message": message})
    cluster.controller = lambda path: cluster.refusals.clear()
    objects = (obj("Deployment", "app", "apps/v1", spec={}), CONF)
    planned = run(cluster, *objects, dry_run=True)
    assert planned["objects"][1]["deferred"] == "it needs ConfigMap demo/conf, which comes with this set"
    assert not run(cluster, *objects).get("failed")
    assert f"{DEPLOYMENTS}/app" in cluster.objects


SCALER = obj(
    "HorizontalPodAutoscaler",
    "app",
    "autoscaling/v2",
    spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}},
)


@pytest.mark.parametrize("in_the_set", [True, False])
def test_an_autoscaler_keeps_the_number_of_replicas(cluster: Any, in_the_set: bool) -> None:
    owned = {"manager": "ours", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    cluster.put(
        f"{DEPLOYMENTS}/app",
        {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 7}, "metadata": {"managedFields": [owned]}},
    )
    if not in_the_set:
        cluster.put(f"{SCALERS}/app", SCALER)
    app = obj("Deployment", "app", "apps/v1", spec={"replicas": 2, "x": 1})
    result = run(cluster, app, *([SCALER] if in_the_set else []))
    assert not result.get("failed"), result
    assert cluster.objects[f"{DEPLOYMENTS}/app"]["spec"] == {"replicas": 7, "x": 1}
    assert any("keeps its number of replicas" in note for note in result["notes"])


def test_without_an_autoscaler_the_manifest_sets_the_number_and_a_missing_one_is_kept(cluster: Any) -> None:
    cluster.put(f"{DEPLOYMENTS}/app", {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 7}})
    run(cluster, obj("Deployment", "app", "apps/v1", spec={"replicas": 2}))
    assert cluster.objects[f"{DEPLOYMENTS}/app"]["spec"] == {"replicas": 2}
    run(cluster, obj("Deployment", "app", "apps/v1", spec={"x": 1}))
    assert cluster.objects[f"{DEPLOYMENTS}/app"]["spec"] == {"replicas": 2, "x": 1}


def test_an_object_that_was_replaced_after_the_plan_is_read_again(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.put(f"{MAPS}/conf", {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "0"}})
    plan = ManifestSet.plan

    def then_replaced(self: ManifestSet) -> Any:
        found = plan(self)
        cluster.objects[f"{MAPS}/conf"]["metadata"]["uid"] = "another"
        return found

    monkeypatch.setattr(ManifestSet, "plan", then_replaced)
    assert not run(cluster, CONF).get("failed")
    assert cluster.objects[f"{MAPS}/conf"]["data"] == {"a": "1"}


def test_a_server_that_fails_for_a_moment_does_no_harm(cluster: Any) -> None:
    left = ["503", "reset after", "reset", None, "429"]
    cluster.stumble = lambda method, path: left.pop(0) if left and method == "PATCH" else None
    assert not run(cluster, CONF).get("failed")


def test_a_server_that_does_not_answer_is_one_sentence(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.time, "sleep", lambda seconds: None)
    cluster.stumble = lambda method, path: "503" if method == "PATCH" else None
    result = run(cluster, obj("Secret", "word", stringData={"a": "b"}))
    assert result["msg"].startswith("Secret demo/word (1.yaml, line 1): PATCH")
    assert "answered 503; nothing was written" in result["msg"]


def test_the_task_reads_everything_before_it_asks_the_cluster(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: [")
    params = {name: spec.get("default") for name, spec in task.MODULE["argument_spec"].items()}
    with pytest.raises(Exception, match=r"a.yaml, line 2 is not YAML"):
        task.run({**params, "files": [str(tmp_path)]}, check_mode=False, show=False)
    for wrong in ({"workers": 0}, {"field_manager": ""}):
        with pytest.raises(Exception, match=next(iter(wrong))):
            task.run({**params, **wrong}, check_mode=False, show=False)
