# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a whole set, on an API server in memory that keeps the owners of fields."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests import task
from fake_apply import updated

CORE = "/api/v1/namespaces/demo"
SERVICE, MAP, SECRET = f"{CORE}/services/app", f"{CORE}/configmaps/conf", f"{CORE}/secrets/key"
JOURNAL = f"{CORE}/secrets/before"
KINDS = {"Namespace": False, "ConfigMap": True, "Secret": True, "Service": True, "PersistentVolumeClaim": True}


@pytest.fixture
def run(api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    api.owners = True
    api.objects["/api/v1"] = {
        "resources": [{"name": f"{kind.lower()}s", "kind": kind, "namespaced": spaced, "verbs": ["list"]} for kind, spaced in KINDS.items()]
    }
    api.put("/api/v1/namespaces/demo", {"apiVersion": "v1", "kind": "Namespace"})
    monkeypatch.setattr(task.Cluster, "connect", lambda params, timeout: Cluster(api.server, api.http))
    params = {name: spec.get("default") for name, spec in task.MODULE["argument_spec"].items()}

    def controller(path: str) -> None:
        metadata = api.objects[path]["metadata"]
        metadata.setdefault("creationTimestamp", "2026-11-24T13:00:00Z")

    api.controller = controller

    def call(*objects: Any, check: bool = False, **options: Any) -> dict[str, Any]:
        given = {"journal": "before", "namespace": "demo", **({"definitions": list(objects)} if objects else {}), **options}
        return task.run({**params, **given}, check_mode=check, show=True)

    return call


def obj(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": {"set": "1"}}, **more}


def service(port: Any = "http", **more: Any) -> dict[str, Any]:
    return obj("Service", "app", spec={"selector": {"app": "x"}, "ports": [{"name": "http", "port": 80, "targetPort": port}], **more})


def conf(**data: str) -> dict[str, Any]:
    return obj("ConfigMap", "conf", data=data)


def edit(api: Any, path: str, change: Callable[[Any], None]) -> None:
    api.put(path, updated(api.objects[path], "kubectl-edit", change))


def state(api: Any) -> dict[str, Any]:
    """What is there, without what each write renews, and without what this collection keeps for itself."""
    found = {}
    for path, one in api.objects.items():
        if path.startswith(CORE) and not path.endswith(("/before", "/meta-salvage-proof-key")) and path != CORE:
            metadata = {name: value for name, value in one["metadata"].items() if name not in ("resourceVersion", "managedFields")}
            found[path] = {**one, "metadata": metadata}
    return copy.deepcopy(found)


def test_the_whole_set_goes_back_new_objects_go_and_the_journal_too(run: Any, api: Any) -> None:
    first = [service(), conf(a="1", b="2"), obj("Secret", "key", stringData={"k": "planted-1"})]
    assert run(*first)["changed"]
    assert run(state="settled")["closed"]
    before = state(api)
    run(service(8999, type="NodePort"), conf(a="9", c="3"), obj("Secret", "key", stringData={"k": "v2"}), obj("ConfigMap", "new"))
    assert JOURNAL in api.objects
    assert "planted-1" not in json.dumps(api.objects[JOURNAL])
    planned = run(state="reverted", check=True)
    assert (planned["changed"], state(api) != before) == (True, True)
    result = run(state="reverted")
    assert sorted(result["restored"]) == ["ConfigMap demo/conf", "Secret demo/key", "Service demo/app"]
    assert (result["removed"], result["left"], result["changed"]) == (["ConfigMap demo/new"], [], True)
    assert sorted(planned["restored"]) == sorted(result["restored"])
    assert state(api) == before
    assert JOURNAL not in api.objects
    again = run(state="reverted")
    assert (again["changed"], again["restored"], again["removed"]) == (False, [], [])
    assert not run(*first)["changed"]
    assert JOURNAL not in api.objects


def test_what_others_changed_since_stays_and_is_named(run: Any, api: Any) -> None:
    run(service(), conf(a="1", b="2"), obj("ConfigMap", "gone"), obj("ConfigMap", "other", data={"a": "1"}))
    run(state="settled")
    run(service(8999), conf(a="2", b="3"), obj("ConfigMap", "gone", data={"a": "1"}), obj("ConfigMap", "other", data={"a": "2"}))

    def theirs(one: Any) -> None:
        one["data"]["a"] = "theirs"
        one["data"]["d"] = "theirs"

    edit(api, MAP, theirs)
    api.remove(f"{CORE}/configmaps/gone")
    api.objects[f"{CORE}/configmaps/other"]["metadata"]["uid"] = "another"
    result = run(state="reverted")
    assert api.objects[MAP]["data"] == {"a": "theirs", "b": "2", "d": "theirs"}
    assert sorted(result["left"]) == [
        "ConfigMap demo/conf: .data.a (kubectl-edit)",
        "ConfigMap demo/gone: it was deleted since",
        "ConfigMap demo/other: it was replaced by another object of this name",
    ]
    assert api.objects[SERVICE]["spec"]["ports"][0]["targetPort"] == "http"
    assert JOURNAL not in api.objects


def test_new_objects_that_hold_more_than_the_set_stay_and_are_named(run: Any, api: Any) -> None:
    run(conf(a="1"))
    run(state="settled")
    run(conf(a="2"), obj("PersistentVolumeClaim", "disk"), obj("ConfigMap", "taken"), obj("ConfigMap", "old"))
    owner = [{"controller": True, "uid": "1", "kind": "Operator", "name": "x"}]
    api.objects[f"{CORE}/configmaps/taken"]["metadata"]["ownerReferences"] = owner
    api.objects[f"{CORE}/configmaps/old"]["metadata"]["creationTimestamp"] = "2026-11-23T00:00:00Z"
    result = run(state="reverted")
    assert sorted(result["left"]) == [
        "ConfigMap demo/old: it is new and stays, because it was there before",
        "ConfigMap demo/taken: it is new and stays, because a controller owns it",
        "PersistentVolumeClaim demo/disk: it is new and stays, because its content would go with it",
    ]
    assert result["removed"] == []
    assert {f"{CORE}/configmaps/{name}" for name in ("taken", "old")} <= api.objects.keys()


def test_secrets_stay_if_they_are_not_to_be_restored(run: Any, api: Any) -> None:
    run(conf(a="1"), obj("Secret", "key", stringData={"k": "planted-1"}))
    run(state="settled")
    run(conf(a="2"), obj("Secret", "key", stringData={"k": "planted-2"}), obj("Secret", "new"))
    result = run(state="reverted", restore_secrets=False)
    assert sorted(result["left"]) == ["Secret demo/key: Secrets are not restored", "Secret demo/new: Secrets are not restored"]
    assert api.objects[SECRET]["data"] == {"k": base64.b64encode(b"planted-2").decode()}
    assert api.objects[MAP]["data"] == {"a": "1"}
    assert f"{CORE}/secrets/new" in api.objects
    assert "planted" not in json.dumps(result)


@pytest.mark.parametrize("fresh", [False, True])
def test_what_a_prune_removed_is_created_again_and_is_of_the_set_as_before(run: Any, api: Any, fresh: bool) -> None:
    prune = {"inventory": "list", "prune": True}
    run(conf(a="1"), obj("ConfigMap", "more", data={"x": "1"}), **prune)
    run(state="settled")
    before = state(api)
    for more in ({}, {"data": {"y": "1"}}):  # two runs, of which the first was killed
        removed = run(conf(a="2"), *([obj("ConfigMap", "new", **more)] if more else []), **prune)
        assert f"{CORE}/configmaps/more" not in api.objects, removed
    if fresh:  # as the real API server gives it
        api.controller = lambda path: api.objects[path]["metadata"].update({"uid": "fresh"} if path.endswith("/more") else {})
    result = run(state="reverted")
    assert (sorted(result["restored"]), result["removed"]) == (["ConfigMap demo/conf", "ConfigMap demo/more"], ["ConfigMap demo/new"])
    assert fresh or state(api) == before
    assert JOURNAL not in api.objects
    assert run(conf(a="1"), **prune)["counts"]["removed"] == 1
    assert f"{CORE}/configmaps/more" not in api.objects


@pytest.mark.parametrize("at", range(9))
@pytest.mark.parametrize("then", ["revert", "finish", "go on and revert"])
def test_a_run_that_is_killed_at_any_request_is_reverted_or_finished_by_the_next(run: Any, api: Any, at: int, then: str) -> None:
    first = [service(), conf(a="1", b="2")]
    second = [service(8999), conf(a="9", c="3"), obj("ConfigMap", "new", data={"x": "1"})]
    run(*first)
    run(state="settled")
    before = state(api)
    kill_at(api, at, lambda: run(*second, workers=1))
    if then == "finish":
        run(*second)
        assert api.objects[SERVICE]["spec"]["ports"][0]["targetPort"] == 8999
        run(state="settled")
        assert JOURNAL not in api.objects
        return
    if then == "go on and revert":
        run(service(7000), conf(d="4"), obj("ConfigMap", "newer"))
    kill_at(api, at, lambda: run(state="reverted", workers=1))
    result = run(state="reverted")
    assert (state(api), result["left"]) == (before, [])
    assert JOURNAL not in api.objects


def kill_at(api: Any, number: int, work: Callable[[], Any]) -> None:
    """Nothing is written from the write of that number on."""
    seen = 0

    def stumble(method: str, path: str) -> str | None:
        nonlocal seen
        seen += method != "GET"
        return "400" if seen > number and method != "GET" else None

    api.stumble = stumble
    try:
        work()
    except SalvageError:
        pass
    finally:
        api.stumble = lambda method, path: None


def test_a_failed_way_back_keeps_the_journal(run: Any, api: Any) -> None:
    run(service(), conf(a="1"))
    run(state="settled")
    run(service(8999), conf(a="2"))
    api.refusals[MAP] = (403, {"kind": "Status", "message": "no"})
    result = run(state="reverted")
    assert (result["failed"], result["reason"], result["restored"]) == (True, "forbidden", ["Service demo/app"])
    assert "ConfigMap demo/conf (journal before): the API server answered 403" in result["msg"]
    assert JOURNAL in api.objects
    api.refusals.clear()
    assert run(state="reverted")["restored"] == ["ConfigMap demo/conf"]
    assert JOURNAL not in api.objects


def test_a_journal_that_cannot_be_kept_stops_the_run_before_the_first_write(run: Any, api: Any) -> None:
    run(conf(a="1"))
    run(state="settled")
    api.put(JOURNAL, {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {}})
    for options in ({}, {"state": "settled"}, {"state": "reverted"}):
        with pytest.raises(SalvageError, match="the Secret demo/before is not a journal; name another one"):
            run(*([] if options else [conf(a="2")]), **options)
    assert api.objects[MAP]["data"] == {"a": "1"}
    with pytest.raises(SalvageError, match="the namespace nowhere of the journal does not exist"):
        run({**conf(a="2"), "metadata": {"name": "conf", "namespace": "demo"}}, namespace="nowhere")
    assert api.objects[MAP]["data"] == {"a": "1"}


def spoiled_signature(data: dict[str, str]) -> None:
    signed = json.loads(base64.b64decode(data["signed"]))
    signed["signature"]["value"] = base64.b64encode(b"x" * 32).decode()
    data["signed"] = base64.b64encode(json.dumps(signed).encode()).decode()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data.update(objects=base64.b64encode(b"x").decode()), "it is of another place, or its content was changed"),
        (lambda data: data.update(objects="?"), "it cannot be read"),
        (lambda data: data.update(signed=""), "it cannot be read"),
        (lambda data: data.pop("objects"), "it cannot be read"),
        (spoiled_signature, "its signature does not fit its content"),
    ],
)
def test_only_a_journal_of_our_own_is_trusted(run: Any, api: Any, spoil: Any, says: str) -> None:
    run(conf(a="1"))
    spoil(api.objects[JOURNAL]["data"])
    with pytest.raises(SalvageError, match=f"the journal demo/before is not trusted, because {says}"):
        run(state="reverted")
    assert api.objects[MAP]["data"] == {"a": "1"}


