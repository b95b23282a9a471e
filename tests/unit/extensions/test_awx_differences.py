# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apply_awx.yml says about a controller, and what the stand-in of its API refuses."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from controller_rules import credential_type_errors, notification_errors, prompt_errors, rrule_errors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FILE = Path(__file__).resolve().parents[3] / "extensions/awx/filter_plugins/awx_differences.py"
spec = importlib.util.spec_from_file_location("awx_differences", FILE)
assert spec is not None and spec.loader is not None
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
FILTERS = module.FilterModule().filters()

QUESTION = {"variable": "a", "question_name": "A", "type": "text", "required": False}
WANTED: dict[str, Any] = {
    "name": "deploy", "organization": "Default", "inventory": "clusters", "diff_mode": False, "credentials": ["b", "a"],
    "survey_spec": {"name": "", "description": "", "spec": [QUESTION]}, "notification_configuration": {"host": "mail", "password": "x"},
}  # fmt: skip
FOUND: dict[str, Any] = {
    "id": 7, "name": "deploy", "organization": 1, "inventory": 2, "diff_mode": False,
    "summary_fields": {
        "organization": {"name": "Default"}, "inventory": {"name": "clusters"}, "credentials": [{"name": "a"}, {"name": "b"}],
    },
    "survey": {"name": "", "description": "", "spec": [QUESTION]},
    "notification_configuration": {"host": "mail", "password": "$encrypted$", "timeout": 30},
}  # fmt: skip
NODE = {
    "identifier": "approve",
    "unified_job_template": {"name": "Really?", "description": "why", "type": "workflow_approval", "timeout": 60},
    "related": {"success_nodes": [{"identifier": "go"}]},
}
FOUND_NODES = [
    {
        "id": 1, "identifier": "approve", "success_nodes": [2], "failure_nodes": [], "always_nodes": [], "extra_data": {},
        "summary_fields": {
            "unified_job_template": {"name": "Really?", "description": "why", "unified_job_type": "workflow_approval", "timeout": 60}
        },
    },
    {"id": 2, "identifier": "go", "summary_fields": {"unified_job_template": {"name": "job", "unified_job_type": "job"}}},
]  # fmt: skip
GO = {"identifier": "go", "unified_job_template": {"name": "job", "type": "job_template"}}


def texts(wanted: dict[str, Any], *found: dict[str, Any]) -> list[str]:
    return [one["text"] for one in FILTERS["awx_differences"]({"job_templates": [wanted]}, {"job_templates": list(found)})]


def test_what_is_the_same_differs_in_nothing() -> None:
    assert texts(WANTED, FOUND) == []


def test_a_credential_that_two_lists_of_the_site_name_is_one_credential() -> None:
    assert texts({**WANTED, "credentials": ["b", "a", "b"]}, FOUND) == []


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("name",), "another", "it does not exist"),
        (("summary_fields", "organization", "name"), "Another", "it does not exist"),
        (("diff_mode",), True, "diff_mode is true, and shall be false"),
        (("inventory",), None, 'inventory is null, and shall be "clusters"'),
        (("summary_fields", "inventory", "name"), "tests", 'inventory is "tests", and shall be "clusters"'),
        (("summary_fields", "credentials"), [], 'credentials is [], and shall be ["a", "b"]'),
        (("survey",), {}, "its survey has another name"),
        (("survey", "spec"), [], "its survey does not ask for a"),
        (("survey", "spec"), [QUESTION, {**QUESTION, "variable": "b"}], "its survey also asks for b"),
        (("survey", "spec"), [{**QUESTION, "type": "textarea"}], "its survey asks in another way for a"),
        (("notification_configuration", "host"), "secret.example.com", "notification_configuration differs in host"),
    ],
)
def test_a_difference_is_one_sentence(path: tuple[str, ...], value: Any, sentence: str) -> None:
    found = copy.deepcopy(FOUND)
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    if path == ("inventory",):
        del found["summary_fields"]["inventory"]
    said = texts(WANTED, found)
    assert said[0] == f'job template "deploy": {sentence}'
    assert "secret.example.com" not in " ".join(said)


