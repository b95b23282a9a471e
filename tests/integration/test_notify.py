# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runbooks on the lab with `meta_salvage_notify`: what arrives of a failure, of a success, and of a status that changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def received() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a receiver, and the messages that it got."""
    messages: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", messages
    server.shutdown()


def test_a_failure_and_a_change_of_health_are_reported_once(lab: Lab, received: Any, tmp_path: Path) -> None:
    url, messages = received
    variables = {
        "meta_salvage_notify": True,
        "meta_salvage_state_dir": str(tmp_path),
        "notify_channels": [{"name": "hook", "type": "webhook", "url": url, "secret": "a-secret-of-at-least-24-bytes"}],
        "notify_routes": [{"channels": ["hook"]}],
    }
    # A part that is always the same, healthy or not: the address of the service, right or wrong.
    part = {"health_check_parts": ["api"], "health_check_report_dir": str(tmp_path / "health"), "health_check_fail_on": [], **variables}
    for address in ("", "/nowhere", "/nowhere", ""):
        path = {"health_check_health_path": address} if address else {}
        assert lab.play("health_check", {**part, **path}).code == 0
    assert [one["action"] for one in messages] == ["trigger", "resolve"]
    assert messages[0]["facts"]["status"] != "healthy" == messages[1]["facts"]["status"]
    assert lab.play("rollback", {**variables, "rollback_name": "no-such-workload"}).code != 0
    assert messages[2]["title"] == "The rollback of no-such-workload failed on localhost"
    assert (messages[2]["severity"], messages[2]["kind"]) == ("P1", "rollback")
