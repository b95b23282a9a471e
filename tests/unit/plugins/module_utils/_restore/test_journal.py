# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of a restore that was killed, and for whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.journal import RestoreJournal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import Key

TASK = {"backup": "b"}
FIRST, SECOND = Key("ConfigMap", "a", "x"), Key("Secret", "a", "y")


def test_it_is_kept_where_the_user_keeps_state_one_for_each_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    journal = RestoreJournal("", TASK)
    assert journal.path.parent == tmp_path / "state" / "meta-salvage"
    assert journal.path != RestoreJournal("", {"backup": "c"}).path
    journal.begin([FIRST], None)
    assert journal.path.stat().st_mode & 0o777 == 0o600 and journal.path.parent.stat().st_mode & 0o777 == 0o700
    assert RestoreJournal("", TASK).resumed and not RestoreJournal("", {"backup": "c"}).resumed
    monkeypatch.delenv("XDG_STATE_HOME")
    assert RestoreJournal("", TASK).path.parent == tmp_path / "home" / ".local" / "state" / "meta-salvage"


def test_a_restore_that_an_earlier_release_began_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    begun = RestoreJournal("", TASK)
    begun.begin([FIRST], "backup-0")
    earlier = tmp_path / "euystacio-meta-salvage"
    begun.path.parent.rename(earlier)
    journal = RestoreJournal("", TASK)
    assert journal.resumed
    assert journal.made == {FIRST}
    journal.end()
    assert list(earlier.iterdir()) == []


def test_what_an_earlier_run_made_and_backed_up_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    RestoreJournal(path, TASK).begin([FIRST], "backup-0")
    RestoreJournal(path, TASK).begin([SECOND], "backup-1")
    third = RestoreJournal(path, TASK)
    assert (third.made, third.safety_backup, third.resumed) == (frozenset({FIRST, SECOND}), "backup-0", True)
    third.end()
    third.end()
    assert not list(tmp_path.iterdir())


def test_a_place_that_can_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    with pytest.raises(SalvageError, match="remove it to start again"):
        RestoreJournal(str(tmp_path / "journal"), TASK)
    journal = RestoreJournal(str(tmp_path / "later" / "journal"), TASK)
    (tmp_path / "later").write_text("")
    with pytest.raises(SalvageError, match="later/journal can't be written") as caught:
        journal.begin([FIRST], None)
    assert caught.value.reason == "bad_input"
