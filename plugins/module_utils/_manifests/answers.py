# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API server's refusal of an apply means, as one sentence without the values that it quotes.  Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._cluster.http import REASON_OF, Response
from .._core.errors import SalvageError
from .._core.sentences import some_of

_MANAGER = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')
_QUOTES = re.compile(r"(?:Invalid|Unsupported|Duplicate) value: ")
_TYPED = "failed to create typed patch object"
_OWNED = "take these fields out of the manifest, or set force_conflicts to take them over"
_MAX = 300
_SHOWN = 5


@dataclass(frozen=True)
class Conflict:
    manager: str
    field: str


@dataclass(frozen=True)
class Refusal:
    """``conflicts`` are the fields that others own; ``gone`` says that the object was replaced or changed meanwhile."""

    sentence: str
    reason: str
    conflicts: tuple[Conflict, ...] = ()
    gone: bool = False


def is_final(answer: Response) -> bool:
    """Whether a 500 is about the object itself, so that asking again does not help."""
    return answer.status == 500 and _TYPED.encode() in answer.body


def refusal_of(answer: Response, *, secret: bool) -> Refusal:
    """``secret`` leaves out every word of the server that could quote a value."""
    status = _status(answer)
    message, details = str(status.get("message") or ""), status.get("details")
    causes = [one for one in (details if isinstance(details, dict) else {}).get("causes") or () if isinstance(one, dict)]
    conflicts = tuple(
        Conflict(_manager(str(cause.get("message"))), str(cause.get("field")))
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict"
    )
    if conflicts:
        return Refusal(f"{fields_owned(conflicts)}; {_OWNED}", "conflict", conflicts)
    if answer.status == 409:
        return Refusal("it was changed or replaced while it was applied; run again", "conflict", gone=True)
    if is_final(answer):
        return Refusal(_typed(message, secret=secret), "invalid")
    if answer.status == 422 and causes:
        return Refusal(_invalid(causes, secret=secret), "invalid")
    reason = "invalid" if answer.status in (400, 422) else REASON_OF.get(answer.status, "http_error")
    said = "" if secret or not message else f": {_short(_unquoted(message))}"
    return Refusal(f"the API server answered {answer.status}{said}", reason)


def fields_owned(conflicts: Sequence[Conflict]) -> str:
    """Who owns which of the fields."""
    by_manager: dict[str, list[str]] = {}
    for one in conflicts:
        by_manager.setdefault(one.manager, []).append(one.field)
    named = {manager: some_of(sorted(set(fields)), _SHOWN, what="more fields") for manager, fields in sorted(by_manager.items())}
    return "; ".join(f"{manager} owns {fields}" for manager, fields in named.items())


def _invalid(causes: Sequence[Mapping[str, Any]], *, secret: bool) -> str:
    says = []
    for cause in causes[:_SHOWN]:
        field, text = str(cause.get("field") or "").removeprefix("[]") or "the object", _unquoted(str(cause.get("message") or ""))
        if "immutable" in text:
            says.append(f"{field} cannot be changed once the object exists")
        else:
            says.append(f"{field} is not valid" if secret else f"{field}: {_short(text)}")
    immutable = any("immutable" in str(cause.get("message")) for cause in causes)
    hint = "; give the object another name and refer to that, or delete the old one first" if immutable else ""
    return "; ".join(dict.fromkeys(says)) + hint


def _typed(message: str, *, secret: bool) -> str:
    """`failed to create typed patch object (ns/name; apps/v1, Kind=Deployment): .spec.x: field not declared in schema`."""
    rest = message.partition(_TYPED)[2].partition("): ")[2] or message
    field = rest.partition(":")[0]
    if "field not declared in schema" in rest:
        return f"{_short(field)} is not a field of this kind; check its spelling and its indentation"
    if "duplicate entries for key" in rest:
        return f"{_short(field)} has two items with the same key; remove one of them"
    if "expected" in rest:
        expected = re.search(r"expected ([a-z]+)", rest)
        return f"{_short(field)} has the wrong type" + (f"; {expected[1]} is expected" if expected else "")
    return f"{_short(field)} is not valid" if secret else f"the object does not fit its kind: {_short(rest)}"


def _unquoted(message: str) -> str:
    """A message without the value that it quotes, which may be a whole object."""
    found = _QUOTES.search(message)
    if not found:
        return message
    before, rest = message[: found.start()], message[found.end() :]
    if rest[:1] == "{" or rest[:1] == "[":
        tail = rest.rpartition("}: ")[2] if "}: " in rest else rest.rpartition("]: ")[2] if "]: " in rest else ""
    else:
        try:
            end = json.JSONDecoder().raw_decode(rest)[1]
            tail = rest[end:].removeprefix(": ")
        except ValueError:
            tail = rest.partition(": ")[2]
    if "}: " in tail:  # a Go structure
        tail = tail.rpartition("}: ")[2]
    kind = found[0].removesuffix(" value: ").lower()
    return f"{before}{tail or f'{kind} value'}"


def _manager(message: str) -> str:
    found = _MANAGER.search(message)
    return found[1] if found else "another manager"


def _status(answer: Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except SalvageError:
        return {}
    return found if isinstance(found, dict) else {}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX else line[: _MAX - 3] + "..."
