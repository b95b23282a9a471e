# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._terraform.work import own_folder, work_folder


@pytest.mark.parametrize("text", ["", " ", ".", "/", "~", "~/..", "root", "root/..", "{root}", "{parent}"])
def test_paths_that_hold_something_else_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "here" / "root").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    given = os.path.expanduser(text.format(root=tmp_path / "here/root", parent=tmp_path))  # noqa: PTH111 - as the option type path does
    with pytest.raises(SalvageError, match="set a path that does not exist yet"):
        work_folder(given, "root")
    assert work_folder("work", "root") == tmp_path / "here/work"


def test_a_symlink_to_a_folder_that_holds_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here/root").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(SalvageError, match="set a path that does not exist yet"):
        work_folder(str(tmp_path / "link"), "root")


@pytest.mark.parametrize("text", ["a\0b", "a" * 5000])
def test_what_is_no_path_is_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(SalvageError) as caught, own_folder(work_folder(text, str(tmp_path))):
        pass
    assert caught.value.reason == "bad_input"


def test_a_folder_that_the_user_made_is_private_meanwhile_and_left(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir(mode=0o755)
    with own_folder(work):
        assert stat.S_IMODE(work.stat().st_mode) == 0o700
        (work / "plan").write_text("secret")
    assert list(work.iterdir()) == []


def test_a_killed_run_in_a_folder_that_the_user_made_does_not_make_it_ours(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    with own_folder(work):
        mark = (work / ".meta-salvage-terraform").read_bytes()
    (work / ".meta-salvage-terraform").write_bytes(mark)
    (work / "plan").write_text("of the killed run")
    with own_folder(work):
        assert not (work / "plan").exists()
    assert work.is_dir()


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with own_folder(tmp_path / "work"):
        (tmp_path / "work/plan").write_text("of the first")
        with pytest.raises(SalvageError, match="another run uses") as caught, own_folder(tmp_path / "work"):
            pass
        assert caught.value.reason == "conflict"
        assert (tmp_path / "work/plan").read_text() == "of the first"


@pytest.mark.parametrize("precious", ["precious.txt", "plan", "deeper/precious.txt"])
@pytest.mark.parametrize("mark", ["nothing", "link", "folder"])
def test_what_was_not_made_here_stays(tmp_path: Path, precious: str, mark: str) -> None:
    work = tmp_path / "work"
    (work / precious).parent.mkdir(parents=True)
    (work / precious).write_text("mine")
    if mark == "link":
        (tmp_path / "other").touch()
        (work / ".meta-salvage-terraform").symlink_to(tmp_path / "other")
    elif mark == "folder":
        (work / ".meta-salvage-terraform").mkdir()
    with pytest.raises(SalvageError, match="was not made by this module"), own_folder(work):
        pass
    assert (work / precious).read_text() == "mine"


def test_a_mark_does_not_give_away_what_else_is_there(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    for name in (".meta-salvage-terraform", "plan", "terraform.tfstate"):
        (tmp_path / "work" / name).touch()
    with pytest.raises(SalvageError, match="was not made by this module"), own_folder(tmp_path / "work"):
        pass
    assert len(os.listdir(tmp_path / "work")) == 3  # noqa: PTH208 - hidden files too
