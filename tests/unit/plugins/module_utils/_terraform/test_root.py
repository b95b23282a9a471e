# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With a program that says what Terraform says; the real ones are in tests/integration/test_terraform.py."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._terraform.root import Root

PLAN = '{"@message": "a.b: Plan to %s", "type": "planned_change", "change": {"resource": {"addr": "a.b"}, "action": "%s"}}'
SUMMARY = '{"@message": "Plan: ...", "type": "change_summary", "changes": {"add": 1, "change": 0, "remove": 0}}'


def run_command(argv: list[str], *, environ_update: dict[str, str]) -> tuple[int, str, str]:
    """As a module's."""
    return subprocess.run(argv, env={**os.environ, **environ_update}, check=False).returncode, "", ""


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder, self.work, self.said = folder, folder / "work", []
        (folder / "root").mkdir()

    def root(self, *, plan: str = "create", status: int = 2, end: str = SUMMARY, **more: Any) -> Root:
        """A program that plans that, writes down how it was called, and ends ``plan`` with the status."""
        lines = f"""echo "Warning: there is no configuration"
echo '{PLAN % (plan, plan)}'
echo '{end}'
echo "$*" >> {self.folder}/calls
case "$2" in
  plan) echo whole > "{self.work}/plan"; exit {status};;
  apply) test "$(cat {self.work}/plan)" = whole || exit 9;;
esac
printf 'the end without a newline'
"""
        program = self.folder / "terraform"
        program.write_text("#!/bin/sh\n" + lines)
        program.chmod(0o700)
        return Root(
            str(self.folder / "root"), self.work, run_command, str(program), tell=lambda step: self.said.append(step["says"]), **more
        )

    @property
    def calls(self) -> list[str]:
        return [line.split()[1] for line in (self.folder / "calls").read_text().splitlines()]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_it_is_prepared_planned_and_applied(site: Site) -> None:
    result = site.root(arguments=["-target=a.b"], lock_timeout=7).apply()
    assert result == {"changed": True, "plan": {"create": ["a.b"]}, "warnings": []}
    assert site.calls == ["init", "plan", "apply"]
    planning, applying = (site.folder / "calls").read_text().splitlines()[1:]
    assert "-lock-timeout=7s" in planning and planning.endswith("-target=a.b")
    assert applying.endswith("work/plan")
    assert site.said.count("a.b: create is planned") == 2  # of init and plan, and not again of apply
    assert not site.work.exists()


def test_a_plan_without_a_change_is_not_applied(site: Site) -> None:
    assert not site.root(plan="noop", status=0).apply()["changed"]
    assert site.calls == ["init", "plan"]


def test_a_dry_run_only_plans(site: Site) -> None:
    assert site.root().apply(dry_run=True)["changed"]
    assert site.calls == ["plan"]
    assert not site.work.exists()


def test_a_plan_that_is_not_told_to_its_end_is_not_applied(site: Site) -> None:
    with pytest.raises(SalvageError, match="does not say what its plan deletes, so nothing was applied") as caught:
        site.root(end="").apply()
    assert caught.value.reason == "invalid"
    assert site.calls == ["init", "plan"]


@pytest.mark.parametrize("action", ["delete", "replace"])
def test_a_plan_that_deletes_is_refused(site: Site, action: str) -> None:
    with pytest.raises(
        SalvageError,
        match=r"the plan deletes a\.b, .* so nothing was applied; review `.*/terraform -chdir=.*/root plan`, and apply it by hand",
    ) as caught:
        site.root(plan=action).apply()
    assert caught.value.reason == "conflict"
    assert site.calls == ["init", "plan"]
    assert not site.work.exists()


def test_what_fails_says_its_last_words(site: Site) -> None:
    with pytest.raises(SalvageError, match="plan failed: Warning: there is no configuration") as caught:
        site.root(status=1).apply()
    assert caught.value.reason == "invalid"
    assert not site.work.exists()


