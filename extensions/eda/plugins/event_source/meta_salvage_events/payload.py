# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Alertmanager posts (webhook, version 4), read by an allow-list: the unknown is left out, the wrong is refused with a reason.

The texts end in playbooks as extra variables, where Ansible evaluates ``{{ }}``.  So no text keeps a pair of characters that opens a
template, and no text keeps a control character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

STATUSES = ("firing", "resolved")
NEVER = "0001-01-01T00:00:00Z"  # how Go writes a time that is not set
MAX_NAMES = 64
MAX_NAME = 128
MAX_LABEL = 4096
MAX_LABELS = 16384  # characters in all
MAX_ANNOTATIONS = 16384
MAX_ADDRESS = 2048
FNV_OFFSET, FNV_PRIME = 14695981039346656037, 1099511628211
NAME = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_.:/-]*")
FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
OPENS_A_TEMPLATE = re.compile(r"\{(?=[{%#])")
NOT_PRINTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class PayloadError(ValueError):
    """One sentence for the sender: what is wrong with what it sent."""


@dataclass(frozen=True)
class Alert:
    """One alert of a payload, in the words of Alertmanager."""

    status: str
    fingerprint: str
    starts_at: str
    ends_at: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str = ""

    @property
    def episode(self) -> str:
        """One time that an alert fires, from its start to its end."""
        return f"{self.fingerprint}@{self.starts_at}"

    @property
    def id(self) -> str:
        """What there is to handle once: the start of an episode, or its end."""
        return f"{self.episode}#{self.status}"

    def as_dict(self) -> dict[str, object]:
        """As Alertmanager writes it."""
        return {
            "status": self.status,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": self.starts_at,
            "endsAt": self.ends_at,
            "generatorURL": self.generator_url,
            "fingerprint": self.fingerprint,
        }


@dataclass(frozen=True)
class Payload:
    receiver: str
    external_url: str
    truncated: int
    alerts: tuple[Alert, ...]
    refused: tuple[str, ...]  # a reason for each alert that was not taken


def read(body: bytes) -> Payload:
    """Raises PayloadError where nothing of it can be used."""
    document = _object(body)
    if document.get("version") != "4":
        raise PayloadError(f"This is not an Alertmanager webhook of version 4: version is {_short(document.get('version'))}.")
    given = document.get("alerts")
    if not isinstance(given, list) or not given:
        raise PayloadError("alerts has to be a list with at least one alert.")
    alerts, refused = [], []
    for number, item in enumerate(given):
        try:
            alerts.append(alert_of(item))
        except PayloadError as error:  # noqa: PERF203 - one alert is not all of them
            refused.append(f"alerts[{number}]: {error}")
    if not alerts:
        raise PayloadError(f"No alert of {len(given)} can be used. {refused[0]}")
    truncated = document.get("truncatedAlerts", 0)
    return Payload(
        receiver=harmless(str(document.get("receiver") or ""))[:MAX_NAME],
        external_url=_address(document.get("externalURL")),
        truncated=truncated if isinstance(truncated, int) and not isinstance(truncated, bool) and truncated > 0 else 0,
        alerts=tuple(alerts),
        refused=tuple(refused),
    )


def ids_of(body: bytes, most: int) -> tuple[str, ...]:
    """What the sender says was handled: ``{"ids": [...]}``."""
    given = _object(body).get("ids")
    if not isinstance(given, list) or not 0 < len(given) <= most or not all(isinstance(word, str) and len(word) < 200 for word in given):
        raise PayloadError(f"ids has to be a list of 1 to {most} texts, as the event has them.")
    return tuple(given)


def alert_of(item: object) -> Alert:
    """Raises PayloadError."""
    if not isinstance(item, dict):
        raise PayloadError("it is not an object.")
    status = item.get("status")
    if status not in STATUSES:
        raise PayloadError(f"status is neither firing nor resolved: {_short(status)}.")
    fingerprint = item.get("fingerprint") or fingerprint_of(item.get("labels"))
    if not isinstance(fingerprint, str) or not FINGERPRINT.fullmatch(fingerprint):
        raise PayloadError(f"fingerprint is not a hexadecimal number: {_short(fingerprint)}.")
    labels = _texts("labels", item.get("labels"))
    if sum(map(len, labels.values())) > MAX_LABELS or any(len(text) > MAX_LABEL for text in labels.values()):
        raise PayloadError(f"labels have to be texts of at most {MAX_LABEL} characters, and {MAX_LABELS} in all.")
    if not labels.get("alertname"):
        raise PayloadError("it has no label alertname.")
    return Alert(
        status=status,
        fingerprint=fingerprint,
        starts_at=instant("startsAt", item.get("startsAt")),
        ends_at=instant("endsAt", item.get("endsAt") or NEVER),
        labels=labels,
        annotations=_cut(_texts("annotations", item.get("annotations") or {})),
        generator_url=_address(item.get("generatorURL")),
    )


def fingerprint_of(labels: object) -> object:
    """As Alertmanager computes it from all labels (FNV-1a), for senders that leave it out: one alert is the same whoever sends it."""
    if not isinstance(labels, dict) or len(labels) > MAX_NAMES or not all(isinstance(text, str) for text in labels.values()):
        return None
    parts = (part for name in sorted(labels) for part in (name, labels[name]))
    number = FNV_OFFSET
    for byte in b"".join(part.encode("utf-8", "replace") + b"\xff" for part in parts):
        number = (number ^ byte) * FNV_PRIME % 2**64
    return f"{number:016x}"


def instant(name: str, value: object) -> str:
    """A time of RFC 3339 in UTC without zeros at its end, so that one instant is one text whoever wrote it."""
    found = TIME.fullmatch(value) if isinstance(value, str) else None
    try:
        if found is None:
            raise ValueError
        moment = datetime.fromisoformat(found[1])
        if found[3] != "Z":
            moment = datetime.fromisoformat(found[1] + found[3]).astimezone(timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise PayloadError(f"{name} is not a time as RFC 3339 has it: {_short(value)}.") from None
    fraction = (found[2] or "").rstrip("0")
    return moment.isoformat() + (f".{fraction}" if fraction else "") + "Z"


def harmless(text: str) -> str:
    """``text`` without what a terminal obeys or a template engine evaluates."""
    return OPENS_A_TEMPLATE.sub("{ ", NOT_PRINTED.sub("\ufffd", text))


def _cut(texts: dict[str, str]) -> dict[str, str]:
    """Words for people: the end of a long one is less than the alert."""
    left, found = MAX_ANNOTATIONS, {}
    for name, text in texts.items():
        found[name] = text[:left]
        left -= len(found[name])
    return found


def _texts(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MAX_NAMES:
        raise PayloadError(f"{name} has to be an object of at most {MAX_NAMES} texts.")
    for key, text in value.items():
        if not isinstance(text, str):
            raise PayloadError(f"{name}.{_short(key)} is not a text.")
    # Prometheus 3 allows any name. An alert is answered without those that are not taken.
    return {key: harmless(text) for key, text in value.items() if len(key) <= MAX_NAME and NAME.fullmatch(key)}


def _address(value: object) -> str:
    if isinstance(value, str) and len(value) <= MAX_ADDRESS and value.startswith(("http://", "https://")):
        return harmless(value)
    return ""


def _object(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise PayloadError("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise PayloadError("The body is not a JSON object.")
    return document


def _refuse(_word: str) -> None:
    raise ValueError


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else f"a {type(value).__name__}"
    return harmless(text if len(text) <= 60 else f"{text[:57]}...")
