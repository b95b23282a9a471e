# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot import task
from ansible_collections.euystacio.meta_salvage.plugins.modules import prometheus_snapshot


@pytest.fixture
def run(run_module: Any, tmp_path: Path) -> Any:
    def call(module: Any, **options: Any) -> Any:
        return run_module(module, **{"directory": str(tmp_path), **options})

    return call


def test_it_passes_options_and_check_mode_on(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    class Run:
        def __init__(self, options: Any, login: Any, *_tools: Any, check_mode: bool, tell: Any) -> None:
            seen.append((options.directory, options.pod, options.timeout, login["host"], check_mode))

        def result(self) -> dict[str, Any]:
            return {"changed": True}

    monkeypatch.setattr(task, "SnapshotRun", Run)
    assert run(prometheus_snapshot, pod="prom-1", host="https://api", _ansible_check_mode=True)["changed"]
    assert seen == [(str(tmp_path), "prom-1", 300.0, "https://api", True)]


def test_a_missing_snapshot_fails_with_the_reason(run: Any, tmp_path: Path) -> None:
    result = run(prometheus_snapshot, state="verified", unsigned=True)
    assert (result["failed"], result["reason"]) == (True, "not_found")
    assert result["msg"] == f"there is no snapshot in {tmp_path}; take one first"


def test_an_error_of_the_file_system_is_one_sentence(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_run: Any) -> Any:
        raise OSError(28, "No space left on device", "/backups/x")

    monkeypatch.setattr(task.SnapshotRun, "result", full)
    result = run(prometheus_snapshot)
    assert (result["failed"], result["reason"]) == (True, "bad_input")
    assert result["msg"] == "/backups/x: No space left on device; free space or correct it, and try again"
