# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Terraform and OpenTofu say with `-json`: a line of JSON for each message; pure.

The format is that of developer.hashicorp.com/terraform/internals/machine-readable-ui.  It has no values of resources, so none of their
secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
_DELETING = frozenset({"delete", "replace"})
_SHOWN = frozenset(
    {
        "apply_complete", "apply_errored", "apply_progress", "apply_start", "change_summary", "planned_change",
        "provision_errored", "provision_progress", "provision_start",
    }
)  # fmt: skip


def message_of(line: bytes) -> Message | None:
    """The message in a line; None for prose, such as the warnings that come before the first one."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "@message" in found else None


def is_progress(message: Message) -> bool:
    """Whether it shows how far the work is."""
    return message.get("type") in _SHOWN


def planned_changes(messages: Sequence[Message]) -> dict[str, list[str]]:
    """The addresses by what is planned with them: create, update, delete, replace, read, ..."""
    found: dict[str, list[str]] = {}
    for message in messages:
        if message.get("type") == "planned_change":
            found.setdefault(message["change"]["action"], []).append(message["change"]["resource"]["addr"])
    return found


def deletions(messages: Sequence[Message]) -> list[str]:
    """What the plan deletes, whether for good or to create it again."""
    found = [address for action, addresses in planned_changes(messages).items() if action in _DELETING for address in addresses]
    counted = max((message["changes"].get("remove", 0) for message in messages if message.get("type") == "change_summary"), default=0)
    # One that the plan counts and does not name is not let through.
    return sorted(found) or [f"{counted} resources"] * bool(counted)


def summed_up(messages: Sequence[Message]) -> bool:
    """Whether the plan was reported to its end."""
    return any(message.get("type") == "change_summary" for message in messages)


def errors(messages: Sequence[Message]) -> str:
    """Why it failed, in a sentence; empty if it did not say."""
    said = []
    for message in messages:
        stated = message.get("diagnostic") or {}
        if stated.get("severity") == "error":
            place = f"{stated['address']}: " if stated.get("address") else ""
            detail = " ".join(str(stated.get("detail") or "").split())
            said.append(place + str(stated.get("summary")) + (f": {detail[:500]}" if detail else ""))
    return "; ".join(said)
