# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendors of notifications on the loopback: HTTPS with a certificate made for it, each request checked against what they publish."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.message import Message
from fake_web import Asked, Pem, Web

TEXT = {"type": "string"}
LINK = {"type": "string", "pattern": "^https?://"}


def text(limit: int, least: int = 1) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": limit}


def thing(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """An object with these fields and no others."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required), "additionalProperties": False}


# https://developer.pagerduty.com/docs/send-alert-event
_KEY = {"routing_key": {"type": "string", "pattern": "^.{32}$"}, "dedup_key": text(255)}
PAGERDUTY = {
    "oneOf": [
        thing({**_KEY, "event_action": {"enum": ["acknowledge", "resolve"]}}),
        thing(
            {
                **_KEY,
                "event_action": {"const": "trigger"},
                "payload": thing(
                    {"summary": text(1024), "source": text(1024), "severity": {"enum": ["critical", "error", "warning", "info"]}},
                    timestamp=TEXT,
                    component=TEXT,
                    group=TEXT,
                    custom_details={"type": "object"},
                    **{"class": TEXT},
                ),
            },
            client=TEXT,
            client_url=LINK,
            links={"type": "array", "items": thing({"href": LINK}, text=TEXT)},
            images={"type": "array"},
        ),
    ]
}
# https://docs.opsgenie.com/docs/alert-api
OPSGENIE = thing(
    {"message": text(130)},
    alias=text(512),
    description=text(15_000),
    responders={
        "type": "array",
        "maxItems": 50,
        "items": thing({"name": TEXT, "type": {"enum": ["team", "user", "escalation", "schedule"]}}),
    },
    tags={"type": "array", "maxItems": 20, "items": text(50)},
    details={"type": "object", "additionalProperties": TEXT},
    entity=text(512, 0),
    source=text(100),
    priority={"enum": ["P1", "P2", "P3", "P4", "P5"]},
    note=text(25_000),
)
# https://docs.opsgenie.com/docs/alert-api-continued
OPSGENIE_NOTE = thing({"note": text(25_000)}, source=text(100), user=text(100))
# https://docs.slack.dev/reference/block-kit/blocks/header-block, .../section-block, .../composition-objects/text-object
_MRKDWN = {"type": {"const": "mrkdwn"}, "text": text(3_000)}
SLACK = thing(
    {
        "text": text(40_000),
        "blocks": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {
                "oneOf": [
                    thing(
                        {
                            "type": {"const": "header"},
                            "text": thing({"type": {"const": "plain_text"}, "text": text(150)}, emoji={"type": "boolean"}),
                        }
                    ),
                    thing({"type": {"const": "section"}, "text": thing(_MRKDWN, verbatim={"type": "boolean"})}),
                    thing(
                        {
                            "type": {"const": "section"},
                            "fields": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 10,
                                "items": thing({**_MRKDWN, "text": text(2_000)}, verbatim={"type": "boolean"}),
                            },
                        }
                    ),
                ]
            },
        },
    },
    channel=text(80),
)
# https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using, https://adaptivecards.io/explorer/
TEAMS = thing(
    {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": thing(
                {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "contentUrl": {"type": "null"},
                    "content": thing(
                        {
                            "$schema": LINK,
                            "type": {"const": "AdaptiveCard"},
                            "version": {"const": "1.4"},
                            "body": {
                                "type": "array",
                                "minItems": 1,
                                "items": thing(
                                    {
                                        "type": {"const": "RichTextBlock"},
                                        "inlines": {
                                            "type": "array",
                                            "minItems": 1,
                                            "items": thing(
                                                {"type": {"const": "TextRun"}, "text": {"type": "string", "minLength": 1}},
                                                weight={"enum": ["Default", "Lighter", "Bolder"]},
                                                size={"enum": ["Default", "Small", "Medium", "Large", "ExtraLarge"]},
                                                color={"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]},
                                            ),
                                        },
                                    }
                                ),
                            },
                        },
                        actions={
                            "type": "array",
                            "maxItems": 6,
                            "items": thing({"type": {"const": "Action.OpenUrl"}, "title": TEXT, "url": LINK}),
                        },
                        msteams={"type": "object"},
                    ),
                }
            ),
        },
    }
)
# https://developer.statuspage.io/#operation/postPagesPageIdIncidents
_STATES = ["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage", ""]
_INCIDENT: dict[str, Any] = {
    "status": {"enum": ["investigating", "identified", "monitoring", "resolved", "scheduled", "in_progress", "verifying", "completed"]},
    "impact_override": {"enum": ["none", "maintenance", "minor", "major", "critical"]},
    "body": text(25_000),
    "component_ids": {"type": "array", "items": TEXT},
    "components": {"type": "object", "additionalProperties": {"enum": _STATES}},
    "metadata": {"type": "object", "additionalProperties": {"type": "object"}},
    "deliver_notifications": {"type": "boolean"},
}
STATUSPAGE = thing({"incident": thing({"name": text(255)}, **_INCIDENT)})
STATUS_POST = thing({"incident": thing({"key": text(64), "name": text(255)}, **_INCIDENT)})
# Our own: docs/runbooks/notify_test.md
WEBHOOK = thing(
    {
        **dict.fromkeys(("title", "summary", "dedup_key", "kind"), TEXT),
        "severity": {"enum": ["P0", "P1", "P2", "P3"]},
        "audience": {"enum": ["engineers", "stakeholders", "public"]},
        "action": {"enum": ["trigger", "acknowledge", "resolve", "update"]},
        "facts": {"type": "object", "additionalProperties": TEXT},
        "links": {"type": "object", "additionalProperties": LINK},
    }
)


def body_of(asked: Asked, schema: dict[str, Any]) -> Any:
    """What was sent, if it is what the vendor takes."""
    assert asked.headers["content-type"][0].startswith("application/json")
    payload = json.loads(asked.body)
    jsonschema.Draft202012Validator(schema).validate(payload)
    return payload


class _AnyPort(Controller):
    """On a port that is free: the base class connects to the one that it was given."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Mailbox:
    """An SMTP server with STARTTLS: what it took, and with which login."""

    def __init__(self, context: ssl.SSLContext | None, *, login: tuple[str, str] | None = None) -> None:
        self.mails: list[Envelope] = []
        self.secure: list[bool] = []
        self.refuse: dict[str, str] = {}  # by recipient, or "data"
        self.hangs_up = False  # when the client takes its leave
        box = self

        class Handler:
            async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
                if address in box.refuse:
                    return box.refuse[address]
                envelope.rcpt_tos.append(address)
                return "250 OK"

            async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
                if "data" in box.refuse:
                    return box.refuse["data"]
                box.mails.append(envelope)
                box.secure.append(session.ssl is not None)
                return "250 taken"

            async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
                if box.hangs_up and server.transport:
                    server.transport.abort()
                return "221 Bye"

        def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
            good = login is not None and (data.login.decode(), data.password.decode()) == login
            return AuthResult(success=good, handled=good)

        how: dict[str, Any] = {"tls_context": context, "require_starttls": context is not None}
        if login:
            how |= {"authenticator": check, "auth_required": True}
        self._controller = _AnyPort(Handler(), hostname="127.0.0.1", port=0, **how)
        self._controller.start()
        self.port: int = self._controller.port

    def close(self) -> None:
        self._controller.stop()


@pytest.fixture
def mailbox(secure: tuple[Web, Pem]) -> Iterator[Any]:
    boxes: list[Mailbox] = []

    def make(*, tls: bool = True, **how: Any) -> Mailbox:
        boxes.append(Mailbox(secure[1].context() if tls else None, **how))
        return boxes[-1]

    yield make
    for box in boxes:
        box.close()


def message(**changes: Any) -> Message:
    given: dict[str, Any] = {
        "title": "The API is down",
        "severity": "P1",
        "summary": "40 % of the requests fail.",
        "facts": {"cluster": "production-eu", "owner": "infrastructure"},
        "links": {"dashboard": "https://grafana.example.com/d/1"},
        "dedup_key": "incident/2026-17",
        "audience": "engineers",
        "action": "trigger",
        "kind": "incident",
    }
    return Message(**{**given, **changes})


def ca_of(secure: tuple[Web, Pem]) -> Path:
    return secure[1].cert_file
