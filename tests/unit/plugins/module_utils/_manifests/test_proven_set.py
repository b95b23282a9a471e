# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that is not in use is taken back, and the message says whether it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.before import Before
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.model import Item, Manifest, ObjectId
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.proven_set import ProvenSet

CORE = "/api/v1/namespaces/demo"
MAP, JOURNAL = f"{CORE}/configmaps/conf", f"{CORE}/secrets/journal"
CONF = Manifest({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"a": "1"}}, "conf.yml")


class FilesThatFail:
    """Something beside the manifests that is written, and then can't be put back."""

    def __init__(self) -> None:
        self.state = Before("v1", ObjectId("", "Secret", "demo", "beside"))

    def _item(self) -> Item:
        return Item(self.state.id, CONF, CONF.obj, 0, None, action="changed")

    def before(self) -> Before:
        return self.state

    def write(self, *, dry_run: bool) -> Item:
        item = self._item()
        item.written = not dry_run
        return item

    def has(self, state: Before) -> bool:
        return state.id == self.state.id

    def read(self, _state: Before) -> Item:
        return self._item()

    def put_back(self, _item: Item, _state: Before) -> list[str]:
        raise SalvageError("the API server is away", reason="unreachable")


@pytest.fixture
def change(api: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ProvenSet]:
    monkeypatch.setattr(retry.time, "sleep", lambda _seconds: None)
    api.owners = True
    api.objects["/api/v1"] = {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True, "verbs": ["list"]}]}
    api.put(CORE, {"apiVersion": "v1", "kind": "Namespace"})
    api.controller = lambda path: api.objects[path]["metadata"].setdefault("creationTimestamp", "2026-11-24T13:00:00Z")

    def made(**more: Any) -> ProvenSet:
        cluster = Cluster(api.server, api.http)
        return ProvenSet(cluster, "demo", "us", "journal", "run", "The reader", lambda _rows: [], lambda _rows: [], **more)

    return made


def not_used(_items: Sequence[Item]) -> list[str]:
    return ["it does not show a"]


def test_what_is_not_used_is_taken_back(change: Callable[..., ProvenSet], api: Any) -> None:
    mine = change()
    items, _result = mine.apply([CONF])
    with pytest.raises(SalvageError, match="it was taken back, and The reader has what was before: it does not show a"):
        mine.settle(items, not_used)
    assert MAP not in api.objects and JOURNAL not in api.objects


def test_a_journal_that_somebody_deleted_is_not_a_way_back(change: Callable[..., ProvenSet], api: Any) -> None:
    mine = change()
    items, _result = mine.apply([CONF])
    api.remove(JOURNAL)
    with pytest.raises(SalvageError, match=r"could not be taken back \(its journal was not found\): it does not show a"):
        mine.settle(items, not_used)
    assert MAP in api.objects


def test_a_way_back_that_breaks_off_hides_neither_its_reason_nor_the_first_one(change: Callable[..., ProvenSet], api: Any) -> None:
    def broken(_rows: Any) -> list[str]:
        raise SalvageError("the connection was reset", reason="unreachable")

    mine = change()
    mine.prove_back = broken
    items, _result = mine.apply([CONF])
    with pytest.raises(SalvageError, match=r"could not be taken back \(the connection was reset\): it does not show a"):
        mine.settle(items, not_used)
    assert JOURNAL in api.objects  # the next run tries again


def test_what_is_beside_the_set_and_stays_keeps_the_journal_open(change: Callable[..., ProvenSet], api: Any) -> None:
    mine = change(beside=FilesThatFail())
    items, _result = mine.apply([CONF])
    with pytest.raises(SalvageError, match=r"could not be taken back \(.*demo/beside: the API server is away\): it does not show a"):
        mine.settle(items, not_used)
    assert MAP not in api.objects and JOURNAL in api.objects


def test_an_open_journal_of_the_same_run_is_its_own_only_where_tasks_share_one(change: Callable[..., ProvenSet]) -> None:
    change().apply([CONF])
    assert not change(spans_tasks=True).revert_left_over()
    assert change().revert_left_over()
