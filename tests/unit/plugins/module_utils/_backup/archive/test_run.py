# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive import run as perform
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import CUTS
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.directory import Directory
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from whole_backups import open_backup, with_another_end

if TYPE_CHECKING:
    from fake_past import Keys, Past

MAPS, SECRETS = "/api/v1/configmaps", "/api/v1/secrets"
Found = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]


@pytest.fixture
def store(tmp_path: Path) -> Directory:
    return Directory(str(tmp_path / "backups"), make=True)


def found(store: Directory, keys: Keys) -> Found:
    return open_backup(store, keys.sign, [keys.identity])


def test_a_backup_is_one_moment_while_others_write(past: Past, keys: Keys, store: Directory) -> None:
    past.put(MAPS, *(keys.named(f"c{n:04}", value=0) for n in range(1200)))
    past.put(SECRETS, keys.named("s", value=0))

    def writer(path: str, query: dict[str, Any]) -> None:
        if "resourceVersion" in query or "continue" in query:
            past.put(SECRETS, keys.named("s", value=1))
            past.put(MAPS, keys.named("c0000", value=1))

    past.before = writer
    record = keys.backup(past).write(store)
    opened_record, manifest, objects = found(store, keys)
    assert record["objects"] == len(objects) == len(manifest["objects"]) == 1201
    assert {item["value"] for item in objects} == {0}
    assert {item["kind"] for item in objects} == {"ConfigMap", "Secret"}
    assert record["name"] == opened_record["name"] == manifest["name"]
    assert (record["status"], record["holes"], record["outside_the_cut"]) == ("COMPLETE", {}, [])


def test_a_moment_that_is_forgotten_in_the_middle_is_taken_anew(
    past: Past, keys: Keys, store: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.put(MAPS, *(keys.named(f"c{n:04}", value="old") for n in range(600)))

    def compact(path: str, query: dict[str, Any]) -> None:
        if "continue" in query and past.oldest == 0:
            past.put(MAPS, *(keys.named(f"c{n:04}", value="new") for n in range(600)))
            past.oldest = past.version

    past.before = compact
    monkeypatch.setattr(perform, "REPORTED_EVERY", 250)
    said: list[str] = []
    record = replace(keys.backup(past), tell=lambda step: said.append(step["says"])).write(store)
    _record, _manifest, objects = found(store, keys)
    assert {item["value"] for item in objects} == {"new"}
    read = [f"{number} objects are read, at configmaps" for number in (250, 500)]
    assert said[:-1] == [read[0], "the server forgot that moment; taking another one", *read]
    assert said[-1].endswith("MB are written; reading them again")
    assert record["resource_version"] == str(past.version)
    assert [name for name, _ in store.records()] == [record["name"]]


def test_a_server_that_forgets_every_moment_is_told(past: Past, keys: Keys, store: Directory) -> None:
    def compact(path: str, query: dict[str, Any]) -> None:
        if "resourceVersion" in query:
            past.put(MAPS)
            past.oldest = past.version

    past.before = compact
    with pytest.raises(SalvageError, match=f"forgot {CUTS} moments"):
        keys.backup(past).write(store)
    assert store.files() == []


def test_a_kind_that_may_not_be_read_fails_the_backup_or_is_told_in_it(past: Past, keys: Keys, store: Directory) -> None:
    past.put(MAPS, keys.named("c"))
    past.before = lambda path, query: 403 if path == SECRETS else None
    with pytest.raises(SalvageError, match=r"FAILED, nothing was published: .* among them secrets .*403.*allow_partial"):
        keys.backup(past).write(store)
    assert store.files() == []
    record = keys.backup(past, allow_partial=True).write(store)
    assert record["status"] == "PARTIAL"
    assert list(record["holes"]) == ["secrets"]
    assert found(store, keys)[1]["holes"] == record["holes"]


def test_a_server_of_another_store_is_outside_the_cut_and_one_that_fails_is_a_hole(past: Past, keys: Keys, store: Directory) -> None:
    past.define("/apis/other.io/v1", "others", "Other")
    path = "/apis/other.io/v1/others"
    past.put(path, keys.named("o"))

    def backup(before: Any) -> dict[str, Any]:
        past.before = before
        return keys.backup(past, allow_partial=True).write(store)

    refused = backup(lambda at, query: 400 if at == path and "resourceVersion" in query else None)
    assert (refused["outside_the_cut"], refused["holes"], refused["objects"]) == (["others.other.io"], {}, 1)
    for lasting in (504, 503, 429):
        failed = backup(lambda at, query, lasting=lasting: lasting if at == path and "resourceVersion" in query else None)
        assert failed["outside_the_cut"] == []
        assert str(lasting) in failed["holes"]["others.other.io"]
    times: list[str] = []
    passing = backup(lambda at, query: 504 if at == path and "resourceVersion" in query and not times and not times.append(at) else None)
    assert (passing["outside_the_cut"], passing["holes"], passing["objects"]) == ([], {}, 1)


def test_an_answer_at_another_version_is_outside_the_cut(past: Past, keys: Keys, store: Directory) -> None:
    past.define("/apis/other.io/v1", "others", "Other")
    past.put("/apis/other.io/v1/others", keys.named("o"))
    whole = past._answer
    past._answer = lambda path, query: whole(  # type: ignore[method-assign]
        path, {key: value for key, value in query.items() if "other.io" not in path or not key.startswith("resourceVersion")}
    )
    past.before = lambda path, query: past.put(MAPS) if "resourceVersion" in query else None
    record = keys.backup(past).write(store)
    assert (record["outside_the_cut"], record["status"], record["objects"]) == (["others.other.io"], "COMPLETE", 1)


def test_an_api_that_does_not_answer_is_a_hole(past: Past, keys: Keys, store: Directory) -> None:
    past.define("/apis/broken.io/v1", "widgets", "Widget")
    past.before = lambda path, query: 503 if path == "/apis/broken.io/v1" else None
    assert list(keys.backup(past, allow_partial=True).write(store)["holes"]) == ["broken.io/v1"]
    assert keys.backup(past, Selection("secrets")).write(store)["status"] == "COMPLETE"


@pytest.mark.parametrize("item", [None, 1, {}, {"metadata": None}, {"metadata": {"name": None}}])
def test_an_api_that_gives_something_without_a_name_is_a_hole(past: Past, keys: Keys, store: Directory, item: Any) -> None:
    past.define("/apis/other.io/v1", "others", "Other")
    past.put("/apis/other.io/v1/others", keys.named("o"), item)
    past.put(MAPS, keys.named("c"))
    with pytest.raises(SalvageError, match=r"FAILED, nothing was published: .* others\.other\.io"):
        keys.backup(past).write(store)
    record = keys.backup(past, allow_partial=True).write(store)
    assert record["status"] == "PARTIAL" and list(record["holes"]) == ["others.other.io"]
    assert [one["metadata"]["name"] for one in found(store, keys)[2] if one["kind"] == "ConfigMap"] == ["c"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": "x"},
        {"annotations": {"a": 1}},
        {"finalizers": "f"},
        {"namespace": 5},
        {"ownerReferences": ["x"]},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]},
    ],
)
def test_an_api_with_metadata_that_no_restore_can_read_is_a_hole(past: Past, keys: Keys, store: Directory, metadata: Any) -> None:
    past.define("/apis/other.io/v1", "others", "Other")
    past.put("/apis/other.io/v1/others", {"metadata": {"name": "x", **metadata}})
    record = keys.backup(past, allow_partial=True).write(store)
    assert record["holes"] == {"others.other.io": "the metadata of x is not that of a Kubernetes object"}


