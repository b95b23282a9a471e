# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slack: an incoming webhook, the Web API, and the channel of an incident.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, https://docs.slack.dev/reference/methods/chat.postMessage,
https://docs.slack.dev/reference/block-kit/blocks (50 blocks, 3,000 characters of a section, 150 of a header, 10 fields of 2,000),
https://docs.slack.dev/messaging/formatting-message-text (escaping), https://docs.slack.dev/reference/methods/conversations.create
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..._cluster.http import Response
from ..channel import SendError, Sent, Web, json_object
from ..message import Message
from ..text import ELLIPSIS, cut, fitted, headline

API_URL = "https://slack.com"
CHANNEL = "#euystacio-ops"
_HEADER, _SECTION, _FIELD, _FIELDS, _TOPIC, _NAME, _TEXT = 150, 3_000, 2_000, 10, 250, 80, 3_000
# The sum of all texts: more of it is refused with msg_blocks_too_long.  https://github.com/slackapi/bolt-js/issues/2509
_ALL = 12_000
_PAGES = 20
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_REASONS = {
    **dict.fromkeys(("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"), "unauthorized"),
    **dict.fromkeys(("missing_scope", "not_in_channel", "restricted_action", "ekm_access_denied", "is_archived"), "forbidden"),
    **dict.fromkeys(("channel_not_found", "users_not_found", "user_not_found"), "not_found"),
    **dict.fromkeys(("ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"), "http_error"),
}


def escaped(text: str, limit: int) -> str:
    """Text that Slack shows as it is, at most so long when it is escaped; no entity is cut in two."""
    whole = "".join(_ESCAPES.get(letter, letter) for letter in text)
    if len(whole) <= limit:
        return whole
    kept, left = [], limit - 1
    for letter in text:
        piece = _ESCAPES.get(letter, letter)
        left -= len(piece)
        if left < 0:
            break
        kept.append(piece)
    return "".join(kept) + ELLIPSIS


def is_taken(answer: Response) -> bool:
    """An incoming webhook answers ``ok``, one that starts a workflow ``{"ok": true}``, and servers that take the same their own words."""
    return answer.body.strip().replace(b" ", b"") in {b"ok", b"", b'{"ok":true}', b'{"success":true}'}


def blocks_of(message: Message) -> dict[str, Any]:
    """`text` for notifications, and the blocks."""
    return fitted(_rendered, message, _ALL)


def _rendered(message: Message) -> dict[str, Any]:
    made: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(headline(message), _HEADER), "emoji": False}}
    ]
    if message.summary:
        made.append(_section(escaped(message.summary, _SECTION)))
    facts = [_mrkdwn(f"*{escaped(name, 200)}*\n{escaped(value, _FIELD - 300) or ' '}") for name, value in message.facts.items()]
    made += [{"type": "section", "fields": facts[at : at + _FIELDS]} for at in range(0, min(len(facts), 30 * _FIELDS), _FIELDS)]
    links = [f"<{_link(url)}|{escaped(name, 200).replace('|', '/')}>" for name, url in message.links.items() if len(url) < 1_000]
    made += [_section(" ".join(links[at : at + 2])) for at in range(0, min(len(links), 20), 2)]
    return {"text": escaped(headline(message), _TEXT), "blocks": made}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _link(url: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in url.replace("|", "%7C"))


def channel_name(incident: str) -> str:
    """The name of an incident's channel, as Slack allows it."""
    return "incident-" + (re.sub(r"[^a-z0-9_-]+", "-", incident.lower()).strip("-") or "unnamed")[: _NAME - 9]


class Slack:
    """The Web API.  Every answer has the status 200; whether it went well is its ``ok``."""

    keyed = False

    def __init__(self, name: str, web: Web, token: str, channel: str) -> None:
        self.name = name
        self.timeout = web.timeout
        self._web, self._channel = web, channel
        self._headers = {"Authorization": f"Bearer {token}"}

    def render(self, message: Message) -> dict[str, Any]:
        return {"channel": self._channel, **blocks_of(message)}

    def send(self, message: Message, timeout: float | None = None) -> Sent:
        return Sent(id=str(self._method("chat.postMessage", self.render(message), timeout=timeout).get("ts") or ""))

    def open_channel(self, incident: str, topic: str, people: Sequence[str]) -> dict[str, str]:
        """The channel of an incident: it is there, has the topic, and the people (ids of users) are invited.  Raises SendError."""
        name = channel_name(incident)
        made = self._method("conversations.create", {"name": name}, fine=("name_taken",))
        found = made.get("channel") if made.get("ok") else self._find(name)
        channel = str(found.get("id") or "") if isinstance(found, dict) else ""
        if not channel:
            sentence = f"the channel #{name} of Slack exists but is archived, or is not visible; choose another id or unarchive it"
            raise SendError(sentence, reason="conflict")
        if topic:
            self._method("conversations.setTopic", {"channel": channel, "topic": cut(topic, _TOPIC)})
        for person in people:  # one by one, so that one wrong id does not keep the others out
            fine = ("already_in_channel", "cant_invite_self")
            self._method("conversations.invite", {"channel": channel, "users": person}, fine=fine)
        return {"id": channel, "name": name}

    def archive_channel(self, incident: str) -> dict[str, str]:
        """Archives the channel of an incident; one that is archived or was never there stays so.  Raises SendError."""
        name = channel_name(incident)
        found = self._find(name)
        if found:
            self._method("conversations.archive", {"channel": found.get("id")}, fine=("already_archived",))
        return {"id": str(found.get("id") or "") if found else "", "name": name}

    def in_channel(self, channel: str) -> Slack:
        """The same, to another channel."""
        other = Slack(self.name, self._web, "", channel)
        other._headers = self._headers
        return other

    def _find(self, name: str) -> dict[str, Any] | None:
        return next((one for one in self._channels() if one.get("name") == name), None)

    def _channels(self) -> Iterator[dict[str, Any]]:
        query: dict[str, str] = {"exclude_archived": "true", "limit": "1000", "types": "public_channel,private_channel"}
        for _page in range(_PAGES):
            answer = self._method("conversations.list", query=query)
            yield from (one for one in answer.get("channels") or () if isinstance(one, dict))
            query["cursor"] = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not query["cursor"]:
                return

    def _method(
        self,
        method: str,
        payload: Any = None,
        *,
        query: dict[str, str] | None = None,
        fine: tuple[str, ...] = (),
        timeout: float | None = None,
    ) -> dict[str, Any]:
        how = "GET" if payload is None else "POST"
        answer = json_object(self._web, self._web.call(how, f"/api/{method}", payload, query=query, headers=self._headers, timeout=timeout))
        problem = str(answer.get("error") or "no reason given")
        if answer.get("ok") is not True and problem not in fine:
            reason = _REASONS.get(problem, "invalid")
            sentence = f"{self._web.host} refused {method}: {self._web.quote(problem)}"
            raise SendError(sentence, reason=reason, again=reason == "http_error")
        return answer
