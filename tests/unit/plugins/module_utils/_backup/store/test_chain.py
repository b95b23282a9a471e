# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup that was taken away is missed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.options import ReadOptions, StoreOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.chain import RecordMark, mark_of, removed
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.high_water import HighWater
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.repository import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.store import Store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.verify import refuse_foreign, refuse_wrong
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from fake_past import Keys, Past

NOW = 1_800_000_000.0


def chain(*names: str) -> dict[str, dict[str, Any]]:
    """Records that each name the one before."""
    found: dict[str, dict[str, Any]] = {}
    before: dict[str, Any] | None = None
    for name in names:
        found[name] = {"name": name, "previous": mark_of(before)._asdict() if before else None}
        before = found[name]
    return found


ALL = chain("b1", "b2", "b3", "b4", "b5")


@pytest.mark.parametrize(
    ("there", "gone"),
    [
        (["b1", "b2", "b3"], False),
        (["b3"], False),
        (["b3", "b4", "b5"], False),
        (["b4", "b5"], False),  # the retention took b3
        (["b5"], False),
        (["b1", "b2"], True),
        (["b1"], True),
        ([], True),
    ],
)
def test_what_was_seen_may_be_gone_only_with_what_is_older(there: list[str], gone: bool) -> None:
    names = sorted(there, reverse=True)
    assert bool(removed(mark_of(ALL["b3"]), names, ALL.get)) is gone


def test_one_that_was_removed_before_the_next_was_written_is_missed() -> None:
    later = chain("b1", "b2") | {"b4": {"name": "b4", "previous": mark_of(ALL["b2"])._asdict()}}
    later["b5"] = {"name": "b5", "previous": mark_of(later["b4"])._asdict()}
    assert removed(mark_of(ALL["b3"]), ["b5", "b4", "b2", "b1"], later.get) == "the backup b3 was here before, and b4 follows b2"
    alone = {"b4": {"name": "b4", "previous": None}}
    assert removed(mark_of(ALL["b3"]), ["b4"], alone.get) == "the backup b3 was here before, and b4 says that there was none before it"
    other = {"b4": {"name": "b4", "previous": {"name": "b3", "sha256": "of another"}}}
    assert removed(mark_of(ALL["b3"]), ["b4"], other.get) != ""


def test_records_of_earlier_releases_have_no_chain_and_say_nothing() -> None:
    assert removed(RecordMark("b3", "x"), ["b4"], {"b4": {"name": "b4"}}.get) == ""


def test_a_planted_newer_name_does_not_hide_what_is_gone() -> None:
    assert removed(mark_of(ALL["b3"]), ["b9", "b2"], {"b2": ALL["b2"]}.get) != ""


@given(st.lists(st.sampled_from("abcde"), unique=True), st.dictionaries(st.sampled_from("abcde"), st.sampled_from("abcde")))
def test_any_chain_ends(names: list[str], previous: dict[str, str]) -> None:
    records = {name: {"name": name, "previous": {"name": previous.get(name, "a"), "sha256": ""}} for name in names}
    assert isinstance(removed(RecordMark("c", ""), sorted(names, reverse=True), records.get), str)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return open_store(StoreOptions(str(tmp_path / "backups")), make=True)


def test_the_machine_remembers_the_newest_and_misses_it(past: Past, keys: Keys, store: Store, tmp_path: Path) -> None:
    water = HighWater(store, keys.sign)
    water.check(allow_missing=False)
    first, second = (keys.backup(past).write(store) for _ in range(2))
    assert (first["previous"], second["previous"]["name"], second["missing"]) == (None, first["name"], "")
    water.check(allow_missing=False)
    assert water.path.stat().st_mode & 0o777 == 0o600
    for kind in (".json", ".age"):
        store.remove(second["name"] + kind)
    with pytest.raises(
        SalvageError, match=f"the backup {second['name']} was the newest here before, and is gone; .*allow_missing"
    ) as caught:
        water.check(allow_missing=False)
    assert caught.value.reason == "conflict"
    third = keys.backup(past).write(store)
    assert second["name"] in third["missing"]  # a backup is taken all the same
    with pytest.raises(SalvageError, match=second["name"]):
        water.check(allow_missing=False)
    water.check(allow_missing=True)
    water.check(allow_missing=False)
    HighWater(store, keys.another_key()).check(allow_missing=False)  # nothing was seen with that key


def test_two_folders_of_one_relative_name_are_two_places(keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        paths.add(HighWater(open_store(StoreOptions("backups"), make=True), keys.sign).path)
    assert len(paths) == 2


def test_retention_is_not_a_theft(past: Past, keys: Keys, store: Store) -> None:
    for _ in range(4):
        assert keys.backup(past, keep=1).write(store)["missing"] == ""
        HighWater(store, keys.sign).check(allow_missing=False)
    assert len(store.names()) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null"])
def test_a_memory_that_can_not_be_read_is_told(keys: Keys, store: Store, text: str) -> None:
    water = HighWater(store, keys.sign)
    water.path.parent.mkdir(parents=True)
    water.path.write_text(text)
    with pytest.raises(SalvageError, match=r"can't be read: .*; remove it to start again"):
        water.check(allow_missing=True)


def test_a_backup_says_of_which_cluster_it_is(past: Past, keys: Keys, store: Store) -> None:
    record = keys.backup(past, name="production").write(store)
    assert record["cluster"] == {"name": "production", "uid": "uid-of-the-past"}
    read = json.loads(json.dumps(store.record(record["name"])))
    refuse_foreign(read, ReadOptions("key", cluster="production"))
    refuse_foreign(read, ReadOptions("key"))
    refuse_wrong(read, ReadOptions("key"), "uid-of-the-past", 3600, time.time())
    with pytest.raises(SalvageError, match="is refused: it is of the cluster production, not of staging; use another"):
        refuse_foreign(read, ReadOptions("key", cluster="staging"))
    with pytest.raises(SalvageError, match=r"is refused: it is of another cluster, production; to use it here, set cluster=production$"):
        refuse_wrong(read, ReadOptions("key"), "uid-of-another", 0, NOW)


def test_who_may_not_read_kube_system_takes_a_backup_of_an_unknown_cluster(past: Past, keys: Keys, store: Store) -> None:
    past.before = lambda path, query: 403 if path.endswith("/kube-system") else None
    assert keys.backup(past).write(store)["cluster"] == {"name": "", "uid": ""}
