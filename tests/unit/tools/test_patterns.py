# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patterns are up to date, have the form of the specification (schema 1.0), and agree with the job templates for AWX."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from fake_awx import survey_errors

from tools import awx, patterns

NAMES = sorted(path.name for path in patterns.FOLDER.iterdir())
TEMPLATE = {
    "name", "description", "execution_environment", "playbook", "primary", "ask_credential_on_launch", "ask_inventory_on_launch",
    "ask_verbosity_on_launch", "labels", "survey",
}  # fmt: skip


def load(name: str) -> dict[str, Any]:
    return dict(json.loads((patterns.FOLDER / name / "meta/pattern.json").read_text(encoding="utf-8")))


def test_the_generated_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert patterns.main(["--check"]) == 0, capsys.readouterr().err
    assert set(patterns.PATTERNS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_has_the_form_of_the_specification(name: str) -> None:
    found = load(name)
    assert re.fullmatch(r"[a-z0-9_]{1,64}", found["name"]) and found["name"] == name
    assert found["schema_version"] == "1.0"
    assert len(found["title"]) <= 64 and found["description"].endswith(".")
    assert not found["short_description"].endswith(".") and "\n" not in found["short_description"]
    assert len(set(found["tags"])) == len(found["tags"])
    resources = found["aap_resources"]
    assert len(resources["controller_project"]["name"]) <= 200 and resources["controller_project"]["description"]
    image = resources["controller_execution_environment"]
    assert re.fullmatch(r"[\w-]+/[\w-]+", image["image_name"]) and image["pull"] in {"always", "missing", "never"}
    templates = resources["controller_job_templates"]
    assert sum(one["primary"] for one in templates) == 1
    for one in templates:
        assert set(one) <= TEMPLATE
        assert set(one["labels"]) <= set(resources["controller_labels"]) and one["execution_environment"] == image["name"]


@pytest.mark.parametrize("name", NAMES)
def test_each_playbook_and_survey_is_there_and_agrees_with_the_job_template_of_awx(name: str) -> None:
    templates = {
        one["name"]: one
        for one in yaml.safe_load((awx.AWX / "controller/templates.yml").read_text(encoding="utf-8"))["controller_templates"]
    }
    folder = patterns.FOLDER / name
    shown = (folder / "README.md").read_text(encoding="utf-8")
    used = set()
    for one in load(name)["aap_resources"]["controller_job_templates"]:
        job = templates[one["name"]]
        assert (one["playbook"], one.get("survey")) == (job["playbook"], job.get("survey_spec"))
        plays = yaml.safe_load((folder / "playbooks" / one["playbook"]).read_text(encoding="utf-8"))
        assert plays[-1]["ansible.builtin.import_playbook"] == f"euystacio.meta_salvage.{one['playbook'].removesuffix('.yml')}"
        assert f"`{one['name']}`" in shown
        used.add(one["playbook"])
        if "survey" in one:
            assert survey_errors(one["survey"]) == []
            for question in one["survey"]["spec"]:
                assert re.fullmatch(r"[a-z0-9_]{1,64}", question["variable"]) and isinstance(question.get("default", ""), str)
    assert {path.name for path in (folder / "playbooks").iterdir()} == used
    links = re.findall(r"\]\(([^)#]+)", shown)
    assert links and all((folder / link).resolve().is_file() for link in links)


def test_an_outdated_file_is_named_written_and_one_too_many_is_removed(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("patterns")
    monkeypatch.setattr(patterns, "FOLDER", folder)
    monkeypatch.setattr(awx, "CHECKOUT", folder)
    monkeypatch.setattr(patterns, "files", lambda: {folder / "a" / "README.md": "text\n"})
    (folder / "old.yml").write_text("---\n")
    assert patterns.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "a/README.md is out of date" in said and "old.yml is out of date" in said
    assert patterns.main([]) == 0
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["README.md"]
    assert patterns.main(["--check"]) == 0
