# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.options import StoreOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store import verify
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.directory import Directory
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.repository import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.store import Store, beyond_retention
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.verify import list_backups, proven
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from hypothesis import given
from hypothesis import strategies as st
from whole_backups import open_backup, with_another_end

if TYPE_CHECKING:
    from fake_past import Keys, Past

NOW = datetime.now(timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(StoreOptions(str(tmp_path / "backups")), make=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@given(st.lists(st.integers(), unique=True, max_size=12), st.data())
def test_what_goes_is_never_the_newest_proven_nor_one_that_is_kept(numbers: list[int], data: st.DataObject) -> None:
    names = [str(number) for number in numbers]
    keep = data.draw(st.integers(0, 12))
    last = data.draw(st.sampled_from(names)) if names and data.draw(st.booleans()) else None
    gone = beyond_retention(names, last, keep)
    assert not {last, *names[:keep]} & set(gone)
    if keep and last is not None:
        assert set(names[keep:]) - {last} == set(gone)
    else:
        assert gone == []


def test_a_backup_is_for_its_owner_alone(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    past.put("/api/v1/secrets", keys.named("s", data={"k": "cGxhaW4="}))
    keys.backup(past).write(store)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600, 0o600]
    assert not any(b"cGxhaW4=" in path.read_bytes() for path in folder.iterdir())


def test_retention_keeps_the_newest_and_never_the_last_good_one_goes(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    first = keys.backup(past).write(store)["name"]
    second = keys.backup(past).write(store)["name"]
    past.before = lambda path, query: 403 if path == "/api/v1/secrets" else None
    third = keys.backup(past, allow_partial=True, keep=1).write(store)
    assert third["deleted"] == [first]
    (folder / f"{second}.age").write_bytes(b"changed")
    assert keys.backup(past, allow_partial=True, keep=1).write(store)["deleted"] == []
    past.before = lambda path, query: None
    last = keys.backup(past, keep=1).write(store)
    assert len(last["deleted"]) == 3
    assert store.names() == [last["name"]]
    assert len(store.files()) == 2


def test_a_backup_is_not_deleted_for_a_clock_that_was_wrong(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    (folder / "backup-20990101T000000.000000Z-0000.json").write_text("{}")
    fresh = keys.backup(past, keep=1).write(store)
    assert fresh["name"] in store.names()


def test_a_full_disk_publishes_nothing_and_is_told(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    past.put("/api/v1/configmaps", *(keys.named(f"c{n}", data=str(pyrage.x25519.Identity.generate())) for n in range(400)))
    with no_file_larger_than(4096), pytest.raises(SalvageError, match=r"can't be written to .*backups: File too large"):
        keys.backup(past).write(store)
    assert list(folder.iterdir()) == []
    keys.backup(past).write(store)


def test_what_a_killed_run_left_is_removed_by_the_next(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    (folder / ".backup-20260101T000000.000000Z-0000.age.part").write_bytes(b"half")
    (folder / ".backup-20260101T000000.000000Z-0000.age.k1ll3d").write_bytes(b"half, as a later version names it")
    (folder / "backup-20260101T000000.000000Z-0000.age").write_bytes(b"not published")
    (folder / "notes.txt").write_text("somebody's own")
    assert store.names() == []
    name = keys.backup(past).write(store)["name"]
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.age", f"{name}.json", "notes.txt"]


def test_two_do_not_write_at_once(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    with store.locked(), pytest.raises(SalvageError, match="another backup is being written"):
        keys.backup(past).write(Directory(str(folder)))
    keys.backup(past).write(store)


def test_a_disk_that_fails_is_told_in_one_sentence(
    past: Past, keys: Keys, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = keys.backup(past).write(store)["name"]
    (folder / f"{name}.age").unlink()
    (folder / f"{name}.age").mkdir()
    with pytest.raises(SalvageError, match="can't be read: Is a directory"):
        proven(store, keys.sign, [keys.identity])

    def broken(path: Path) -> list[Path]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "iterdir", broken)
    with pytest.raises(SalvageError, match="can't be listed: Input/output error"):
        keys.backup(past).write(store)


def test_a_repository_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SalvageError, match="there is no directory"):
        open_store(StoreOptions(str(tmp_path / "none")))
    with pytest.raises(SalvageError, match="can't be created"):
        open_store(StoreOptions(str(tmp_path / "none" / "deeper")), make=True)
    with pytest.raises(SalvageError, match="neither a directory nor s3"):
        open_store(StoreOptions("ftp://somewhere"))


def test_everything_that_is_not_as_it_was_published_is_told(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    names = [keys.backup(past).write(store)["name"] for _ in range(5)]
    changed, unsigned, unreadable, lost, good = names
    archive = folder / f"{changed}.age"
    archive.write_bytes(with_another_end(archive.read_bytes()))
    record = json.loads((folder / f"{unsigned}.json").read_text())
    (folder / f"{unsigned}.json").write_text(json.dumps({**record, "status": "COMPLETELY"}))
    (folder / f"{unreadable}.json").write_text("{")
    (folder / f"{lost}.age").unlink()
    problems = {entry["name"]: entry["problem"] for entry in list_backups(store, keys.sign, NOW)}
    assert list(problems) == sorted(names, reverse=True)
    assert "is not the one that was published" in problems[changed]
    assert "not signed by this key, or was changed" in problems[unsigned]
    assert "can't be read" in problems[unreadable]
    assert "can't be read" in problems[lost]
    assert problems[good] == ""
    assert not any("signature" in entry for entry in list_backups(store, keys.sign, NOW))
    for name in (changed, unsigned, unreadable, lost):
        with pytest.raises(SalvageError):
            open_backup(store, keys.sign, [keys.identity], name)
    assert open_backup(store, keys.sign, [keys.identity])[0]["name"] == good


def test_a_record_under_another_name_or_of_another_archive_is_refused(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    old, new = (keys.backup(past).write(store)["name"] for _ in range(2))
    (folder / "backup-29990101T000000.000000Z-0000.json").write_bytes((folder / f"{old}.json").read_bytes())
    (folder / "backup-29990101T000000.000000Z-0000.age").write_bytes((folder / f"{old}.age").read_bytes())
    with pytest.raises(SalvageError, match="not signed by this key, or was changed"):
        proven(store, keys.sign, [keys.identity])
    (folder / f"{new}.age").write_bytes((folder / f"{old}.age").read_bytes())
    with pytest.raises(SalvageError, match="is not the one that was published"):
        proven(store, keys.sign, [keys.identity], new)


def test_a_wrong_key_is_told_from_a_changed_archive(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    name = keys.backup(past).write(store)["name"]
    with pytest.raises(SalvageError, match="cannot be decrypted with this identity"):
        proven(store, keys.sign, [pyrage.x25519.Identity.generate()])
    with pytest.raises(SalvageError, match="not signed by this key"):
        proven(store, keys.another_key(), [keys.identity])
    archive = folder / f"{name}.age"
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(SalvageError, match="not the one that was published"):
        proven(store, keys.sign, [keys.identity])


@pytest.mark.parametrize("size", [0, 1 << 16])
def test_an_archive_of_another_size_is_refused_before_anything_of_it_is_decrypted(
    past: Past, keys: Keys, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    name = keys.backup(past).write(store)["name"]
    packed = gzip.compress(bytes(size * 256))
    (folder / f"{name}.age").write_bytes(pyrage.encrypt(packed, [keys.identity.to_public()]))
    monkeypatch.setattr(verify, "verify_archive", None)
    with pytest.raises(SalvageError, match="is not the one that was published") as caught:
        proven(store, keys.sign, [keys.identity])
    assert caught.value.reason == "invalid"


def test_a_huge_file_in_place_of_an_archive_is_not_read_whole(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    name = keys.backup(past).write(store)["name"]
    with (folder / f"{name}.age").open("r+b") as file:
        file.truncate(1 << 40)  # sparse: hours to read
    assert "is not the one that was published" in list_backups(store, keys.sign, NOW)[0]["problem"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        '{"a":' * 200_000,
        '{"name": NaN}',
        '{"status": ' + "9" * 100_000 + "}",
        '{"signature": "AAAA", "name": "\\ud800", "x": Infinity}',
        " " * (2 << 20) + "{}",
        '{"name": ' + "[" * 900 + "]" * 900 + "}",
        "null",
    ],
)
def test_a_planted_record_is_a_problem_of_its_own_and_of_no_other(past: Past, keys: Keys, store: Store, folder: Path, text: str) -> None:
    good = keys.backup(past).write(store)["name"]
    planted = "backup-20000101T000000.000000Z-0000"
    (folder / f"{planted}.json").write_text(text)
    problems = {entry["name"]: entry["problem"] for entry in list_backups(store, keys.sign, NOW)}
    assert problems[good] == "" and problems[planted]
    with pytest.raises(SalvageError, match=f"the backup {planted} is refused"):
        proven(store, keys.sign, [keys.identity], planted)


def test_a_full_folder_for_temporary_files_is_told(past: Past, keys: Keys, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    past.put("/api/v1/configmaps", *(keys.named(f"c{n}", data=str(pyrage.x25519.Identity.generate())) for n in range(400)))
    keys.backup(past).write(store)
    monkeypatch.setattr(verify, "_IN_MEMORY", 1)
    with no_file_larger_than(4096), pytest.raises(SalvageError, match="does not take the archive: File too large; set TMPDIR"):
        proven(store, keys.sign, [keys.identity])


def test_none_and_an_unknown_one_are_told(past: Past, keys: Keys, store: Store) -> None:
    with pytest.raises(SalvageError, match="there is no backup in"):
        proven(store, keys.sign, [keys.identity])
    name = keys.backup(past).write(store)["name"]
    with pytest.raises(SalvageError, match=f"there is no backup nonsense in .*; the newest is {name}"):
        proven(store, keys.sign, [keys.identity], "nonsense")


def test_a_backup_says_how_old_it_is(past: Past, keys: Keys, store: Store, folder: Path) -> None:
    name = keys.backup(past).write(store)["name"]
    assert list_backups(store, keys.sign, datetime(2100, 1, 1, tzinfo=timezone.utc))[0]["age"] > 10**9
    (folder / f"{name}.json").write_text("[]")
    assert list_backups(store, keys.sign, NOW)[0]["age"] is None
