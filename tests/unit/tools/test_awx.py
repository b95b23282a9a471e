# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects for AWX: generated ones are up to date, surveys and argument specs agree, and every name leads to something."""

from __future__ import annotations

import re
import string
from datetime import datetime, timezone
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from dateutil.rrule import rrulestr
from fake_awx import answer_errors, choices_of, survey_errors
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from jinja2.nativetypes import NativeEnvironment

from tools import awx, role_docs

ASKING = [name for name in awx.names() if awx.survey(name)]
KINDS = {
    "bool": {"multiplechoice"}, "int": {"integer"}, "float": {"float"}, "raw": {"text"}, "path": {"text"},
    "str": {"text", "textarea", "multiplechoice"},
    "list": {"multiselect", "textarea"},
}  # fmt: skip


class _Loader(yaml.CSafeLoader):
    """Files with templates that Ansible leaves alone."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def load(name: str) -> dict[str, Any]:
    return dict(yaml.load((awx.AWX / "controller" / f"{name}.yml").read_text(), _Loader))  # noqa: S506 - a SafeLoader


SITE = load("site")
TEMPLATES = {template["name"]: template for template in load("templates")["controller_templates"]}
WORKFLOWS = {workflow["name"]: workflow for workflow in load("workflows")["controller_workflows"]}
FILES = sorted(path.stem for path in (awx.AWX / "controller").glob("*.yml"))


def filled(value: Any) -> Any:
    """As Ansible fills it in."""
    if isinstance(value, dict):
        return {key: filled(one) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one) for one in value]
    if not isinstance(value, str) or "{{" not in value:
        return value
    known = {**SITE, "controller_templates": list(TEMPLATES.values())}
    return NativeEnvironment(undefined=StrictUndefined).from_string(value).render(known)


def test_the_generated_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert awx.main(["--check"]) == 0, capsys.readouterr().err
    wrappers = {path.stem for path in (awx.AWX / "project").glob("*.yml")}
    assert wrappers == set(awx.names()) >= set(awx.PLAYBOOKS)


def test_an_outdated_file_is_named_and_written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = awx.AWX / "project" / "written-by-a-test.yml"
    monkeypatch.setattr(awx, "files", lambda: {path: "text\n"})
    try:
        assert awx.main(["--check"]) == 1
        assert "project/written-by-a-test.yml is out of date" in capsys.readouterr().err
        assert awx.main([]) == 0
        assert path.read_text() == "text\n"
        assert awx.main(["--check"]) == 0
    finally:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("playbook", awx.names())
def test_a_playbook_has_a_template_to_run_and_one_to_check(playbook: str) -> None:
    run, check = (TEMPLATES[awx.template_name(playbook, kind)] for kind in ("run", "check"))
    assert (run["job_type"], check["job_type"]) == ("run", "check")
    assert run["playbook"] == check["playbook"] == f"{playbook}.yml"
    assert check["allow_simultaneous"] is True  # it changes nothing
    # Where all variables are allowed at launch, a survey would be no wall.
    assert run["ask_variables_on_launch"] is check["ask_variables_on_launch"] is (playbook == "respond")
    assert not (run["ask_variables_on_launch"] and run["survey_enabled"])
    plays = yaml.safe_load((awx.AWX / "project" / f"{playbook}.yml").read_text())
    assert plays[-1]["ansible.builtin.import_playbook"] == f"euystacio.meta_salvage.{playbook}"


@pytest.mark.parametrize("playbook", awx.names())
def test_two_runs_that_take_a_lock_or_write_to_one_place_do_not_run_at_once(playbook: str) -> None:
    role = awx.play(playbook)
    text = "".join(path.read_text() for path in (role_docs.ROLES / _role(role)).glob("tasks/*.yml"))
    if re.search(r"tasks_from: (lock|begin)\n", text):
        assert TEMPLATES[awx.template_name(playbook, "run")]["allow_simultaneous"] is False


def _role(play: dict[str, Any]) -> str:
    if "roles" in play:
        return str(play["roles"][0]["role"]).rpartition(".")[2]
    return str(next(value for name, value in play["tasks"][0].items() if name.endswith("_role"))["name"]).rpartition(".")[2]


@pytest.mark.parametrize("playbook", ASKING)
def test_a_survey_is_one_that_awx_accepts_and_agrees_with_the_specs(playbook: str) -> None:
    survey = awx.survey(playbook)
    assert survey is not None and survey_errors(survey) == []
    options = {**awx.options(playbook), **role_docs.specs(role_docs.COMMON)["main"]["options"]}
    for question in survey["spec"]:
        name = question["variable"]
        option = options[name if name in options else name.removesuffix(awx.LINES)]
        assert question["type"] in KINDS[option["type"]], name
        assert (name in options) == (question["type"] != "textarea" or option["type"] != "list"), name
        assert "default" not in question, f"{name}: a default would be passed over the value of the inventory"
        assert not option.get("required") or question["required"], name
        if option["type"] == "bool":
            assert question["choices"] == ["yes", "no"]
        elif "choices" in question:
            assert question["choices"] == [choice for choice in option["choices"] if choice]
        assert (question["type"] == "password") == bool(option.get("no_log")), name
        assert len(question["question_description"]) <= 300 and "(" + "V" not in question["question_description"]


@pytest.mark.parametrize("playbook", awx.names())
def test_what_a_role_requires_comes_from_the_survey_or_from_a_credential(playbook: str) -> None:
    given = {name for kind in load("credential_types")["controller_credential_types"] for name in kind["injectors"].get("extra_vars", {})}
    required = {name for name, option in awx.options(playbook).items() if option.get("required")}
    # The repository is a fact of the cluster: the inventory has it.
    assert awx.how(playbook).variables or required <= given | set(awx.how(playbook).asked) | {"backup_repository"}


def answers_to(question: dict[str, Any]) -> st.SearchStrategy[Any]:
    kind = question["type"]
    if kind == "multiplechoice":
        return st.sampled_from(choices_of(question))
    if kind == "multiselect":
        return st.lists(st.sampled_from(choices_of(question)), unique=True)
    if kind == "integer":
        return st.integers(question["min"], question["max"])
    if kind == "float":
        return st.one_of(st.integers(0, 10**6), st.floats(0, 1e6))
    return st.text(string.printable, min_size=question["min"], max_size=20)


@settings(max_examples=8, deadline=None)
@given(st.data())
@pytest.mark.parametrize("playbook", ASKING)
def test_what_a_survey_accepts_the_argument_specs_accept(playbook: str, data: st.DataObject) -> None:
    survey = awx.survey(playbook)
    assert survey is not None
    answers = {
        question["variable"]: data.draw(answers_to(question))
        for question in survey["spec"]
        if question["required"] or data.draw(st.booleans())
    }
    assert answer_errors(survey, answers) == []
    known = {**awx.options(playbook), "meta_salvage_incident": {"type": "str"}}
    # The wrapper makes lists of lines.
    given_to_role = {name.removesuffix(awx.LINES) if name not in known else name: value for name, value in answers.items()}
    lists = {name.removesuffix(awx.LINES) for name in answers if name not in known}
    given_to_role |= {name: [line.strip() for line in str(given_to_role[name]).splitlines() if line.strip()] for name in lists}
    spec = {name: {key: value for key, value in option.items() if key in {"type", "elements", "choices"}} for name, option in known.items()}
    assert ArgumentSpecValidator(spec).validate(given_to_role).error_messages == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"type": "boolean"}, "does not exist"),
        ({"required": "no"}, "required is not a boolean"),
        ({"type": "multiplechoice"}, "choices must be texts"),
        ({"type": "multiplechoice", "choices": "a\nb", "default": "c"}, "default is not a choice"),
        ({"type": "multiselect", "choices": ["a", "b"], "default": "a\nc"}, "not among the choices"),
        ({"type": "integer", "default": True}, "not a whole number"),
        ({"type": "integer", "min": 1.5}, "min is not a whole number"),
        ({"type": "float", "default": "1"}, "default is not a number"),
        ({"default": 5}, "default is not a text"),
        ({"default": "$encrypted$"}, "is reserved"),
        ({"variable": None}, "variable is not a text"),
    ],
)
def test_the_rules_of_awx_find_what_is_wrong(change: dict[str, Any], error: str) -> None:
    right = {"question_name": "A", "variable": "a", "type": "text", "required": False}
    assert survey_errors({"name": "", "description": "", "spec": [right]}) == []
    assert error in "; ".join(survey_errors({"name": "", "description": "", "spec": [right | change]}))


def test_a_list_that_is_typed_replaces_the_one_of_the_inventory_only_if_there_is_one() -> None:
    (reader, _imported) = yaml.safe_load((awx.AWX / "project" / "deploy.yml").read_text())
    (task,) = reader["tasks"]
    assert task["when"] == "deploy_manifests_lines | default('') | trim | length > 0"
    template = task["ansible.builtin.set_fact"]["deploy_manifests"]
    text = "a.yaml\r\n\r\n  b c.yaml \n"
    assert NativeEnvironment().from_string(template).render(deploy_manifests_lines=text) == ["a.yaml", "b c.yaml"]


@pytest.mark.parametrize("name", [name for name in FILES if name != "site"])
def test_every_name_of_a_site_is_in_its_file(name: str) -> None:
    loaded = load(name)
    if name != "credential_types":  # those templates are AWX's
        filled(loaded)
    assert all(isinstance(one["name"], str) for objects in loaded.values() for one in objects)


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_leads_through_an_approval_to_every_change(name: str) -> None:
    workflow = filled(WORKFLOWS[name])
    nodes = {node["identifier"]: node for node in workflow["workflow_nodes"]}
    after = {
        one: [next_node["identifier"] for links in node.get("related", {}).values() for next_node in links] for one, node in nodes.items()
    }
    (first,) = nodes.keys() - {one for following in after.values() for one in following}
    seen, approved = [], set()
    todo = [(first, False)]
    while todo:
        one, asked = todo.pop()
        node = nodes[one]
        template = node["unified_job_template"]
        seen.append(one)
        if template["type"] == "workflow_approval":
            asked = True
            assert template["description"] and isinstance(template["timeout"], int)
        else:
            job = TEMPLATES[template["name"]]
            extra = node.get("extra_data", {})
            assert not extra or answer_errors({"spec": [{**each, "required": False} for each in job["survey_spec"]["spec"]]}, extra) == []
            if job["job_type"] == "run" and not job["allow_simultaneous"] and not set(extra.values()) & {"validated", "prepared"}:
                assert asked, f"{one} changes something that nobody approved"
                approved.add(one)
        todo += [(following, asked) for following in after[one]]
    assert set(seen) == set(nodes)
    assert approved or name == "Meta Salvage incident"
    if workflow.get("survey_enabled"):
        assert survey_errors(workflow["survey_spec"]) == []
    mails = {one["name"] for one in load("notifications")["controller_notifications"]}
    assert set(workflow["notification_templates_approvals"]) <= mails


def test_schedules_are_rules_that_awx_takes() -> None:
    schedules = filled(load("schedules")["controller_schedules"])
    assert {one["unified_job_template"] for one in schedules} == {
        awx.template_name(name, "run") for name in ("health_check", "backup", "restore_drill", "incident_watch")
    }
    for one in schedules:
        found = re.fullmatch(
            r"DTSTART;TZID=[\w/]+:\d{8}T\d{6} RRULE:(FREQ=(?:MINUTELY|DAILY|WEEKLY);INTERVAL=\d+(?:;BYDAY=\w\w)?)", one["rrule"]
        )
        assert found, one["rrule"]
        rule = rrulestr(one["rrule"].replace("DTSTART;TZID=UTC:", "DTSTART:").replace(" ", "Z\n"))
        assert rule.after(datetime(2026, 11, 27, tzinfo=timezone.utc)) is not None
        job = TEMPLATES[one["unified_job_template"]]
        assert not any(question["required"] for question in job["survey_spec"]["spec"])  # nobody is there to answer


PROOF_KEYS = {"deploy_proof_key", "blue_green_proof_key", "rollback_proof_key", "alert_response_proof_key", "peace_bonds_record_key"}


def test_each_job_that_signs_with_the_record_key_gets_its_credential() -> None:
    signing = {playbook for playbook in awx.names() if PROOF_KEYS & set(awx.options(playbook))}
    assert {"deploy", "rollback", "blue_green", "respond", "peace_bonds_respond"} <= signing
    for playbook in sorted(signing):
        assert "awx_record_credentials" in TEMPLATES[awx.template_name(playbook, "run")]["credentials"], playbook


def test_the_page_names_the_jobs_of_each_credential() -> None:
    page = (awx.CHECKOUT / "docs/awx.md").read_text(encoding="utf-8")
    for kind in ("backup", "restore", "record"):
        (row,) = re.findall(rf"^\| Meta Salvage {kind} keys? \| (.*?) \|", page, re.MULTILINE)
        using = {playbook for playbook in awx.names() if f"awx_{kind}_credentials" in awx.how(playbook).credentials}
        assert set(re.findall("`([a-z_]+)`", row)) == using


def test_every_notification_template_is_sent_by_some_object() -> None:
    mails = {one["name"] for one in load("notifications")["controller_notifications"]}
    scheduled = {one["unified_job_template"] for one in load("schedules")["controller_schedules"]}
    failing = {name for name, one in TEMPLATES.items() if one.get("notification_templates_error")}
    assert failing == scheduled  # nobody watches these
    assert all(set(filled(TEMPLATES[name]["notification_templates_error"])) <= mails for name in failing)


def test_credential_types_inject_variables_that_a_role_reads() -> None:
    known = {name for role in role_docs.roles() for name in role_docs.defaults(role)}
    known |= {name for playbook in awx.names() for name in awx.options(playbook)}
    messages = (awx.CHECKOUT / "inventory/production/group_vars/all/notify.yml").read_text()
    for kind in load("credential_types")["controller_credential_types"]:
        fields = {field["id"] for field in kind["inputs"]["fields"]}
        injectors = kind["injectors"]
        assert set(injectors.get("extra_vars", {})) <= known
        for name in injectors.get("env", {}):
            assert name in {"K8S_AUTH_KUBECONFIG", "KUBECONFIG"} or f"'{name}'" in messages
        files = [name.partition(".")[2] for name in injectors.get("file", {})]
        place: Any = {"filename": {name: f"/run/{name}" for name in files} if files != [""] else "/run/file"}
        values = {field: f"value of {field}" for field in fields}
        for group in injectors.values():
            for template in group.values():
                text = NativeEnvironment(undefined=StrictUndefined).from_string(template).render(**values, tower=place)
                assert text.startswith(("/run/", "value of "))
        assert set(kind["inputs"].get("required", [])) <= fields
        assert all(field.get("secret") for field in kind["inputs"]["fields"] if "rivate" in field["label"] or field["id"] == "kubeconfig")


# The keys that the roles of infra.aap_configuration read, of those that its documentation lists.
VOCABULARY = {
    "controller_credential_types": "name description kind inputs injectors",
    "controller_execution_environments": "name description image organization pull credential",
    "controller_notifications": "name description organization notification_type notification_configuration messages",
    "controller_inventories": "name description organization variables kind",
    "controller_projects": "name description organization scm_type scm_url scm_branch scm_clean scm_update_on_launch default_environment",
    "controller_templates": (
        "name description job_type organization inventory project playbook execution_environment credentials ask_limit_on_launch "
        "ask_variables_on_launch allow_simultaneous diff_mode survey_enabled survey_spec notification_templates_error"
    ),
    "controller_workflows": (
        "name description organization inventory ask_limit_on_launch allow_simultaneous destroy_current_nodes survey_enabled survey_spec "
        "notification_templates_approvals workflow_nodes"
    ),
    "controller_schedules": "name description organization unified_job_template rrule enabled extra_data",
    "eda_projects": "name description organization url scm_branch sync credential proxy",
    "eda_decision_environments": "name description organization image_url credential",
    "eda_rulebook_activations": (
        "name description organization project rulebook decision_environment restart_policy enabled extra_vars eda_credentials"
    ),
}


def test_the_activation_names_objects_of_its_own_controller() -> None:
    """Event-Driven Ansible has projects of its own, and refuses a rulebook that starts a job template without a login to do so."""
    eda = filled(load("eda"))
    (activation,) = eda["eda_rulebook_activations"]
    assert activation["project"] in {one["name"] for one in eda["eda_projects"]}
    assert activation["decision_environment"] in {one["name"] for one in eda["eda_decision_environments"]}
    assert activation["eda_credentials"]
    assert activation["extra_vars"]["events_job_template"] in TEMPLATES
    rulebook = (awx.CHECKOUT / "extensions/eda/rulebooks" / activation["rulebook"]).read_text(encoding="utf-8")
    assert all(name in rulebook for name in activation["extra_vars"])


def test_the_objects_are_in_the_vocabulary_of_infra_aap_configuration() -> None:
    found = {kind: objects for name in FILES if name != "site" for kind, objects in load(name).items()}
    assert set(found) == set(VOCABULARY)
    for kind, objects in found.items():
        for one in objects:
            assert set(one) <= set(VOCABULARY[kind].split()), (kind, one["name"])
