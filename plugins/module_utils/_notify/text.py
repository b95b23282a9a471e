# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every channel renders with: texts cut to a limit, and a message as plain text.  Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from .message import Message

T = TypeVar("T")
# How much of a message is left in each round, until it fits: characters of a text, facts, links.
_ROUNDS = ((100_000, 200, 50), (10_000, 100, 20), (2_000, 50, 10), (500, 25, 5), (100, 10, 2), (40, 0, 0))
ELLIPSIS = "…"
WORDS = {"trigger": "", "acknowledge": "Acknowledged: ", "resolve": "Resolved: ", "update": "Update: "}


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def headline(message: Message) -> str:
    """As `[P1] Resolved: the API is down`."""
    return f"[{message.severity}] {WORDS[message.action]}{message.title}"


def plain_text(message: Message) -> str:
    lines = [headline(message), ""]
    lines += [message.summary, ""] if message.summary else []
    lines += [f"{name}: {value}" for name, value in message.facts.items()]
    lines += [f"{name}: {url}" for name, url in message.links.items()]
    return "\n".join(lines).rstrip() + "\n"


def fitted(render: Callable[[Message], T], message: Message, limit: int) -> T:
    """What ``render`` makes of the message, or of less and less of it, until its JSON has at most ``limit`` bytes."""
    for characters, facts, links in _ROUNDS:
        rendered = render(_shorter(message, characters, facts, links))
        if len(json.dumps(rendered).encode()) <= limit:
            break
    return rendered


def _shorter(message: Message, characters: int, facts: int, links: int) -> Message:
    return replace(
        message,
        title=cut(message.title, characters),
        summary=cut(message.summary, characters),
        facts={cut(name, characters): cut(value, characters) for name, value in list(message.facts.items())[:facts]},
        links={cut(name, characters): url for name, url in list(message.links.items())[:links]},
    )
