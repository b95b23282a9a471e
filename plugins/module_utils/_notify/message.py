# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message, for every channel: what happened, how bad it is, and who may read it.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from .._core.errors import SalvageError, shown
from .._core.redact import clean
from .._redaction.redactor import Redactor
from .._sealing.hashing import canonical, digest

SEVERITIES = ("P0", "P1", "P2", "P3")  # as the runbook defines them; the first is the worst
AUDIENCES = ("engineers", "stakeholders", "public")
ACTIONS = ("trigger", "acknowledge", "resolve", "update")
INTERNAL = "(internal)"
_TELLS_APART = 3  # digits of a hash: they tell two keys apart, and are too few to guess what they are of

_PLACEHOLDER = re.compile(r"\[redacted:[0-9a-f]{8}\]")
# What is an address or a name inside a cluster by its form alone.
_INSIDE = re.compile(
    r"\b(?:services?|forwards?)://[^\s,;)]+"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:svc|local|internal|lan|corp|intranet)(?:\.[\w-]+)*\b(?::\d+)?"
    r"|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)(?::\d+)?"
    r"|(?<![\w:])(?:[0-9a-f]{0,4}:){4,7}[0-9a-f]{1,4}(?![\w:])"
    r"|(?<![\w:])(?:(?:[0-9a-f]{1,4}:)+:|::(?=[0-9a-f]))(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?(?![\w:])"
    r"|\b[a-z0-9][a-z0-9-]*-[a-f0-9]{8,10}-[a-z0-9]{5}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Message:
    """``facts`` and ``links`` (of http and https) by their names; the same ``dedup_key`` is the same trouble."""

    title: str
    severity: str
    summary: str
    facts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    dedup_key: str = ""
    audience: str = "engineers"
    action: str = "update"
    kind: str = "other"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def message_from(given: Mapping[str, Any], redactor: Redactor) -> Message:
    """A message of plain data, without anything secret and without control characters.  Raises SalvageError(bad_input)."""
    unknown = sorted(set(given) - set(Message.__dataclass_fields__))
    if unknown:
        raise _wrong(f"has the unknown key {unknown[0]!r}")
    for name in ("title", "dedup_key", "kind"):
        if not isinstance(given.get(name), str) or not given[name].strip():
            raise _wrong(f"has no {name}; give a text")
    for name, known in (("severity", SEVERITIES), ("audience", AUDIENCES), ("action", ACTIONS)):
        if given.get(name) not in known:
            raise _wrong(f"has the {name} {shown(given.get(name))}; write one of {', '.join(known)}")
    if not isinstance(given.get("summary") or "", str):
        raise _wrong("has a summary that is not a text")
    return Message(
        title=_line(redactor.text(given["title"])),
        severity=given["severity"],
        summary=clean(redactor.text(given.get("summary") or ""), keep="\n\t"),
        facts=_pairs(_mapping(given, "facts"), redactor),
        links={name: url for name, url in _pairs(_mapping(given, "links"), redactor).items() if is_web_link(url)},
        dedup_key=_key(given["dedup_key"], redactor),
        audience=given["audience"],
        action=given["action"],
        kind=_line(given["kind"]),
    )


def is_web_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and url.isprintable() and " " not in url


def for_public(message: Message, listed: Sequence[str], names: Sequence[str]) -> Message:
    """For readers outside: only the ``listed`` facts and links, and no text with one of the internal ``names`` or an address inside."""
    return replace(
        message,
        dedup_key=digest(message.dedup_key.encode())[:32],  # it is made of names
        title=_without(message.title, names),
        summary=_without(message.summary, names),
        facts={name: _without(value, names) for name, value in message.facts.items() if name in listed},
        links={name: url for name, url in message.links.items() if name in listed and _without(url, names) == url},
    )


def content_hash(message: Message) -> str:
    """The same for the same words, whatever the placeholders of what was redacted in them are."""
    return digest(_PLACEHOLDER.sub("[redacted]", canonical(message.to_dict()).decode("utf-8", "replace")).encode())


def short_key(message: Message, limit: int) -> str:
    """The dedup key, at most so long; a longer one keeps its start, and the hash of all of it."""
    key = message.dedup_key
    return key if len(key) <= limit else f"{key[: limit - 33]}-{digest(key.encode())[:32]}"


def _without(text: str, names: Sequence[str]) -> str:
    text = _INSIDE.sub(INTERNAL, text)
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", INTERNAL, text, flags=re.IGNORECASE)
    return text


def _key(text: str, redactor: Redactor) -> str:
    """The same in each run, though the placeholder of what is secret in it is not."""
    shown = redactor.text(text)
    plain = _PLACEHOLDER.sub("[redacted]", shown)
    return _line(text if shown == text else f"{plain} {digest(text.encode(errors='surrogatepass'))[:_TELLS_APART]}")


def _mapping(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name) or {}
    if not isinstance(value, Mapping):
        raise _wrong(f"has {name} that are not names with values")
    return value


def _pairs(value: Mapping[Any, Any], redactor: Redactor) -> dict[str, str]:
    """By names and by what they hold: a value under the name of a secret is one, and a name can hold one too."""
    texts = {
        str(name): one if isinstance(one, str) else canonical(one).decode("utf-8", "replace")
        for name, one in redactor.value(dict(value)).items()
    }
    return {_line(redactor.text(name)): clean(redactor.text(text), keep="\n\t") for name, text in texts.items() if name.strip()}


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def _wrong(what: str) -> SalvageError:
    return SalvageError(f"a message {what}", reason="bad_input")
