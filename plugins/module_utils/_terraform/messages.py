# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Terraform and OpenTofu say with `-json`: a line of JSON for each message; pure.

The format is that of developer.hashicorp.com/terraform/internals/machine-readable-ui.  Its messages quote ids of resources, and what
provisioners print, such as a join token.  So no message is passed on:
`sentence_of` makes a sentence of an address and of words that stand here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
_KEEPING = frozenset({"noop", "move", "create", "read", "update", "import", "remove", "open", "renew", "close"})
_HOOKS = {
    "apply_start": "started",
    "apply_progress": "in progress",
    "apply_complete": "complete",
    "apply_errored": "failed",
    "provision_start": "started",
    "provision_complete": "complete",
    "provision_errored": "failed",
}
_NEEDED = frozenset({*_HOOKS, "planned_change", "change_summary", "diagnostic"})
_WORD = re.compile(r"[a-z0-9_-]{1,40}")
_COUNTED = {"import": "to import", "add": "to create", "change": "to change", "remove": "to delete"}


def message_of(line: bytes) -> Message | None:
    """The message in a line; None for prose, such as the warnings that come before the first one."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "@message" in found else None


def is_needed(message: Message) -> bool:
    """Whether anything here reads it; what a provisioner prints is not kept."""
    return message.get("type") in _NEEDED if isinstance(message.get("type"), str) else False


def sentence_of(message: Message) -> str:
    """How far the work is, in a sentence; empty for what does not say that."""
    kind = message.get("type")
    if kind == "change_summary":
        changes = _part(message, "changes")
        return "plan: " + ", ".join(f"{_count(changes, name)} {words}" for name, words in _COUNTED.items() if changes.get(name))
    if kind == "planned_change":
        action, address = _planned(message)
        return f"{address}: {action} is planned"
    if not isinstance(kind, str) or kind not in _HOOKS:
        return ""
    hook = _part(message, "hook")
    what = hook.get("provisioner") if kind.startswith("provision") else hook.get("action")
    seconds = hook.get("elapsed_seconds")
    lasted = f" after {seconds:.0f} s" if isinstance(seconds, (int, float)) and 0 < seconds < 1e6 else ""
    return f"{_address(hook)}: {_word(what)} {_HOOKS[kind]}{lasted}"


def planned_changes(messages: Sequence[Message]) -> dict[str, list[str]]:
    """The addresses by what is planned with them: create, update, delete, replace, read, ..."""
    found: dict[str, list[str]] = {}
    for message in messages:
        if message.get("type") == "planned_change":
            action, address = _planned(message)
            found.setdefault(action, []).append(address)
    return found


def deletions(messages: Sequence[Message]) -> list[str]:
    """What the plan deletes, whether for good or to create it again; an action that is not known counts as one that deletes."""
    found = [address for action, addresses in planned_changes(messages).items() if action not in _KEEPING for address in addresses]
    counted = max(
        (_count(_part(message, "changes"), "remove") for message in messages if message.get("type") == "change_summary"), default=0
    )
    # One that the plan counts and does not name is not let through.
    return sorted(found) or [f"{counted} resources"] * bool(counted)


def summed_up(messages: Sequence[Message]) -> bool:
    """Whether the plan was reported to its end."""
    return any(message.get("type") == "change_summary" for message in messages)


def errors(messages: Sequence[Message]) -> str:
    """Why it failed, in a sentence; empty if it did not say."""
    return "; ".join(_stated(messages, "error"))


def warnings(messages: Sequence[Message]) -> list[str]:
    """What it warned of, such as a check block that does not hold, each once."""
    return list(dict.fromkeys(_stated(messages, "warning")))


def _stated(messages: Sequence[Message], severity: str) -> list[str]:
    ran = {_address(_part(message, "hook")) for message in messages if str(message.get("type")).startswith("provision_")}
    return [_error(stated, ran) for stated in _diagnostics(messages) if stated.get("severity") == severity]


def _error(stated: Mapping[str, Any], ran: set[str]) -> str:
    """The detail is left out where a program of the user ran: it quotes the command and its output."""
    address, summary = str(stated.get("address") or ""), _words(stated.get("summary")) or "it did not say why"
    line, place = _part(_part(stated, "range"), "start").get("line"), _part(stated, "range").get("filename")
    detail = _words(stated.get("detail"))
    if address in ran or "provisioner" in summary or "external." in address:
        detail = "its output is not shown, because it may contain secrets"
    where = f" ({_words(place)} line {line})" if place and isinstance(line, int) else ""
    return (f"{address}: " if address else "") + summary + where + (f": {detail}" if detail else "")


def _diagnostics(messages: Sequence[Message]) -> Iterator[Mapping[str, Any]]:
    return (_part(message, "diagnostic") for message in messages)


def _planned(message: Message) -> tuple[str, str]:
    change = _part(message, "change")
    return _word(change.get("action")), _address(change)


def _part(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = message.get(name)
    return found if isinstance(found, Mapping) else {}


def _address(part: Mapping[str, Any]) -> str:
    found = _part(part, "resource").get("addr")
    return found if isinstance(found, str) and found else "a resource"


def _count(changes: Mapping[str, Any], name: str) -> int:
    """Anything else than a number counts as one."""
    found = changes.get(name, 0)
    return found if isinstance(found, int) and found >= 0 else 1


def _word(text: object) -> str:
    return text if isinstance(text, str) and _WORD.fullmatch(text) else "unknown"


def _words(text: object) -> str:
    return " ".join(text.split())[:500] if isinstance(text, str) else ""
