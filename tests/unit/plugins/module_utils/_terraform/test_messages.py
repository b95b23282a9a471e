# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._terraform.messages import (
    deletions,
    errors,
    is_needed,
    message_of,
    planned_changes,
    sentence_of,
)
from hypothesis import given
from hypothesis import strategies as st

ACTIONS = ["create", "update", "delete", "replace", "read", "noop", "move"]


def planned(action: str, address: str = "terraform_data.cluster") -> dict[str, Any]:
    return {
        "@message": f"{address}: Plan to {action}",
        "type": "planned_change",
        "change": {"resource": {"addr": address}, "action": action},
    }


def summary(remove: int) -> dict[str, Any]:
    return {"@message": "Plan: ...", "type": "change_summary", "changes": {"add": 1, "change": 0, "remove": remove, "operation": "plan"}}


@pytest.mark.parametrize("line", [b"", b"\n", b"Warning: Unable to open CLI configuration file", b"[1]", b'{"some": "json"}', b"\xff"])
def test_prose_is_no_message(line: bytes) -> None:
    assert message_of(line) is None


def hook(kind: str, **more: Any) -> dict[str, Any]:
    return {"@message": "SECRET", "type": kind, "hook": {"resource": {"addr": "a.b"}, "id_value": "SECRET", **more}}


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (planned("create"), "terraform_data.cluster: create is planned"),
        (summary(0) | {"@message": "SECRET"}, "plan: 1 to create"),
        (hook("apply_start", action="create"), "a.b: create started"),
        (hook("apply_complete", action="create", elapsed_seconds=2), "a.b: create complete after 2 s"),
        (hook("provision_start", provisioner="local-exec"), "a.b: local-exec started"),
        (hook("provision_complete", provisioner="local-exec"), "a.b: local-exec complete"),
        (hook("provision_errored", provisioner="SECRET\x1b[31m"), "a.b: unknown failed"),
        (hook("provision_progress", output="kubeadm join --token SECRET"), ""),
        ({"@message": "SECRET", "type": "outputs", "outputs": {"token": {"sensitive": False, "value": "SECRET"}}}, ""),
        ({"@message": "SECRET", "type": "apply_start"}, "a resource: unknown started"),
        ({"@message": "SECRET", "type": ["apply_start"]}, ""),
        ({"@message": "it has no type"}, ""),
    ],
)
def test_what_is_shown_has_no_words_of_provisioners_and_no_ids(message: dict[str, Any], sentence: str) -> None:
    assert sentence_of(message) == sentence
    assert not sentence_of(message) or is_needed(message)


def test_what_a_provisioner_prints_is_not_even_kept() -> None:
    assert not is_needed(hook("provision_progress"))


@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.text(min_size=1)), unique_by=lambda pair: pair[1]))
def test_every_deletion_is_found_and_nothing_else(plan: list[tuple[str, str]]) -> None:
    messages = [planned(action, address) for action, address in plan]
    assert deletions(messages) == sorted(address for action, address in plan if action in ("delete", "replace"))
    assert {(action, address) for action, addresses in planned_changes(messages).items() for address in addresses} == set(plan)


def test_a_deletion_that_is_only_counted_is_one() -> None:
    assert deletions([planned("create"), summary(0)]) == []
    assert deletions([planned("create"), summary(2)]) == ["2 resources"]


@pytest.mark.parametrize("action", ["deleted", "delete-then-create", "", None, 7, ["create"]])
def test_an_action_that_is_not_known_is_not_let_through(action: Any) -> None:
    assert deletions([{**planned("create"), "change": {"resource": {"addr": "a.b"}, "action": action}}]) == ["a.b"]


@pytest.mark.parametrize("changes", [{"remove": "2"}, {"remove": None}, {"remove": 1.5}, {"remove": -1}])
def test_a_count_of_deletions_that_is_no_number_is_one(changes: dict[str, Any]) -> None:
    assert deletions([{"@message": "", "type": "change_summary", "changes": changes}]) == ["1 resources"]


def test_errors_are_a_sentence() -> None:
    warning = {"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "it is old"}}
    wrong = {"severity": "error", "summary": "Unsupported argument", "detail": 'There is no\n"x".', "address": "a.b"}
    bare = {"severity": "error", "summary": "No root", "detail": "", "range": {"filename": "main.tf", "start": {"line": 3}}}
    assert errors([warning]) == ""
    said = errors([warning, {"type": "diagnostic", "diagnostic": wrong}, {"type": "diagnostic", "diagnostic": bare}])
    assert said == 'a.b: Unsupported argument: There is no "x".; No root (main.tf line 3)'


@pytest.mark.parametrize("summary", ["local-exec provisioner error", "remote-exec provisioner error", "Script failed"])
@pytest.mark.parametrize("address", ["a.b", "data.external.a", None])
def test_errors_do_not_quote_what_a_program_printed(summary: str, address: str | None) -> None:
    wrong = {"severity": "error", "summary": summary, "detail": "Error running 'join --token SECRET'. Output: SECRET", "address": address}
    said = errors([hook("provision_start"), {"@message": "SECRET", "type": "diagnostic", "diagnostic": wrong}])
    if address or "provisioner" in summary:
        assert said.endswith(f"{summary}: its output is not shown, because it may contain secrets")
        assert "SECRET" not in said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["resource", "addr", "action", "remove", "x"]), inner),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({"@message": JSON, "type": st.sampled_from([
    "planned_change", "change_summary", "diagnostic", "apply_start", "provision_errored", "apply_complete", "other"])},
    optional=dict.fromkeys(("change", "changes", "diagnostic", "hook"), JSON)), max_size=4))  # fmt: skip
def test_whatever_a_message_holds_it_is_read(messages: list[dict[str, Any]]) -> None:
    assert isinstance([sentence_of(message) for message in messages], list)
    assert isinstance(deletions(messages), list)
    assert isinstance(errors(messages), str)
