# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a metric has to keep to, what a source said of it, and what follows: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.status import STATUSES, UNKNOWN
from .._prometheus.model import Series

WORST = "worst"


@dataclass(frozen=True)
class Limits:
    """A value passes a minimum from it upwards and a maximum up to it, the bound itself included."""

    critical_min: float | None = None
    critical_max: float | None = None
    warning_min: float | None = None
    warning_max: float | None = None
    ideal: float | None = None


@dataclass(frozen=True)
class MetricProfile:
    """One metric: where it is found (``aliases`` are names in JSON and exposition text, ``query`` is PromQL), and what it must keep to.

    ``labels`` narrow the series, ``aggregate`` makes one value of several, and a breach counts after ``for_s`` seconds.
    """

    key: str
    title: str
    limits: Limits
    aliases: tuple[str, ...]
    query: str
    labels: Mapping[str, str] = field(default_factory=dict)
    aggregate: str = WORST
    for_s: float = 0.0


@dataclass(frozen=True)
class Profile:
    """The metrics that are asked for, in the order they are reported."""

    metrics: tuple[MetricProfile, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(alias for metric in self.metrics for alias in metric.aliases)


@dataclass(frozen=True)
class Evaluation:
    """``limit`` is the name of the limit that decides (or of the nearest one that is kept), ``limit_value`` its bound.

    ``pending``: a limit is broken, but not yet for as long as the profile asks.
    ``since``: the start of the present breach, as far as the history shows.
    """

    name: str
    title: str
    status: str
    value: float | None = None
    deviation: float | None = None
    ideal: float | None = None
    limit: str | None = None
    limit_value: float | None = None
    reason: str = ""
    source: str = ""
    timestamp: float | None = None
    pending: bool = False
    since: float | None = None
    history: Series = ()

    def to_dict(self) -> dict[str, Any]:
        """For a module's result and the report."""
        return {
            "name": self.name,
            "title": self.title,
            "status": self.status,
            "value": self.value,
            "deviation": self.deviation,
            "ideal": self.ideal,
            "limit": self.limit,
            "limit_value": self.limit_value,
            "reason": self.reason,
            "source": self.source,
            "timestamp": self.timestamp,
            "pending": self.pending,
            "since": self.since,
            "history": [list(point) for point in self.history],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evaluation:
        """The inverse of ``to_dict``; what is not there takes its default, and a value that is not a status is unknown."""
        known = {k: data[k] for k in cls.__dataclass_fields__ if k in data and k not in {"history", "status"}}
        status = data.get("status")
        known.setdefault("name", "")
        known.setdefault("title", known["name"])
        return cls(
            **known,
            status=status if status in STATUSES else UNKNOWN,
            history=tuple((float(t), float(v)) for t, v in data.get("history") or ()),
        )