def test_a_journal_is_of_its_place_its_manager_and_its_run(run: Any, api: Any) -> None:
    run(conf(a="1"), run="r1")
    with pytest.raises(SalvageError, match="is of the field manager euystacio-manifests; name another journal"):
        run(obj("ConfigMap", "more"), field_manager="other")
    assert not run(state="settled", run="r2")["changed"]
    kept = api.objects[JOURNAL]
    api.put(f"{CORE}/secrets/copied", {**kept, "metadata": {"labels": kept["metadata"]["labels"]}})
    with pytest.raises(SalvageError, match="it is of another place"):
        run(state="reverted", journal="copied")
    assert run(state="settled", run="r1", check=True)["closed"]
    assert run(state="settled", run="r1")["changed"]
    assert not run(state="settled")["changed"]


def test_a_journal_needs_its_key(run: Any, api: Any) -> None:
    run(conf(a="1"))
    api.remove(f"{CORE}/secrets/meta-salvage-proof-key")
    with pytest.raises(SalvageError, match="there is no key to check it with"):
        run(state="reverted")


def test_a_journal_that_is_too_large_is_refused(run: Any, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.journal._ROOM", 10)
    with pytest.raises(SalvageError, match="a journal holds 10; apply them in several sets"):
        run(conf(a="1"))
    assert MAP not in api.objects


@pytest.mark.parametrize("state", ["reverted", "settled"])
def test_a_way_back_needs_a_journal(run: Any, state: str) -> None:
    with pytest.raises(SalvageError, match=f"state {state} needs a journal"):
        run(state=state, journal=None)
