# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores into a cluster in memory: what is refused, what is not tried, and what a killed one remembers."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.journal import Journal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.outcome import Outcome
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.plan import Choice
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.restore import MANAGER, Restore, Wish
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import apply
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.api import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http, Response

Object = dict[str, Any]
KINDS = {
    "/api/v1": [("configmaps", "ConfigMap"), ("secrets", "Secret"), ("services", "Service"), ("namespaces", "Namespace")],
    "/apis/batch/v1": [("cronjobs", "CronJob")],
    "/apis/admissionregistration.k8s.io/v1": [("validatingwebhookconfigurations", "ValidatingWebhookConfiguration")],
    "/apis/discovery.k8s.io/v1": [("endpointslices", "EndpointSlice")],
}
WIDE = {"namespaces", "validatingwebhookconfigurations"}


class Present(Http):
    """An API server that knows the present; ``refuse`` says what it answers to a write instead of doing it."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.writes: list[tuple[str, str]] = []
        self.refuse: Callable[[str], tuple[int, Object] | SalvageError | None] = lambda path: None

    def put(self, path: str, **content: Any) -> Object:
        name = path.rpartition("/")[2]
        space = {"namespace": path.split("/namespaces/")[1].partition("/")[0]} if "/namespaces/" in path and path.count("/") > 4 else {}
        uid = (self.objects.get(path) or {"metadata": {"uid": f"u{len(self.objects)}"}})["metadata"]["uid"]
        metadata = {"name": name, **space, **content.pop("metadata", {}), "uid": uid, "resourceVersion": "1"}
        self.objects[path] = {"metadata": metadata, **content}
        return self.objects[path]

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        path, query = url.removeprefix("https://here"), dict(kwargs.get("query") or {})
        if method == "GET":
            return self._answer(*self._read(path))
        refused = self.refuse(path)
        if isinstance(refused, SalvageError):
            raise refused
        if refused:
            return self._answer(*refused)
        body = json.loads(kwargs.get("body") or b"{}")
        if "dryRun" not in query:
            self.writes.append((method, path))
        if method == "DELETE":
            return self._answer(200, self.objects.pop(path))
        made = copy.deepcopy(body)
        managers = {"managedFields": [{"manager": query.get("fieldManager")}]}
        if "dryRun" in query:
            return self._answer(200, made)
        return self._answer(200, self.put(path, **{**made, "metadata": {**made["metadata"], **managers}}))

    def stream(self, method: str, url: str, **kwargs: Any) -> Iterator[bytes]:
        time.sleep(0.01)
        yield from ()

    def _answer(self, status: int, body: Object) -> Response:
        return Response(status, {"content-type": "application/json"}, json.dumps(body).encode(), 0.0)

    def _read(self, path: str) -> tuple[int, Object]:
        if path == "/api":
            return 200, {"versions": ["v1"]}
        if path == "/apis":
            return 200, {"groups": [{"name": root.split("/")[2], "versions": [{"version": "v1"}]} for root in KINDS if root != "/api/v1"]}
        if path in KINDS:
            return 200, {"resources": [{"name": n, "kind": k, "namespaced": n not in WIDE, "verbs": ["list"]} for n, k in KINDS[path]]}
        if path in self.objects:
            return 200, self.objects[path]
        if any(path.endswith(f"/{name}") for kinds in KINDS.values() for name, _kind in kinds):
            items = [obj for key, obj in self.objects.items() if key.rpartition("/")[0] == path]
            return 200, {"metadata": {"resourceVersion": "1"}, "items": items}
        return 404, {"kind": "Status", "message": "not found"}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Present:
    monkeypatch.setattr(apply.time, "sleep", lambda seconds: None)
    return Present()


@pytest.fixture
def restore(there: Present, tmp_path: Path) -> Callable[..., Outcome]:
    def run(*objects: Object, dry_run: bool = False, back_up: Callable[[Any], str] | None = None, **wish: Any) -> Outcome:
        manifest = {"name": "backup-1", "objects": objects}
        asked = Wish(**{"wait_timeout": 0.05, **wish})
        journal = Journal(str(tmp_path / "journal"), {"wish": asked.task()})
        return Restore(Cluster("https://here", there), (manifest, objects), asked, journal, back_up).run(dry_run=dry_run)

    return run


def make(kind: str, name: str = "x", namespace: str = "a", version: str = "v1", **content: Any) -> Object:
    metadata = {"name": name, "uid": f"{kind}{name}", **({"namespace": namespace} if namespace else {}), **content.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


SPACE = make("Namespace", "a", "")
PATH = "/api/v1/namespaces/a/configmaps/x"


def test_it_is_there_and_a_second_run_writes_nothing(there: Present, restore: Callable[..., Outcome], tmp_path: Path) -> None:
    objects = SPACE, make("ConfigMap", data={"k": "v"})
    first = restore(*objects)
    assert (first.status, first.changed, first.report["counts"]["created"]) == ("PASS", True, 2)
    assert there.objects[PATH]["data"] == {"k": "v"}
    assert not (tmp_path / "journal").exists()
    there.writes.clear()
    again = restore(*objects)
    assert (again.status, again.changed, there.writes) == ("PASS", False, [])


def test_a_plan_writes_nothing(there: Present, restore: Callable[..., Outcome], tmp_path: Path) -> None:
    planned = restore(SPACE, make("ConfigMap"), make("Widget", version="e.org/v1"), dry_run=True)
    assert planned.changed and not there.writes and not (tmp_path / "journal").exists()
    assert {row["object"]: row["why"] for row in planned.report["not_proven"]} == {
        "ConfigMap a/x": "its namespace comes with this restore; only its form was checked",
        "Widget.e.org a/x": "its kind comes with this restore",
    }


def test_what_is_in_use_is_backed_up_first_or_left_alone(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.put("/api/v1/namespaces/a/configmaps/kube-root-ca.crt")
    assert restore(make("ConfigMap", "first")).report["safety_backup"] is None  # nothing but the cluster's own was there
    with pytest.raises(SalvageError, match="namespace a, which is in use; give recipients and signing_key") as caught:
        restore(make("ConfigMap", "second"))
    assert caught.value.reason == "bad_input"
    assert len(there.writes) == 1
    asked: list[Any] = []
    found = restore(make("ConfigMap", "second"), back_up=lambda spaces: asked.append(spaces) or "backup-0")
    assert (found.report["safety_backup"], asked) == ("backup-0", [["a"]])
    assert restore(make("ConfigMap", "third"), backup_first=False).status == "PASS"


def test_a_killed_run_is_known_by_its_journal(there: Present, restore: Callable[..., Outcome], tmp_path: Path) -> None:
    cron = make("CronJob", version="batch/v1", spec={"schedule": "* * * * *", "suspend": False})
    there.refuse = lambda path: (_ for _ in ()).throw(KeyboardInterrupt) if path.endswith("configmaps/z") and there.writes[1:] else None
    objects = SPACE, cron, make("ConfigMap", "y"), make("ConfigMap", "z")
    with pytest.raises(KeyboardInterrupt):
        restore(*objects, workers=1)
    assert (tmp_path / "journal").exists()
    # It had got as far as this, and somebody else has changed what was never ours.
    path = "/apis/batch/v1/namespaces/a/cronjobs/x"
    there.put(path, spec={"schedule": "* * * * *", "suspend": True}, metadata={"managedFields": [{"manager": MANAGER}]})
    there.refuse = lambda path: None
    found = restore(*objects)
    assert (found.status, found.report["resumed"]) == ("PASS", True)
    assert there.objects[path]["spec"]["suspend"] is False
    assert not (tmp_path / "journal").exists()


def test_a_journal_of_another_restore_is_not_taken_for_this_ones(restore: Callable[..., Outcome], tmp_path: Path) -> None:
    Journal(str(tmp_path / "journal"), {"another": 1}).begin([], None)
    with pytest.raises(SalvageError, match="of another restore"):
        restore(SPACE)
    (tmp_path / "journal").write_text("{")
    with pytest.raises(SalvageError, match="can't be read"):
        restore(SPACE)


def test_a_conflict_names_the_field_and_who_owns_it(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.put(PATH, data={"k": "theirs"})
    causes = [{"field": ".data.k", "message": 'conflict with "kubectl"'}]
    there.refuse = lambda path: (409, {"kind": "Status", "details": {"causes": causes}})
    found = restore(make("ConfigMap", data={"k": "v"}), existing="update", backup_first=False)
    assert found.status == "FAIL"
    assert found.report["failed"][0]["fields"] == ['.data.k (conflict with "kubectl")']
    assert "set force" in found.first


def test_of_a_secret_the_servers_words_are_not_passed_on(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.refuse = lambda path: (422, {"kind": "Status", "message": 'Invalid value: "aHVzaA=="'})
    found = restore(make("Secret", data={"k": "aHVzaA=="}), backup_first=False)
    assert found.status == "FAIL" and "aHVzaA" not in json.dumps(found.report) and "422" in found.first


def test_a_server_that_is_gone_is_not_asked_again_and_again(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    asked: list[str] = []
    there.refuse = lambda path: asked.append(path) or SalvageError("it is unreachable", reason="unreachable")  # type: ignore[func-returns-value]
    found = restore(*(make("ConfigMap", f"c{n}") for n in range(50)), workers=1, backup_first=False)
    assert found.report["counts"]["failed"] == 50
    assert len(set(asked)) == 1
    assert "it was not tried" in found.report["failed"][-1]["reason"]


def test_a_webhook_without_its_service_is_not_written(there: Present, restore: Callable[..., Outcome]) -> None:
    hook = {"name": "h", "failurePolicy": "Fail", "clientConfig": {"service": {"namespace": "a", "name": "web"}}}
    obj = make("ValidatingWebhookConfiguration", namespace="", version="admissionregistration.k8s.io/v1", webhooks=[hook])
    refused = restore(obj)
    assert refused.status == "FAIL" and "no ready endpoint" in refused.first and not there.writes
    there.put(
        "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices/web-1",
        metadata={"labels": {"kubernetes.io/service-name": "web"}}, endpoints=[{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
    )  # fmt: skip
    assert restore(obj).status == "PASS"


def test_what_can_not_be_is_each_one_sentence(there: Present, restore: Callable[..., Outcome], tmp_path: Path) -> None:
    nowhere = restore(make("ConfigMap", namespace="b"))
    assert "its namespace is not there and does not come with the restore" in nowhere.first
    assert not there.writes and not (tmp_path / "journal").exists()
    unknown = restore(SPACE, make("Widget", version="e.org/v1"))
    assert unknown.report["counts"]["created"] == 1 and "the cluster has no such kind" in unknown.first
    (tmp_path / "journal").unlink()  # a part was written, so it would go on
    there.put("/api/v1/namespaces/c", metadata={"deletionTimestamp": "2026-11-24T00:00:00Z"})
    ending = restore(make("Namespace", "c", ""), make("ConfigMap", namespace="c"), selection=Choice(namespaces=frozenset({"c"})))
    assert ending.report["counts"]["failed"] == 2 and "still being deleted" in ending.first


def test_what_the_server_makes_of_it_is_looked_at(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    whole = there.put

    def forgetful(path: str, **content: Any) -> Object:
        return whole(path, **{**content, "data": {}} if "configmaps" in path else content)

    there.put = forgetful  # type: ignore[method-assign]
    found = restore(make("ConfigMap", data={"k": "v"}), backup_first=False)
    assert (found.status, found.changed) == ("FAIL", True)
    assert "not as the backup says" in found.first and found.report["failed"][0]["fields"] == [".data.k"]
