# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alertmanager's silences as its API has them, one replica or several that tell each other."""

from __future__ import annotations

import copy
import itertools
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.alertmanager import Alertmanager
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso, when

_IDS = itertools.count(1)


class FakeAlertmanager:
    """``fault(method, path)`` gives an answer in the place of the real one, or raises; ``after`` does so when the work is done."""

    timeout = 5.0

    def __init__(self, name: str = "a", clock: Callable[[], float] = time.time) -> None:
        self.name, self.clock = name, clock
        self.silences: dict[str, dict[str, Any]] = {}
        self.peers: list[FakeAlertmanager] = []
        self.asked: list[tuple[str, str]] = []
        self.fault: Callable[[str, str], Response | None] = lambda method, path: None
        self.after: Callable[[str, str], Response | None] = lambda method, path: None
        self.shown: Callable[[list[Any]], Any] = lambda listed: listed

    @property
    def replica(self) -> Alertmanager:
        return Alertmanager(Endpoint(f"http://{self.name}", f"http://{self.name}", self))  # type: ignore[arg-type]

    @property
    def writes(self) -> list[str]:
        return [method for method, _path in self.asked if method != "GET"]

    def states(self) -> list[str]:
        return sorted(one["status"]["state"] for one in self._listed())

    def put(self, silence: dict[str, Any]) -> None:
        self.silences[silence["id"]] = silence

    def gossip(self) -> None:
        for peer in self.peers:
            for name, one in self.silences.items():
                if name not in peer.silences or peer.silences[name]["updatedAt"] < one["updatedAt"]:
                    peer.silences[name] = copy.deepcopy(one)

    def request(self, method: str, url: str, *, body: bytes | None = None, **_how: Any) -> Response:
        path = urlsplit(url).path
        self.asked.append((method, path))
        return self.fault(method, path) or self._perform(method, path, json.loads(body or b"null"))

    def _perform(self, method: str, path: str, body: Any) -> Response:
        if method == "GET":
            return self.answer(self.shown(self._listed()))
        now = self.clock()
        if method == "DELETE":
            one = self.silences.get(path.rsplit("/", maxsplit=1)[1])
            if one is None:
                return self.answer({"message": "silence not found"}, 404)
            one["endsAt"] = one["updatedAt"] = iso(now)
            answer = self.answer("")
        else:
            if not any(one["value"] for one in body["matchers"]):
                return self.answer("silence invalid: at least one matcher must not match the empty string", 400)
            name = body.get("id") or f"id-{next(_IDS)}"
            starts = body["startsAt"] if body.get("id") or (when(body["startsAt"]) or 0) > now else iso(now)
            self.put({**body, "id": name, "startsAt": starts, "updatedAt": iso(now)})
            answer = self.answer({"silenceID": name})
        self.gossip()
        return self.after(method, path) or answer

    def _listed(self) -> list[dict[str, Any]]:
        now = self.clock()
        found = []
        for one in self.silences.values():
            starts, ends = when(one["startsAt"]) or 0.0, when(one["endsAt"]) or 0.0
            state = "pending" if starts > now else "active" if ends > now else "expired"
            found.append({**copy.deepcopy(one), "status": {"state": state}})
        return found

    def answer(self, data: Any, status: int = 200) -> Response:
        headers = {"content-type": "application/json", "date": formatdate(self.clock(), usegmt=True)}
        return Response(status, headers, json.dumps(data).encode(), 0.0)


def broken(_method: str, _path: str) -> Response | None:
    raise SalvageError("the connection to it broke off", reason="http_error")
