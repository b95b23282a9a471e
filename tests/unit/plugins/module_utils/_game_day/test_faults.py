# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only a named cluster that says that it is not production gets a fault."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._game_day.faults import ENVIRONMENTS, fault_named, fault_refusal
from hypothesis import given
from hypothesis import strategies as st

UID = "0b9a4f8e-6f0e-4a0b-9b0c-6d1c2f3e4a5b"
STAGING = {"name": "staging", "environment": "staging", "uid": UID}


def test_the_cluster_that_is_meant_may_have_a_fault() -> None:
    assert fault_refusal("staging", "", STAGING, UID) == ""
    assert fault_refusal("staging", "staging", STAGING, UID) == ""


@pytest.mark.parametrize(
    ("asked", "environment", "said", "uid", "words"),
    [
        ("", "", STAGING, UID, "set game_day_cluster"),
        ("staging", "", None, UID, "counts as production"),
        ("staging", "", {**STAGING, "name": "production"}, UID, "the connected cluster is 'production'"),
        ("staging", "", {**STAGING, "name": ""}, UID, "connect to the one that is meant"),
        ("staging", "", {**STAGING, "environment": "production"}, UID, "'production'; a game day is for development"),
        ("staging", "", {**STAGING, "environment": ""}, UID, "a game day is for development"),
        ("staging", "", {**STAGING, "environment": "Staging"}, UID, "a game day is for development"),
        ("staging", "production", STAGING, UID, "the inventory says that the environment is 'production'"),
        ("staging", "", STAGING, "", "nothing proves which cluster this is"),
        ("staging", "", STAGING, "another", "was written for another cluster"),
        ("staging", "", {"name": "staging", "environment": "staging"}, UID, "was written for another cluster"),
    ],
)
def test_any_other_may_not(asked: str, environment: str, said: dict[str, Any] | None, uid: str, words: str) -> None:
    assert words in fault_refusal(asked, environment, said, uid)


_TEXT = st.sampled_from(["", "staging", "production", "lab", UID, "prod", "unknown"]) | st.text(max_size=9)


@given(_TEXT, _TEXT, st.none() | st.fixed_dictionaries({"name": _TEXT, "environment": _TEXT, "uid": _TEXT}), _TEXT)
def test_nothing_is_admitted_by_accident(asked: str, environment: str, said: dict[str, str] | None, uid: str) -> None:
    if fault_refusal(asked, environment, said, uid) == "":
        assert said is not None and asked and uid
        assert (said["name"], said["uid"]) == (asked, uid)
        assert said["environment"] in ENVIRONMENTS and environment in ("", said["environment"])


FAULT = {"name": "mine", "alert": "QEKBelowMinimum", "manifests": [{"kind": "ConfigMap"}]}


def test_a_fault_of_ones_own_replaces_one_that_is_shipped() -> None:
    assert fault_named("mine", [FAULT, {**FAULT, "alert": "Another"}]).alert == "Another"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "other"}, "there is no fault 'mine'; use one of other"),
        ({"alert": ""}, "names no alert"),
        ({"manifests": []}, "does nothing"),
        ({"seed": "seed.yml"}, "can't be taken back"),
        ({"actions": {"roll_back": "maybe"}}, "use done, proposed, refused"),
        ({"verdicts": ["state"]}, "verdicts is"),
        ({"manifests": "a.yml"}, "give a list"),
        ({"alert": 7}, "alert is 7; give text"),
        ({"expected": {}}, "'expected' is not a part of a fault"),
    ],
)
def test_a_fault_that_is_wrong_is_refused_in_a_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SalvageError, match="fault") as refused:
        fault_named("mine", [{**FAULT, **change}])
    assert words in str(refused.value)
    assert refused.value.reason == "bad_input"


def test_the_name_of_a_fault_is_one_of_an_object() -> None:
    with pytest.raises(SalvageError, match="small letters"):
        fault_named("../a", [{**FAULT, "name": "../a"}])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_no_fault_ends_in_a_traceback(value: Any) -> None:
    for raw in (value, {**FAULT, "actions": value}, {**FAULT, "manifests": value}, {**FAULT, "alert": value}):
        assert refused_for(raw) in ("", "bad_input")


def refused_for(raw: Any) -> str:
    try:
        fault_named("mine", [raw])
    except SalvageError as exc:
        return exc.reason
    return ""
