# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From raw counters to trials: how many requests came since the last look, how many failed, how many were slow.

Counters are read raw and their increase is taken here, pod by pod: rates of overlapping windows are not independent, and a quantile of
buckets is a guess.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..._core.errors import SalvageError
from .judge import Counts

Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Point:
    """One value of one series of one pod."""

    name: str
    labels: Mapping[str, str]
    value: float
    at: float

    @property
    def key(self) -> Key:
        return (("__name__", self.name), *sorted(self.labels.items()))


@dataclass(frozen=True)
class Signals:
    """Which counters mean what."""

    requests: str = "http_requests_total"
    code_label: str = "code"
    error_pattern: str = "5.."
    path_label: str = "path"
    exclude: frozenset[str] = frozenset({"/health", "/ready", "/metrics"})
    durations: str = "http_request_duration_seconds_bucket"

    def __post_init__(self) -> None:
        try:
            re.compile(self.error_pattern)
        except re.error as exc:
            raise SalvageError(f"error_pattern {self.error_pattern!r} is not a regular expression: {exc}", reason="bad_input") from None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (self.requests, self.durations) if name)

    def counts(self, point: Point) -> bool:
        return point.labels.get(self.path_label) not in self.exclude

    def failed(self, labels: Mapping[str, str]) -> bool:
        return re.fullmatch(self.error_pattern, labels.get(self.code_label, "")) is not None


def rise(before: float | None, now: float) -> float:
    """A counter's increase.  Below the last value it started again from zero."""
    if before is None:
        return 0.0
    return now - before if now >= before else now


@dataclass
class CounterTally:
    """What rose since the last look, over pods.  ``known`` are pods with counters that were read before the change could begin."""

    signals: Signals
    last: dict[str, dict[Key, float]] = field(default_factory=dict)

    def take(self, pod: str, points: Iterable[Point], *, new: bool = False) -> dict[Key, float]:
        """The increase of each counter of a pod since it was last taken.

        A series that appears on a pod that is known (or is ``new`` since the last look) began at nothing; on one seen for the first
        time its past is not this look's business.
        """
        before = self.last.get(pod)
        current = {p.key: p.value for p in points if p.name in self.signals.names and self.signals.counts(p) and math.isfinite(p.value)}
        risen = {key: rise((before or {}).get(key, 0.0 if before is not None or new else None), value) for key, value in current.items()}
        self.last[pod] = {**(before or {}), **current}
        return risen


def errors_of(risen: Iterable[Mapping[Key, float]], signals: Signals) -> Counts:
    """Requests, and those that failed."""
    trials = events = 0.0
    for one in risen:
        for key, value in one.items():
            labels = dict(key)
            if labels.pop("__name__") == signals.requests:
                trials += value
                events += value if signals.failed(labels) else 0.0
    return Counts(trials, events)


def slower_than(risen: Iterable[Mapping[Key, float]], signals: Signals, bound: float) -> Counts:
    """Requests, and those slower than ``bound`` seconds, which is one of the histogram's own bounds."""
    total = within = 0.0
    for one in risen:
        for key, value in one.items():
            labels = dict(key)
            if labels.pop("__name__") != signals.durations:
                continue
            edge = _edge(labels.get("le"))
            if edge == math.inf:
                total += value
            elif edge == bound:
                within += value
    # Buckets are not read at one instant: a request may be in the one and not yet in the other.
    return Counts(total, min(max(total - within, 0.0), total))


def bound_of_p99(risen: Iterable[Mapping[Key, float]], signals: Signals) -> float | None:
    """The smallest of the histogram's bounds within which 99 % of the baseline's requests were; None if there is none."""
    sums: dict[float, float] = {}
    for one in risen:
        for key, value in one.items():
            labels = dict(key)
            if labels.pop("__name__") == signals.durations:
                edge = _edge(labels.get("le"))
                sums[edge] = sums.get(edge, 0.0) + value
    total = sums.get(math.inf, 0.0)
    if total <= 0:
        return None
    return next((edge for edge in sorted(sums) if edge != math.inf and sums[edge] >= 0.99 * total), None)


def _edge(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
