# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opsgenie: alerts by their alias, and who is on call.

https://docs.opsgenie.com/docs/alert-api (fields and their limits), https://docs.opsgenie.com/docs/alert-api-continued (acknowledge, close,
add note), https://docs.opsgenie.com/docs/who-is-on-call-api
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ..channel import Sent, Web, json_object, odd_answer
from ..message import Message, short_key
from ..text import cut, headline, plain_text

URL = "https://api.opsgenie.com"
_MESSAGE, _ALIAS, _DESCRIPTION, _NOTE, _TAG, _DETAILS, _ENTITY, _SOURCE = 130, 512, 15_000, 25_000, 50, 8_000, 512, 100
_PRIORITY = {"P0": "P1", "P1": "P2", "P2": "P3", "P3": "P4"}
_PATHS = {"acknowledge": "acknowledge", "resolve": "close", "update": "notes"}
_FROM = "euystacio.meta_salvage"


def alert(message: Message, responders: Sequence[str] = ()) -> dict[str, Any]:
    """The body of a new alert, or what is said to one that is there."""
    if message.action != "trigger":
        return {"source": _FROM, "note": cut(plain_text(message), _NOTE)}
    made: dict[str, Any] = {
        "message": cut(headline(message), _MESSAGE),
        "alias": short_key(message, _ALIAS),
        "description": cut(plain_text(message), _DESCRIPTION),
        "priority": _PRIORITY[message.severity],
        "details": _details(message),
        "tags": [cut(message.severity, _TAG), cut(message.kind, _TAG)],
        "entity": cut(message.facts.get("cluster", ""), _ENTITY),
        "source": cut(_FROM, _SOURCE),
    }
    if responders:
        made["responders"] = [{"name": name, "type": "team"} for name in responders]
    return made


def _details(message: Message) -> dict[str, str]:
    """As many facts as 8,000 characters hold."""
    kept, left = {}, _DETAILS
    for name, value in message.facts.items():
        left -= len(name) + len(value)
        if left < 0:
            break
        kept[name] = value
    return kept


class Opsgenie:
    keyed = True

    def __init__(self, name: str, web: Web, token: str, responders: Sequence[str] = (), schedules: Sequence[str] = ()) -> None:
        self.name = name
        self.timeout = web.timeout
        self._web, self._responders, self._schedules = web, list(responders), list(schedules)
        self._headers = {"Authorization": f"GenieKey {token}"}

    def render(self, message: Message) -> dict[str, Any]:
        return alert(message, self._responders)

    def send(self, message: Message, timeout: float | None = None) -> Sent:
        path = "/v2/alerts" if message.action == "trigger" else f"{self._path(message)}/{_PATHS[message.action]}"
        query = {} if message.action == "trigger" else {"identifierType": "alias"}
        answer = self._web.call("POST", path, self.render(message), query=query, headers=self._headers, timeout=timeout)
        request = json_object(self._web, answer).get("requestId")
        if not request:
            raise odd_answer(self._web, answer)
        return Sent(id=str(request))

    def on_call(self) -> list[dict[str, Any]] | None:
        """Who is on call now, by schedule; None if no schedule is set.  Raises SendError."""
        people: list[dict[str, Any]] = []
        for schedule in self._schedules:
            query = {"scheduleIdentifierType": "name", "flat": "true"}
            path = f"/v2/schedules/{quote(schedule, safe='')}/on-calls"
            data = json_object(self._web, self._web.call("GET", path, query=query, headers=self._headers)).get("data")
            names = data.get("onCallRecipients") if isinstance(data, dict) else None
            people += [{"name": str(one), "schedule": schedule} for one in names] if isinstance(names, list) else []
        return people if self._schedules else None

    def acknowledged(self, message: Message) -> bool | None:
        """Whether somebody has taken the alert; None where it can't be known.  Raises SendError."""
        answer = self._web.call("GET", self._path(message), query={"identifierType": "alias"}, headers=self._headers)
        data = json_object(self._web, answer).get("data")
        return (data.get("acknowledged") is True or data.get("status") == "closed") if isinstance(data, dict) else None

    def _path(self, message: Message) -> str:
        return f"/v2/alerts/{quote(short_key(message, _ALIAS), safe='')}"
