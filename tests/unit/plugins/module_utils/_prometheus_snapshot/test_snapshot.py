# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.instance import occupied
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.snapshot import (
    File,
    SnapshotSample,
    answers,
    checked_name,
    dump_contains,
    files_from_listing,
    newest_sample,
    record_of,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.vault import (
    PartialSnapshot,
    newest,
    open_snapshot,
)

BLOCK = "01M87P42FAJFK84CXKBZMG1J9X"
OTHER = "01M87P42FAJFK84CXKBZMG1J9Y"
NAME = "20261124T210653Z-502303605d96750b"
SAMPLE = SnapshotSample({"__name__": "up", "job": 'a "quoted" one'}, 1795554412915, "1")
DIGEST = "0" * 64


def test_a_selector_quotes_what_a_label_holds() -> None:
    assert SAMPLE.selector == r'{__name__="up",job="a \"quoted\" one"}'


def test_files_are_listed_by_what_the_pod_says() -> None:
    sums = f"{DIGEST}  ./{BLOCK}/index\n{DIGEST}  ./{BLOCK}/chunks/000001\n".encode()
    sizes = f"675424 ./{BLOCK}/index\n372197 ./{BLOCK}/chunks/000001\n".encode()
    assert files_from_listing(sums, sizes) == [File(f"{BLOCK}/chunks/000001", 372197, DIGEST), File(f"{BLOCK}/index", 675424, DIGEST)]


@pytest.mark.parametrize("path", ["../../etc/passwd", f"{BLOCK}/../index", "wal/00000001", f"{BLOCK}/chunks/000001.tmp", f"/{BLOCK}/index"])
def test_a_file_that_is_no_part_of_a_block_is_refused(path: str) -> None:
    with pytest.raises(SalvageError, match="not part of a block"):
        files_from_listing(f"{DIGEST}  {path}\n".encode(), f"1 {path}\n".encode())


@pytest.mark.parametrize("name", ["", "..", "x; rm -rf /", "20261124T210653Z"])
def test_a_name_that_is_none_of_a_snapshot_is_refused(name: str) -> None:
    with pytest.raises(SalvageError):
        checked_name(name)


def test_the_newest_sample_is_taken() -> None:
    series = [
        {"metric": {"__name__": "up", "job": name}, "values": [[1.0, "0"], [at, value]]}
        for name, at, value in [("a", 5.0, "1"), ("b", 7.5, "0"), ("c", 7.5, "1")]
    ]
    assert newest_sample({"result": series}) == SnapshotSample({"__name__": "up", "job": "b"}, 7500, "0")
    assert newest_sample({"result": []}) is None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{__name__="up", job="a b"} 1 1795554412915', True),
        ('{__name__="up", job="a b"} 1.0 1795554412915', True),
        ('{__name__="up", job="a b"} 0 1795554412915', False),
        ('{__name__="up", job="a b"} 1 1795554412916', False),
        ("", False),
    ],
)
def test_a_dump_has_the_sample_or_not(line: str, found: bool) -> None:
    assert dump_contains(line + "\n", SAMPLE) is found


def test_a_value_that_is_no_number_is_the_same() -> None:
    sample = SnapshotSample({}, 1000, "NaN")
    assert dump_contains("{} NaN 1000", sample)
    assert answers({"result": [{"values": [[1.0, "NaN"]]}]}, sample)
    assert not answers({"result": [{"values": [[2.0, "NaN"]]}]}, sample)


def test_only_foreign_blocks_are_in_the_way() -> None:
    assert occupied({"wal", "lock", BLOCK, ".restore-x"}, [f"{BLOCK}/index"]) == set()
    assert occupied({BLOCK, OTHER}, [f"{BLOCK}/index"]) == {OTHER}


def published(directory: Path) -> Path:
    part = PartialSnapshot.begin(directory, NAME, {"name": NAME})
    (part.data / BLOCK).mkdir()
    (part.data / BLOCK / "index").write_bytes(b"content")
    files = [File(f"{BLOCK}/index", 7, hashlib.sha256(b"content").hexdigest())]
    return part.publish(record_of(NAME, {}, "2026-11-24T21:06:53Z", SAMPLE, files, (0, 1)), files, [], None)


def test_a_snapshot_is_there_when_it_is_published(tmp_path: Path) -> None:
    with pytest.raises(SalvageError, match="no snapshot"):
        newest(tmp_path)
    PartialSnapshot.begin(tmp_path, NAME, {"name": NAME})
    with pytest.raises(SalvageError, match="no snapshot"):
        newest(tmp_path)
    ((part, note),) = PartialSnapshot.found(tmp_path)
    assert note == {"name": NAME}
    part.drop()
    folder = published(tmp_path)
    assert newest(tmp_path) == folder
    with open_snapshot(folder, [], None) as (record, files, sample, data):
        assert (record["name"], sample, (data / files[0].path).read_bytes()) == (NAME, SAMPLE, b"content")


def test_what_a_run_left_that_was_killed_at_its_beginning_goes(tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.part/data").mkdir(parents=True)
    assert PartialSnapshot.found(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def _flip(folder: Path) -> None:
    (folder / "data" / BLOCK / "index").write_bytes(b"Content")


def _lose(folder: Path) -> None:
    (folder / "data" / BLOCK / "index").unlink()


def _stray(folder: Path) -> None:
    record: dict[str, Any] = json.loads((folder / "snapshot.json").read_text())
    record["files"][0]["path"] = "../../../etc/passwd"
    (folder / "snapshot.json").write_text(json.dumps(record))


@pytest.mark.parametrize("change", [_flip, _lose, _stray])
def test_a_changed_snapshot_is_refused(tmp_path: Path, change: Any) -> None:
    folder = published(tmp_path)
    change(folder)
    with pytest.raises(SalvageError), open_snapshot(folder, [], None):
        pass
