# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Teams: the webhook of a workflow, which takes an adaptive card.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using (the message, 28 KB),
https://adaptivecards.io/explorer/ (the elements; a RichTextBlock shows text as it is, a TextBlock takes it for Markdown)
"""

from __future__ import annotations

from typing import Any

from ..._cluster.http import Response
from ..message import Message
from ..text import cut, fitted, headline

_BYTES = 28 * 1024
_ACTIONS = 6
_COLOURS = {"P0": "Attention", "P1": "Attention", "P2": "Warning", "P3": "Default"}


def card(message: Message) -> dict[str, Any]:
    return fitted(_card, message, _BYTES - 1024)


def _card(message: Message) -> dict[str, Any]:
    colour = "Good" if message.action == "resolve" else _COLOURS[message.severity]
    body = [_text(headline(message), weight="Bolder", size="Medium", color=colour)]
    body += [_text(message.summary)] if message.summary else []
    for name, value in message.facts.items():
        line = _text(f"{name}: ", weight="Bolder")
        line["inlines"] += _text(value)["inlines"]
        body.append(line)
    links = [{"type": "Action.OpenUrl", "title": cut(name, 100), "url": url} for name, url in message.links.items()]
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": {"width": "Full"},
    }
    if links:
        content["actions"] = links[:_ACTIONS]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def is_accepted_card(answer: Response) -> bool:
    """A workflow accepts with 202; a connector answers 1, and its errors have the status 200 too."""
    return answer.status == 202 or answer.body.strip() in {b"", b"1"}


def _text(text: str, **how: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text or " ", **how}]}
