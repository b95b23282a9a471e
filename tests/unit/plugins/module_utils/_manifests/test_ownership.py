# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.defaults import RESTORE_MANAGER, ROLLBACK_MANAGER
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.ownership import (
    LAST_APPLIED,
    applied_fields,
    as_applied,
    common,
    earlier_managers,
    minus,
    moved,
    remove_fields,
    united,
)
from hypothesis import given
from hypothesis import strategies as st

MANAGER = "ours"
ANNOTATION = {"f:metadata": {"f:annotations": {".": {}, f"f:{LAST_APPLIED}": {}}}}


def entry(manager: str, fields: Any, operation: str = "Update", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields, **more}


def live(*entries: Any, applied: Any = None) -> dict[str, Any]:
    annotations = {LAST_APPLIED: json.dumps(applied)} if applied is not None else {}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": annotations, "managedFields": list(entries)}}


def test_the_manager_of_a_client_side_apply_is_the_one_that_wrote_its_annotation() -> None:
    obj = live(
        entry("kubectl-client-side-apply", {**ANNOTATION, "f:data": {"f:a": {}}}),
        entry("OpenAPI-Generator", {"f:data": {"f:b": {}}}),
        entry("other", ANNOTATION, "Apply"),
        entry("status", ANNOTATION, subresource="status"),
    )
    assert earlier_managers(obj) == {"kubectl-client-side-apply"}
    rollback, restore = entry(ROLLBACK_MANAGER, {"f:data": {"f:b": {}}}), entry(RESTORE_MANAGER, {}, "Apply")
    assert earlier_managers(live(rollback, restore)) == {ROLLBACK_MANAGER, RESTORE_MANAGER}
    assert earlier_managers(live()) == frozenset()


@pytest.mark.parametrize("operation", ["Apply", "Update"])
def test_what_a_restore_wrote_is_an_earlier_write_of_the_manifests_however_it_wrote(operation: str) -> None:
    obj = live(entry(RESTORE_MANAGER, {"f:data": {"f:a": {}, "f:b": {}}}, operation))
    assert earlier_managers(obj) == {RESTORE_MANAGER}
    found = moved(obj, MANAGER, {"data": {"a": "1"}})
    assert found is not None and [one["manager"] for one in found] == [MANAGER]


def test_what_was_written_in_other_ways_becomes_what_was_applied() -> None:
    applied, made = entry("ours", {"f:data": {"f:a": {}}}, "Apply"), entry("ours", {"f:data": {"f:b": {}}})
    other, status = entry("else", {"f:data": {"f:c": {}}}), entry("ours", {"f:status": {}}, subresource="status")
    assert as_applied(live(applied, other, status), "ours") is None
    assert as_applied(live(other), "ours") is None
    found = as_applied(live(applied, other, made, status), "ours")
    assert found == [other, status, entry("ours", {"f:data": {"f:a": {}, "f:b": {}}}, "Apply")]


def test_the_fields_of_the_last_manifest_move_and_the_rest_gets_no_owner() -> None:
    obj = live(
        entry("kubectl", {**ANNOTATION, "f:data": {".": {}, "f:a": {}, "f:by-patch": {}}}),
        entry(MANAGER, {"f:data": {"f:c": {}}}, "Apply"),
        entry("else", {"f:data": {"f:d": {}}}),
        applied={"data": {"a": "1"}},
    )
    found = moved(obj, MANAGER, {})
    assert found is not None
    assert [one["manager"] for one in found] == ["else", MANAGER]
    assert applied_fields({"metadata": {"managedFields": found}}, MANAGER) == {"f:data": {".": {}, "f:a": {}, "f:c": {}}}


def test_without_its_annotation_nothing_of_a_client_side_apply_is_removed() -> None:
    found = moved(live(entry("kubectl", {**ANNOTATION, "f:data": {"f:a": {}}})), MANAGER, {})
    assert found is not None
    assert applied_fields({"metadata": {"managedFields": found}}, MANAGER) == {}


@pytest.mark.parametrize("text", ["{", "[]", "5", ""])
def test_an_annotation_that_is_not_a_manifest_moves_nothing(text: str) -> None:
    obj = live(entry("kubectl", {**ANNOTATION, "f:data": {"f:a": {}}}))
    obj["metadata"]["annotations"] = {LAST_APPLIED: text}
    found = moved(obj, MANAGER, {})
    assert found is not None
    assert applied_fields({"metadata": {"managedFields": found}}, MANAGER) == {}


