# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer through the Service means, and what all of them say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.journey import (
    DOWN,
    OK,
    SILENT,
    UNKNOWN,
    WRONG,
    Course,
    Found,
    ServiceRequest,
    broken,
    counts_of,
    found_in,
    unsure,
)
from hypothesis import given
from hypothesis import strategies as st

STATES = st.sampled_from([OK, WRONG, DOWN, SILENT, UNKNOWN])


def answer(status: int, body: Any = "", kind: str = "text/plain") -> Response:
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return Response(status, {"content-type": kind if isinstance(body, str) else "application/json"}, text.encode(), 0.1)


def status(code: int, message: str) -> Response:
    return answer(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code})


REFUSED = "error trying to reach service: dial tcp 10.0.0.1:8999: connect: connection refused"


@pytest.mark.parametrize(
    ("got", "state"),
    [
        (status(503, 'no endpoints available for service "app"'), DOWN),
        (status(503, 'no service port "web" found for service "app"'), DOWN),
        (status(404, 'services "app" not found'), DOWN),
        (status(503, REFUSED), DOWN),
        (status(502, REFUSED), DOWN),
        (status(503, "error trying to reach service: dial tcp 10.0.0.1:8000: i/o timeout"), SILENT),
        (status(503, "error trying to reach service: EOF"), SILENT),
        (status(403, 'services "app" is forbidden: User "u" cannot get resource "services/proxy"'), UNKNOWN),
        (status(401, "Unauthorized"), UNKNOWN),
        (status(429, "too many requests"), UNKNOWN),
        (status(500, "etcdserver: request timed out"), UNKNOWN),
        (status(503, ""), UNKNOWN),
        (answer(200, "ok"), OK),
        (answer(204), WRONG),
        (answer(302), WRONG),
        (answer(404, "not here"), WRONG),
        (answer(500, {"kind": "Error", "message": "broken"}), WRONG),
    ],
)
def test_who_answered_and_what(got: Response, state: str) -> None:
    found = found_in(ServiceRequest("app:http"), got)
    assert found.state == state
    assert bool(found.reason) == (state != OK)


@pytest.mark.parametrize(
    ("step", "got", "state"),
    [
        ({"expect": frozenset({302})}, answer(302), OK),
        ({"expect": frozenset()}, answer(500), OK),
        ({"expect": frozenset()}, status(503, "error trying to reach service: malformed HTTP response"), OK),
        ({"expect": frozenset()}, status(503, REFUSED), DOWN),
        ({"expect": frozenset()}, status(403, "forbidden"), UNKNOWN),
        ({"contains": "hello"}, answer(200, "hello world"), OK),
        ({"contains": "hello"}, answer(200, "bye"), WRONG),
        ({"json": {"a": {"b": 1}}}, answer(200, {"a": {"b": 1, "c": 2}}), OK),
        ({"json": {"a": {"b": 1}}}, answer(200, {"a": {"b": True}}), WRONG),
        ({"json": {"a": None}}, answer(200, {}), WRONG),
        ({"json": {}}, answer(200, []), WRONG),
        ({"json": {}}, answer(200, "{"), WRONG),
        ({"healthy": True}, answer(200, {"status": "healthy"}), OK),
        ({"healthy": True}, answer(200, {"status": "degraded"}), WRONG),
        ({"healthy": True}, answer(200, {"status": "warn"}), WRONG),
        ({"healthy": True}, answer(200, {}), WRONG),
        ({"healthy": True}, answer(200, "<html>", "text/html"), WRONG),
    ],
)
def test_what_a_step_expects(step: dict[str, Any], got: Response, state: str) -> None:
    assert found_in(ServiceRequest("app:http", **step), got).state == state


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "health"},
        {"path": ""},
        {"path": "//../../secrets/../x"},
        {"path": "/../secrets"},
        {"path": "/%2e%2E/secrets"},
        {"path": "/a/./b"},
        {"path": "/a/.."},
        {"path": "/a b"},
        {"path": "/a\nb"},
        {"path": "/a#b"},
        {"path": "/a\\..\\b"},
        {"headers": {"Authorization": "Bearer planted-1234"}},
        {"headers": {"impersonate-user": "admin"}},
        {"headers": {"X-Remote-User": "admin"}},
        {"headers": {"Host": "a"}},
        {"headers": {"X a": "planted-1234"}},
        {"headers": {"X-A": "planted-1234\r\nX-B: 1"}},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": 301},
        {"expect": frozenset({0})},
    ],
)
def test_a_step_that_can_not_be_sent_is_refused_without_its_values(wrong: dict[str, Any]) -> None:
    with pytest.raises(SalvageError, match=r"^journey: ") as told:
        ServiceRequest("app:http", **wrong)
    assert told.value.reason == "bad_input"
    assert "planted" not in str(told.value)


def test_nothing_that_can_be_secret_is_shown() -> None:
    step = ServiceRequest("app:http", path="/a?key=planted-1", headers={"X-Key": "planted-2"}, body="planted-3")
    found = found_in(step, answer(500, "planted-2"))
    assert "planted" not in f"{step.name} {found.reason}"
    assert not {"planted-2", "planted-3"} & set(repr(step).split("'"))


def test_an_answer_that_stays_out_counts_against_the_service_where_its_pods_answer() -> None:
    silent = Found(SILENT, "i/o timeout")
    assert Course().after(silent, reachable=True).failed == 1
    assert Course().after(silent, reachable=False).unknown == 1


@given(st.lists(st.tuples(STATES, st.booleans()), max_size=40), st.floats(0.5, 1))
def test_nothing_passes_that_was_not_seen(course: list[tuple[str, bool]], share: float) -> None:
    one = Course()
    for state, reachable in course:
        one = one.after(Found(state, "" if state == OK else "why"), reachable=reachable)
    assert one.ok + one.failed + one.unknown == len(course)
    assert one.ok == sum(state == OK for state, _reachable in course)
    last = [state in {DOWN, WRONG} or (state == SILENT and reachable) for state, reachable in course]
    hard = bool(course) and (course[-1][0] == DOWN or (len(last) > 1 and last[-1] and last[-2]))
    assert bool(broken({"a": one})) == hard
    if course and not one.ok:
        assert broken({"a": one}) or unsure({"a": one}, share)
    if one.unknown > (1 - share) * len(course):
        assert unsure({"a": one}, share)
    assert counts_of([one, one]).trials == 2 * (one.ok + one.failed)


@given(st.integers(100, 599), st.binary(max_size=300), st.sampled_from(["", "application/json", "text/plain", "text/html"]))
def test_any_answer_is_taken_and_only_the_expected_one_is_ok(code: int, body: bytes, kind: str) -> None:
    found = found_in(ServiceRequest("app:http", healthy=True), Response(code, {"content-type": kind}, body, 0.0))
    assert found.state in {OK, WRONG, DOWN, SILENT, UNKNOWN}
    assert found.state != OK or code == 200
