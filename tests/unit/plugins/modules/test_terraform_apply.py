# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.euystacio.meta_salvage.plugins.modules import terraform_apply

PLANNED = {"@message": "+", "type": "planned_change", "change": {"action": "create", "resource": {"addr": "a.b"}}}
SUMMARY = {"@message": "Plan", "type": "change_summary", "changes": {"add": 1, "change": 0, "remove": 0}}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    def call(module: Any, **options: Any) -> dict[str, Any]:
        monkeypatch.setattr(
            basic,
            "_ANSIBLE_ARGS",
            json.dumps({"ANSIBLE_MODULE_ARGS": {"root": str(tmp_path), "work_dir": str(tmp_path / "work"), **options}}).encode(),
        )
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            module.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "terraform"
    path.write_text(
        f"""#!/bin/sh
echo "$2" >> {tmp_path}/calls
echo '{json.dumps(PLANNED)}'
echo '{json.dumps(SUMMARY)}'
if [ "$2" = plan ]; then exit 2; fi
"""
    )
    path.chmod(0o700)
    return str(path)


def test_it_applies_the_plan_and_shows_the_addresses(run: Any, program: str, tmp_path: Path) -> None:
    result = run(terraform_apply, binary=program)
    assert (result["changed"], result["plan"], result["diff"]["after"]) == (True, {"create": ["a.b"]}, "create a.b\n")
    assert (tmp_path / "calls").read_text().split() == ["init", "plan", "apply"]


def test_check_mode_only_plans(run: Any, program: str, tmp_path: Path) -> None:
    assert run(terraform_apply, binary=program, _ansible_check_mode=True)["changed"]
    assert (tmp_path / "calls").read_text().split() == ["plan"]


def test_a_missing_program_fails_with_the_reason(run: Any) -> None:
    result = run(terraform_apply, binary="no-such-terraform")
    assert (result["failed"], result["reason"]) == (True, "missing_library")
    assert result["msg"] == "there is no no-such-terraform where the module runs; install it, or set its path"
