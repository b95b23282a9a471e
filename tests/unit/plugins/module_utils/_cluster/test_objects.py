# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import objects, retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError

MAPS = "/api/v1/namespaces/a/configmaps"
CONF = f"{MAPS}/conf"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: None)


def stumbling(*faults: str | None) -> Any:
    left = list(faults)
    return lambda method, path: left.pop(0) if left else None


def test_update_tells_before_and_after(api: Any) -> None:
    api.put(CONF, {"data": {"a": "1"}})
    change = objects.update(api, CONF, lambda obj: {"data": {"a": "2"}})
    assert change.changed
    assert change.before is not None
    assert change.before["data"] == {"a": "1"}
    assert change.after["data"] == api.objects[CONF]["data"] == {"a": "2"}


def test_nothing_to_change_is_not_written(api: Any) -> None:
    api.put(CONF, {"data": {"a": "1"}})
    assert not objects.update(api, CONF, lambda obj: None).changed
    assert not api.writes


def test_a_dry_run_leaves_the_object(api: Any) -> None:
    api.put(CONF, {"data": {"a": "1"}})
    assert objects.update(api, CONF, lambda obj: {"data": {"a": "2"}}, dry_run=True).after["data"] == {"a": "2"}
    assert api.objects[CONF]["data"] == {"a": "1"}


@pytest.mark.parametrize("patch", [{"data": {"b": "1"}}, [{"op": "replace", "path": "/data/b", "value": "1"}]])
def test_a_race_is_decided_anew(api: Any, patch: Any) -> None:
    api.put(CONF, {"data": {"a": "1", "b": "0"}})
    seen = []

    def decide(obj: dict[str, Any]) -> Any:
        seen.append(obj["data"]["a"])
        if len(seen) == 1:
            api.put(CONF, {"data": {"a": "9", "b": "0"}})  # somebody else, between our read and our write
        return patch

    assert objects.update(api, CONF, decide).changed
    assert seen == ["1", "9"]
    assert api.objects[CONF]["data"] == {"a": "9", "b": "1"}


def test_a_race_that_never_ends_is_told(api: Any) -> None:
    api.put(CONF, {"data": {}})

    def decide(obj: dict[str, Any]) -> Any:
        api.put(CONF, {"data": {"n": obj["metadata"]["resourceVersion"]}})
        return {"data": {"b": "1"}}

    with pytest.raises(SalvageError, match="3 times in a row"):
        objects.update(api, CONF, decide, attempts=3)


@pytest.mark.parametrize("fault", ["429", "500", "503", "reset", "reset after"])
def test_stumbles_do_not_change_the_outcome(api: Any, fault: str) -> None:
    """A write that went through but whose answer was lost is seen at the second look, and not made twice."""
    api.put(CONF, {"data": {"n": "1"}})
    api.stumble = stumbling(fault, None, fault, None, None)
    change = objects.update(api, CONF, lambda obj: None if obj["data"]["n"] == "2" else {"data": {"n": "2"}})
    assert change.after["data"] == {"n": "2"}
    assert int(api.objects[CONF]["metadata"]["resourceVersion"]) == 102


def test_an_api_server_that_is_down_is_told(api: Any) -> None:
    api.stumble = lambda method, path: "503"
    with pytest.raises(SalvageError, match="answered 503: stumbled"):
        objects.read(api, CONF)


def test_a_refusal_is_not_repeated(api: Any) -> None:
    api.stumble = lambda method, path: "403"
    with pytest.raises(SalvageError) as caught:
        objects.read(api, CONF)
    assert caught.value.reason == "forbidden"
    assert len(api.requests) == 1


def test_an_invalid_json_patch_is_no_race(api: Any) -> None:
    api.put(CONF, {"data": {}})
    with pytest.raises(SalvageError) as caught:
        objects.write(api, CONF, [{"op": "test", "path": "/kind", "value": "x"}], "101")
    assert caught.value.reason == "invalid"


