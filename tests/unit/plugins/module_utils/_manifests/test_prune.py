# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests import task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.inventory import (
    LABEL,
    Applied,
    entries_in,
    inventory_map,
    merged,
    unwanted,
    why_kept,
)

MAPS = "/api/v1/namespaces/demo/configmaps"
OURS = {"manager": task.MANAGER, "operation": "Apply", "fieldsV1": {}}


def applied(name: str, uid: str = "", kind: str = "ConfigMap", api_version: str = "v1") -> Applied:
    return Applied(api_version, kind, "demo", name, uid)


def test_an_inventory_is_read_as_it_is_written() -> None:
    entries = [applied("b", "2"), applied("a", "1")]
    assert entries_in(inventory_map("x", "demo", entries), "x") == sorted(entries)
    assert entries_in(None, "x") == []


@pytest.mark.parametrize(
    ("labels", "data"),
    [
        ({}, {"objects.json": "[]"}),
        ({LABEL: "true"}, {}),
        ({LABEL: "true"}, None),
        ({LABEL: "true"}, {"objects.json": "{"}),
        ({LABEL: "true"}, {"objects.json": "{}"}),
        ({LABEL: "true"}, {"objects.json": "[[1,2,3,4,5]]"}),
        ({LABEL: "true"}, {"objects.json": '[["v1", "ConfigMap", "demo", "a"]]'}),
        ({LABEL: "true"}, {"objects.json": '[["v1", "ConfigMap", "demo", "../secrets/a", ""]]'}),
        ({LABEL: "true"}, {"objects.json": '[["v1", "ConfigMap", "..", "a", ""]]'}),
    ],
)
def test_another_config_map_is_not_an_inventory(labels: Any, data: Any) -> None:
    with pytest.raises(SalvageError, match="is not an inventory"):
        entries_in({"metadata": {"labels": labels}, "data": data}, "x")


def test_what_is_unwanted_stands_under_no_name_in_the_set() -> None:
    old = [applied("a", "1"), applied("b", "2", "Ingress", "extensions/v1beta1"), applied("c", "3")]
    new = [applied("a", "9"), applied("b", "2", "Ingress", "networking.k8s.io/v1")]
    assert unwanted(old, new) == [applied("c", "3")]
    assert merged(old, new)[0] == applied("a", "9")
    assert len(merged(old, new)) == 4


@pytest.mark.parametrize(
    ("entry", "metadata", "why"),
    [
        (applied("a", "1"), {"uid": "1"}, ""),
        (applied("a"), {"uid": "1"}, ""),
        (applied("a", "1"), {"uid": "2"}, "it was replaced by another object of this name"),
        (applied("a", "1"), {"uid": "1", "managedFields": []}, "euystacio-manifests has not applied it"),
        (applied("a", "1"), {"uid": "7"}, "it is in the manifests under another API group"),
        (applied("a", "1"), {"uid": "1", "ownerReferences": [{"controller": True}]}, "a controller owns it"),
        (applied("a", "1", "Namespace"), {"uid": "1"}, "its content would go with it"),
        (applied("a", "1", "PersistentVolumeClaim"), {"uid": "1"}, "its content would go with it"),
        (applied("a", "1", "CustomResourceDefinition", "apiextensions.k8s.io/v1"), {"uid": "1"}, "its content would go with it"),
    ],
)
def test_only_what_the_set_applied_goes(entry: Applied, metadata: Any, why: str) -> None:
    live = {"metadata": {"managedFields": [OURS], **metadata}}
    assert why_kept(entry, live, task.MANAGER, frozenset({"7"})) == why


@pytest.fixture
def run(api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    api.objects["/api/v1"] = {
        "resources": [
            {"name": "namespaces", "kind": "Namespace", "namespaced": False, "verbs": ["list"]},
            {"name": "configmaps", "kind": "ConfigMap", "namespaced": True, "verbs": ["list"]},
        ]
    }
    api.put("/api/v1/namespaces/demo", {"apiVersion": "v1", "kind": "Namespace"})
    monkeypatch.setattr(task.Cluster, "connect", lambda params, timeout: Cluster(api.server, api.http))
    api.controller = lambda path: api.objects[path]["metadata"].setdefault("managedFields", [OURS])
    params = {name: spec.get("default") for name, spec in task.MODULE["argument_spec"].items()}

    def call(*names: str, check: bool = False, **options: Any) -> dict[str, Any]:
        objects = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": "y"}} for name in names]
        wanted = {"inventory": "list", "prune": True, "namespace": "demo", **options}
        return task.run({**params, "definitions": objects, **wanted}, check_mode=check, show=True)

    return call


def listed(api: Any) -> list[str]:
    return [row[3] for row in json.loads(api.objects[f"{MAPS}/list"]["data"]["objects.json"])]


def test_what_is_no_longer_in_the_manifests_is_removed(run: Any, api: Any) -> None:
    run("one", "two")
    assert listed(api) == ["one", "two"]
    planned = run("one", check=True)
    assert [(row["name"], row["action"]) for row in planned["objects"]] == [("one", "unchanged"), ("two", "removed")]
    assert planned["diff"][0]["after"] == {}
    assert f"{MAPS}/two" in api.objects
    result = run("one")
    assert (result["changed"], result["counts"]["removed"]) == (True, 1)
    assert f"{MAPS}/two" not in api.objects
    assert listed(api) == ["one"]
    assert not run("one")["changed"]


def test_without_prune_it_stays_in_the_inventory_until_it_is_asked_for(run: Any, api: Any) -> None:
    run("one", "two")
    assert not run("one", prune=False)["changed"]
    assert listed(api) == ["one", "two"]
    run("one")
    assert f"{MAPS}/two" not in api.objects


def test_what_others_made_stays(run: Any, api: Any) -> None:
    api.put(f"{MAPS}/other", {"data": {}})
    run("one", "two")
    api.objects[f"{MAPS}/two"]["metadata"]["uid"] = "another"
    result = run("one")
    assert not result["changed"]
    assert result["notes"] == [
        "ConfigMap demo/two is not in the manifests any more and stays, because it was replaced by another object of this name"
    ]
    assert {f"{MAPS}/two", f"{MAPS}/other"} <= api.objects.keys()


def test_a_run_that_fails_removes_nothing(run: Any, api: Any) -> None:
    run("one", "two")
    api.refusals[f"{MAPS}/bad"] = (422, {"kind": "Status", "code": 422, "message": "no"})
    assert run("one", "bad")["msg"].endswith("nothing was written")
    assert f"{MAPS}/two" in api.objects
    assert listed(api) == ["one", "two"]


def test_a_run_that_was_killed_is_finished_by_the_next(run: Any, api: Any) -> None:
    run("one", "two")
    left = [True]

    def killed(method: str, path: str) -> str | None:
        return "403" if method == "DELETE" and left.pop() else None

    api.stumble = killed
    failed = run("one", "three")
    assert failed["failed"]
    assert "ConfigMap demo/two (inventory list)" in failed["msg"]
    assert listed(api) == ["one", "three", "two"]
    api.stumble = lambda method, path: None
    assert run("one", "three")["counts"]["removed"] == 1
    assert listed(api) == ["one", "three"]


def test_prune_needs_an_inventory(run: Any, tmp_path: Path) -> None:
    with pytest.raises(SalvageError, match="prune needs an inventory"):
        run("one", inventory=None)
