# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts of Prometheus and Alertmanager as one list.  Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.json_values import as_text

STATES = ("active", "unknown", "inhibited", "muted", "silenced")  # the loudest first
_EPOCH = "0001-01-01"
# Words for the state of an alert, and what they mean here; None: it does not fire.  Upper and lower case mean the same.
_OF_PROMETHEUS = {"firing": "active", "pending": None, "inactive": None}
_OF_ALERTMANAGER = {"active": "active", "unprocessed": "active", "suppressed": "suppressed"}
# Why Alertmanager suppresses an alert: the field of its status, and the state here.
_SUPPRESSED = (("silencedBy", "silenced"), ("inhibitedBy", "inhibited"), ("mutedBy", "muted"))


@dataclass(frozen=True)
class Alert:
    """A firing alert, or one with a state that its source does not use: ``state`` is one of ``STATES``.

    ``problem`` says why the state is unknown; ``sources`` say who reported it.
    """

    name: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: str | None = None
    fingerprint: str = ""
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    problem: str = ""
    sources: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        return self.labels.get("severity", "")

    def to_dict(self) -> dict[str, Any]:
        """For a module's result."""
        data = asdict(self)
        return {**data, "severity": self.severity, **{name: list(value) for name, value in data.items() if isinstance(value, tuple)}}


def of_prometheus(alerts: Iterable[Mapping[str, Any]]) -> list[Alert]:
    """Those of the alerts of ``/api/v1/alerts`` that fire, or may fire; each has labels."""
    return [
        Alert(
            name=labels.get("alertname") or "without a name",
            state=state,
            labels=labels,
            annotations=_texts(alert.get("annotations")),
            starts_at=starts if isinstance(starts := alert.get("activeAt"), str) else None,
            fingerprint=_fingerprint(labels),
            problem=problem,
            sources=("prometheus",),
        )
        for alert in alerts
        for labels, (state, problem) in [(_texts(alert["labels"]), _state(alert.get("state"), _OF_PROMETHEUS))]
        if state is not None
    ]


def of_alertmanager(data: object) -> list[Alert]:
    """The alerts of the answer of ``/api/v2/alerts``.  Raises SalvageError(invalid)."""
    if not isinstance(data, list) or not all(isinstance(alert, Mapping) and isinstance(alert.get("labels"), Mapping) for alert in data):
        raise SalvageError("the answer is not a list of alerts with labels, as Alertmanager's /api/v2/alerts gives it", reason="invalid")
    found = []
    for alert in data:
        labels, status = _texts(alert["labels"]), alert.get("status")
        status = status if isinstance(status, Mapping) else {}
        by = {name: _ids(status.get(field)) for field, name in _SUPPRESSED}
        # Without a state the alert is loud, whatever its other fields say.
        stated = status.get("state")
        state, problem = _state("active" if stated is None else stated, _OF_ALERTMANAGER)
        if state == "suppressed":
            state = next((name for name, ids in by.items() if ids), "unknown")
            problem = "" if state != "unknown" else "it is suppressed, but by no silence, inhibition or mute time"
        starts, fingerprint = alert.get("startsAt"), alert.get("fingerprint")
        found.append(
            Alert(
                name=labels.get("alertname") or "without a name",
                state=state or "unknown",
                labels=labels,
                annotations=_texts(alert.get("annotations")),
                starts_at=starts if isinstance(starts, str) and not starts.startswith(_EPOCH) else None,
                fingerprint=fingerprint if isinstance(fingerprint, str) and fingerprint else _fingerprint(labels),
                silenced_by=by["silenced"],
                inhibited_by=by["inhibited"],
                muted_by=by["muted"],
                problem=problem,
                sources=("alertmanager",),
            )
        )
    return found


def _ids(found: object) -> tuple[str, ...]:
    return tuple(one for one in found if isinstance(one, str) and one.strip()) if isinstance(found, list) else ()


def _state(word: object, table: Mapping[str, str | None]) -> tuple[str | None, str]:
    """The state that a source's word means, and the problem with a word that is not in its table."""
    known = word.strip().lower() if isinstance(word, str) else ""
    if known in table:
        return table[known], ""
    stated = "it has no state" if word is None else f"its state is {shown(word)}"
    return "unknown", f"{stated}, expected one of {', '.join(table)}"


def merge_alerts(prometheus: Iterable[Alert], alertmanager: Iterable[Alert]) -> list[Alert]:
    """Each alert once.

    Alertmanager knows it with the external labels that Prometheus adds on the way, so the same alert has all labels that Prometheus has,
    and of several such it is the one with the fewest more.  Alertmanager's state (silenced, inhibited, muted) holds.
    """
    rest = _once(alertmanager)
    merged: list[Alert] = []
    # Those with many labels choose first: what they match, one with few labels would match too.
    for alert in sorted(_once(prometheus), key=lambda one: len(one.labels), reverse=True):
        same = [one for one in rest if one.name == alert.name and alert.labels.items() <= one.labels.items()]
        if not same:
            merged.append(alert)
            continue
        best = min(same, key=lambda one: (len(one.labels), STATES.index(one.state)))
        rest.remove(best)
        if best.state == "unknown":
            best = replace(best, state=alert.state, problem=alert.problem)
        merged.append(replace(best, starts_at=alert.starts_at or best.starts_at, sources=("prometheus", "alertmanager")))
    return sorted([*merged, *rest], key=lambda alert: (alert.name, alert.fingerprint))


def _once(alerts: Iterable[Alert]) -> list[Alert]:
    """Two rules may raise the same alert; the loudest of them counts.  The same labels make the same alert, whatever its fingerprint."""
    found: dict[str, Alert] = {}
    for alert in sorted(alerts, key=lambda one: STATES.index(one.state)):
        found.setdefault(_fingerprint(alert.labels), alert)
    return list(found.values())


def _texts(found: object) -> dict[str, str]:
    """Labels and annotations are texts; what is not is named in words."""
    return {name: as_text(value) for name, value in found.items()} if isinstance(found, Mapping) else {}


def _fingerprint(labels: Mapping[str, str]) -> str:
    return hashlib.sha256(
        "\x00".join(f"{name}\x01{value}" for name, value in sorted(labels.items())).encode("utf-8", "surrogatepass")
    ).hexdigest()[:16]
