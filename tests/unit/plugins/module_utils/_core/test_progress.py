# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.progress import lines, silent, teller


def test_each_step_is_a_line_of_a_file_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    tell = teller(str(path))
    tell({"says": "one"})
    tell({"says": "two"})
    ended = threading.Event()
    ended.set()
    assert [json.loads(line)["says"] for line in lines(path, ended)] == ["one", "two"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_could_read_is_theirs_no_more(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    path.touch(mode=0o644)
    teller(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["symlink", "dangling symlink", "hard link", "pipe", "folder", "device", "no folder"])
def test_what_is_no_file_of_the_user_is_refused_and_stays(tmp_path: Path, kind: str) -> None:
    path, precious = tmp_path / "progress", tmp_path / "precious"
    precious.write_text("mine")
    if kind == "symlink":
        path.symlink_to(precious)
    elif kind == "dangling symlink":
        path.symlink_to(tmp_path / "new")
    elif kind == "hard link":
        path.hardlink_to(precious)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = Path("/dev/null" if kind == "device" else str(tmp_path / "none/progress"))
    with pytest.raises(SalvageError, match=r"progress_path can't be written: .*; set another") as caught:
        teller(str(path))
    assert caught.value.reason == "bad_input"
    assert precious.read_text() == "mine"
    assert not (tmp_path / "new").exists()


def test_a_symlink_that_comes_later_is_not_followed(tmp_path: Path) -> None:
    path, precious = tmp_path / "progress", tmp_path / "precious"
    tell = teller(str(path))
    precious.write_text("mine")
    path.unlink()
    path.symlink_to(precious)
    tell({"says": "one"})
    assert precious.read_text() == "mine"


def test_a_reader_does_not_wait_at_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ended = threading.Event()
    ended.set()
    assert list(lines(tmp_path / "pipe", ended)) == []


def test_nobody_listens() -> None:
    assert teller(None) is silent and teller("") is silent
