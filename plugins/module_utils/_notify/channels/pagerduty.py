# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PagerDuty: the Events API v2, and its REST API for who is on call and whether somebody has acknowledged.

https://developer.pagerduty.com/docs/send-alert-event (fields and their limits), https://developer.pagerduty.com/docs/events-api-v2-overview
(512 KB, 429), https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..channel import HIDDEN, Sent, SkippedError, Web, json_object, odd_answer
from ..message import Message, short_key
from ..text import cut, fitted, headline

EVENTS_URL = "https://events.pagerduty.com"
API_URL = "https://api.pagerduty.com"
_SUMMARY, _KEY, _BYTES = 1024, 255, 512 * 1024
_SEVERITY = {"P0": "critical", "P1": "error", "P2": "warning", "P3": "info"}


def event(message: Message) -> dict[str, Any]:
    """The event of a message, without its routing key.  Raises SkippedError for an update, which the API does not have."""
    if message.action == "update":
        raise SkippedError("PagerDuty takes trigger, acknowledge and resolve, and no updates")
    key = {"event_action": message.action, "dedup_key": short_key(message, _KEY)}
    if message.action != "trigger":
        return key
    return {**key, **fitted(_alert, message, _BYTES - 1024)}


def _alert(message: Message) -> dict[str, Any]:
    summary = f"{headline(message)}: {message.summary}" if message.summary else headline(message)
    return {
        "client": "euystacio.meta_salvage",
        "payload": {
            "summary": cut(" ".join(summary.split()), _SUMMARY),
            "source": message.facts.get("cluster") or "euystacio.meta_salvage",
            "severity": _SEVERITY[message.severity],
            "class": message.kind,
            "custom_details": {**message.facts, **({"summary": message.summary} if message.summary else {})},
        },
        "links": [{"href": url, "text": name} for name, url in message.links.items()],
    }


class PagerDuty:
    """``token`` is the REST API's; without it nobody can be asked who is on call."""

    keyed = True

    def __init__(
        self,
        name: str,
        events: Web,
        api: Web,
        routing_key: str,
        token: str = "",
        schedules: Sequence[str] = (),
        policies: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.timeout = events.timeout
        self._events, self._api, self._key, self._token = events, api, routing_key, token
        self._schedules, self._policies = list(schedules), list(policies)

    def render(self, message: Message) -> dict[str, Any]:
        return {"routing_key": HIDDEN, **event(message)}

    def send(self, message: Message, timeout: float | None = None) -> Sent:
        answer = self._events.call("POST", "/v2/enqueue", {"routing_key": self._key, **event(message)}, timeout=timeout)
        said = json_object(self._events, answer)
        if said.get("status") != "success":
            raise odd_answer(self._events, answer)
        return Sent(id=str(said.get("dedup_key") or ""))

    def on_call(self) -> list[dict[str, Any]] | None:
        """Who is on call now, the first to be called first; None without a token.  Raises SendError."""
        query = {"schedule_ids[]": self._schedules, "escalation_policy_ids[]": self._policies, "earliest": "true", "limit": "100"}
        found = self._ask("/oncalls", query)
        rows = found.get("oncalls") if found else None
        if not isinstance(rows, list):
            return None
        people = [
            {"name": str((row.get("user") or {}).get("summary") or ""), "level": row.get("escalation_level"), "until": row.get("end")}
            for row in rows
            if isinstance(row, dict)
        ]
        return sorted(people, key=lambda one: (one["level"] if isinstance(one["level"], int) else 99, one["name"]))

    def acknowledged(self, message: Message) -> bool | None:
        """Whether somebody has taken the alert; None where it can't be known.  Raises SendError."""
        found = self._ask("/incidents", {"incident_key": short_key(message, _KEY)})
        rows = found.get("incidents") if found else None
        if not isinstance(rows, list) or not rows:
            return None
        return all(isinstance(row, dict) and row.get("status") in {"acknowledged", "resolved"} for row in rows)

    def _ask(self, path: str, query: dict[str, Any]) -> dict[str, Any] | None:
        if not self._token:
            return None
        headers = {"Authorization": f"Token token={self._token}", "Accept": "application/vnd.pagerduty+json;version=2"}
        return json_object(self._api, self._api.call("GET", path, query=query, headers=headers))
