# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores into a cluster in memory: what is refused, what is not tried, and what a killed one remembers."""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.progress import Tell, silent
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore import live
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.journal import RestoreJournal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.live import Live
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.outcome import Outcome
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.restore import Restore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.settings import RestoreSettings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.writes import MANAGER

Object = dict[str, Any]
KINDS = {
    "/api/v1": [
        ("configmaps", "ConfigMap"),
        ("secrets", "Secret"),
        ("services", "Service"),
        ("namespaces", "Namespace"),
        ("persistentvolumes", "PersistentVolume"),
    ],
    "/apis/apps/v1": [("deployments", "Deployment")],
    "/apis/apiextensions.k8s.io/v1": [("customresourcedefinitions", "CustomResourceDefinition")],
    "/apis/batch/v1": [("cronjobs", "CronJob")],
    "/apis/admissionregistration.k8s.io/v1": [("validatingwebhookconfigurations", "ValidatingWebhookConfiguration")],
    "/apis/discovery.k8s.io/v1": [("endpointslices", "EndpointSlice")],
}
WIDE = {"apiservices", "storageclasses", "namespaces", "persistentvolumes", "customresourcedefinitions", "validatingwebhookconfigurations"}


class Present(Http):
    """An API server that knows the present.

    ``refuse`` says what it answers to a write instead of doing it, ``look`` the same of a read; what is in ``twins`` it can't apply.
    ``controller`` does what a controller does after a write.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.writes: list[tuple[str, str]] = []
        self.reads: list[str] = []
        self.sent: list[tuple[str, Object, Object]] = []  # how, the query, the body
        self.kinds = {root: list(kinds) for root, kinds in KINDS.items()}
        self.twins: set[str] = set()
        self.read_only: set[str] = set()  # names of kinds
        self.refuse: Callable[[str], tuple[int, Object] | SalvageError | None] = lambda path: None
        self.look: Callable[[str], tuple[int, Object] | None] = lambda path: None
        self.controller: Callable[[str], None] = lambda path: None

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
            self.reads.append(path)
            return self._answer(*(self.look(path) or self._read(path, query)))
        body = json.loads(kwargs.get("body") or b"{}")
        refused = self.refuse(path)
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            refused = refused or (self.refuse(path) if path not in self.objects else None)
        if isinstance(refused, SalvageError):
            raise refused
        if refused:
            return self._answer(*refused)
        if method == "POST" and path in self.objects:
            return self._answer(409, {"kind": "Status", "reason": "AlreadyExists", "message": "already exists"})
        how = "DELETE" if method == "DELETE" else kwargs["headers"]["Content-Type"].partition("/")[2] if method == "PATCH" else method
        if how == "apply-patch+yaml" and path in self.twins:
            return self._answer(500, {"kind": "Status", "message": "failed to create typed patch object: duplicate entries"})
        self.sent.append((how, query, body))
        if "dryRun" not in query:
            self.writes.append((method, path))
        if method == "DELETE":
            return self._answer(200, self.objects.pop(path))
        made = copy.deepcopy(body)
        managers = {
            "managedFields": [{"manager": query.get("fieldManager"), "operation": "Apply" if how == "apply-patch+yaml" else "Update"}]
        }
        if how == "json-patch+json":  # of its managers
            made = {**self.objects[path], "metadata": {**self.objects[path]["metadata"], "managedFields": body[1]["value"]}}
            managers = {}
        if how == "merge-patch+json":
            made = _merged(self.objects[path], body)
        if "dryRun" in query:
            return self._answer(200, made)
        stored = self.put(path, **{**made, "metadata": {**made["metadata"], **managers}})
        self.controller(path)
        return self._answer(200, stored)

    def stream(self, method: str, url: str, **kwargs: Any) -> Iterator[bytes]:
        threading.Event().wait(0.01)
        yield from ()

    def _answer(self, status: int, body: Object) -> Response:
        return Response(status, {"content-type": "application/json"}, json.dumps(body).encode(), 0.0)

    def _read(self, path: str, query: Object) -> tuple[int, Object]:
        if path == "/api":
            return 200, {"versions": ["v1"]}
        if path == "/apis":
            roots = [root.split("/")[2:] for root in self.kinds if root != "/api/v1"]
            return 200, {"groups": [{"name": group, "versions": [{"version": version}]} for group, version in roots]}
        if path in self.kinds:
            found = self.kinds[path]
            verbs = ["create", "get", "list", "patch"]
            rows = [{"name": n, "kind": k, "namespaced": n not in WIDE, "verbs": verbs} for n, k in found]
            return 200, {"resources": [{**row, "verbs": ["get", "list"]} if row["name"] in self.read_only else row for row in rows]}
        if path in self.objects:
            return 200, self.objects[path]
        if any(path.endswith(f"/{name}") for kinds in self.kinds.values() for name, _kind in kinds):
            root, _slash, plural = path.rpartition("/")
            everywhere = re.compile(f"{re.escape(root)}(/namespaces/[^/]+)?/{plural}/[^/]+")
            items = [obj for key, obj in self.objects.items() if everywhere.fullmatch(key)]
            name = str(query.get("fieldSelector", "")).removeprefix("metadata.name=")
            return 200, {"metadata": {"resourceVersion": "1"}, "items": [obj for obj in items if name in {"", obj["metadata"]["name"]}]}
        return 404, {"kind": "Status", "message": "not found"}


def _merged(before: Object, patch: Object) -> Object:
    after = {key: value for key, value in before.items() if patch.get(key, value) is not None}
    for key, value in patch.items():
        if isinstance(value, dict):
            after[key] = _merged(before.get(key) or {}, value)
        elif value is not None:
            after[key] = value
    return after


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Present:
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: None)
    return Present()


@pytest.fixture
def restore(there: Present, tmp_path: Path) -> Callable[..., Outcome]:
    def run(
        *objects: Object, dry_run: bool = False, back_up: Callable[[Any], str] | None = None, tell: Tell = silent, **wish: Any
    ) -> Outcome:
        manifest = {"name": "backup-1", "objects": objects}
        asked = RestoreSettings(**{"wait_timeout": 0.05, **wish})
        journal = RestoreJournal(str(tmp_path / "journal"), {"wish": asked.task()})
        return Restore(Cluster("https://here", there), (manifest, objects), asked, journal, back_up, tell).run(dry_run=dry_run)

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
    RestoreJournal(str(tmp_path / "journal"), {"another": 1}).begin([], None)
    with pytest.raises(SalvageError, match="of another restore"):
        restore(SPACE)
    (tmp_path / "journal").write_text("{")
    with pytest.raises(SalvageError, match="can't be read"):
        restore(SPACE)


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("namespace", [True, False])
def test_a_version_that_is_not_served_is_named(there: Present, restore: Callable[..., Outcome], *, dry_run: bool, namespace: bool) -> None:
    if namespace:
        there.put("/api/v1/namespaces/a")
    there.refuse = lambda path: (404, {"kind": "Status", "message": "404 page not found"}) if "v1beta1" in path else None
    found = restore(*([] if namespace else [SPACE]), make("Deployment", version="apps/v1beta1"), dry_run=dry_run, backup_first=False)
    assert found.status == "FAIL"
    assert found.first == "Deployment.apps a/x: the cluster serves Deployment as apps/v1, and not as apps/v1beta1, which the backup has"


def test_a_conflict_names_the_field_and_who_owns_it(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.put(PATH, data={"k": "theirs"})
    causes = [{"reason": "FieldManagerConflict", "field": ".data.k", "message": 'conflict with "kubectl"'}]
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
    causes = [{"field": "data[k]", "message": 'Invalid value: "aHVzaA==": must be no more than 253 characters'}]
    there.refuse = lambda path: (422, {"kind": "Status", "message": 'Invalid value: "aHVzaA=="', "details": {"causes": causes}})
    found = restore(make("Secret", data={"k": "aHVzaA=="}), backup_first=False)
    assert found.first == "Secret a/x: data[k] is not valid" and "aHVzaA" not in json.dumps(found.report)


def test_a_server_that_is_gone_is_not_asked_again_and_again(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    asked: list[str] = []
    there.refuse = lambda path: asked.append(path) or SalvageError("it is unreachable", reason="unreachable")  # type: ignore[func-returns-value]
    found = restore(*(make("ConfigMap", f"c{n}") for n in range(50)), workers=1, backup_first=False)
    assert found.report["counts"]["failed"] == 50
    assert set(asked) == {"/api/v1/namespaces/a/configmaps", "/api/v1/namespaces/a/configmaps/c0"}
    assert "it was not tried" in found.report["failed"][-1]["reason"]


@pytest.mark.parametrize("policies", [0, 1])
def test_an_isolated_copy_reads_what_surrounds_it(there: Present, restore: Callable[..., Outcome], policies: int) -> None:
    there.kinds["/apis/storage.k8s.io/v1"] = [("storageclasses", "StorageClass")]
    there.kinds["/apis/networking.k8s.io/v1"] = [("networkpolicies", "NetworkPolicy")]
    there.put("/apis/storage.k8s.io/v1/storageclasses/fast", provisioner="p")
    for number in range(policies):
        there.put(
            f"/apis/networking.k8s.io/v1/namespaces/copy/networkpolicies/{number}", spec={"podSelector": {}, "policyTypes": ["Egress"]}
        )
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in ("fast", "static")]
    claims = [make("PersistentVolumeClaim", name, spec={"storageClassName": name}) for name in ("fast", "static")]
    there.kinds["/api/v1"].append(("persistentvolumeclaims", "PersistentVolumeClaim"))
    deployment = make("Deployment", version="apps/v1", spec={"template": {"spec": {"volumes": volumes, "containers": []}}})
    choice = Choice(mapping={"a": "copy"}, isolated=True)
    found = restore(SPACE, *claims, deployment, selection=choice, wait=False)
    assert found.status == "PASS", found.report
    made = there.objects["/apis/apps/v1/namespaces/copy/deployments/x"]["spec"]["template"]["spec"]["volumes"]
    assert made == [volumes[0], {"name": "static", "emptyDir": {}}]
    assert "/api/v1/namespaces/copy/persistentvolumeclaims/static" not in there.objects
    notes = [note for note in found.report["notes"] if "NetworkPolicy" in note]
    assert notes == ([] if policies else ["no NetworkPolicy in copy limits what the pods of the copy connect to; create one first"])
    assert {row["field"] for row in found.report["stripped"]} == {".spec.template.spec.volumes[static].persistentVolumeClaim"}


def test_an_object_of_an_aggregated_api_waits_until_the_api_is_there(there: Present, restore: Callable[..., Outcome]) -> None:
    there.kinds["/apis/apiregistration.k8s.io/v1"] = [("apiservices", "APIService")]
    there.put(
        "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices/web-1",
        metadata={"labels": {"kubernetes.io/service-name": "web"}}, endpoints=[{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
    )  # fmt: skip

    def served(path: str) -> None:
        if path.endswith("/apiservices/v1.e.org"):
            there.kinds["/apis/e.org/v1"] = [("notes", "Note")]

    there.controller = served
    spec = {"group": "e.org", "version": "v1", "service": {"namespace": "a", "name": "web"}}
    api = make("APIService", "v1.e.org", namespace="", version="apiregistration.k8s.io/v1", spec=spec)
    found = restore(SPACE, make("Note", version="e.org/v1"), api, wait=False)
    assert found.status == "PASS", found.report
    assert [path.rpartition("/")[2] for _method, path in there.writes][-2:] == ["v1.e.org", "x"]


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


def test_what_can_not_be_read_is_not_written_and_keeps_nothing_else(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.look = lambda path: (403, {"kind": "Status", "message": "not yours"}) if "/secrets" in path else None
    found = restore(make("ConfigMap"), make("Secret"), backup_first=False)
    assert found.report["counts"]["created"] == 1 and there.writes == [("POST", PATH)]
    assert "it can't be read" in found.first and "not yours" in found.first


def test_what_is_being_deleted_is_waited_for(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.put(PATH, metadata={"deletionTimestamp": "2026-11-24T00:00:00Z"})
    waiting = restore(make("ConfigMap"), backup_first=False)
    assert waiting.status == "FAIL" and "still being deleted after 0.05 s" in waiting.first and not there.writes
    planned = restore(make("ConfigMap"), dry_run=True)
    assert planned.report["not_proven"] == [{"object": "ConfigMap a/x", "why": "what is there has to go first"}]
    there.look = lambda path: there.objects.pop(PATH, None) and None if path == PATH.rpartition("/")[0] else None
    assert restore(make("ConfigMap", data={"k": "v"}), backup_first=False).report["counts"]["created"] == 1
    assert there.objects[PATH]["data"] == {"k": "v"}


def test_a_plan_says_that_a_namespace_is_being_deleted(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a", metadata={"deletionTimestamp": "2026-11-24T00:00:00Z"})
    planned = restore(SPACE, make("ConfigMap"), dry_run=True)
    assert planned.status == "PASS" and not there.writes
    assert "namespace a is being deleted; a restore would wait until it is gone" in planned.report["notes"]


def test_a_released_volume_is_freed_for_its_claim_and_nothing_else_of_it_is_touched(
    there: Present, restore: Callable[..., Outcome]
) -> None:
    path = "/api/v1/persistentvolumes/x"
    claim = {"namespace": "a", "name": "data", "uid": "c1", "resourceVersion": "7"}
    spec = {"capacity": {"storage": "1Gi"}, "claimRef": claim}
    there.put(path, spec=spec, status={"phase": "Released"})
    volume = make("PersistentVolume", namespace="", spec=spec)
    assert restore(volume, dry_run=True).report["not_proven"][0]["why"] == "what is there has to go first"
    asked: list[Any] = []
    found = restore(volume, back_up=lambda spaces: asked.append(spaces) or "backup-0")
    assert (found.status, found.report["counts"]["updated"], asked) == ("PASS", 1, [[]])  # it is cluster-wide, so all is backed up first
    assert there.sent[-1][0] == "merge-patch+json" and there.sent[-1][2]["metadata"] == {"resourceVersion": "1"}
    assert there.objects[path]["spec"] == {"capacity": {"storage": "1Gi"}, "claimRef": {"namespace": "a", "name": "data"}}


def test_an_object_is_made_anew_only_if_it_is_still_the_one_that_was_seen(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    seen = there.put(PATH, data={"k": "theirs"})
    wish = {"existing": "recreate", "backup_first": False}
    planned = restore(make("ConfigMap", data={"k": "v"}), dry_run=True, **wish)
    assert planned.changed and not planned.report["not_proven"] and not there.writes
    there.refuse = lambda path: (409, {"kind": "Status", "message": "the UID in the precondition does not match"}) if path == PATH else None
    refused = restore(make("ConfigMap", data={"k": "v"}), **wish)
    assert "precondition" in refused.first and there.objects[PATH]["data"] == {"k": "theirs"}
    there.refuse = lambda path: None
    found = restore(make("ConfigMap", data={"k": "v"}), **wish)
    assert (found.status, found.report["counts"]["recreated"]) == ("PASS", 1)
    deletion = next(sent for sent in there.sent if sent[0] == "DELETE")
    assert deletion == ("DELETE", {}, {"preconditions": {"uid": seen["metadata"]["uid"]}, "propagationPolicy": "Orphan"})
    assert there.objects[PATH]["data"] == {"k": "v"}


@pytest.mark.parametrize("dry_run", [True, False])
def test_nothing_is_deleted_that_could_not_be_made_again(there: Present, restore: Callable[..., Outcome], dry_run: bool) -> None:
    there.put("/api/v1/namespaces/a")
    there.put(PATH, data={"k": "theirs"})
    there.refuse = lambda path: (403, {"kind": "Status", "message": "the quota is used up"}) if not path.endswith("/x") else None
    found = restore(make("ConfigMap", data={"k": "v"}), existing="recreate", backup_first=False, dry_run=dry_run)
    assert found.status == "FAIL" and "the quota is used up" in found.first
    assert not there.writes and there.objects[PATH]["data"] == {"k": "theirs"}
    # The API server looks at the name last, so a name that is taken proves the rest.
    there.refuse = lambda path: (409, {"kind": "Status", "reason": "AlreadyExists"}) if not path.endswith("/x") else None
    assert restore(make("ConfigMap", data={"k": "v"}), existing="recreate", backup_first=False, dry_run=dry_run).status == "PASS"


def test_an_update_is_of_the_very_object_that_was_compared(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    uid = there.put(PATH, data={"k": "theirs"})["metadata"]["uid"]
    restore(make("ConfigMap", data={"k": "v"}), make("ConfigMap", "y"), existing="update", backup_first=False)
    assert {sent[2]["metadata"]["name"]: sent[2]["metadata"].get("uid") for sent in there.sent} == {"x": uid, "y": None}


def test_what_came_a_moment_ago_is_asked_for_again(there: Present, restore: Callable[..., Outcome]) -> None:
    late = ["once", "twice"]
    there.refuse = lambda path: (
        (404, {"kind": "Status", "message": "namespaces a not found"}) if path == PATH and late and late.pop() else None
    )
    assert restore(SPACE, make("ConfigMap"), wait_timeout=5.0).status == "PASS"


def test_what_has_gone_by_itself_is_no_failure_of_the_deletion(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.put(PATH, data={"k": "theirs"})
    there.refuse = lambda path: (404, {"kind": "Status"}) if path == PATH and there.objects.pop(PATH, None) else None
    found = restore(make("ConfigMap", data={"k": "v"}), existing="recreate", backup_first=False)
    assert found.status == "PASS" and there.writes == [("PATCH", PATH)]


def test_force_takes_over_the_fields_and_takes_away_what_the_backup_has_not(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.put(PATH, data={"k": "theirs", "extra": "1"})
    found = restore(make("ConfigMap", data={"k": "v"}), existing="update", force=True, backup_first=False)
    assert (found.status, found.report["counts"]["updated"]) == ("PASS", 1)
    (how, _query, taken), (_apply, query, _body) = there.sent
    assert (how, taken) == ("merge-patch+json", {"data": {"extra": None}, "metadata": {"resourceVersion": "1"}})
    assert (query["force"], query["fieldManager"]) == ("true", MANAGER)


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_changes_is_shown_and_no_secret_with_it(there: Present, restore: Callable[..., Outcome], dry_run: bool) -> None:
    there.put("/api/v1/namespaces/a")
    there.put(PATH, data={"k": "old"})
    there.put("/api/v1/namespaces/a/secrets/x", data={"k": "b2xk", "same": "c2FtZQ=="})
    objects = (
        make("ConfigMap", data={"k": "v"}),
        make("Secret", data={"k": "bmV3", "same": "c2FtZQ=="}),
        make("ConfigMap", "y", data={"k": "y"}),
    )
    found = restore(*objects, dry_run=dry_run, show=True, existing="update", backup_first=False)
    shown = {row["before_header"]: (row["before"].get("data"), row["after"]["data"]) for row in found.diff}
    assert shown == {
        "ConfigMap a/x (update)": ({"k": "(hidden)"}, {"k": "(hidden, changed)"}),
        "ConfigMap a/y (create)": (None, {"k": "(hidden)"}),
        "Secret a/x (update)": ({"k": "(hidden)", "same": "(hidden)"}, {"k": "(hidden, changed)", "same": "(hidden)"}),
    }
    assert bool(there.writes) is not dry_run


@pytest.mark.parametrize(("is_there", "how"), [(False, "POST"), (True, "merge-patch+json")])
def test_lists_with_twins_are_written_in_another_way(there: Present, restore: Callable[..., Outcome], is_there: bool, how: str) -> None:
    twins = {"template": {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}}
    path = "/apis/apps/v1/namespaces/a/deployments/x"
    there.put("/api/v1/namespaces/a")
    there.twins.add(path)
    if is_there:
        there.put(path, spec={})
    found = restore(make("Deployment", version="apps/v1", spec=twins), existing="update", backup_first=False, wait=False)
    assert found.status == "PASS"
    assert [sent[0] for sent in there.sent] == [how]
    assert there.objects[path]["spec"] == twins


def test_twins_that_were_written_by_an_answer_that_was_lost_are_no_conflict(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.twins.add(PATH)

    def lost(path: str) -> tuple[int, Object] | None:
        if path.endswith("/configmaps") and PATH not in there.objects:
            there.put(PATH, data={"k": "v"})
            return 409, {"kind": "Status", "message": "already exists"}
        return None

    there.refuse = lost
    assert restore(make("ConfigMap", data={"k": "v"}), backup_first=False).status == "PASS"


def test_a_plan_says_what_the_server_would_refuse(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.refuse = lambda path: (422, {"kind": "Status", "message": "data: too long"}) if path == PATH else None
    planned = restore(make("ConfigMap"), dry_run=True)
    assert (planned.status, planned.changed) == ("FAIL", False) and "too long" in planned.first


@pytest.mark.parametrize(("status", "result"), [(403, "PASS"), (422, "FAIL")])
def test_of_what_comes_with_its_namespace_only_the_form_counts(
    there: Present, restore: Callable[..., Outcome], status: int, result: str
) -> None:
    there.refuse = lambda path: (status, {"kind": "Status", "message": "no"}) if path == "/api/v1/namespaces/default/configmaps" else None
    assert restore(SPACE, make("ConfigMap"), dry_run=True).status == result


def test_what_has_gone_again_is_not_called_restored(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.controller = lambda path: there.objects.pop(path, None) and None
    gone = restore(make("ConfigMap"), backup_first=False)
    assert (gone.status, gone.changed) == ("FAIL", True) and "it was written, and is not there any more" in gone.first


def test_what_can_not_be_read_again_is_not_called_restored(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.look = lambda path: (403, {"kind": "Status"}) if there.writes and path == PATH else None
    found = restore(make("ConfigMap"), backup_first=False)
    assert found.status == "FAIL" and "it can't be read" in found.first


def owned(name: str, by: str) -> Object:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": by, "uid": f"ConfigMap{by}"}
    return make("ConfigMap", name, metadata={"ownerReferences": [owner]})


def test_what_had_an_owner_that_is_in_the_cluster_is_linked_to_it(there: Present, restore: Callable[..., Outcome]) -> None:
    wide = {"apiVersion": "v1", "kind": "PersistentVolume", "name": "boss"}
    there.put("/api/v1/persistentvolumes/boss")
    uid = there.objects["/api/v1/persistentvolumes/boss"]["metadata"]["uid"]
    objects = [make("ConfigMap", name, metadata={"ownerReferences": [{**wide, "uid": of}]}) for name, of in (("x", uid), ("y", "another"))]
    found = restore(SPACE, *objects)
    assert found.status == "PASS"
    assert there.objects[PATH]["metadata"]["ownerReferences"] == [{**wide, "uid": uid}]
    assert "ownerReferences" not in there.objects[PATH.replace("/x", "/y")]["metadata"]
    assert found.report["notes"] == ["ConfigMap a/y is restored without its owner PersistentVolume/boss, which is not there"]


@pytest.mark.parametrize("kind", ["Pod", "ConfigMap"])
def test_a_live_owner_gets_no_second_set_of_what_it_makes(there: Present, restore: Callable[..., Outcome], kind: str) -> None:
    there.put("/api/v1/namespaces/a")
    there.kinds["/api/v1"].append(("pods", "Pod"))
    there.kinds["/apis/e.org/v1"] = [("widgets", "Widget")]
    boss = there.put("/apis/e.org/v1/namespaces/a/widgets/boss")["metadata"]["uid"]
    owner = {"apiVersion": "e.org/v1", "kind": "Widget", "name": "boss", "uid": boss, "controller": True}
    found = restore(make(kind, metadata={"ownerReferences": [owner]}), backup_first=False)
    path = f"/api/v1/namespaces/a/{kind.lower()}s/x"
    assert found.status == "PASS" and (path in there.objects) is (kind == "ConfigMap")
    if kind == "Pod":
        assert found.report["skipped"] == [{"reason": "its owner (Widget) makes it", "count": 1, "objects": ["Pod a/x"]}]
        found = restore(make(kind, metadata={"ownerReferences": [{**owner, "uid": "before"}]}), backup_first=False, wait=False)
        assert "ownerReferences" not in there.objects[path]["metadata"]
        assert "Pod a/x is restored without its owner Widget/boss, which is not there" in found.report["notes"]
    else:
        assert there.objects[path]["metadata"]["ownerReferences"][0]["uid"] == boss


@pytest.mark.parametrize("kind", ["Pod", "ConfigMap"])
def test_an_owner_that_can_not_be_read_is_not_called_absent(there: Present, restore: Callable[..., Outcome], kind: str) -> None:
    there.put("/api/v1/namespaces/a")
    there.kinds["/api/v1"].append(("pods", "Pod"))
    there.kinds["/apis/e.org/v1"] = [("widgets", "Widget")]
    there.look = lambda path: (403, {"kind": "Status"}) if path.endswith("/widgets/boss") else None
    owner = {"apiVersion": "e.org/v1", "kind": "Widget", "name": "boss", "uid": "u", "controller": True}
    found = restore(make(kind, metadata={"ownerReferences": [owner]}), SPACE, backup_first=False)
    assert (found.status, found.report["notes"]) == ("PARTIAL", [])
    assert [one.partition(" is unknown")[0] for one in found.report["unknown"]] == [
        "whether Widget/boss is there, which owns objects of a,"
    ]
    assert (f"/api/v1/namespaces/a/{kind.lower()}s/x" in there.objects) is (kind == "ConfigMap")


@pytest.mark.parametrize("dry_run", [True, False])
def test_many_without_their_owner_are_one_note_and_the_plan_says_so_too(restore: Callable[..., Outcome], *, dry_run: bool) -> None:
    found = restore(SPACE, *(owned(f"c{number:02}", "nobody") for number in range(12)), owned("x", "c00"), dry_run=dry_run)
    names = ", ".join(f"ConfigMap a/c{number:02}" for number in range(10))
    assert found.report["notes"] == [f"{names} and 2 more are restored without their owner ConfigMap/nobody, which is not there"]


def test_what_had_an_owner_is_linked_to_it_under_its_new_uid(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    objects = make("ConfigMap", "boss"), owned("x", "boss"), owned("y", "nobody")
    assert restore(*objects, dry_run=True).report["finished"] == 0
    found = restore(*objects, backup_first=False)
    assert (found.status, found.report["finished"]) == ("PASS", 1)
    assert "ConfigMap a/y is restored without its owner ConfigMap/nobody, which is not there" in found.report["notes"]
    linked = there.objects[PATH]["metadata"]["ownerReferences"]
    assert [owner["uid"] for owner in linked] == [there.objects[PATH.replace("/x", "/boss")]["metadata"]["uid"]]
    assert not restore(*objects, backup_first=False).changed
    # Somebody has taken the link away: a plan tells it, and does not write it.
    del there.objects[PATH]["metadata"]["ownerReferences"]
    there.writes.clear()
    planned = restore(*objects, dry_run=True)
    assert (planned.changed, planned.report["finished"], there.writes) == (True, 1, [])


@pytest.mark.parametrize(
    ("happens", "said"),
    [("refused", "says no"), ("undone", "it was finished, and is not as the backup says"), ("gone", "is not there any more")],
)
def test_a_cron_job_that_is_not_resumed_is_told(there: Present, restore: Callable[..., Outcome], happens: str, said: str) -> None:
    path = "/apis/batch/v1/namespaces/a/cronjobs/x"
    there.put("/api/v1/namespaces/a")

    def controller(at: str) -> None:
        if len(there.writes) > 1 and happens == "undone":
            there.objects[at]["spec"]["suspend"] = True
        elif len(there.writes) > 1 and happens == "gone":
            del there.objects[at]

    there.controller = controller
    there.refuse = lambda at: (422, {"kind": "Status", "message": "says no"}) if there.writes and happens == "refused" else None
    cron = make("CronJob", version="batch/v1", spec={"schedule": "* * * * *", "suspend": False})
    found = restore(cron, backup_first=False)
    assert found.status == "FAIL" and said in found.first
    assert there.sent[0][2]["spec"]["suspend"] is True and there.sent[-1][2]["metadata"]["name"] == "x"
    assert happens == "gone" or there.objects[path]["spec"]["suspend"] is True


def test_a_workload_has_to_serve_within_its_time(there: Present, restore: Callable[..., Outcome]) -> None:
    path = "/apis/apps/v1/namespaces/a/deployments/x"
    there.put("/api/v1/namespaces/a")
    deployment = make("Deployment", version="apps/v1", spec={"replicas": 2})
    found = restore(deployment, backup_first=False)
    assert (found.status, found.changed) == ("FAIL", True)
    assert "it is there, and after 0.05 s 0 of 2 replicas are available" in found.first

    def gone(at: str) -> None:
        if at == path.rpartition("/")[0]:
            there.objects.pop(path, None)

    there.look = gone
    assert "it is gone" in restore(deployment, backup_first=False).first
    there.look = lambda at: None
    there.controller = lambda at: there.objects[at].update(status={"availableReplicas": 2})
    assert restore(deployment, backup_first=False).status == "PASS"


WIDGETS = make(
    "CustomResourceDefinition", "widgets.e.org", "", "apiextensions.k8s.io/v1",
    spec={"group": "e.org", "names": {"kind": "Widget", "plural": "widgets"}},
)  # fmt: skip


@pytest.mark.parametrize(
    ("is_established", "is_served", "said"),
    [
        (True, True, ""),
        (True, False, "the restore has not brought its definition"),
        (False, False, "the API server has not established it"),
    ],
)
def test_custom_resources_come_once_their_kind_is_served(
    there: Present, restore: Callable[..., Outcome], is_established: bool, is_served: bool, said: str
) -> None:
    there.put("/api/v1/namespaces/a")

    def controller(path: str) -> None:
        if "customresourcedefinitions" in path and is_established:
            there.objects[path]["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        if is_served:
            there.kinds["/apis/e.org/v1"] = [("widgets", "Widget")]

    there.controller = controller
    found = restore(WIDGETS, make("Widget", version="e.org/v1", spec={"size": 1}), backup_first=False)
    assert (found.status == "PASS") is is_served
    assert said in found.first
    assert ("/apis/e.org/v1/namespaces/a/widgets/x" in there.objects) is is_served


def test_a_definition_that_is_refused_is_not_waited_for(there: Present, restore: Callable[..., Outcome]) -> None:
    there.refuse = lambda path: (422, {"kind": "Status", "message": "no such form"})
    found = restore(WIDGETS, wait_timeout=60.0)
    assert found.status == "FAIL" and "no such form" in found.first


def test_many_objects_in_many_namespaces_are_read_in_one_list(there: Present, restore: Callable[..., Outcome]) -> None:
    objects = [make("ConfigMap", f"c{n}", f"s{n % 5}", data={"k": "v"}) for n in range(10)]
    for n in range(5):
        there.put(f"/api/v1/namespaces/s{n}")
    there.put("/api/v1/namespaces/s0/configmaps/c0", data={"k": "v"})
    planned = restore(*objects, dry_run=True)
    assert (planned.report["counts"]["unchanged"], planned.report["counts"]["created"]) == (1, 9)
    assert [path for path in there.reads if "configmaps" in path] == ["/api/v1/configmaps"]


def test_a_node_port_that_another_service_has_is_not_asked_for(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.put("/api/v1/namespaces/b/services/theirs", spec={"ports": [{"port": 80, "nodePort": 30001}]})
    spec = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}, {"port": 81, "nodePort": 30002}]}
    assert restore(make("Service", spec=spec), backup_first=False).status == "PASS"
    written = there.objects["/api/v1/namespaces/a/services/x"]["spec"]["ports"]
    assert written == [{"port": 80}, {"port": 81, "nodePort": 30002}]


CRDS = "customresourcedefinitions.apiextensions.k8s.io"
WIDGET_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.e.org"


@pytest.mark.parametrize(
    ("wish", "updated"),
    [
        ({}, False),
        ({"confirmed_kinds": frozenset({"configmaps", "a", "persistentvolumes"})}, False),
        ({"confirmed_kinds": frozenset({CRDS})}, True),
        ({"confirmed_kinds": frozenset({"*"})}, True),
        ({"selection": Choice()}, True),  # the whole backup is asked for
        ({"selection": Choice(namespaces=frozenset("a"), cluster_scoped=True)}, True),
    ],
)
@pytest.mark.parametrize("existing", ["update", "recreate"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_all_namespaces_use_is_changed_only_with_a_consent_of_its_own(
    there: Present, restore: Callable[..., Outcome], wish: dict[str, Any], updated: bool, existing: str, dry_run: bool
) -> None:
    there.kinds["/apis/e.org/v1"] = [("widgets", "Widget")]
    there.put("/api/v1/namespaces/a")
    newer = {**WIDGETS["spec"], "scope": "Cluster"}
    there.put(WIDGET_PATH, spec=newer, status={"conditions": [{"type": "Established", "status": "True"}]})
    there.put(PATH, data={"k": "newer"})
    asked = {"selection": Choice(namespaces=frozenset("a")), "existing": existing, "backup_first": False, **wish}
    objects = {**WIDGETS, "spec": {**newer, "scope": "Namespaced"}}, make("Widget", version="e.org/v1"), make("ConfigMap", data={"k": "v"})
    outcome = restore(*objects, dry_run=dry_run, **asked)
    wrote = any(path == WIDGET_PATH for _method, path in there.writes)
    assert wrote is (updated and not dry_run)
    assert [one["name"] for one in outcome.report["kept"]] == ([] if updated else ["widgets.e.org"])
    if not dry_run:
        assert there.objects[PATH]["data"] == {"k": "v"}  # what is in the namespace is updated


def test_the_plan_names_every_object_that_grants_rights(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.kinds["/apis/rbac.authorization.k8s.io/v1"] = [("rolebindings", "RoleBinding")]
    binding = {"roleRef": {"name": "admin"}, "subjects": [{"kind": "User", "name": "eve"}]}
    many = [make("RoleBinding", f"b{n:03}", version="rbac.authorization.k8s.io/v1", **binding) for n in range(300)]
    plan = restore(*many, make("ConfigMap", data={}), dry_run=True).report["powers"]
    assert len(plan) == 300  # none is cut
    assert plan[0] == {"object": "RoleBinding.rbac.authorization.k8s.io a/b000", "action": "create", "why": "grants admin to User eve"}
    restore(*many, backup_first=False)
    assert restore(*many, backup_first=False).report["powers"] == []  # nothing is written


def test_a_name_with_signs_of_a_selector_is_waited_for(there: Present, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Asked:
        def __init__(self, _cluster: Cluster, lists: dict[str, tuple[str, dict[str, Any]]]) -> None:
            asked.extend(query for _path, query in lists.values())

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_error: object) -> None:
            pass

        def wait(self, *_how: object) -> bool:
            return True

    monkeypatch.setattr(live, "Watch", Asked)
    monkeypatch.setattr(Live, "discover", lambda self: None)
    Live(Cluster("https://there", there), 1).wait_gone("/api/v1/namespaces/a/configmaps", "cn=ops,ou=a\\b", 0.0)
    assert asked == [{"fieldSelector": r"metadata.name=cn\=ops\,ou\=a\\b"}]


def test_a_kind_that_can_only_be_read_is_skipped(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.kinds["/apis/agg.e.org/v1"] = [("profiles", "Profile")]
    there.read_only.add("profiles")
    found = restore(make("ConfigMap"), make("Profile", version="agg.e.org/v1"), backup_first=False)
    assert (found.status, found.report["counts"]["skipped"]) == ("PASS", 1)
    assert found.report["skipped"][0]["reason"] == "its API lets nobody create it"


def test_a_kind_that_turns_out_to_be_only_for_reading_is_skipped_too(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.read_only.add("widgets")

    def controller(path: str) -> None:
        there.objects[path]["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        there.kinds["/apis/e.org/v1"] = [("widgets", "Widget")]

    there.controller = controller
    found = restore(WIDGETS, make("Widget", version="e.org/v1"), make("Widget", "y", version="e.org/v1"), backup_first=False)
    assert (found.status, found.report["counts"]["skipped"], found.report["counts"]["created"]) == ("PASS", 2, 1)


@pytest.mark.parametrize(
    ("labels", "inside", "status"),
    [({"kubernetes.io/metadata.name": "a"}, False, "PASS"), ({"team": "theirs"}, False, "PARTIAL"), ({}, True, "PARTIAL")],
)
def test_a_namespace_that_was_just_created_gets_its_labels(
    there: Present, restore: Callable[..., Outcome], labels: dict[str, str], inside: bool, status: str
) -> None:
    """As a rebuild creates them first; one that somebody has labelled, or that is in use, is theirs."""
    there.put("/api/v1/namespaces/a", metadata={"labels": labels})
    if inside:
        there.put("/api/v1/namespaces/a/configmaps/other")
    wanted = {"pod-security.kubernetes.io/enforce": "restricted"}
    found = restore(make("Namespace", "a", "", metadata={"labels": wanted, "annotations": {"n": "1"}}), backup_first=False)
    assert (found.status, found.report["counts"]["kept"]) == (status, int(status == "PARTIAL"))
    assert (there.objects["/api/v1/namespaces/a"]["metadata"]["labels"] == wanted) is (status == "PASS")


def test_what_was_refused_is_not_counted_as_written(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.refuse = lambda path: (422, {"kind": "Status", "message": "no"}) if path.endswith(("0", "1")) else None
    said: list[str] = []
    restore(*(make("ConfigMap", f"c{n}") for n in range(3)), backup_first=False, tell=lambda row: said.append(row["says"]))
    assert "configuration: 1 of 3 written, 2 refused" in said


def test_the_services_of_webhooks_are_waited_for_together(there: Present, restore: Callable[..., Outcome]) -> None:
    def hook(name: str) -> Object:
        one = {"name": "h", "failurePolicy": "Ignore", "clientConfig": {"service": {"namespace": "a", "name": name}}}
        return make("ValidatingWebhookConfiguration", name, "", "admissionregistration.k8s.io/v1", webhooks=[one])

    said: list[str] = []
    began = time.monotonic()
    found = restore(*(hook(f"w{n}") for n in range(5)), wait_timeout=0.2, tell=lambda row: said.append(row["says"]))
    assert time.monotonic() - began < 0.6
    assert found.report["counts"]["failed"] == 5
    assert {row["reason"] for row in found.report["failed"]} == {
        f"its Service a/w{n} has no ready endpoint, so it would only refuse" for n in range(5)
    }
    assert "webhooks and aggregated APIs: waiting until 5 Services have a ready endpoint, 0.2 s at most" in said


CONVERTED = {
    "group": "e.org", "names": {"kind": "Widget", "plural": "widgets"},
    "versions": [{"name": "v1"}, {"name": "v2", "storage": True}],
    "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"service": {"namespace": "a", "name": "convert"}}}},
}  # fmt: skip


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_a_webhook_has_to_convert_waits_for_its_service(there: Present, restore: Callable[..., Outcome], version: str) -> None:
    there.put("/api/v1/namespaces/a")

    def controller(path: str) -> None:
        if "customresourcedefinitions" in path:
            there.objects[path]["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
            there.kinds[f"/apis/e.org/{version}"] = [("widgets", "Widget")]

    there.controller = controller
    definition = {**WIDGETS, "spec": CONVERTED}
    found = restore(definition, make("Widget", version=f"e.org/{version}"), backup_first=False)
    stored = version == "v2"  # nothing is converted
    assert (found.status == "PASS") is stored
    assert stored or found.first == "Widget.e.org a/x: the Service a/convert, which converts it, has no ready endpoint"


def test_a_paused_deployment_gets_its_pods_and_is_paused_again(there: Present, restore: Callable[..., Outcome]) -> None:
    path = "/apis/apps/v1/namespaces/a/deployments/x"
    there.put("/api/v1/namespaces/a")

    def controller(at: str) -> None:
        if at == path and not there.objects[at]["spec"].get("paused"):
            there.objects[at]["status"] = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
        elif at == path:
            there.objects[at]["status"] = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2} if there.writes[1:] else {}

    there.controller = controller
    deployment = make(
        "Deployment", version="apps/v1", spec={"replicas": 2, "paused": True}, status={"replicas": 2, "updatedReplicas": 2},
    )  # fmt: skip
    found = restore(deployment, backup_first=False)
    assert found.status == "PASS", found.report["failed"]
    assert there.objects[path]["spec"]["paused"] is True
    assert [sent[2]["spec"].get("paused") for sent in there.sent] == [None, True]
    assert not restore(deployment, backup_first=False).changed


def test_a_paused_deployment_whose_template_did_not_run_yet_stays_paused(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    spec = {"replicas": 2, "paused": True}
    deployment = make("Deployment", version="apps/v1", spec=spec, status={"replicas": 2, "updatedReplicas": 0})
    found = restore(deployment, backup_first=False)
    assert "paused, as it was in the backup" in found.first
    assert [sent[2]["spec"].get("paused") for sent in there.sent] == [True]


def test_what_did_not_serve_in_the_backup_either_is_told(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    found = restore(make("Deployment", version="apps/v1", spec={"replicas": 1}, status={"replicas": 1}), backup_first=False)
    assert found.first.endswith("0 of 1 replicas are available; it was not ready in the backup either")


def test_a_time_limit_of_the_whole_ends_each_wait(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    began = time.monotonic()
    found = restore(make("Deployment", version="apps/v1", spec={"replicas": 1}), backup_first=False, wait_timeout=60.0, time_limit=0.2)
    assert time.monotonic() - began < 2
    assert found.first.startswith("Deployment.apps a/x: it is there, and after 0.2 s")


def test_a_restore_that_does_not_wait_says_so(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    found = restore(make("Deployment", version="apps/v1", spec={"replicas": 1}), backup_first=False, wait=False)
    assert "whether 1 workload serves is not known, since wait is false" in found.report["notes"]


def test_claims_have_one_note_together(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.kinds["/api/v1"].append(("persistentvolumeclaims", "PersistentVolumeClaim"))
    notes = restore(*(make("PersistentVolumeClaim", f"c{n:02}", spec={}) for n in range(12)), dry_run=True).report["notes"]
    assert notes == [
        "what was stored in the volumes of 12 claims is not in the backup: "
        + ", ".join(f"a/c{n:02}" for n in range(10)) + " and 2 more"
    ]  # fmt: skip


def test_what_could_not_be_found_out_is_no_pass(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    there.look = lambda path: (403, {"kind": "Status", "message": "not yours"}) if path == "/api/v1/persistentvolumes" else None
    volume = make("PersistentVolume", "disk", namespace="", spec={"capacity": {"storage": "1Gi"}})
    found = restore(volume, backup_first=False, selection=Choice(cluster_scoped=True))
    assert found.status == "PARTIAL"
    assert found.report["unknown"][0].startswith("whether volumes of the cluster still hold the data of a claim is unknown")
    assert restore(make("ConfigMap"), backup_first=False).status == "PASS"


def test_a_plan_of_a_creation_sends_the_bytes_that_the_write_sends(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    sent: list[tuple[str, str, bytes]] = []
    real = there.request

    def request(method: str, url: str, **kwargs: Any) -> Response:
        if method != "GET":
            query = {name: value for name, value in kwargs["query"].items() if name != "dryRun"}
            sent.append((method, f"{url}?{sorted(query.items())}", kwargs["body"]))
        return real(method, url, **kwargs)

    there.request = request  # type: ignore[method-assign]
    emoji = make("ConfigMap", data={"k": "\U0001f600 \x7f"})
    restore(emoji, dry_run=True)
    planned = sent.copy()
    sent.clear()
    restore(emoji)
    assert sent == planned and planned[0][0] == "POST"


@pytest.mark.parametrize("answer", [SalvageError("the connection broke off", reason="http_error"), (500, {"message": "no"}), (409, {})])
def test_a_creation_with_an_answer_that_says_nothing_is_finished_by_an_apply(
    there: Present, restore: Callable[..., Outcome], answer: Any
) -> None:
    there.put("/api/v1/namespaces/a")

    def lost(path: str) -> Any:
        if not path.endswith("/configmaps"):
            return None
        there.put(PATH, data={"k": "v"})  # the creation went through all the same
        return answer

    there.refuse = lost
    found = restore(make("ConfigMap", data={"k": "v"}), backup_first=False)
    assert (found.status, found.report["counts"]["created"]) == ("PASS", 1) and there.writes == [("PATCH", PATH)]


@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_a_creation_that_is_refused_is_not_asked_for_twice(there: Present, restore: Callable[..., Outcome], status: int) -> None:
    there.put("/api/v1/namespaces/a")
    asked: list[str] = []
    there.refuse = lambda path: asked.append(path) or (status, {"kind": "Status", "message": "not here"})  # type: ignore[func-returns-value]
    found = restore(make("ConfigMap", data={"k": "v"}), backup_first=False)
    assert found.status == "FAIL" and "not here" in found.first and asked == ["/api/v1/namespaces/a/configmaps"]


def test_what_a_creation_made_ours_is_changed_as_what_an_apply_made_ours(there: Present, restore: Callable[..., Outcome]) -> None:
    there.put("/api/v1/namespaces/a")
    restore(make("ConfigMap", data={"k": "v"}), backup_first=False)
    there.objects[PATH]["apiVersion"] = "v1"
    there.writes.clear()
    there.sent.clear()
    assert restore(make("ConfigMap", data={"k": "w"}), existing="update", backup_first=False).status == "PASS"
    assert [how for how, _query, _body in there.sent] == ["json-patch+json", "apply-patch+yaml"]
    (entry,) = there.sent[0][2][1]["value"]
    assert (entry["manager"], entry["operation"]) == ("euystacio-restore", "Apply")
    assert there.sent[0][2][0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "1"}


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_claim_that_would_wait_for_ever_is_no_pass(there: Present, restore: Callable[..., Outcome], *, dry_run: bool) -> None:
    there.kinds["/api/v1"].append(("persistentvolumeclaims", "PersistentVolumeClaim"))
    there.kinds["/apis/storage.k8s.io/v1"] = [("storageclasses", "StorageClass")]
    there.put("/api/v1/namespaces/a")
    there.put("/apis/storage.k8s.io/v1/storageclasses/fast")
    claims = [make("PersistentVolumeClaim", name, spec={"storageClassName": name}) for name in ("fast", "gone")]
    static = make("PersistentVolumeClaim", "static", spec={"volumeName": "disk"})
    found = restore(*claims, static, backup_first=False, dry_run=dry_run)
    assert {row["name"]: row["reason"] for row in found.report["failed"]} == {
        "gone": "it waits for the storage class gone, which is neither restored nor in the cluster",
        "static": "it waits for the volume disk, which is neither restored nor in the cluster",
    }


def test_a_claim_that_waited_in_the_backup_already_is_as_it_was(there: Present, restore: Callable[..., Outcome]) -> None:
    there.kinds["/api/v1"].append(("persistentvolumeclaims", "PersistentVolumeClaim"))
    claim = make("PersistentVolumeClaim", spec={"storageClassName": "gone"}, status={"phase": "Pending"})
    found = restore(SPACE, claim)
    says = "it waits for the storage class gone, which is neither restored nor in the cluster; it had no volume in the backup either"
    assert found.status == "PASS" and f"PersistentVolumeClaim a/x: {says}" in found.report["notes"]


def test_claims_of_which_the_storage_can_not_be_read_are_unknown(there: Present, restore: Callable[..., Outcome]) -> None:
    there.kinds["/api/v1"].append(("persistentvolumeclaims", "PersistentVolumeClaim"))
    there.look = lambda path: (403, {"kind": "Status", "message": "no"}) if path.endswith("/persistentvolumes") else None
    found = restore(SPACE, make("PersistentVolumeClaim", spec={"storageClassName": "fast"}))
    assert found.status == "PARTIAL" and "whether 1 claim gets its volume is unknown" in found.report["unknown"][0]
