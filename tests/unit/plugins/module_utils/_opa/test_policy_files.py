# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy as files: revisions and data."""

from __future__ import annotations

import json

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa import policy_files as candidate

FILES = {"p.rego": "package p\n", "p_test.rego": "package p_test\n", "policy_data.json": '{"a": {"b": 1, "c": 2}}'}


def test_a_revision_is_of_the_content_alone() -> None:
    name = candidate.revision(FILES)
    assert candidate.revision({**FILES, candidate.REVISION_FILE: "x", "q_test.rego": "y"}) == name
    assert candidate.revision({**FILES, "p.rego": "package q\n"}) != name
    data = candidate.published(FILES)
    assert sorted(data) == ["meta_salvage_revision.rego", "p.rego", "policy_data.json"]
    assert f'id := "{name}"' in data[candidate.REVISION_FILE]
    assert candidate.revision(data) == name


def test_a_change_of_data_is_merged() -> None:
    changed = candidate.with_data(FILES, {"a": {"b": 3}})
    assert json.loads(changed["policy_data.json"]) == {"a": {"b": 3, "c": 2}}
    assert candidate.changed_files(FILES, changed) == ["policy_data.json"]
    assert json.loads(candidate.with_data({"p.rego": ""}, {"a": 1})["policy_data.json"]) == {"a": 1}
    assert "# p.rego" in candidate.text_of(FILES)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"policy_data.json": "{}"}, "no .rego file"),
        ({"p.rego": "", "../x.rego": ""}, "can't be a policy file"),
        ({"p.rego": "", "x.sh": ""}, "can't be a policy file"),
        ({"p.rego": "x" * 1_000_000}, "use a bundle"),
    ],
)
def test_what_can_not_be_published(files: dict[str, str], words: str) -> None:
    with pytest.raises(SalvageError, match=words):
        candidate.published(files)


def test_data_that_is_no_object_is_not_changed() -> None:
    for text in ("[1]", "nonsense"):
        with pytest.raises(SalvageError, match="not a JSON object"):
            candidate.with_data({"policy_data.json": text}, {"a": 1})


def test_objects_are_merged_into_objects() -> None:
    merged = candidate.merge_documents({"a": {"b": 1, "c": 2}, "d": 1}, {"a": {"b": 3}}, {"d": {"e": 1}})
    assert merged == {
        "a": {"b": 3, "c": 2},
        "d": {"e": 1},
    }
