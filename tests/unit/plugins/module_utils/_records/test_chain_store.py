# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records import chain_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records.chain_configmaps import ConfigMapChains
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records.chain_store import (
    FolderChains,
    Keys,
    Stored,
    check_stored,
    grow,
)

PATH = "/api/v1/namespaces/a/configmaps"


def content(text: str) -> dict[str, Any]:
    return {"at": "2026-11-25T12:00:00Z", "by": "x", "kind": "note", "data": {"text": text}}


def add(store: Any, text: str, head: Path, run: str = "run", **how: Any) -> chain_store.Grown:
    return grow(store, "one", lambda _found: [content(text)], Keys(), head, run, **how)


@pytest.fixture(params=["folder", "cluster"])
def store(request: pytest.FixtureRequest, api: Any, tmp_path: Path) -> Any:
    return FolderChains(tmp_path / "chains") if request.param == "folder" else ConfigMapChains(api, "a", "thing")


@pytest.fixture
def head(tmp_path: Path) -> Path:
    return tmp_path / "heads/one.json"


def test_a_record_follows_the_one_before_and_the_same_call_adds_it_once(store: Any, head: Path) -> None:
    assert (store.names(), store.load("one").entries) == ([], ())
    assert add(store, "a", head, dry_run=True).head.count == 0
    assert store.names() == []
    first = add(store, "a", head)
    assert (first.new, first.head.count, store.names()) == (1, 1, ["one"])
    assert add(store, "a", head).head == first.head
    second = add(store, "a", head, run="another")
    assert (second.new, second.records[1].record["previous"]) == (1, first.head.digest)


def test_who_is_slower_writes_nothing(store: Any, head: Path) -> None:
    before = store.load("one")
    add(store, "a", head)
    assert store.append("one", before, [("000001.json", b"{}"), ("000002.json", b"{}")]) == 0
    stale = store.load("one")
    add(store, "b", head, run="another")
    assert store.append("one", stale, [("000002.json", b"{}")]) == 0
    assert [item.problem for item in check_stored("one", store.load("one"), Keys())] == ["", ""]


def test_a_chain_that_never_rests_is_given_up(store: Any, head: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_store, "_PATIENCE", 0.05)
    monkeypatch.setattr(type(store), "append", lambda *_args: 0)
    with pytest.raises(SalvageError, match="keeps changing"):
        add(store, "a", head)


def test_a_record_that_is_too_large_is_refused(store: Any, head: Path) -> None:
    with pytest.raises(SalvageError, match="is too large, at most 65536 are kept"):
        add(store, "x" * 70_000, head)
    assert store.names() == []


@pytest.mark.parametrize("change", [{"at": "yesterday"}, {"by": None}, {"kind": 7}, {"data": []}])
def test_a_record_without_what_each_has_is_found(store: Any, head: Path, change: dict[str, Any]) -> None:
    grow(store, "one", lambda _found: [{**content("a"), **change}], Keys(), head, "run")
    (found,) = check_stored("one", store.load("one"), Keys())
    assert found.problem == "it does not have what a record of this chain has"


def test_the_record_of_another_chain_is_found(head: Path, tmp_path: Path) -> None:
    store = FolderChains(tmp_path / "chains")
    add(store, "a", head)
    stored = store.load("one")
    assert check_stored("two", stored, Keys())[0].problem == "its number does not fit its place"
    assert check_stored("one", Stored((("000001.json", b"\xff"),)), Keys())[0].problem == "it is not a record of this chain"


def test_a_head_that_is_longer_than_the_chain_stops_everything(store: Any, head: Path) -> None:
    for text in "abc":
        add(store, text, head, run=text)
    longer = head.read_bytes()
    head.unlink()
    other = FolderChains(head.parent / "other")
    add(other, "a", head)
    assert add(other, "a", head).head.count == 1
    head.write_bytes(longer)
    with pytest.raises(SalvageError, match="there are 1 records and there were 3"):
        add(other, "b", head, run="b")
    assert head.read_bytes() == longer


def test_a_place_that_is_none(tmp_path: Path, head: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SalvageError, match="can't be written"):
        add(FolderChains(tmp_path / "file"), "a", head)
    with pytest.raises(SalvageError, match="the head of the records can't be"):
        add(FolderChains(tmp_path / "chains"), "a", tmp_path / "file/head.json")
    assert FolderChains(tmp_path / "chains").names() == []


def test_a_refusal_of_the_cluster_is_said(api: Any, head: Path) -> None:
    store = ConfigMapChains(api, "a", "thing")
    add(store, "a", head)
    api.stumble = lambda method, path: "403" if method == "PATCH" else None
    with pytest.raises(SalvageError) as failure:
        add(store, "b", head, run="b")
    assert failure.value.reason == "forbidden"
