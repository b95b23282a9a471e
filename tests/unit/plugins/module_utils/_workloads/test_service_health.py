# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.service_health import WORDS, service_health
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import GONE, false_healthy
from hypothesis import given
from hypothesis import strategies as st

JSON = "application/json"


@pytest.mark.parametrize("word", ["healthy", "ok", "OK", "up", "UP", "pass", " Healthy "])
def test_words_for_healthy(word: str) -> None:
    found = service_health(200, JSON, json.dumps({"status": word, "version": "1.2"}).encode())
    assert (found.status, found.reason, found.answer["version"]) == ("healthy", "", "1.2")


@pytest.mark.parametrize(
    ("content_type", "body", "status", "reason"),
    [
        (JSON, b'{"status": "degraded"}', "critical", "it says 'degraded'"),
        (JSON, b'{"status": "DOWN"}', "critical", "it says 'DOWN'"),
        (JSON, b'{"status": "warn"}', "warning", "it says 'warn'"),
        (JSON, b'{"status": "splendid"}', "unknown", "it says 'splendid'"),
        (JSON, b'{"status": true}', "unknown", "it says True"),
        (JSON, b'{"status": ""}', "unknown", "it says ''"),
        (JSON, b'{"status": "ok", "status": "down"}', "unknown", "its answer has the key 'status' twice"),
        (JSON, b'{"status": "ok", "parts": [{"a": 1, "a": 2}]}', "unknown", "its answer has the key 'a' twice"),
        (JSON, b"{}", "unknown", "its answer says nothing of its health"),
        (JSON, b"[]", "unknown", "its answer says nothing of its health"),
        (JSON, b'"ok"', "unknown", "its answer says nothing of its health"),
        (JSON, b"{", "unknown", "its answer says nothing of its health"),
        (JSON, b"[" * 100_000, "unknown", "its answer says nothing of its health"),
        (JSON, b"\xff\xfe", "unknown", "its answer says nothing of its health"),
        ("text/plain", b"fine", "unknown", "its answer (text/plain) says nothing of its health"),
        ("text/plain", b"DOWN\n", "critical", "it says 'DOWN'"),
        ("text/html", b"ok", "unknown", "its answer (text/html) says nothing of its health"),
        ("", b"", "unknown", "its answer says nothing of its health"),
    ],
)
def test_what_is_not_healthy(content_type: str, body: bytes, status: str, reason: str) -> None:
    found = service_health(200, content_type, body)
    assert (found.status, found.reason) == (status, f"answered 200, but {reason}")


@pytest.mark.parametrize(
    ("content_type", "body"), [("text/plain", b"OK\n"), ("text/plain", b'{"status": "ok"}'), ("", b'{"status": "ok"}')]
)
def test_plain_text_and_json_of_another_type(content_type: str, body: bytes) -> None:
    assert service_health(200, content_type, body).status == "healthy"


def test_the_code_comes_first() -> None:
    assert service_health(503, JSON, b'{"status": "healthy"}').reason == "answered 503"
    assert service_health(503, JSON, b'{"status": "healthy"}').status == "critical"


@given(st.integers(100, 599), st.sampled_from(["", JSON, "text/plain", "text/html"]), st.binary())
def test_healthy_is_said_by_the_service_itself(code: int, content_type: str, body: bytes) -> None:
    found = service_health(code, content_type, body)
    assert bool(found.reason) == (found.status != "healthy")
    if found.status == "healthy":
        assert code == 200
        assert WORDS[str(found.answer["status"]).strip().lower()] == "healthy"


DEPENDENCIES = {
    "status": "UP",
    "version": "1.2",
    "checks": {"db:time": [{"status": "pass"}], "cache": {"status": "up"}, "disk": True, "queue": "ok"},
    "components": {"db": {"status": "UP", "components": {"primary": {"status": "UP"}}}},
    "services": [{"name": "mail", "status": "up"}],
}


def test_an_answer_with_one_place_wrong_is_never_healthy() -> None:
    places = ["status", "checks/db:time/0/status", "checks/cache/status", "checks/disk", "checks/queue", "components/db/status",
              "components/db/components/primary/status", "services/0/status"]  # fmt: skip
    # A dependency need not state its health, and a list of none is none; true is a word for up, but for the whole.
    fine: list[Any] = [True, 0, -1, [], {}, {"a": 1}, [{}], GONE]
    silent = {place: [True, GONE] for place in places[1:]}
    honest = {**silent, "checks/disk": fine, "checks/queue": fine}
    assert (
        false_healthy(lambda data: service_health(200, JSON, json.dumps(data).encode()).status, DEPENDENCIES, *places, honest=honest) == []
    )


@given(st.text() | st.sampled_from(["NOT_SERVING", "UNKNOWN", "OUT_OF_SERVICE", "starting", "ok!", "healthy?"]))
def test_a_word_of_health_that_is_not_in_the_table_is_unknown(word: str) -> None:
    expected = WORDS.get(word.strip().lower(), "unknown")
    for data in ({"status": word}, {"status": "ok", "checks": {"db": word}}, {"status": "ok", "details": {"db": {"status": word}}},
                 {"status": "ok", "checks": {"db": [{"status": word}]}}, {"status": "ok", "components": word}):  # fmt: skip
        assert service_health(200, JSON, json.dumps(data).encode()).status == expected


def test_what_is_not_json_is_unknown_and_so_is_each_part_of_an_answer() -> None:
    whole = json.dumps(DEPENDENCIES).encode()
    for end in range(len(whole)):
        assert service_health(200, JSON, whole[:end]).status == "unknown"
    assert service_health(200, JSON, b'{"status": "ok", "load": NaN}').status == "unknown"
