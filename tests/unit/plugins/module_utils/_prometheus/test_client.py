# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Prometheus' HTTP API: what it asks, and what it makes of the answer."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.sources import read_alerts
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint, Response, open_endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.client import PrometheusApi
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import GONE, false_healthy


class Answers:
    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, []

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        self.asked.append((url, dict(kwargs["query"] or {})))
        return Response(200, {}, json.dumps(self.answer).encode(), 0.0)


def api(answer: Any) -> tuple[PrometheusApi, Answers]:
    http = Answers(answer)
    return PrometheusApi(Endpoint("http://p", "http://p", http)), http


def test_a_query_asks_for_a_time_and_a_lookback_only_where_they_are_given() -> None:
    prometheus, http = api(
        {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "2"], [3, "4"]]}]}}
    )
    assert [one.series for one in prometheus.query("up[5m]")] == [((1.0, 2.0), (3.0, 4.0))]
    prometheus.query("up", at=10, lookback=0)
    prometheus.query_range("up", start=0, end=22_000, step=1)
    assert [query for _url, query in http.asked] == [
        {"query": "up[5m]"},
        {"query": "up", "time": "10.000", "lookback_delta": "0.001"},
        {"query": "up", "start": "0.000", "end": "22000.000", "step": "2.000"},
    ]


def test_alerts_and_any_other_data() -> None:
    alert = {"labels": {"alertname": "A"}, "state": "pending"}
    assert api({"status": "success", "data": {"alerts": [alert]}})[0].alerts() == ([alert], "")
    assert api({"status": "success", "data": {"a": "b"}})[0].data("/api/v1/status/flags") == {"a": "b"}


@pytest.mark.parametrize(
    ("more", "doubt"),
    [
        ({"warnings": ["ruler-0: connection refused"]}, "Prometheus warns: ruler-0: connection refused"),
        ({"warnings": "store-1 unreachable"}, "Prometheus warns: store-1 unreachable"),
        ({"warnings": [], "infos": ["a hint"]}, ""),
        ({"isPartial": True}, "the answer is marked as partial"),
        ({"isPartial": False}, ""),
        ({"isPartial": []}, "the answer is marked as partial"),
    ],
)
def test_a_partial_answer_says_so(more: dict[str, Any], doubt: str) -> None:
    assert api({"status": "success", "data": {"alerts": []}, **more})[0].alerts() == ([], doubt)
    data = {"resultType": "vector", "result": [{"metric": {}, "value": [1, "0.1"]}]}
    assert api({"status": "success", "data": data, **more})[0].query("up")[0].doubt == doubt


@pytest.mark.parametrize("answer", [[], {"status": "success"}, {"status": "success", "data": {"alerts": [{}]}}, {"status": "error"}])
def test_an_answer_that_is_not_one_names_the_address_and_the_path(answer: Any) -> None:
    with pytest.raises(SalvageError, match=r"^http://p/api/v1/alerts: ") as caught:
        api(answer)[0].alerts()
    assert caught.value.reason == "invalid"


def test_a_used_up_timeout_asks_nothing() -> None:
    prometheus, http = api({})
    with pytest.raises(SalvageError, match="the time was up"):
        prometheus.query("up", timeout=0)
    assert http.asked == []


def test_a_gzip_answer_is_read_whole(web: Any) -> None:
    body = gzip.compress(b'{"status": "success", "data": {"resultType": "vector", "result": []}}')
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    web.answers["/api/v1/query"] = [head.encode() + body]
    assert PrometheusApi(open_endpoint(web.url)).query("up") == []


def test_an_answer_of_alerts_with_one_place_wrong_is_never_healthy() -> None:
    def status(answer: Any) -> str:
        found, problems = read_alerts(api(answer)[0], None)
        return "unknown" if found or problems else "healthy"

    pending = {"labels": {"alertname": "A"}, "state": "pending", "annotations": {}}
    good = {"status": "success", "data": {"alerts": [pending]}, "warnings": [], "isPartial": False}
    honest = {"warnings": [None, False, 0, "", {}, GONE], "isPartial": [None, 0, GONE], "data/alerts": [[]], "data/alerts/0": [GONE],
              "data/alerts/0/labels": [{}, {"a": 1}]}  # fmt: skip
    assert false_healthy(status, good, *honest, "status", "data", "data/alerts/0/state", honest=honest) == []
    assert status({**good, "errorType": "timeout", "error": "a ruler is down"}) == "unknown"
    assert status({**good, "errors": None}) == "healthy"