def test_nodes_are_compared_by_their_identifiers() -> None:
    wanted = {"name": "flow", "workflow_nodes": [NODE, GO]}
    assert texts(wanted, {"name": "flow", "nodes": FOUND_NODES}) == []
    cut = copy.deepcopy(FOUND_NODES)
    cut[0]["success_nodes"] = []
    assert texts(wanted, {"name": "flow", "nodes": cut}) == ['job template "flow": its node approve differs in success_nodes']
    assert texts(wanted, {"name": "flow", "nodes": FOUND_NODES[1:]}) == ['job template "flow": it has no node approve']
    more = [*FOUND_NODES, {"id": 3, "identifier": "by-hand"}]
    assert texts(wanted, {"name": "flow", "nodes": more}) == ['job template "flow": it also has a node by-hand']


def test_only_what_differs_is_applied_unless_all_is_asked_for() -> None:
    differing = FILTERS["awx_differences"]({"projects": [{"name": "a"}, {"name": "b"}]}, {"projects": [{"name": "a"}]})
    changed = FILTERS["awx_changed"]
    assert changed([{"name": "a"}, {"name": "b"}], "projects", differing) == [{"name": "b"}]
    assert changed([{"name": "b"}], "schedules", differing) == []
    assert len(changed([{"name": "a"}, {"name": "b"}], "projects", differing, True)) == 2
    assert FILTERS["awx_with"]([{"id": 1}, {"id": 2}], "nodes", {"2": []}) == [{"id": 1}, {"id": 2, "nodes": []}]


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = PLAIN | st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(st.dictionaries(st.sampled_from(["description", "inputs", "limit", "diff_mode", "kind"]), JSON))
def test_an_object_does_not_differ_from_itself(fields: dict[str, Any]) -> None:
    one = {"name": "a", **fields}
    assert texts(one, copy.deepcopy(one)) == []


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ("RRULE:FREQ=DAILY;INTERVAL=1", "Valid DTSTART required"),
        ("DTSTART:20260101T000000 RRULE:FREQ=DAILY;INTERVAL=1", "naive"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=DAILY", "INTERVAL required"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=SECONDLY;INTERVAL=1", "SECONDLY"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=DAILY;INTERVAL=1;COUNT=1000", "COUNT > 999"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=OFTEN;INTERVAL=1", "parsing failed"),
        ("DTSTART:20260101T000000Z", "One or more rule"),
    ],
)
def test_a_schedule_that_awx_would_refuse_is_refused(rule: str, error: str) -> None:
    assert error in "; ".join(rrule_errors(rule))
    assert rrule_errors("DTSTART;TZID=UTC:20260101T060000 RRULE:FREQ=DAILY;INTERVAL=1") == []


def test_other_rules_of_awx() -> None:
    assert notification_errors("webhook", {"url": "u", "headers": {}}) == []
    assert "http_method" not in "".join(notification_errors("webhook", {"url": 1, "headers": {}}))
    assert "No values" in "".join(notification_errors("email", {"recipients": []}))
    field = {"id": "key", "label": "Key", "type": "string", "secret": True}
    right = {"kind": "cloud", "inputs": {"fields": [field], "required": ["key"]}, "injectors": {"env": {"KEY": "{{ key }}"}}}
    assert credential_type_errors(right) == []
    assert "undefined" in "".join(credential_type_errors({**right, "injectors": {"env": {"KEY": "{{ other }}"}}}))
    assert "not a field" in "".join(credential_type_errors({**right, "inputs": {"required": ["key"]}, "injectors": {}}))
    assert "reserved" in "".join(credential_type_errors({**right, "injectors": {"env": {"PATH": "{{ key }}"}}}))
    template = {"survey_enabled": True}
    assert prompt_errors(template, {"spec": [{**QUESTION, "required": True}]}, {"extra_data": {"a": "x"}}) == []
    assert "not allowed on launch" in "".join(prompt_errors(template, {}, {"extra_data": {"b": 1}}))
    assert "not configured to prompt" in "".join(prompt_errors(template, {}, {"limit": "one"}))
