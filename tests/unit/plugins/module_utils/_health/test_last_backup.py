# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a backup, and what does not."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.options import StoreOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.repository import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import last_backup as module
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.last_backup import last_backup, read_last_backup
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import false_healthy

if TYPE_CHECKING:
    from fake_past import Keys, Past

NOW = 1_800_000_000.0


@pytest.fixture
def folder(past: Past, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "public_key", lambda path: keys.sign)
    monkeypatch.setattr(module, "cluster_uid", lambda session: session)
    return tmp_path


def back_up(past: Past, keys: Keys, folder: Path, **how: Any) -> str:
    return str(keys.backup(past, **how).write(open_store(StoreOptions(str(folder))))["name"])


def seen(folder: Path, key: str = "key", live: Any = "uid-of-the-past") -> tuple[str, str]:
    one = read_last_backup(live, str(folder), key, time.time(), 3600.0)
    return one.status, one.reason


def test_a_signed_and_whole_backup_counts(past: Past, keys: Keys, folder: Path) -> None:
    back_up(past, keys, folder)
    assert seen(folder) == ("healthy", "")
    assert seen(folder, "")[0] == "unknown"
    assert seen(folder, live="") == ("healthy", "")  # who may not read kube-system has nothing to compare


def test_the_backup_of_another_cluster_does_not_count(past: Past, keys: Keys, folder: Path) -> None:
    name = back_up(past, keys, folder, name="staging")
    found = read_last_backup("another", str(folder), "key", time.time(), 3600.0)  # type: ignore[arg-type]
    assert found.status == "critical"
    assert f"the backup {name} is of another cluster, staging" in [one.reason for one in found.checks]


@pytest.mark.parametrize("name", ["x", "backup-29990101T000000.000000Z-0000.age", "backup-29990101T000000.000000Z-0000.json"])
@pytest.mark.parametrize("content", [b"", b"{}", b'{"created": "2026-11-24T19:00:00Z", "status": "COMPLETE"}'])
def test_a_file_that_anybody_can_touch_does_not(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert seen(folder)[0] == "critical"


@pytest.mark.parametrize("spoil", ["empty", "shorter", "gone", "renamed"])
def test_an_archive_that_is_not_there_in_full_does_not_count(past: Past, keys: Keys, folder: Path, spoil: str) -> None:
    name = back_up(past, keys, folder)
    archive = folder / f"{name}.age"
    if spoil == "renamed":
        for path in (archive, folder / f"{name}.json"):
            path.rename(path.with_name(f"backup-29990101T000000.000000Z-0000{path.suffix}"))
    elif spoil == "gone":
        archive.unlink()
    else:
        archive.write_bytes(archive.read_bytes()[: 0 if spoil == "empty" else -1])
    assert seen(folder)[0] == "critical"


def test_a_partial_backup_does_not_count_and_the_one_before_it_does(past: Past, keys: Keys, folder: Path) -> None:
    back_up(past, keys, folder)
    past.before = lambda path, query: 403 if path == "/api/v1/secrets" else None
    partial = back_up(past, keys, folder, allow_partial=True)
    assert seen(folder) == ("warning", f"{partial}: the backup {partial} is PARTIAL, and does not count")


def test_of_another_key_is_none(past: Past, keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(past, keys, folder)
    monkeypatch.setattr(module, "public_key", lambda path: keys.another_key())
    assert seen(folder)[0] == "critical"


@pytest.mark.parametrize(
    ("created", "status", "reason"),
    [
        (iso(NOW - 3600), "healthy", ""),
        (iso(NOW + 30), "healthy", ""),
        (iso(NOW - 8 * 3600), "critical", "age: the last backup at /b is 8 h old, more than 2 h"),
        (iso(NOW + 3600), "unknown", "age: the last backup at /b is of the future, 2027-01-15T09:00:00Z"),
        (None, "unknown", "age: the last backup at /b is of an unknown time"),
        ("yesterday", "unknown", "age: the last backup at /b is of an unknown time"),
        ([1], "unknown", "age: the last backup at /b is of an unknown time"),
    ],
)
def test_the_age_of_the_last(created: Any, status: str, reason: str) -> None:
    one = last_backup({"created": created}, [], "/b", NOW, 7200.0)
    assert (one.status, one.reason) == (status, reason)


def test_a_record_with_one_place_wrong_is_no_backup(past: Past, keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = back_up(past, keys, folder)
    store = open_store(StoreOptions(str(folder)))
    good = store.record(name)
    monkeypatch.setattr(module, "genuine", lambda *of: True)  # as if the tool of another version had signed it

    def status(record: Any) -> str:
        monkeypatch.setattr(type(store), "record", lambda self, name: record)
        found = module._judged(store, keys.sign, "uid-of-the-past", time.time(), 3600.0)
        assert found.status == "healthy" or found.reason
        return found.status

    assert false_healthy(status, good, "size", "status", "created") == []
    (folder / f"{name}.age").unlink()
    assert status({key: value for key, value in (good or {}).items() if key != "size"}) == "critical"
