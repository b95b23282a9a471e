# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as a task runs it: a process of its own, arguments as JSON, one JSON answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.modules import threshold_info


class Api(BaseHTTPRequestHandler):
    body: ClassVar[bytes] = b""
    authorization: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.authorization.append(self.headers["Authorization"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Api.body = json.dumps({"metrics": {"QEK": 0.93, "H_VAR": 0.05, "ETHISCHES_IDEAL": 0.99, "SYMBIOSIS_SCORE": 0.7}}).encode()
    Api.authorization.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(run_module: Any) -> Any:
    def call(**arguments: Any) -> Any:
        return run_module(threshold_info, **arguments)

    return call


def test_healthy_metrics(run: Any, url: str) -> None:
    result = run(url=url, token="s3cret", _ansible_check_mode=True)
    assert (result["changed"], result["status"], result["summary"]) == (False, "healthy", "4 metrics, all healthy")
    assert Api.authorization == ["Bearer s3cret"]
    assert "s3cret" not in json.dumps(result)


def test_an_unhealthy_value_is_a_result_unless_it_is_to_fail(run: Any, url: str) -> None:
    Api.body = b'{"QEK": 0.82}'
    result = run(url=url, profile={"QEK": {"critical_min": 0.85}})
    assert (result.get("failed", False), result["status"]) == (False, "critical")
    result = run(url=url, profile={"QEK": {"critical_min": 0.85}}, fail_on=["critical"])
    assert (result["failed"], result["status"], result["metrics"][0]["value"]) == (True, "critical", 0.82)
    assert result["msg"] == "The metrics are critical. 1 critical: QEK below minimum threshold: 0.82 < 0.85"


@pytest.mark.parametrize(
    ("arguments", "msg"),
    [
        ({"url": "euystacio"}, "'euystacio' is not the address of a service; write http://host:port, or service://namespace/name:port"),
        ({"profile": {"qek": 3}}, "profile.qek: 3 is not a mapping of settings; write a mapping such as {critical_min: 0.85}"),
        ({"max_age": "soon"}, "max_age: 'soon' is not a duration; write seconds, or 90s, 15m, 1h30m"),
        ({"history": "1h"}, "history: it needs a Prometheus; set prometheus_url"),
        ({"timeout": 0}, "timeout: 0 is too short; set seconds above 0"),
        ({"ca_path": "/nowhere/ca.pem"}, "ca_path: there is no file /nowhere/ca.pem; give a PEM file of certificates"),
    ],
)
def test_bad_input_is_one_sentence(run: Any, url: str, arguments: dict[str, Any], msg: str) -> None:
    result = run(**{"url": url, **arguments})
    assert (result["failed"], result["reason"], result["msg"]) == (True, "bad_input", msg)


def test_history_comes_from_prometheus(run: Any, url: str) -> None:
    Api.body = json.dumps(
        {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[10, "0.9"], [20, "0.93"]]}]}}
    ).encode()
    result = run(
        url=url,
        format="promql",
        profile={"qek": {"query": "avg(qek_value)", "critical_min": 0.85}},
        history="1h",
        validate_certs=False,
        max_age="0",
    )
    assert (result["status"], result["metrics"][0]["history"]) == ("healthy", [[10, 0.9], [20, 0.93]])