def test_of_a_rollback_all_moves_but_the_records() -> None:
    template = {"f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}, "f:mine": {}}}}}
    records = {"f:metadata": {"f:annotations": {"f:meta-salvage.euystacio/returning": {}}}}
    found = moved(live(entry(ROLLBACK_MANAGER, {**records, "f:spec": template})), MANAGER, {})
    assert found is not None
    kept = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}}, **records}
    assert found[0]["fieldsV1"] == kept
    assert found[1]["fieldsV1"]["f:spec"] == {"f:template": {"f:metadata": {"f:annotations": {"f:mine": {}}}}}


def test_a_rollback_of_records_alone_moves_nothing() -> None:
    records = {"f:metadata": {"f:annotations": {".": {}, "f:meta-salvage.euystacio/returning": {}}}}
    assert moved(live(entry(ROLLBACK_MANAGER, records)), MANAGER, {}) is None


def test_what_a_restore_wrote_gets_no_owner() -> None:
    found = moved(live(entry(RESTORE_MANAGER, {"f:data": {"f:a": {}}}, "Apply"), entry("else", {"f:data": {"f:d": {}}})), MANAGER, {})
    assert found is not None
    assert [(one["manager"], one["fieldsV1"]) for one in found] == [("else", {"f:data": {"f:d": {}}}), (MANAGER, {})]


def test_what_the_manifest_sets_has_an_owner_in_any_case() -> None:
    found = moved(live(entry(RESTORE_MANAGER, {"f:data": {"f:a": {}, "f:b": {}}}, "Apply")), MANAGER, {"data": {"a": "1"}})
    assert found is not None
    assert [(one["manager"], one["fieldsV1"]) for one in found] == [(MANAGER, {"f:data": {"f:a": {}}})]


def test_items_of_lists_move_whole() -> None:
    item = {'k:{"name":"b"}': {".": {}, "f:name": {}}}
    found = moved(live(entry(ROLLBACK_MANAGER, {"f:spec": {"f:containers": item}})), MANAGER, {})
    assert found is not None
    assert [(one["manager"], one["fieldsV1"]) for one in found] == [(MANAGER, {"f:spec": {"f:containers": item}})]


def test_nothing_to_move() -> None:
    assert moved(live(entry("else", {"f:data": {"f:d": {}}})), MANAGER, {}) is None


PORTS = {'k:{"port":8000,"protocol":"TCP"}': {".": {}, "f:port": {}}, 'k:{"port":8000,"protocol":"UDP"}': {".": {}, "f:port": {}}}


def test_items_of_lists_are_found_by_their_keys_with_defaults() -> None:
    document = {"spec": {"ports": [{"port": 8000}], "sets": ["a"]}}
    fields = {"f:spec": {"f:ports": PORTS, "f:sets": {'v:"a"': {}, 'v:"b"': {}}}}
    found = common(fields, document)
    assert 'k:{"port":8000,"protocol":"TCP"}' in found["f:spec"]["f:ports"]
    assert found["f:spec"]["f:sets"] == {'v:"a"': {}}


def test_fields_are_taken_out_as_the_api_server_does() -> None:
    obj = {
        "spec": {"ports": [{"port": 8000, "protocol": "TCP"}, {"port": 8000, "protocol": "UDP"}]},
        "data": {"a": "1", "b": "2"},
        "x": {"y": 1},
    }
    remove_fields(
        obj,
        {
            "f:spec": {"f:ports": {'k:{"port":8000,"protocol":"UDP"}': {".": {}, "f:port": {}}}},
            "f:data": {".": {}, "f:b": {}, "f:gone": {}},
            "f:x": {"f:y": {}},
        },
    )
    assert obj == {"spec": {"ports": [{"port": 8000, "protocol": "TCP"}]}, "data": {"a": "1"}}


LEAVES = st.recursive(
    st.just({}), lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", "f:c", "."]), inner, max_size=3), max_leaves=12
)


def leaves(fields: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found = set()
    for name, inner in fields.items():
        found |= leaves(inner, (*path, name)) or {(*path, name)}
    return found


@given(LEAVES, LEAVES)
def test_a_difference_has_no_leaf_of_the_other_and_a_union_all(one: Any, other: Any) -> None:
    before = copy.deepcopy((one, other))
    assert leaves(minus(one, other)) <= leaves(one)
    assert not leaves(minus(one, other)) & leaves(other)
    assert minus(one, one) == {}
    assert minus(united(one, other), other) == minus(minus(united(one, other), other), other)
    assert (one, other) == before
