# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import io
import json
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core import files
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics import pack
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.bundle import Bundle
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.existing import files_in
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.pack import (
    check_format,
    file_of,
    index_of,
    make_room,
    write_bundle,
)

IDENTITY = pyrage.x25519.Identity.generate()
CONTENT = {"index.json": b"{}", "logs/a/" + "p" * 120 + "/c.log": b"x" * 1000, "objects/a/pods.json": b"\xff\x00"}


def bundle() -> Bundle:
    made = Bundle(1_000_000)
    for path, data in reversed(CONTENT.items()):
        made.add(path, [data])
    return made


@pytest.mark.parametrize("form", ["tar.gz", "tar.zst"])
def test_what_is_packed_comes_out_and_the_same_files_give_the_same_bytes(form: str, tmp_path: Path) -> None:
    if form == "tar.zst" and pack._zstd() is None:
        pytest.skip("this Python has no zstd, and the library zstandard is not installed")
    size, sha = write_bundle(bundle(), tmp_path / "a", form, [])
    assert write_bundle(bundle(), tmp_path / "b", form, []) == (size, sha)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").stat().st_size == size
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert dict(files_in(tmp_path / "a", 10_000)) == CONTENT


def test_a_file_in_it_is_of_nobody_and_of_no_time(tmp_path: Path) -> None:
    write_bundle(bundle(), tmp_path / "a", "tar.gz", [])
    with tarfile.open(tmp_path / "a") as archive:
        assert {one.name.partition("/")[0] for one in archive} == {"diagnostics"}
        assert {(one.mtime, one.uid, one.gid, one.uname, one.mode) for one in archive} == {(0, 0, 0, "", 0o600)}


def test_an_encrypted_one_opens_with_the_identity_only(tmp_path: Path) -> None:
    keys = check_format("tar.gz", [str(IDENTITY.to_public())])
    write_bundle(bundle(), tmp_path / "a", "tar.gz", keys)
    assert b"index.json" not in (tmp_path / "a").read_bytes()
    (tmp_path / "b").write_bytes(pyrage.decrypt((tmp_path / "a").read_bytes(), [IDENTITY]))
    assert dict(files_in(tmp_path / "b", 10_000)) == CONTENT
    with pytest.raises(SalvageError, match="is encrypted; decrypt it first"):
        list(files_in(tmp_path / "a", 10_000))


def test_a_full_disk_leaves_the_bundle_that_was_there_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "bundle"
    target.write_bytes(b"of yesterday")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(SalvageError, match=r"can't be written to .*: No space left on device; make room"):
        write_bundle(bundle(), target, "tar.gz", [])
    assert target.read_bytes() == b"of yesterday"
    assert list(tmp_path.iterdir()) == [target]


def test_formats_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SalvageError, match="is a tar"):
        check_format("tar.zst", [str(IDENTITY.to_public())])
    with pytest.raises(SalvageError, match="not an age public key"):
        check_format("tar.gz", ["age1"])

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(SalvageError, match="zstandard") as caught:
        check_format("tar.zst", [])
    assert caught.value.reason == "missing_library"


def test_a_file_has_the_name_given_or_one_of_its_own_in_a_folder(tmp_path: Path) -> None:
    assert file_of(str(tmp_path / "x.tgz"), "c", "tar.gz", False, "T") == tmp_path / "x.tgz"
    one, other = (file_of(f"{tmp_path}/", "../pro d", "tar.gz", True, "T") for _run in range(2))
    assert one.parent == tmp_path
    assert one != other
    assert one.name.startswith("diagnostics-") and one.name.endswith(".tar.gz.age")
    assert "/" not in one.name and ".." not in one.name


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_read(tmp_path: Path) -> None:
    make_room(tmp_path / "new" / "x")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(SalvageError, match="nothing can be written to the folder"):
        make_room(tmp_path / "file" / "x")


def test_the_index_has_each_other_file_with_its_size_and_hash() -> None:
    index = json.loads(index_of({"cluster": "c"}, [{"name": "logs"}], bundle()))
    assert index["format"] == 1 and index["cluster"] == "c" and index["collectors"] == [{"name": "logs"}]
    assert {path: one["bytes"] for path, one in index["files"].items()} == {
        path: len(data) for path, data in CONTENT.items() if path != "index.json"
    }


def test_an_archive_that_reaches_outside_of_itself_is_refused(tmp_path: Path) -> None:
    for name in ("../x", "/etc/x", "a/../../x"):
        with tarfile.open(tmp_path / "t", "w") as archive:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
        with pytest.raises(SalvageError, match="outside of it"):
            list(files_in(tmp_path / "t", 1000))


def test_a_folder_is_read_without_its_links(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"1")
    (tmp_path / "in" / "link").symlink_to("/etc/passwd")
    (tmp_path / "in" / "loop").symlink_to(tmp_path)
    assert dict(files_in(tmp_path / "in", 1000)) == {"a": b"1"}


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "not_found"), (b"", "bad_input"), (b"no archive", "bad_input"), (b"\x1f\x8b cut", "bad_input")]
)
def test_what_is_no_archive(content: bytes | None, reason: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "t").write_bytes(content)
    with pytest.raises(SalvageError) as caught:
        list(files_in(tmp_path / "t", 1000))
    assert caught.value.reason == reason


def test_what_unpacks_to_more_than_it_may_is_refused(tmp_path: Path) -> None:
    big = Bundle(10_000_000)
    big.add("a", [bytes(1_000_000)])
    write_bundle(big, tmp_path / "t", "tar.gz", [])
    with pytest.raises(SalvageError, match="max_size") as caught:
        list(files_in(tmp_path / "t", 100_000))
    assert caught.value.reason == "too_large"


def test_two_bundles_in_a_folder_or_an_archive_stay_apart(tmp_path: Path) -> None:
    names = ("diagnostics-a/f", "diagnostics-b/f")
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_bytes(name.encode())
    assert dict(files_in(tmp_path / "in", 1000)) == {name: name.encode() for name in names}
    with tarfile.open(tmp_path / "t", "w") as archive:
        archive.add(tmp_path / "in", ".")
    assert sorted(data.decode() for _name, data in files_in(tmp_path / "t", 1000)) == list(names)
    assert len(dict(files_in(tmp_path / "t", 1000))) == 2
