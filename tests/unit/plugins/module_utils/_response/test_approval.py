# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person approved counts for that, and for nothing else."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records.signed_document import sign_document
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.approval import approval_document, check_approval
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.approval_file import given_approval
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_options import ApprovalOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import Ed25519
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import private_key
from fake_guard import LIMITS, NOW, KeyFiles, asks, key_files, target

PLAN = "0f" * 32
REQUEST = asks(plan=PLAN, environment="production")


@pytest.fixture
def keys(tmp_path: Path) -> KeyFiles:
    return key_files(tmp_path)


@pytest.fixture
def key(keys: KeyFiles) -> Ed25519:
    return private_key(keys.private)


def document(key: Ed25519, now: float = NOW) -> dict[str, Any]:
    return approval_document("a1" * 8, target(), "restart_pod", PLAN, "bob@laptop", now, key)


def problem(found: Any, key: Ed25519, request: Any = REQUEST, now: float = NOW) -> str:
    return check_approval(found, {key.key_id: key}, request, LIMITS, now).problem


def test_an_approval_counts_for_its_action(key: Ed25519) -> None:
    grant = check_approval(document(key), {key.key_id: key}, REQUEST, LIMITS, NOW + 14400)
    assert (grant.id, grant.by, grant.problem) == ("a1" * 8, "bob@laptop", "")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"action": "scale_up"}, "for another action, 'restart_pod' and not 'scale_up'"),
        ({"plan": "0e" * 32}, "for another plan_sha256"),
        ({"target": target("other")}, "for another target.name"),
        ({"target": replace(target(), uid="uid-2")}, "for another target.uid"),
        ({"target": replace(target(), resource_version="42")}, "for another target.resource_version, '41' and not '42'"),
        ({"target": replace(target(), resource_version="")}, "only for a target with uid"),
        ({"target": replace(target(), uid="")}, "only for a target with uid"),
        ({"plan": ""}, "for a plan with plan_sha256"),
    ],
)
def test_it_counts_for_no_other(key: Ed25519, what: dict[str, Any], words: str) -> None:
    assert words in problem(document(key), key, replace(REQUEST, **what))


@pytest.mark.parametrize(("now", "words"), [(NOW + 14401, "4 h are allowed"), (NOW - 61, "not a time in the past")])
def test_it_counts_for_some_hours(key: Ed25519, now: float, words: str) -> None:
    assert words in problem(document(key), key, now=now)


def test_nothing_in_it_can_be_changed(key: Ed25519) -> None:
    for name in ("id", "action", "plan_sha256", "approver", "created"):
        forged = copy.deepcopy(document(key))
        forged["approval"][name] += "0"
        assert "does not fit its content" in problem(forged, key)
    forged = copy.deepcopy(document(key))
    forged["approval"]["target"]["resource_version"] = "42"
    assert "does not fit" in problem(forged, key, replace(REQUEST, target=replace(target(), resource_version="42")))


@pytest.mark.parametrize(
    "found",
    [None, "", [], {}, {"approval": {}}, {"approval": {}, "signature": {}}, {"approval": {}, "signature": {"key_id": [], "value": 1}}],
)
def test_what_is_no_approval(key: Ed25519, found: Any) -> None:
    assert "it is not a signed approval" in problem(found, key)


def test_the_key_of_somebody_else_does_not_count(key: Ed25519) -> None:
    assert "signed with another key" in check_approval(document(key), {}, REQUEST, LIMITS, NOW).problem


def signed(key: Ed25519, content: Any) -> dict[str, Any]:
    return sign_document("approval", {**document(key)["approval"], **content}, key)


@pytest.mark.parametrize(
    "content", [{"more": 1}, {"id": 7}, {"id": "x"}, {"target": {}}, {"target": None}, {"created": None}, {"created": "soon"}]
)
def test_a_signed_document_of_another_form_does_not_count(key: Ed25519, content: Any) -> None:
    assert problem(signed(key, content), key)


def checked(path: Path, keys: KeyFiles) -> str:
    check = given_approval(ApprovalOptions(path=str(path), public_keys=(keys.public,)))
    assert check
    return check(REQUEST, LIMITS, NOW).problem


def test_a_file_that_can_not_be_read_is_no_approval(keys: KeyFiles, tmp_path: Path) -> None:
    assert "No such file" in checked(tmp_path / "nothing", keys)
    assert "Is a directory" in checked(tmp_path, keys)
    (tmp_path / "text").write_text("approved!")
    assert "is not JSON" in checked(tmp_path / "text", keys)
    (tmp_path / "large").write_bytes(b" " * 70000)
    assert "is too large" in checked(tmp_path / "large", keys)


def test_without_an_approval_there_is_nothing_to_check(keys: KeyFiles) -> None:
    assert given_approval(None) is None
    assert given_approval(ApprovalOptions(path="", public_keys=("/nowhere",))) is None
    with pytest.raises(SalvageError, match="public_keys is empty"):
        given_approval(ApprovalOptions(path="/nowhere"))
    with pytest.raises(SalvageError, match="both path and data"):
        given_approval(ApprovalOptions(path="/nowhere", data={"a": 1}, public_keys=(keys.public,)))
