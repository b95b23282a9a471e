# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.modules import terraform_apply

PLANNED = {"@message": "+", "type": "planned_change", "change": {"action": "create", "resource": {"addr": "a.b"}}}
SUMMARY = {"@message": "Plan", "type": "change_summary", "changes": {"add": 1, "change": 0, "remove": 0}}


@pytest.fixture
def run(run_module: Any, tmp_path: Path) -> Any:
    def call(**options: Any) -> Any:
        return run_module(terraform_apply, root=str(tmp_path), work_dir=str(tmp_path / "work"), **options)

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
    result = run(binary=program)
    assert (result["changed"], result["plan"], result["diff"]["after"]) == (True, {"create": ["a.b"]}, "create a.b\n")
    assert (tmp_path / "calls").read_text().split() == ["init", "plan", "apply"]


def test_check_mode_only_plans(run: Any, program: str, tmp_path: Path) -> None:
    assert run(binary=program, _ansible_check_mode=True)["changed"]
    assert (tmp_path / "calls").read_text().split() == ["plan"]


def test_a_missing_program_fails_with_the_reason(run: Any) -> None:
    result = run(binary="no-such-terraform")
    assert (result["failed"], result["reason"]) == (True, "missing_library")
    assert result["msg"] == "there is no no-such-terraform where the module runs; install it, or set its path"


def test_arguments_reach_the_program_as_they_are_written(run: Any, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "SECRET")
    Path(program).write_text(Path(program).read_text().replace("#!/bin/sh\n", f'#!/bin/sh\necho "$*" >> {tmp_path}/words\n'))
    run(binary=program, arguments=["-target=$TOKEN", "-var-file=${TOKEN}~"])
    assert "-target=$TOKEN -var-file=${TOKEN}~" in (tmp_path / "words").read_text()


def test_the_value_of_a_variable_is_in_no_result(run: Any, program: str) -> None:
    refused = run(binary=program, arguments=["-var=password=SECRET"])
    assert (refused["failed"], refused["reason"]) == (True, "bad_input")
    assert "SECRET" not in refused["msg"]
    result = run(binary=program, variables={"password": "SECRET"})
    assert result["changed"] and "SECRET" not in str(result)


def test_work_dir_is_never_emptied_in_check_mode_either(run_module: Any, program: str, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/terraform.tfstate").touch()
    for work in (tmp_path / "root", tmp_path):
        refused = run_module(terraform_apply, root=str(tmp_path / "root"), work_dir=str(work), binary=program, _ansible_check_mode=True)
        assert (refused["failed"], refused["reason"]) == (True, "bad_input")
    assert (tmp_path / "root/terraform.tfstate").exists()
