# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import Key, context_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.plan import TWICE, Choice, plan_restore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.stored import Shelf, StoredItems
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing import spool
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.spool import Spool
from hypothesis import given
from hypothesis import strategies as st
from whole_backups import restore_items

Object = dict[str, Any]
# Half surrogate pairs, too: what an archive holds comes back as it is.
TEXT = st.text(st.characters(), max_size=20) | st.just("\ud800")
JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner))


def config_map(name: str, value: str, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "a", **metadata}, "data": {"k": value}}


@given(st.lists(JSON, max_size=5))
def test_what_is_spooled_comes_back(values: list[Any]) -> None:
    kept = Spool()
    numbers = [kept.add(value) for value in values]
    assert [kept.get(number) for number in reversed(numbers)] == values[::-1]
    kept.close()


def test_nothing_of_it_reaches_the_disk_in_clear() -> None:
    kept = Spool()
    for _number in range(6):
        kept.add({"data": {"password": "hunter2" * 150_000}})
    kept._file.seek(0)
    written = kept._file.read()
    assert len(written) > 6_000_000 and b"hunter2" not in written and b"password" not in written


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = Spool()
    monkeypatch.setattr(kept._file, "write", full)
    with pytest.raises(SalvageError, match="temporary files can't be used: No space left on device; set TMPDIR to another") as caught:
        kept.add({})
    assert caught.value.reason == "too_large"


def test_stored_objects_are_planned_as_those_in_memory() -> None:
    owner = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "a", "uid": "u"},
        "spec": {"selector": {"a": "b"}},
    }
    reference = {"apiVersion": "v1", "kind": "Service", "name": "s", "uid": "u"}
    objects = [owner, config_map("x", "1", ownerReferences=[reference]), config_map("y", "2")]
    stored, held = StoredItems(objects), restore_items(objects)
    assert [(key, dict(obj)) for key, obj in stored] == held == [(key, dict(obj)) for key, obj in stored[:]]
    assert stored.context() == context_of(held)
    plans = [plan_restore(items, Choice(), context_of(held), {}) for items in (stored, held)]
    first, second = ([(step.key, step.wanted, step.owners, step.late) for step in plan.steps] for plan in plans)
    assert first == second and len(first) == 3


def test_of_two_objects_with_one_name_the_later_is_restored_and_both_are_counted() -> None:
    objects = [config_map("x", "early"), config_map("y", "other"), config_map("x", "late")]
    found = plan_restore(StoredItems(objects), Choice(), context_of([]), {})
    assert [step.wanted["data"]["k"] for step in found.steps] == ["late", "other"]
    assert found.left == [(Key("ConfigMap", "a", "x"), TWICE)]


def test_the_shelf_gives_what_was_put_last() -> None:
    shelf, key = Shelf(), Key("ConfigMap", "a", "x")
    assert shelf.get(key) is None
    shelf.put(key, config_map("x", "1"))
    shelf.put(key, config_map("x", "2"))
    assert (shelf.get(key) or {})["data"] == {"k": "2"}


def test_without_the_library_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "HAS_CRYPTOGRAPHY", False)
    with pytest.raises(SalvageError, match="cryptography is missing"):
        Spool()
