# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of manifests on a real API server: cases of public reports that ended wrong with a client-side apply."""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.yaml_text import documents
from cluster_lab import Lab
from manifest_sets import Set, deployment, obj

pytestmark = pytest.mark.lab

SPACE = "manifests-test"
NEW = "manifests-test-new"
CRD = "widgets.manifests.example.org"


@pytest.fixture(scope="module")
def whole(lab: Lab) -> Iterator[Set]:
    def clean() -> None:
        lab.kubectl("delete", "namespace", SPACE, NEW, "--ignore-not-found", "--wait=true", "--timeout=120s")
        lab.kubectl("delete", "crd", CRD, "--ignore-not-found")

    clean()
    lab.kubectl("create", "namespace", SPACE)
    yield Set(lab, SPACE)
    clean()


def is_readable(text: str) -> bool:
    try:
        documents(text, "x")
    except SalvageError:
        return False
    return True


def containers(whole: Set, name: str) -> list[str]:
    return [one["name"] for one in whole.get("deployment", name)["spec"]["template"]["spec"]["containers"]]


# --- reading ---


def test_yaml_is_read_as_kubectl_reads_it(whole: Set) -> None:
    scalars = (
        "y n on off Yes NO true tRUE 0644 08 0o17 0x1F 0b11 -0b11 1_000 _1 1__0 1e3 12e03 .5 5. +1 -1 1:30 190:20:30 2001-01-01 = ~ null "
        "nULL 1.0 0x 0b2 09.5 1_000.5 1e + - . 1.5e21 0.1 00 -0 1.e3 +0x1F -0o7 .5e3 -.5e-3 1e400 v1 1.2.3"
    )
    rng = random.Random(1)
    invented = ["".join(rng.choice("0123456789+-._eExXobABn:") for _char in range(rng.randint(1, 6))) for _one in range(400)]
    fine = [one for one in (*scalars.split(), *invented) if is_readable(f"x: [{one}]")]
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx:\n" + "".join(f"- {one}\n" for one in fine)
    seen = json.loads(whole.lab.kubectl("create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-", given=text))["x"]
    ours = documents(text, "x")[0].value["x"]
    assert [(text, one, type(one)) for text, one in zip(fine, ours, strict=True)] == [
        (text, one, type(one)) for text, one in zip(fine, seen, strict=True)
    ]


def test_a_file_with_a_byte_order_mark_and_a_bare_equals_sign_is_applied(whole: Set, tmp_path: Path) -> None:
    path = tmp_path / "definition.yaml"
    text = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.manifests.example.org}
