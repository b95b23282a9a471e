# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.answers import is_final, refusal_of


def answer(code: int, message: str, causes: Any = None) -> Response:
    status = {"kind": "Status", "code": code, "message": message, "details": {"causes": causes} if causes is not None else {}}
    return Response(code, {"content-type": "application/json"}, json.dumps(status).encode(), 0.0)


def cause(field: str, message: str, reason: str = "FieldValueInvalid") -> dict[str, str]:
    return {"field": field, "message": message, "reason": reason}


CONFLICT = [
    cause(".data.a", 'conflict with "kubectl-edit" using v1', "FieldManagerConflict"),
    cause(".spec.replicas", 'conflict with "kube-controller-manager" with subresource "scale" using apps/v1', "FieldManagerConflict"),
]


def test_a_conflict_tells_who_owns_which_field() -> None:
    found = refusal_of(answer(409, "Apply failed with 2 conflicts", CONFLICT), secret=True)
    assert (found.reason, found.gone) == ("conflict", False)
    assert [(one.manager, one.field) for one in found.conflicts] == [
        ("kubectl-edit", ".data.a"),
        ("kube-controller-manager", ".spec.replicas"),
    ]
    assert "kube-controller-manager owns .spec.replicas; kubectl-edit owns .data.a" in found.sentence
    assert "force_conflicts" in found.sentence


def test_another_409_means_that_it_changed_meanwhile() -> None:
    assert refusal_of(answer(409, "Precondition failed: UID in precondition"), secret=False).gone


@pytest.mark.parametrize(
    ("code", "message", "causes", "says"),
    [
        (
            422,
            'Deployment.apps "app" is invalid: spec.selector: Invalid value: {"a": "b"}: field is immutable',
            [cause("spec.selector", 'Invalid value: {"matchLabels":{"app":"hidden: x"}}: field is immutable')],
            "spec.selector cannot be changed once the object exists; give the object another name and refer to that",
        ),
        (
            422,
            "x",
            [cause("data", "Forbidden: field is immutable when `immutable` is set", "FieldValueForbidden")],
            "data cannot be changed",
        ),
        (422, "x", [cause("metadata.name", 'Invalid value: "hidden": a lowercase name')], "metadata.name: a lowercase name"),
        (
            422,
            "x",
            [cause("spec.type", 'Unsupported value: "hidden": supported values: "A", "B"')],
            'spec.type: supported values: "A", "B"',
        ),
        (422, "x", [cause("spec.ports[1]", 'Duplicate value: {"hidden":1}')], "spec.ports[1]: duplicate value"),
        (422, "x", [cause("spec.a", "Invalid value: core.Thing{A:hidden}: must be set")], "spec.a: must be set"),
        (422, "x", [cause("spec.a", "Required value: must be set")], "spec.a: Required value: must be set"),
        (422, "x", [cause("[]", "Too long: may not be more than 1048576 bytes")], "the object: Too long"),
        (422, "it is wrong", None, "the API server answered 422: it is wrong"),
        (403, 'configmaps is forbidden: User "a" cannot patch', None, "the API server answered 403: configmaps is forbidden"),
        (400, 'admission webhook "w" denied the request: no', None, 'answered 400: admission webhook "w" denied the request: no'),
        (
            500,
            "failed to create typed patch object (ns/app; apps/v1, Kind=Deployment): .spec.imag: field not declared in schema",
            None,
            ".spec.imag is not a field of this kind; check its spelling",
        ),
        (
            500,
            'failed to create typed patch object (ns/app; apps/v1, Kind=Deployment): .spec.env: duplicate entries for key [name="A"]',
            None,
            ".spec.env has two items with the same key",
        ),
        (
            500,
            "failed to create typed patch object (ns/a; /v1, Kind=ConfigMap): .data.a: expected string, got &value{Value:5}",
            None,
            ".data.a has the wrong type; string is expected",
        ),
        (500, "failed to create typed patch object (ns/a; /v1, Kind=ConfigMap): odd", None, "the object does not fit its kind: odd"),
    ],
)
def test_a_refusal_is_one_sentence_without_the_value(code: int, message: str, causes: Any, says: str) -> None:
    found = refusal_of(answer(code, message, causes), secret=False)
    assert says in found.sentence
    assert "hidden" not in found.sentence
    assert "Status" not in found.sentence


@pytest.mark.parametrize(
    ("code", "message", "causes"),
    [
        (422, "hunter2", [cause("data[tls.crt]", "hunter2")]),
        (422, "hunter2", None),
        (400, "hunter2", None),
        (500, "failed to create typed patch object (ns/a; /v1, Kind=Secret): .data.a: illegal base64 hunter2", None),
    ],
)
def test_of_a_secret_no_word_of_the_server_is_repeated(code: int, message: str, causes: Any) -> None:
    assert "hunter2" not in refusal_of(answer(code, message, causes), secret=True).sentence


def test_an_answer_that_is_not_json_is_still_a_sentence() -> None:
    found = refusal_of(Response(413, {"content-type": "text/html"}, b"<html>", 0.0), secret=False)
    assert (found.sentence, found.reason) == ("the API server answered 413", "http_error")


def test_only_a_500_about_the_object_is_final() -> None:
    assert is_final(answer(500, "failed to create typed patch object (x): y"))
    assert not is_final(answer(500, "etcdserver: leader changed"))
    assert not is_final(answer(422, "failed to create typed patch object (x): y"))
