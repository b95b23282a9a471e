# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.files import (
    make_private,
    state_folder,
    whole_file,
    write_whole,
)


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text("old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["record.json"]


def test_what_fails_midway_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text("old")
    with pytest.raises(ValueError, match="midway"), whole_file(path) as stream:
        stream.write(b"half")
        raise ValueError("midway")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["record.json"]


def test_a_file_that_may_only_be_created_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_whole(path, b"first", create_only=True)
    with pytest.raises(FileExistsError):
        write_whole(path, b"second", create_only=True)
    assert path.read_bytes() == b"first"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("create_only", [False, True])
@pytest.mark.parametrize("kind", ["symlink", "folder", "pipe", "device"])
def test_what_is_no_file_is_never_replaced(tmp_path: Path, kind: str, create_only: bool) -> None:
    path, precious = tmp_path / "record.json", tmp_path / "precious"
    precious.write_text("mine")
    if kind == "symlink":
        path.symlink_to(precious)
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/null")
    before = path.lstat()
    with pytest.raises(PermissionError):
        write_whole(path, b"new", create_only=create_only)
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert precious.read_text() == "mine"


def test_folders_that_are_missing_are_made_for_this_user_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private(tmp_path / "a/b")
    make_private(tmp_path / "a/b")
    assert [path.stat().st_mode & 0o777 for path in (tmp_path, tmp_path / "a", tmp_path / "a/b")] == [0o755, 0o700, 0o700]
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        make_private(tmp_path / "file/c")


def test_the_state_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "meta-salvage"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_folder() == Path.home() / ".local/state/meta-salvage"


def test_the_state_is_in_a_folder_that_a_job_of_awx_can_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_folder() == Path.home() / ".local/state/meta-salvage"
    monkeypatch.setenv("AWX_ISOLATED_DATA_DIR", str(tmp_path))
    assert state_folder() == tmp_path / "meta-salvage"
    monkeypatch.setenv("XDG_STATE_HOME", "/volume")
    assert state_folder() == Path("/volume/meta-salvage")
