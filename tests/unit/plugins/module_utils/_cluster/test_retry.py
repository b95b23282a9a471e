# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One policy for every request of the session: reads, lists, discovery, and writes that are safe to repeat."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.discovery import discover
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.retry import ONCE, Retry, pause, repeatable
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.watch import list_all
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError

MAPS = "/api/v1/namespaces/a/configmaps"
CONF = f"{MAPS}/conf"
NAMED = {"metadata": {"name": "conf"}}
NAMELESS = {"metadata": {"generateName": "conf-"}}


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(retry.time, "sleep", pauses.append)
    return pauses


def once(fault: str) -> Callable[[str, str], str | None]:
    left = [fault]
    return lambda method, path: left.pop() if left else None


@pytest.mark.parametrize("fault", ["429", "500", "502", "503", "504", "reset"])
@pytest.mark.parametrize(
    "read",
    [
        lambda api: api.get_json(CONF),
        lambda api: list(api.list(MAPS)),
        lambda api: list_all(api, MAPS),
        lambda api: api.call("DELETE", CONF),
        lambda api: api.call("PATCH", CONF, body={"data": {}}, content_type="application/merge-patch+json"),
    ],
)
def test_a_transient_failure_is_sent_again(api: Any, slept: list[float], fault: str, read: Callable[[Any], Any]) -> None:
    api.put(CONF, {"data": {}})
    api.stumble = once(fault)
    read(api)
    assert len(api.requests) == 2
    assert len(slept) == 1


def test_discovery_too(past: Any, slept: list[float]) -> None:
    faults = [503]
    past.before = lambda path, query: faults.pop() if faults else None
    assert discover(Cluster("https://past", past))[1] == {}


@pytest.mark.parametrize("fault", ["400", "401", "403", "404", "405", "409", "410", "422", "501"])
def test_a_refusal_is_not_sent_again(api: Any, slept: list[float], fault: str) -> None:
    api.stumble = lambda method, path: fault
    with pytest.raises(SalvageError):
        api.get_json(CONF)
    assert (len(api.requests), slept) == (1, [])


@pytest.mark.parametrize(
    ("method", "body", "safe"),
    [
        ("GET", None, True),
        ("DELETE", None, True),
        ("POST", NAMED, True),
        ("POST", NAMELESS, False),
        ("POST", {"metadata": None}, False),
        ("POST", None, False),
        ("PATCH", {"data": {}}, True),
        ("PATCH", [{"op": "test", "path": "/a", "value": 1}, {"op": "add", "path": "/b/-", "value": 1}], True),
        ("PATCH", [{"op": "add", "path": "/b/-", "value": 1}], False),
    ],
)
def test_what_would_be_done_twice_is_only_sent_again_when_it_was_not_begun(
    api: Any, slept: list[float], method: str, body: Any, safe: bool
) -> None:
    assert repeatable(method, body) is safe
    for fault, times in (("reset", 6 if safe else 1), ("503", 6 if safe else 1), ("429", 6)):
        api.requests.clear()
        api.stumble = lambda method, path, fault=fault: fault
        with pytest.raises(SalvageError):
            api.call(method, MAPS, body=body)
        assert len(api.requests) == times


def test_a_write_that_went_through_is_not_done_twice(api: Any, slept: list[float]) -> None:
    api.stumble = once("reset after")
    assert api.call("POST", MAPS, body=NAMED, accept=frozenset({409})).status == 409
    assert len(api.objects) == 1


def answer(after: str) -> Response:
    return Response(429, {"retry-after": after}, b"", 0.0)


def test_the_pause_is_what_the_server_asks_for() -> None:
    assert pause(1, answer("7")) == 7.0
    soon = datetime.now(timezone.utc) + timedelta(seconds=100)
    assert 90 < pause(1, answer(format_datetime(soon, usegmt=True))) <= 100
    assert pause(1, answer("Fri, 31 Dec 1999 23:59:59 GMT")) == 0.0
    for nonsense in ("", "soon", "-1", "1.5", "9" * 5000 + "x", "²"):
        assert 0 < pause(1, answer(nonsense)) < 1
    assert max(pause(number, None) for number in range(1, 2000)) <= 1.5


