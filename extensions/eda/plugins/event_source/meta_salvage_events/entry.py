# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing to handle once, how far it is, and the event that says so to the rules."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .payload import Alert, alert_of

WAITING, HANDED, HANDLED, GIVEN_UP = "waiting", "handed", "handled", "given_up"
STATES = frozenset({WAITING, HANDED, HANDLED, GIVEN_UP})
NAMESPACE = uuid.UUID("5f3f6f0e-6a5c-5d0b-9d53-0d2a4f0f7c11")


@dataclass(frozen=True)
class Entry:
    alert: Alert
    group: str
    received: float
    seen: float  # when it was posted last
    state: str = WAITING
    at: float = 0.0  # when it came to this state
    attempts: int = 0  # how often it was handed on
    late: int = 0  # how often nobody confirmed it in time
    receiver: str = ""
    external_url: str = ""

    @property
    def id(self) -> str:
        return self.alert.id

    @property
    def open(self) -> bool:
        return self.state in (WAITING, HANDED)

    @property
    def urgent(self) -> bool:
        return self.alert.labels.get("severity") == "critical"

    def as_record(self) -> dict[str, Any]:
        return {
            "is": "entry",
            "alert": self.alert.as_dict(),
            "group": self.group,
            "received": self.received,
            "seen": self.seen,
            "state": self.state,
            "at": self.at,
            "attempts": self.attempts,
            "late": self.late,
            "receiver": self.receiver,
            "url": self.external_url,
        }

    @staticmethod
    def of(record: Mapping[str, Any]) -> Entry:
        """Raises KeyError, TypeError or ValueError where the record has not what it must have."""
        if record["state"] not in STATES:
            raise ValueError
        return Entry(
            alert=alert_of(record["alert"]),
            group=str(record["group"]),
            received=float(record["received"]),
            seen=float(record["seen"]),
            state=record["state"],
            at=float(record["at"]),
            attempts=int(record["attempts"]),
            late=int(record["late"]),
            receiver=str(record["receiver"]),
            external_url=str(record["url"]),
        )


def group_of(alert: Alert, group_by: Sequence[str]) -> str:
    """What belongs together: alerts with these labels alike or, without any, the episodes of one alert."""
    return json.dumps([alert.labels.get(name, "") for name in group_by]) if group_by else alert.fingerprint


def event_of(entries: Sequence[Entry], group_by: Sequence[str]) -> dict[str, Any]:
    """The event for the rules: of one status and one group. Nothing of the request but the alerts is in it."""
    first = entries[0]
    ids = [entry.id for entry in entries]
    attempt = max(entry.attempts for entry in entries) + 1
    return {
        "status": first.alert.status,
        "alert": first.alert.as_dict(),
        "alerts": [entry.alert.as_dict() for entry in entries],
        "episode": first.alert.episode,
        "ids": ids,
        "group": {name: first.alert.labels.get(name, "") for name in group_by},
        "receiver": first.receiver,
        "externalURL": first.external_url,
        "attempt": attempt,
        # The same for the same attempt, so that a rule engine that keeps its state does not take it twice.
        "meta": {"uuid": str(uuid.uuid5(NAMESPACE, json.dumps([attempt, *ids])))},
    }
