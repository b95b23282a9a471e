# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody adds to an incident: checked, and free of credentials.  Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.redact import excerpt
from .._core.times import iso, when
from .._sealing.hashing import canonical, digest
from .model import ROLES, SEVERITIES

STATES = ("opened", "updated", "mitigated", "resolved", "reviewed", "cancelled")
_TEXT = 4000  # characters of one text
_SHORT = 200
_QUIET = frozenset({"silenced", "inhibited", "muted"})


@dataclass(frozen=True)
class Request:
    """``severity`` is a person's word; ``alerts`` fire, ``alerts_ended`` do not any more."""

    state: str
    who: str
    id: str = ""
    title: str = ""
    severity: str = ""
    why: str = ""
    text: str = ""
    public: str = ""
    cluster: str = ""
    started_at: str = ""
    acknowledged: bool = False
    alerts: tuple[dict[str, Any], ...] = ()
    alerts_ended: tuple[dict[str, Any], ...] = ()
    done: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[dict[str, Any], ...] = ()
    actions: tuple[dict[str, Any], ...] = ()
    update: Mapping[str, str] = field(default_factory=dict)
    blast_radius: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    proposed: str = ""
    proposed_why: str = ""
    watch: bool = False


def short(value: object) -> str:
    return excerpt(str(value), _SHORT)


def long(value: object) -> str:
    return str(value).strip()[:_TEXT]


def time_given(value: str, where: str) -> str:
    """Raises SalvageError(bad_input)."""
    if not value:
        return ""
    moment = when(value)
    if moment is None:
        raise SalvageError(f"{where} is {shown(value)}; write a time with its zone, such as 2026-11-24T15:00:00Z", reason="bad_input")
    return iso(int(moment))


def alerts_given(found: Iterable[Any]) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    """Those that fire and those that ended: of alert_info, or as Alertmanager's webhook and API give them.  Suppressed ones are left out.

    Raises SalvageError(bad_input).
    """
    firing: dict[str, dict[str, Any]] = {}
    ended: dict[str, dict[str, Any]] = {}
    for number, alert in enumerate(found):
        labels = alert.get("labels") if isinstance(alert, Mapping) else None
        if not isinstance(labels, Mapping):
            raise SalvageError(f"alerts[{number}] is {shown(alert)}; write alerts as alert_info gives them", reason="bad_input")

        status = alert.get("status") if isinstance(alert.get("status"), str) else ""
        state = str(status or alert.get("state") or (alert.get("status") or {}).get("state") or "active").lower()
        if state in _QUIET | {"suppressed"}:
            continue
        begun = when(alert.get("starts_at") or alert.get("startsAt"))
        notes = alert.get("annotations")
        one = {
            "name": short(alert.get("name") or labels.get("alertname") or "without a name"),
            "fingerprint": short(alert.get("fingerprint") or digest(canonical(dict(labels)))[:16]),
            "starts_at": None if begun is None else iso(begun),
            "severity": short(labels.get("severity") or ""),
            "namespace": short(labels.get("namespace") or ""),
            "summary": short((notes.get("summary") or notes.get("description") or "") if isinstance(notes, Mapping) else ""),
        }
        (ended if state == "resolved" else firing)[f"{one['fingerprint']}@{one['starts_at']}"] = one
    return tuple(firing.values()), tuple(ended.values())


def roles_given(data: Mapping[str, Any]) -> dict[str, str]:
    unknown = sorted(map(str, set(data) - set(ROLES)))
    if unknown:
        raise SalvageError(f"roles has {shown(unknown[0])}; an incident has {', '.join(ROLES)}", reason="bad_input")
    return {role: short(data[role]) for role in ROLES if data.get(role)}


def severity_given(severity: str) -> str:
    if severity and severity not in SEVERITIES:
        raise SalvageError(f"severity is {shown(severity)}; write one of {', '.join(SEVERITIES)}", reason="bad_input")
    return severity


def evidence_given(kind: str, title: str, link: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Raises SalvageError(bad_input) for facts that are not texts or numbers."""
    if not kind or not title:
        raise SalvageError("evidence needs a kind and a title", reason="bad_input")
    wrong = next((name for name, value in facts.items() if not isinstance(value, (str, int, float, bool, type(None)))), None)
    if wrong is not None:
        raise SalvageError(f"evidence.facts.{short(wrong)} is neither a text nor a number; link to a file instead", reason="bad_input")
    return {
        "kind": short(kind),
        "title": short(title),
        "link": short(link),
        "facts": {short(name): short(value) if isinstance(value, str) else value for name, value in facts.items()},
    }


def action_given(title: str, owner: str, due: str, done: bool) -> dict[str, Any]:
    """Raises SalvageError(bad_input)."""
    if not title or not owner:
        raise SalvageError("an action needs a title and an owner", reason="bad_input")
    try:
        datetime.date.fromisoformat(due)
    except ValueError:
        raise SalvageError(f"actions: due is {shown(due)}; write a date such as 2026-12-01", reason="bad_input") from None
    return {"title": short(title), "owner": short(owner), "due": due, "done": done}
