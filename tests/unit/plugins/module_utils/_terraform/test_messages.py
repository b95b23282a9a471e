# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._terraform.messages import (
    deletions,
    errors,
    is_progress,
    message_of,
    planned_changes,
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


def test_what_tells_how_far_it_is_is_shown() -> None:
    message = message_of(json.dumps(planned("create")).encode())
    assert message is not None and is_progress(message)
    assert not is_progress({"@message": "Outputs: 1", "type": "outputs"})
    assert not is_progress({"@message": "it has no type"})


@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.text(min_size=1)), unique_by=lambda pair: pair[1]))
def test_every_deletion_is_found_and_nothing_else(plan: list[tuple[str, str]]) -> None:
    messages = [planned(action, address) for action, address in plan]
    assert deletions(messages) == sorted(address for action, address in plan if action in ("delete", "replace"))
    assert {(action, address) for action, addresses in planned_changes(messages).items() for address in addresses} == set(plan)


def test_a_deletion_that_is_only_counted_is_one() -> None:
    assert deletions([planned("create"), summary(0)]) == []
    assert deletions([planned("create"), summary(2)]) == ["2 resources"]


def test_errors_are_a_sentence() -> None:
    warning = {"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "it is old"}}
    wrong = {"severity": "error", "summary": "local-exec provisioner error", "detail": "exit status 3.\nOutput: two\n", "address": "a.b"}
    bare = {"severity": "error", "summary": "No root", "detail": ""}
    assert errors([warning]) == ""
    said = errors([warning, {"type": "diagnostic", "diagnostic": wrong}, {"type": "diagnostic", "diagnostic": bare}])
    assert said == "a.b: local-exec provisioner error: exit status 3. Output: two; No root"
