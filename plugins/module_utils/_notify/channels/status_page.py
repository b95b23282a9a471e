# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Status pages, which everybody reads: Atlassian Statuspage, and any other that takes a POST of JSON.

https://developer.statuspage.io/#operation/postPagesPageIdIncidents, https://developer.statuspage.io/#operation/patchPagesPageIdIncidentsIncidentId
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..._core.errors import SalvageError
from ..._sealing.hashing import digest
from ..channel import Sent, SkippedError, Web, json_object, odd_answer
from ..message import Message
from ..text import cut

URL = "https://api.statuspage.io"
_NAME, _BODY = 255, 25_000
_STATUS = {"trigger": "investigating", "acknowledge": "identified", "resolve": "resolved"}
_IMPACT = {"P0": "critical", "P1": "major", "P2": "minor", "P3": "none"}
_COMPONENT = {"P0": "major_outage", "P1": "partial_outage", "P2": "degraded_performance", "P3": "operational"}


def public_incident(message: Message, components: Sequence[str]) -> dict[str, Any]:
    """An incident in the words of Statuspage.  An update leaves its status and its components as they are.

    Raises SkippedError for a message that is not for everybody.
    """
    if message.audience != "public":
        raise SkippedError("a status page takes only messages for the audience public")
    state = "operational" if message.action == "resolve" else _COMPONENT[message.severity]
    made: dict[str, Any] = {"name": cut(message.title, _NAME), "body": cut(_body(message), _BODY)}
    if message.action == "update":
        return made
    made |= {"status": _STATUS[message.action], "impact_override": _IMPACT[message.severity]}
    return {**made, "component_ids": list(components), "components": dict.fromkeys(components, state)} if components else made


def page_key(message: Message) -> str:
    """What an incident is found by: it stands on the page, so the dedup key itself stays here."""
    return digest(message.dedup_key.encode())[:32]


def _body(message: Message) -> str:
    lines = [message.summary or message.title, *(f"{name}: {value}" for name, value in message.facts.items())]
    return "\n".join([*lines, *(f"{name}: {url}" for name, url in message.links.items())])


class Statuspage:
    """One incident a dedup key: an open one is updated."""

    keyed = True

    def __init__(self, name: str, web: Web, token: str, page: str, components: Sequence[str] = ()) -> None:
        self.name = name
        self.timeout = web.timeout
        self._web, self._components = web, list(components)
        self._path = f"/v1/pages/{quote(page, safe='')}/incidents"
        self._headers = {"Authorization": f"OAuth {token}"}

    def render(self, message: Message) -> dict[str, Any]:
        incident = public_incident(message, self._components)
        return {"incident": {**incident, "metadata": {"meta_salvage": {"key": page_key(message)}}}}

    def send(self, message: Message, timeout: float | None = None) -> Sent:
        found = self._open_one(page_key(message), timeout)
        if found is None and message.action in {"acknowledge", "resolve"}:
            return Sent(says="the page has no open incident of it")
        how, path = ("PATCH", f"{self._path}/{quote(found, safe='')}") if found else ("POST", self._path)
        payload = self.render(message)
        if not found:  # an update of what was never there opens it
            payload["incident"].setdefault("status", "investigating")
        answer = self._web.call(how, path, payload, headers=self._headers, timeout=timeout)
        incident = json_object(self._web, answer).get("id")
        if not incident:
            raise odd_answer(self._web, answer)
        return Sent(id=str(incident))

    def probe(self) -> Sent:
        """Reads the page with the credentials of ``send``: a test must not be read by everybody.  Raises SendError."""
        self._open_one("", None)
        return Sent(says="the page was read, and nothing was published")

    def _open_one(self, key: str, timeout: float | None) -> str | None:
        answer = self._web.call("GET", f"{self._path}/unresolved", headers=self._headers, timeout=timeout)
        try:
            rows = answer.json()
        except SalvageError:
            rows = None
        if not isinstance(rows, list):  # unknown is not "none"
            raise odd_answer(self._web, answer)
        for row in rows:
            metadata = row.get("metadata") if isinstance(row, Mapping) else None
            ours = metadata.get("meta_salvage") if isinstance(metadata, Mapping) else None
            if isinstance(ours, Mapping) and ours.get("key") == key:
                return str(row.get("id") or "") or None
        return None


class StatusPost:
    """A page of another make: it gets the incident with its key, and keeps one an own."""

    keyed = True

    def __init__(self, name: str, web: Web, token: str = "", components: Sequence[str] = ()) -> None:
        self.name = name
        self.timeout = web.timeout
        self._web, self._components = web, list(components)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def render(self, message: Message) -> dict[str, Any]:
        return {"incident": {"key": page_key(message), **public_incident(message, self._components)}}

    def send(self, message: Message, timeout: float | None = None) -> Sent:
        self._web.call("POST", "", self.render(message), headers=self._headers, timeout=timeout)
        return Sent(id=page_key(message))