def test_a_server_that_asks_for_a_long_pause_is_not_waited_for(web: Any, slept: list[float]) -> None:
    web.answers[CONF] = [b"HTTP/1.1 429 Too Many\r\nRetry-After: 61\r\nContent-Length: 0\r\n\r\n"]
    with pytest.raises(SalvageError, match="answered 429"):
        Cluster(web.url, Http()).get_json(CONF)
    assert (len(web.asked), slept) == (1, [])


def test_the_whole_ends_by_the_clock(web: Any) -> None:
    web.answers[CONF] = lambda asked: web.silence()
    started = time.monotonic()
    with pytest.raises(SalvageError) as caught:
        Cluster(web.url, Http(timeout=0.2), retry=Retry(tries=100, seconds=0.5)).get_json(CONF)
    assert caught.value.reason == "timeout"
    assert time.monotonic() - started < 2
    assert 1 < len(web.asked) < 5


def test_once_is_once(web: Any) -> None:
    web.answers[CONF] = (503, "text/plain", "busy")
    with pytest.raises(SalvageError):
        Cluster(web.url, Http(), retry=ONCE).get_json(CONF)
    assert len(web.asked) == 1
    login = {"host": web.url, "api_key": "t"}
    assert Routes(login, 1.0, retry=ONCE).cluster.retry is ONCE
    assert Routes(login, 1.0).cluster.retry.tries > 1


def test_a_page_that_is_too_large_is_asked_for_with_fewer_objects(web: Any) -> None:
    def page(asked: Any) -> Any:
        limit, start = int(asked.query["limit"]), int(asked.query.get("continue") or 0)
        items = [{"metadata": {"name": str(n)}, "text": "x" * 1000} for n in range(start, min(start + limit, 40))]
        more = str(start + limit) if start + limit < 40 else ""
        return {"metadata": {"continue": more}, "items": items}

    web.answers[MAPS] = page
    session = Cluster(web.url, Http())
    assert [int(item["metadata"]["name"]) for item in session.list(MAPS, limit=64, max_bytes=10_000)] == list(range(40))
    with pytest.raises(SalvageError, match="sent more than 500 bytes"):
        list(session.list(MAPS, max_bytes=500))


def test_every_pager_notices_a_token_that_repeats(web: Any) -> None:
    web.answers[MAPS] = {"metadata": {"continue": "t1", "resourceVersion": "7"}, "items": []}
    with pytest.raises(SalvageError, match="the same page again and again"):
        list_all(Cluster(web.url, Http()), MAPS)


@pytest.mark.parametrize("late", ["silence", "504"])
def test_a_page_that_takes_too_long_is_asked_for_with_fewer_objects(web: Any, slept: list[float], late: str) -> None:
    limits: list[int] = []

    def answer(asked: Any) -> Any:
        limits.append(int(asked.query["limit"]))
        if limits[-1] > 10:
            return (
                web.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
                if late == "silence"
                else (504, "text/plain", "Timeout: too slow")
            )
        first = int(asked.query.get("continue", "0"))
        names = [f"p{number:02}" for number in range(first, min(first + limits[-1], 12))]
        token = str(first + limits[-1]) if first + limits[-1] < 12 else ""
        return {"kind": "PodList", "metadata": {"continue": token}, "items": [{"metadata": {"name": name}} for name in names]}

    web.answers["/api/v1/pods"] = answer
    found = Cluster(web.url, Http(timeout=0.2)).list("/api/v1/pods")
    assert [one["metadata"]["name"] for one in found] == [f"p{number:02}" for number in range(12)]
    tries = 1 if late == "silence" else Retry().tries
    assert limits == [500] * tries + [62] * tries + [7, 7] and len(slept) == 2 * tries - 2  # and not larger again
