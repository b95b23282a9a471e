# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts that a response is asked for, in each form that they come in.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from .._alerts.alerts import Alert
from .._core.errors import SalvageError, shown
from .._core.json_values import as_text, load_json
from .._core.redact import clean
from .._core.times import when

FIRING, RESOLVED, SUPPRESSED = "firing", "resolved", "suppressed"
_MOST = 1000  # alerts of one call
_LONGEST = 1000  # characters of a label or an annotation
_EPOCH = "0001-01-01"
_ENCODED = ("%5B", "%7B", "%22")  # how JSON begins in percent encoding
_STATES = {
    **dict.fromkeys(("firing", "active", "unknown", "unprocessed", "pending", ""), FIRING),
    **dict.fromkeys(("resolved", "inactive"), RESOLVED),
    **dict.fromkeys(("suppressed", "silenced", "inhibited", "muted"), SUPPRESSED),
}


@dataclass(frozen=True)
class GivenAlert:
    """``starts_at`` in unix seconds, None where nothing says since when it fires."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: float | None = None
    state: str = FIRING
    fingerprint: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "starts_at": self.starts_at,
            "state": self.state,
            "fingerprint": self.fingerprint,
        }


def alerts_in(given: Any) -> list[GivenAlert]:
    """Each alert once: of a webhook (version 4), of Alertmanager's API, of alert_info, a label set, a name, or a list of these.

    A text may be any of these as JSON in percent encoding: Ansible takes braces in a variable that it is given for a template, and would
    run what somebody wrote into a label.  Raises SalvageError(bad_input).
    """
    if isinstance(given, str) and given.startswith(_ENCODED):
        try:
            given = load_json(unquote(given))
        except SalvageError as exc:
            raise SalvageError(f"alert: the text is not JSON in percent encoding: {exc}", reason="bad_input") from None
    found: dict[Any, GivenAlert] = {}
    for number, one in enumerate(_each(given)):
        if number >= _MOST:
            raise SalvageError(f"alert: there are more than {_MOST} alerts; give fewer at once", reason="bad_input")
        alert = _alert(one, number)
        # The same alert again: the newest word counts, and what it fires since is the episode's.
        found[alert.name, tuple(sorted(alert.labels.items())), alert.starts_at] = alert
    if not found:
        raise SalvageError("alert: there is no alert in it; give a name, labels, or what Alertmanager's webhook sent", reason="bad_input")
    return list(found.values())


def _each(given: Any) -> Iterator[Any]:
    if isinstance(given, Mapping) and isinstance(given.get("alerts"), (list, tuple)):
        version = given.get("version", "4")
        if str(version) != "4":
            raise SalvageError(f"alert: version {shown(version)} of Alertmanager's webhook is not known; it is 4", reason="bad_input")
        yield from given["alerts"]
    elif isinstance(given, (list, tuple)):
        yield from given
    else:
        yield given


def _alert(one: Any, number: int) -> GivenAlert:
    if isinstance(one, str):
        one = {"labels": {"alertname": one}}
    if not isinstance(one, Mapping):
        raise _wrong(number, one)
    labels = one.get("labels", one)
    if not isinstance(labels, Mapping):
        raise _wrong(number, one)
    texts = _texts(labels)
    name = texts.get("alertname", "").strip()
    if not name:
        raise _wrong(number, one)
    outer = one if labels is not one else {}
    starts = outer.get("startsAt", outer.get("starts_at", outer.get("activeAt")))
    state = outer.get("state", outer.get("status", ""))
    if isinstance(state, Mapping):  # of Alertmanager's API
        state = state.get("state", "")
    return GivenAlert(
        name=name,
        labels=texts,
        annotations=_texts(outer.get("annotations")),
        starts_at=_moment(starts),
        # A word that nobody knows does not keep an alert from being answered.
        state=_STATES.get(str(state).strip().lower(), FIRING),
        fingerprint=_short(outer.get("fingerprint") or ""),
    )


def _wrong(number: int, one: Any) -> SalvageError:
    sentence = f"alert: number {number + 1} is {shown(one)}, which has no label alertname; give a name, labels, or an alert of Alertmanager"
    return SalvageError(sentence, reason="bad_input")


def _texts(found: Any) -> dict[str, str]:
    return {_short(name): _short(value) for name, value in found.items()} if isinstance(found, Mapping) else {}


def _short(value: Any) -> str:
    return clean(as_text(value), limit=_LONGEST)


def _moment(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if 0 < value < 1e11 else None
    return None if not isinstance(value, str) or value.startswith(_EPOCH) else when(value)


def completed(alert: GivenAlert, firing: list[Alert]) -> GivenAlert:
    """With the labels and the start of the one firing alert that it can only be; what it is given with stays."""
    same = [one for one in firing if one.name == alert.name and alert.labels.items() <= one.labels.items()]
    if len(same) != 1:
        return alert
    (found,) = same
    return replace(
        alert,
        labels={**found.labels, **alert.labels},
        annotations={**found.annotations, **alert.annotations},
        starts_at=alert.starts_at if alert.starts_at is not None else _moment(found.starts_at),
        fingerprint=alert.fingerprint or found.fingerprint,
    )