def test_what_a_provisioner_prints_goes_nowhere(site: Site) -> None:
    """Neither to progress, nor to the result, nor to the sentence of a failure."""
    root = site.root()
    printed = "".join(
        f"echo '{line}'\n"
        for line in (
            '{"@message": "a.b (local-exec): SECRET", "type": "provision_progress", "hook": {"output": "SECRET"}}',
            "prose: SECRET",
        )
    )
    program = Path(root.binary)
    text = program.read_text()
    program.write_text(text.replace("printf", printed + "printf"))
    result = root.apply()
    assert "SECRET" not in str(result) + str(site.said)
    program.write_text(text.replace("apply) ", f"apply) {printed} exit 1; "))
    with pytest.raises(SalvageError, match="apply failed: Warning: there is no configuration") as caught:
        root.apply()
    assert "SECRET" not in str(caught.value) + str(site.said)


def test_variables_are_in_the_environment_of_each_command_and_in_no_argument(site: Site) -> None:
    root = site.root(variables={"TF_VAR_token": "SECRET"})
    program = Path(root.binary)
    program.write_text(program.read_text().replace("#!/bin/sh\n", f'#!/bin/sh\necho "$TF_VAR_token" >> {site.folder}/seen\n'))
    root.apply()
    assert (site.folder / "seen").read_text().split() == ["SECRET"] * 3
    assert "SECRET" not in (site.folder / "calls").read_text()


def test_what_is_not_there_is_told(site: Site) -> None:
    with pytest.raises(SalvageError, match=r"none: No such file or directory; set root to the folder with the \.tf files") as caught:
        Root(str(site.folder / "none"), site.work, run_command, "terraform").apply()
    assert caught.value.reason == "bad_input"


def test_a_folder_for_the_plan_that_can_not_be_made_is_told(site: Site) -> None:
    (site.folder / "file").touch()
    root = replace(site.root(), work=site.folder / "file/work")
    with pytest.raises(SalvageError, match="file/work: Not a directory; set a work_dir that can be created") as caught:
        root.apply()
    assert caught.value.reason == "bad_input"


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_folder_that_was_not_made_here_is_never_emptied(site: Site, dry_run: bool) -> None:
    site.work.mkdir()
    (site.work / "precious.txt").write_text("mine")
    with pytest.raises(SalvageError, match="is not empty and was not made by this module; set another path") as caught:
        site.root().apply(dry_run=dry_run)
    assert caught.value.reason == "bad_input"
    assert (site.work / "precious.txt").read_text() == "mine"


def test_what_a_killed_run_left_is_removed(site: Site) -> None:
    site.work.mkdir()
    (site.work / ".meta-salvage-terraform").touch()
    (site.work / "plan").write_text("of the killed run")
    site.root().apply()
    assert not site.work.exists()


def test_two_runs_do_not_work_on_one_root(site: Site) -> None:
    site.work.mkdir()
    (site.work / "plan").write_text("of the other")
    handle = os.open(site.folder / "root", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(SalvageError, match="another run is at work") as caught:
            site.root().apply()
    finally:
        os.close(handle)
    assert caught.value.reason == "conflict"
    assert (site.work / "plan").exists()


def test_settings_of_the_backend_are_in_a_file_that_is_gone_afterwards(site: Site) -> None:
    root = site.root(backend=b'address = "https://state.example/x"\n')
    root.apply()
    first = (site.folder / "calls").read_text().splitlines()[0]
    assert f"-backend-config={site.work}/backend.hcl" in first and "state.example" not in first
    assert not site.work.exists()


def test_what_the_program_warns_of_is_in_the_result(site: Site) -> None:
    warning = {"@message": "w", "type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "Check block assertion failed"}}
    result = site.root(end=f"{SUMMARY}'; echo '{json.dumps(warning)}").apply()
    assert result["warnings"] == ["Check block assertion failed"]
