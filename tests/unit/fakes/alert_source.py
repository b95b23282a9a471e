# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source as tests see it: payloads as Alertmanager writes them, and a source that runs without a rule engine."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[3] / "extensions" / "eda" / "plugins" / "event_source"
if str(SOURCE) not in sys.path:
    sys.path.append(str(SOURCE))

from meta_salvage_events.options import Options
from meta_salvage_events.service import receiving

TOKEN = "a-token-of-more-than-16-characters"
START = "2026-11-27T03:00:00.123Z"


def alert(number: int = 1, status: str = "firing", start: str = START, **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": "QEKBelowMinimum", "namespace": "euystacio-ai", "number": str(number), **labels},
        "annotations": {"summary": f"QEK of {number} is too low"},
        "startsAt": start,
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-27T03:30:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=qek_value",
        "fingerprint": f"{number:016x}",
    }


def payload_of(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="QEKBelowMinimum"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "respond",
        "groupLabels": {"alertname": "QEKBelowMinimum"},
        "commonLabels": {"alertname": "QEKBelowMinimum"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
        **more,
    }


def post(port: int, body: object, path: str = "/alerts", headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """The status and the answer, whatever they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Authorization": f"Bearer {TOKEN}"} if headers is None else headers
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, headers=given)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def get(port: int, path: str, headers: dict[str, str] | None = None, host: str = "127.0.0.1") -> tuple[int, str]:
    given = {"Authorization": f"Bearer {TOKEN}"} if headers is None else headers
    request = urllib.request.Request(f"http://{host}:{port}{path}", headers=given)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Rules:
    """Stands in for the rule engine: takes each event, and confirms it if the source is asked to wait for that."""

    def __init__(self, receiver: Any, port: int) -> None:
        self.receiver = receiver
        self.port = port
        self.events: list[dict[str, Any]] = []

    @property
    def ids(self) -> list[str]:
        return [name for event in self.events for name in event["ids"]]

    async def take(self, number: int, *, confirm: bool = False, seconds: float = 5) -> Sequence[dict[str, Any]]:
        """The next events, of which there must be so many."""
        taken = []
        for _number in range(number):
            event = await asyncio.wait_for(self.receiver.next_event(), seconds)
            await self.receiver.handed_on(event)
            taken.append(event)
            if confirm:
                assert (await self.post({"ids": event["ids"]}, "/handled"))[0] == 202
        self.events += taken
        return taken

    async def nothing_comes(self, seconds: float = 0.2) -> bool:
        try:
            await asyncio.wait_for(self.receiver.next_event(), seconds)
        except asyncio.TimeoutError:
            return True
        return False

    async def post(self, body: object, path: str = "/alerts", headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        return await asyncio.to_thread(post, self.port, body, path, headers)

    async def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        return await asyncio.to_thread(get, self.port, path, headers)

    async def metric(self, name: str) -> float:
        text = (await self.get("/metrics"))[1]
        found = [line for line in text.splitlines() if line.startswith(f"meta_salvage_events_{name} ")]
        assert found, text
        return float(found[0].split()[-1])


def options(folder: Path, **more: Any) -> Options:
    token = folder / "token"
    if not token.exists():
        token.write_text(f"{TOKEN}\n")
    given = {"journal": folder / "journal", "port": 0, "token_file": token, "throttle_seconds": 0, **more}
    return Options.of({name: value for name, value in given.items() if value is not None})


@asynccontextmanager
async def source(folder: Path, **more: Any) -> Any:
    async with receiving(options(folder, **more)) as receiver:
        yield Rules(receiver, receiver.port)
