# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core import lock
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError


def test_one_run_at_a_time_and_the_next_one_after_it(tmp_path: Path) -> None:
    with lock.alone(tmp_path, "busy"):
        with pytest.raises(SalvageError, match="busy") as caught, lock.alone(tmp_path, "busy"):
            pass
        assert caught.value.reason == "conflict"
    with lock.alone(tmp_path, "busy"):
        pass


def test_a_process_that_is_killed_does_not_keep_it(tmp_path: Path) -> None:
    script = (
        f"import fcntl, os, time; fcntl.flock(os.open({str(tmp_path)!r}, os.O_RDONLY), fcntl.LOCK_EX); print(flush=True); time.sleep(9)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(SalvageError, match="busy"), lock.alone(tmp_path, "busy"):
            pass
        other.kill()
    with lock.alone(tmp_path, "busy"):
        pass


def test_what_fails_inside_lets_go_of_it(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(ValueError, match="inside"), lock.alone(tmp_path, "busy"):
        raise ValueError("inside")
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), lock.alone(tmp_path / "none", "busy"):
        pass