def test_what_is_not_there(api: Any) -> None:
    assert objects.read(api, "/api/v1/namespaces/a/pods/x-1") is None
    assert not objects.delete(api, CONF)
    with pytest.raises(SalvageError):
        objects.must_read(api, "/api/v1/namespaces/a/pods/x-1")


def test_create_and_delete_by_uid(api: Any) -> None:
    made = objects.create(api, MAPS, {"metadata": {"name": "conf"}, "data": {}})
    assert made is not None
    assert objects.create(api, MAPS, {"metadata": {"name": "conf"}, "data": {}}) is None
    assert not objects.delete(api, CONF, uid="another")
    assert objects.delete(api, CONF, uid=made["metadata"]["uid"], dry_run=True)
    assert CONF in api.objects
    assert objects.delete(api, CONF, uid=made["metadata"]["uid"])
    assert CONF not in api.objects


@pytest.mark.parametrize("patch", [{"data": {"a": "2"}}, [{"op": "replace", "path": "/data/a", "value": "2"}]])
def test_a_write_with_an_answer_that_is_lost_is_seen_as_done(api: Any, patch: Any) -> None:
    version = api.put(CONF, {"data": {"a": "1"}})["metadata"]["resourceVersion"]
    api.stumble = stumbling("reset after")
    assert objects.write(api, CONF, patch, version, done=lambda live: live["data"]["a"] == "2")["data"] == {"a": "2"}
    for done in (None, lambda live: live["data"]["a"] == "3"):
        with pytest.raises(SalvageError) as caught:
            objects.write(api, CONF, patch, version, done=done)
        assert caught.value.reason == "conflict"
    version = api.objects[CONF]["metadata"]["resourceVersion"]
    api.put(CONF, {"data": {"a": "2"}})
    with pytest.raises(SalvageError):  # a dry run makes nothing, so nothing is its own
        objects.write(api, CONF, patch, version, dry_run=True, done=lambda live: True)


def test_an_update_with_an_answer_that_is_lost_is_a_change(api: Any) -> None:
    api.put(CONF, {"data": {"a": "1"}})
    api.stumble = stumbling(None, "reset after")
    change = objects.update(api, CONF, lambda live: None if live["data"]["a"] == "2" else {"data": {"a": "2"}})
    assert change.changed and change.before is not None and change.before["data"] == {"a": "1"} and change.after["data"] == {"a": "2"}


NO_OBJECTS = [
    "[]",
    "null",
    "1",
    "{}",
    '{"metadata": null}',
    '{"metadata": {}}',
    '{"metadata": {"name": 1}}',
    '{"metadata": {"name": ""}}',
    '{"items": []}',
]


@pytest.mark.parametrize("body", NO_OBJECTS)
def test_what_is_not_an_object_is_said_in_one_sentence(api: Any, body: str) -> None:
    api.answers[CONF] = api.answers[MAPS] = lambda: (200, "application/json", body)
    for ask in (objects.read, objects.must_read, lambda cluster, path: objects.update(cluster, path, lambda obj: {"data": {}})):
        with pytest.raises(SalvageError, match="something that has no name, so it is not an object of Kubernetes") as caught:
            ask(api, CONF)
        assert caught.value.reason == "invalid"
    with pytest.raises(SalvageError, match="not an object of Kubernetes"):
        objects.create(api, MAPS, {"metadata": {"name": "conf"}})


def test_a_list_that_nobody_serves_is_empty_and_an_answer_that_is_no_list_is_not(api: Any) -> None:
    api.put(CONF, {})
    assert [one["metadata"]["name"] for one in objects.items_if_served(api, MAPS, limit=1)] == ["conf"]
    api.stumble = lambda method, path: "404"
    assert list(objects.items_if_served(api, MAPS)) == []
    api.stumble = lambda method, path: None
    api.answers[MAPS] = lambda: (200, "application/json", "{}")
    with pytest.raises(SalvageError, match="gives no list"):
        list(objects.items_if_served(api, MAPS))
