# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts of Prometheus and Alertmanager as one list.  Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

_EPOCH = "0001-01-01"
_LOUDEST_FIRST = ("active", "inhibited", "silenced")


@dataclass(frozen=True)
class Alert:
    """A firing alert.  ``state`` is active, silenced or inhibited; ``sources`` say who reported it."""

    name: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: str | None = None
    fingerprint: str = ""
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        return self.labels.get("severity", "")

    def to_dict(self) -> dict[str, Any]:
        """For a module's result."""
        data = asdict(self)
        return {**data, "severity": self.severity, **{name: list(data[name]) for name in ("silenced_by", "inhibited_by", "sources")}}


def of_prometheus(data: Any) -> list[Alert]:
    """The firing alerts of the answer of ``/api/v1/alerts``.  Raises ValueError if it is none."""
    inner = data.get("data") if isinstance(data, Mapping) and data.get("status") == "success" else None
    listed = inner.get("alerts") if isinstance(inner, Mapping) else None
    if not _are_alerts(listed):
        raise ValueError("it is not an answer of Prometheus's /api/v1/alerts")
    return [
        Alert(
            name=alert["labels"].get("alertname", "without a name"),
            state="active",
            labels=alert["labels"],
            annotations=alert.get("annotations") or {},
            starts_at=alert.get("activeAt"),
            fingerprint=_fingerprint(alert["labels"]),
            sources=("prometheus",),
        )
        for alert in listed or ()
        if alert.get("state") == "firing"
    ]


def of_alertmanager(data: Any) -> list[Alert]:
    """The alerts of the answer of ``/api/v2/alerts``.  Raises ValueError if it is none."""
    if not _are_alerts(data):
        raise ValueError("it is not an answer of Alertmanager's /api/v2/alerts")
    found = []
    for alert in data:
        status = alert.get("status") or {}
        silenced, inhibited = tuple(status.get("silencedBy") or ()), tuple(status.get("inhibitedBy") or ())
        starts = alert.get("startsAt")
        found.append(
            Alert(
                name=alert["labels"].get("alertname", "without a name"),
                state="silenced" if silenced else "inhibited" if inhibited else "active",
                labels=alert["labels"],
                annotations=alert.get("annotations") or {},
                starts_at=None if str(starts).startswith(_EPOCH) else starts,
                fingerprint=alert.get("fingerprint") or _fingerprint(alert["labels"]),
                silenced_by=silenced,
                inhibited_by=inhibited,
                sources=("alertmanager",),
            )
        )
    return found


def _are_alerts(data: object) -> bool:
    return isinstance(data, list) and all(isinstance(alert, Mapping) and isinstance(alert.get("labels"), Mapping) for alert in data)


def merge_alerts(prometheus: Iterable[Alert], alertmanager: Iterable[Alert]) -> list[Alert]:
    """Each alert once.

    Alertmanager knows it with the external labels that Prometheus adds on the way, so the same alert has all labels that Prometheus has,
    and of several such it is the one with the fewest more.  Alertmanager's state (silenced, inhibited) holds.
    """
    rest = _once(alertmanager)
    merged: list[Alert] = []
    # Those with many labels choose first: what they match, one with few labels would match too.
    for alert in sorted(_once(prometheus), key=lambda one: len(one.labels), reverse=True):
        same = [one for one in rest if one.name == alert.name and alert.labels.items() <= one.labels.items()]
        if not same:
            merged.append(alert)
            continue
        best = min(same, key=lambda one: (len(one.labels), _LOUDEST_FIRST.index(one.state)))
        rest.remove(best)
        merged.append(replace(best, starts_at=alert.starts_at or best.starts_at, sources=("prometheus", "alertmanager")))
    return sorted([*merged, *rest], key=lambda alert: (alert.name, alert.fingerprint))


def _once(alerts: Iterable[Alert]) -> list[Alert]:
    """Two rules may raise the same alert; the loudest of them counts."""
    found: dict[str, Alert] = {}
    for alert in sorted(alerts, key=lambda one: _LOUDEST_FIRST.index(one.state)):
        found.setdefault(alert.fingerprint, alert)
    return list(found.values())


def _fingerprint(labels: Mapping[str, str]) -> str:
    return hashlib.sha256("\x00".join(f"{name}\x01{value}" for name, value in sorted(labels.items())).encode()).hexdigest()[:16]