def test_a_kind_that_was_defined_during_the_backup_is_a_hole(past: Past, keys: Keys, store: Directory) -> None:
    root = "/apis/apiextensions.k8s.io/v1"
    past.define(root, "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
    status = {"conditions": [{"type": "Established", "status": "True"}]}
    past.put(f"{root}/customresourcedefinitions", {"metadata": {"name": "widgets.new.io"}, "spec": {"group": "new.io"}, "status": status})
    assert list(keys.backup(past, allow_partial=True).write(store)["holes"]) == ["widgets.new.io"]
    past.define("/apis/new.io/v1", "widgets", "Widget")
    assert keys.backup(past).write(store)["holes"] == {}


def test_large_objects_come_in_smaller_pages(past: Past, keys: Keys, store: Directory) -> None:
    past.put(MAPS, *(keys.named(f"c{n}") for n in range(20)))
    too_large = SalvageError("it is larger than 16 MiB", reason="too_large")
    past.before = lambda path, query: too_large if path == MAPS and query.get("limit", 0) > 8 else None
    assert keys.backup(past).write(store)["objects"] == 20


def test_only_the_namespaces_that_are_asked_for(past: Past, keys: Keys, store: Directory) -> None:
    past.put("/api/v1/namespaces", {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}})
    past.put("/api/v1/namespaces/a/configmaps", keys.named("c"))
    past.put("/api/v1/namespaces/b/configmaps", keys.named("c", "b"))
    keys.backup(past, Selection(namespaces=("a",))).write(store)
    assert [entry[1:4] for entry in found(store, keys)[1]["objects"]] == [["ConfigMap", "a", "c"], ["Namespace", "", "a"]]
    assert not any("/namespaces/b" in path for path, _query in past.asked)


def test_what_is_being_deleted_is_marked(past: Past, keys: Keys, store: Directory) -> None:
    past.put(MAPS, {"metadata": {"name": "c", "namespace": "a", "deletionTimestamp": "2026-11-24T19:00:00Z"}})
    keys.backup(past).write(store)
    assert found(store, keys)[1]["objects"][0][5] is True


def test_a_rehearsal_reads_all_and_writes_nothing(past: Past, keys: Keys) -> None:
    past.put(MAPS, keys.named("c"))
    assert keys.backup(past).rehearse()["objects"] == 1
    past.before = lambda path, query: 403 if path == SECRETS else None
    with pytest.raises(SalvageError, match="FAILED"):
        keys.backup(past).rehearse()


def test_a_disk_that_gives_other_bytes_back_publishes_nothing(
    past: Past, keys: Keys, store: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.put(MAPS, keys.named("c"))
    honest = store.open_file

    def lying(file: str) -> Any:
        path = Path(store.where) / file
        path.write_bytes(with_another_end(path.read_bytes()))
        return honest(file)

    monkeypatch.setattr(store, "open_file", lying)
    with pytest.raises(SalvageError):
        keys.backup(past).write(store)
    assert store.files() == []
