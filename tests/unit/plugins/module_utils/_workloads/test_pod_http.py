# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod says counts at once; what goes wrong on the way to it is asked again."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import session
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads import pod_http as podapi
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.pod_http import drained, health_of, requests_answered

POD = {"metadata": {"namespace": "n", "name": "p"}, "spec": {"containers": []}}
WELL = Response(200, {"content-type": "application/json"}, b'{"status":"healthy"}', 0.0)
SICK = Response(500, {"content-type": "application/json"}, b'{"status":"failing"}', 0.0)
STUMBLED = Response(500, {"content-type": "application/json"}, b'{"kind":"Status","message":"etcd is slow"}', 0.0)


class Session(Cluster):
    timeout = 5.0

    def __init__(self, *answers: Response | str) -> None:
        super().__init__("https://cluster", self)  # type: ignore[arg-type]
        self.answers = list(answers)

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise SalvageError(f"the connection broke: {answer}", reason=answer)
        return answer


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "pause", lambda attempt, answer: 0.0)


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        ((WELL,), "healthy", ""),
        ((SICK, WELL), "critical", "answered 500"),
        ((STUMBLED, WELL), "healthy", ""),
        (("http_error", "unreachable", WELL), "healthy", ""),
        ((*(STUMBLED,) * 5, WELL), "healthy", ""),
        ((*(STUMBLED,) * 6, WELL), "unknown", "etcd is slow"),
        (("unreachable",) * 6, "unknown", "unreachable"),
        (("timeout", WELL), "unknown", "timeout"),  # a pod that is silent must not cost its time again and again
    ],
)
def test_health_of_a_pod(answers: tuple[Response | str, ...], status: str, said: str) -> None:
    found = health_of(Session(*answers), POD, "8000", "/health")
    assert found.status == status
    assert said in found.reason
    assert bool(found.reason) == bool(said)


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        ("text/plain", "OK\n", ""),
        ("text/plain", "fine", "its answer (text/plain) says nothing of its health"),
        ("text/html", "<html>", "its answer (text/html) says nothing of its health"),
        ("", "", "says nothing of its health"),
        ("application/json", "[]", "says nothing of its health"),
        ("application/json", '{"status": "dancing"}', "says 'dancing'"),
        ("application/json", '{"status": "UP"}', ""),
        ("application/json", '{"status": "degraded"}', "says 'degraded'"),
        ("application/json", "{", "says nothing of its health"),
    ],
)
def test_health_is_what_the_body_says(content_type: str, body: str, said: str) -> None:
    found = health_of(Session(Response(200, {"content-type": content_type}, body.encode(), 0.0)), POD, "8000", "/health")
    assert said in found.reason
    assert bool(found.reason) == bool(said)
    assert (found.status == "healthy") == (not said)


def counted(number: float, status: int = 200) -> Response:
    text = f'http_requests_total{{path="/"}} {number}\nhttp_requests_total{{path="/health"}} 1000\nother 3\n'
    return Response(status, {"content-type": "text/plain"}, text.encode(), 0.0)


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        (counted(7), 7.0),
        (counted(7, 404), None),
        ("timeout", None),
        (Response(200, {}, b"other 3\n", 0.0), None),
        (Response(200, {}, b"# TYPE http_requests_total counter\n", 0.0), 0.0),
        (Response(200, {}, b"http_requests_total lots\n", 0.0), None),
    ],
)
def test_requests_are_counted_without_those_of_the_probes(answer: Response | str, requests: float | None) -> None:
    assert requests_answered(Session(answer), POD, "8000", ["/health"]) == requests


def drain(*answers: Response | str, pods: int = 1, timeout: float = 60.0, said: list[str] | None = None) -> dict[str, Any]:
    there = [{**POD, "metadata": {**POD["metadata"], "uid": "u"}}][:pods]
    told = said if said is not None else []
    return drained(
        Session(*answers),
        lambda: there,
        "8000",
        timeout=timeout,
        interval=1.0,
        exclude=("/health",),
        tell=lambda news: told.append(news["says"]),
    )


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(podapi.time, "sleep", slept.append)
    return slept


def test_the_old_pods_are_drained_after_two_intervals_without_a_request(pauses: list[float]) -> None:
    said: list[str] = []
    found = drain(counted(5), counted(7), counted(7), counted(7), said=said)
    assert (found["drained"], found["reason"]) == (True, "no request in two intervals")
    assert [text.partition(", ")[2] for text in said] == ["2 requests in the last interval", "0 requests in the last interval"]
    assert pauses == [1.0] * 3


def test_a_look_that_fails_begins_the_quiet_anew(pauses: list[float]) -> None:
    assert drain(counted(7), counted(7), counted(7, 503), counted(7), counted(7), counted(7))["drained"]
    assert len(pauses) == 5


def test_no_pod_has_no_requests(pauses: list[float]) -> None:
    assert (drain(pods=0)["reason"], pauses) == ("no pod is left", [])


@pytest.mark.parametrize(
    ("answers", "why"), [((counted(7),), "0 requests in the last interval"), (("timeout",), "some pods do not report their requests")]
)
def test_what_is_not_quiet_in_time_is_told(pauses: list[float], answers: tuple[Response | str, ...], why: str) -> None:
    found = drain(*answers, timeout=0.5)
    assert (found["drained"], found["reason"]) == (False, f"{why}; connections that are still open break now")
    assert not pauses