spec:
  group: manifests.example.org
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {match: {type: string, enum: ['!=', =, =~]}}}}}}
"""
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    widget = obj("Widget", "one", "manifests.example.org/v1", spec={"match": "="})
    planned = whole.ok(widget, files=[str(path)], check=True)
    assert [row["deferred"] for row in planned["objects"]] == ["", "its definition comes with this set"]
    whole.ok(widget, files=[str(path)])
    assert whole.get("widgets.manifests.example.org", "one")["spec"] == {"match": "="}
    assert not whole.ok(widget, files=[str(path)])["changed"]
    # a field that a changed definition brings
    path.write_text(text.replace("properties: {match", "properties: {more: {type: string}, match"))
    widget["spec"]["more"] = "x"
    assert whole.ok(widget, files=[str(path)], check=True)["changed"]
    whole.ok(widget, files=[str(path)])
    assert whole.get("widgets.manifests.example.org", "one")["spec"] == {"match": "=", "more": "x"}


# --- applying ---


def test_one_port_number_for_tcp_and_udp_stays(whole: Set) -> None:
    ports = [
        {"name": "http", "port": 8000, "targetPort": "http", "protocol": "TCP"},
        {"name": "http3", "port": 8000, "targetPort": 8000, "protocol": "UDP"},
    ]
    service = obj("Service", "dual", spec={"selector": {"app": "dual"}, "ports": ports})
    whole.ok(service)
    assert not whole.ok(service)["changed"]
    moved = copy.deepcopy(service)
    moved["spec"]["ports"][0]["targetPort"] = 8001
    assert whole.ok(moved)["objects"][0]["fields"] == [".spec.ports[0].targetPort"]
    seen = whole.get("service", "dual")["spec"]["ports"]
    assert [(one["protocol"], one["targetPort"]) for one in seen] == [("TCP", 8001), ("UDP", 8000)]


def test_one_port_number_of_a_client_side_apply_is_taken_over(whole: Set) -> None:
    ports = [{"name": "a", "port": 53, "protocol": "TCP"}, {"name": "b", "port": 53, "protocol": "UDP"}, {"name": "c", "port": 80}]
    service = obj("Service", "dns", metadata={"namespace": SPACE}, spec={"selector": {"app": "dns"}, "ports": ports})
    whole.lab.kubectl("apply", "-f", "-", given=json.dumps(service))
    service["spec"]["ports"].pop()
    whole.ok(service)
    assert [one["name"] for one in whole.get("service", "dns")["spec"]["ports"]] == ["a", "b"]


def test_a_namespace_with_its_objects_is_planned_and_applied_at_once(whole: Set) -> None:
    objects = [
        obj(
            "Pod",
            "p",
            metadata={"namespace": NEW},
            spec={"serviceAccountName": "robot", "containers": [{"name": "a", "image": "localhost/none:1"}]},
        ),
        obj("ConfigMap", "c", metadata={"namespace": NEW}, data={"a": "1"}),
        obj("ServiceAccount", "robot", metadata={"namespace": NEW}),
        obj("Namespace", NEW),
    ]
    planned = whole.ok(*objects, check=True)
    assert [row["action"] for row in planned["objects"]] == ["created"] * 4
    whole.ok(*objects)
    assert not whole.ok(*objects)["changed"]


def test_a_service_account_comes_before_its_token(whole: Set) -> None:
    annotations = {"kubernetes.io/service-account.name": "robot"}
    token = obj("Secret", "robot-token", type="kubernetes.io/service-account-token", metadata={"annotations": annotations})
    whole.ok(token, obj("ServiceAccount", "robot"))
    assert whole.get("secret", "robot-token")["type"] == "kubernetes.io/service-account-token"
    assert not whole.ok(token, obj("ServiceAccount", "robot"))["changed"]


def test_an_account_of_the_same_set_is_no_reason_to_refuse_a_pod(whole: Set) -> None:
    pod = obj("Pod", "worker", spec={"serviceAccountName": "worker", "containers": [{"name": "a", "image": "localhost/none:1"}]})
    planned = whole.ok(pod, obj("ServiceAccount", "worker"), check=True)
    assert planned["objects"][1]["deferred"].startswith("it needs ServiceAccount")
    whole.ok(pod, obj("ServiceAccount", "worker"))


def test_a_config_map_may_be_larger_than_an_annotation(whole: Set) -> None:
    big = obj("ConfigMap", "big", data={"x": "y" * 300_000})
    whole.ok(big)
    assert not whole.ok(big)["changed"]
    big["data"]["x"] = "y" * 1_300_000
    assert "Too long: may not be more than 1048576 bytes; nothing was written" in whole.refused(big)


def test_an_autoscaler_keeps_its_number_of_replicas(whole: Set) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"}
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    scaler = obj(
        "HorizontalPodAutoscaler",
        "scaled",
        "autoscaling/v2",
        spec={"minReplicas": 2, "maxReplicas": 8, "scaleTargetRef": target, "metrics": [cpu]},
    )
    app = deployment("scaled", replicas=2)
    whole.ok(scaler, app)
    # in use by nobody else yet: leaving the field out would make it 1
    changed = deployment("scaled", image="localhost/none:2", replicas=None)
    whole.ok(scaler, changed)
    assert whole.get("deployment", "scaled")["spec"]["replicas"] == 2
    whole.lab.kubectl("scale", "deployment/scaled", "-n", SPACE, "--replicas=6")
    assert not whole.ok(scaler, deployment("scaled", image="localhost/none:2", replicas=2))["changed"]
    whole.ok(deployment("scaled", image="localhost/none:3", replicas=2))  # the autoscaler need not be in the set
    assert whole.get("deployment", "scaled")["spec"]["replicas"] == 6


def test_a_conflict_names_the_owner_and_a_take_over_must_be_asked_for(whole: Set) -> None:
    whole.ok(obj("ConfigMap", "shared", data={"a": "1"}))
    whole.lab.kubectl("patch", "configmap", "shared", "-n", SPACE, "--field-manager=someone", "-p", '{"data": {"a": "2", "b": "3"}}')
    wanted = obj("ConfigMap", "shared", data={"a": "4"})
    assert "someone owns .data.a; take these fields out of the manifest, or set force_conflicts" in whole.refused(wanted)
    assert whole.get("configmap", "shared")["data"] == {"a": "2", "b": "3"}
    whole.ok(wanted, force_conflicts=True)
    assert whole.get("configmap", "shared")["data"] == {"a": "4", "b": "3"}


@pytest.mark.parametrize("client", ["kubectl", "kubernetes.core"])
def test_fields_that_a_client_side_apply_knew_are_removed(whole: Set, client: str, tmp_path: Path) -> None:
    name = f"side-{client.replace('.', '-')}"
    first = deployment(name, "api", "b")
    first["metadata"]["namespace"] = SPACE
    if client == "kubectl":
        whole.lab.kubectl("apply", "-f", "-", given=json.dumps(first))
    else:
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"kubernetes.core.k8s": {"definition": first, "apply": True}}]}
        (tmp_path / "play.yml").write_text(json.dumps([play]))
        run = whole.lab.play(str(tmp_path / "play.yml"), {})
        assert run.code == 0, run.output
    whole.lab.kubectl("label", "deployment", name, "-n", SPACE, "team=x")
    second = deployment(name, "api", "c", image="localhost/none:2")
    planned = whole.ok(second, check=True)
    applied = whole.ok(second)
    assert containers(whole, name) == ["api", "c"]
    assert sorted(planned["objects"][0]["fields"]) == sorted(applied["objects"][0]["fields"])
    assert whole.get("deployment", name)["metadata"]["labels"] == {"team": "x"}
    assert "kubectl.kubernetes.io/last-applied-configuration" not in whole.get("deployment", name)["metadata"].get("annotations", {})
    assert not whole.ok(second)["changed"]
    third = copy.deepcopy(second)
    third["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    whole.ok(third)  # a default that nobody asked for has no owner


def test_what_a_rollback_brought_back_goes_with_the_next_apply(whole: Set) -> None:
    whole.ok(deployment("rolled", "api", "c"))
    live = whole.get("deployment", "rolled")
    template = live["spec"]["template"]
    template["spec"]["containers"][1]["name"] = "b"
    patch = json.dumps([{"op": "replace", "path": "/spec/template", "value": template}])
    whole.lab.kubectl("patch", "deployment", "rolled", "-n", SPACE, "--type=json", "--field-manager=euystacio-rollback", "-p", patch)
    assert containers(whole, "rolled") == ["api", "b"]
    whole.ok(deployment("rolled", "api", "c", image="localhost/none:2"))
    assert containers(whole, "rolled") == ["api", "c"]


@pytest.mark.parametrize("how", [["apply", "--server-side"], ["create"]], ids=["changed", "new"])
def test_what_a_restore_wrote_may_be_changed_by_the_next_apply(whole: Set, how: list[str]) -> None:
    name = f"restored-by-{how[0]}"
    restored = obj("ConfigMap", name, metadata={"namespace": SPACE}, data={"a": "1", "b": "2"})
    whole.lab.kubectl(*how, "--field-manager=euystacio-restore", "-f", "-", given=json.dumps(restored))
    wanted = obj("ConfigMap", name, data={"a": "3"})
    assert whole.ok(wanted, check=True)["objects"][0]["fields"] == [".data.a"]
    whole.ok(wanted)
    assert whole.get("configmap", name)["data"] == {"a": "3", "b": "2"}
    assert not whole.ok(wanted)["changed"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            obj("ConfigMap", "fixed", immutable=True, data={"a": "1"}),
            obj("ConfigMap", "fixed", immutable=True, data={"a": "2"}),
            "data cannot be changed once the object exists; give the object another name",
        ),
        (
            obj("Secret", "fixed", immutable=True, stringData={"a": "hunter2"}),
            obj("Secret", "fixed", immutable=True, stringData={"a": "hunter3"}),
            "data cannot be changed once the object exists",
        ),
        (
            deployment("fixed"),
            {**deployment("other"), "metadata": {"name": "fixed"}},
            "spec.selector cannot be changed once the object exists",
        ),
        (None, obj("ConfigMap", "a", spec={}), ".spec is not a field of this kind"),
        (None, {**deployment("bad"), "spec": {**deployment("bad")["spec"], "replicas": "2"}}, ".spec.replicas has the wrong type"),
        (None, obj("ConfigMap", "UPPER"), "metadata.name: a lowercase RFC 1123 subdomain"),
        (None, obj("ConfigMap", "a", metadata={"namespace": "manifests-nope"}), "namespace manifests-nope does not exist; create it first"),
    ],
)
def test_what_cannot_be_applied_is_one_sentence_and_nothing_is_written(whole: Set, old: Any, new: Any, says: str) -> None:
    if old is not None:
        whole.ok(old)
    sentence = whole.refused(obj("ConfigMap", "beside", data={"a": "1"}), new)
    assert says in sentence
    assert sentence.endswith("nothing was written")
    assert "hunter" not in sentence
    assert "beside" not in whole.lab.kubectl("get", "configmaps", "-n", SPACE, "-o", "name")


def test_an_export_of_a_cluster_is_applied_without_what_only_a_cluster_writes(whole: Set) -> None:
    whole.ok(deployment("exported"))
    exported = json.loads(whole.lab.kubectl("get", "deployment", "exported", "-n", SPACE, "-o", "json", "--show-managed-fields"))
    result = whole.ok(exported)
    assert not result["changed"]
    assert "is an export of a cluster" in result["notes"][0]


def test_what_is_no_longer_in_the_manifests_goes_if_it_is_asked_for(whole: Set) -> None:
    objects = [obj("ConfigMap", "kept", data={"a": "1"}), obj("ConfigMap", "old", data={"a": "1"}), deployment("old")]
    whole.ok(*objects, inventory="inventory")
    whole.lab.kubectl("create", "configmap", "of-another", "-n", SPACE)
    assert whole.ok(objects[0], inventory="inventory", prune=True, check=True)["counts"]["removed"] == 2
    assert whole.ok(objects[0], inventory="inventory", prune=True)["counts"]["removed"] == 2
    left = whole.lab.kubectl("get", "configmaps,deployments", "-n", SPACE, "-o", "name").split()
    assert {"configmap/kept", "configmap/of-another", "configmap/inventory"} <= set(left)
    assert not {"configmap/old", "deployment.apps/old"} & set(left)
    assert not whole.ok(objects[0], inventory="inventory", prune=True)["changed"]


# --- the role ---


def test_a_secret_in_a_list_is_shown_by_nothing(whole: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_VERBOSITY", "3")
    values = ["hunter4-very-secret", "hunter5-very-secret"]
    path = tmp_path / "list.yaml"
    outputs = ""
    for kind in ("List", "SecretList"):
        for value in values:
            secret = {"metadata": {"name": "db"}, "stringData": {"PASSWORD": value}}
            item = secret if kind == "SecretList" else {"apiVersion": "v1", "kind": "Secret", **secret}
            path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": kind, "items": [item]}))
            task_ = {"euystacio.meta_salvage.manifests": {"files": [str(path)], "namespace": SPACE}, "diff": True}
            text = {"euystacio.meta_salvage.manifests": {"definitions": "{{ lookup('file', path) }}", "namespace": SPACE}, "diff": True}
            play = {"hosts": "localhost", "gather_facts": False, "vars": {"path": str(path)}, "tasks": [task_, text]}
            (tmp_path / "play.yml").write_text(json.dumps([play]))
            run = whole.lab.play(str(tmp_path / "play.yml"), {})
            assert run.code == 0, run.output
            outputs += run.output
    assert "(hidden, changed)" in outputs
    for value in values:
        assert value not in outputs
        assert base64.b64encode(value.encode()).decode() not in outputs
    planned = whole.lab.play("deploy", {"deploy_name": "none", "deploy_namespace": SPACE, "deploy_manifests": [str(path)]}, check=True)
    assert planned.code == 0, planned.output
    assert values[1] not in planned.output


def test_check_mode_of_a_first_deployment_with_its_namespace(whole: Set, tmp_path: Path) -> None:
    space = "manifests-test-none"
    documents_ = [obj("Namespace", space), obj("ConfigMap", "c", metadata={"namespace": space}, data={"a": "1"}), deployment("app")]
    (tmp_path / "b.yaml").write_text("\n---\n".join(yaml.safe_dump(one) for one in documents_))
    (tmp_path / "a.json").write_text(json.dumps(obj("Service", "app", spec={"selector": {"app": "app"}, "ports": [{"port": 80}]})))
    variables = {"deploy_name": "app", "deploy_namespace": space, "deploy_manifests": [str(tmp_path)]}
    run = whole.lab.play("deploy", variables, check=True)
    assert run.code == 0, run.output
    assert "Namespace manifests-test-none (created)" in run.output
    broken = whole.lab.play("deploy", {**variables, "deploy_manifests": [str(tmp_path), str(tmp_path / "none.yaml")]}, check=True)
    assert broken.code == 2
    assert "none.yaml can't be read: No such file or directory" in broken.output
