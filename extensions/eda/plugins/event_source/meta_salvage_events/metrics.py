# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source's own figures, as Prometheus reads them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "meta_salvage_events_"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
HELP = {
    "requests_total": ("counter", "Requests by path and answer."),
    "alerts_total": ("counter", "Alerts received: new, repeated or refused."),
    "truncated_alerts_total": ("counter", "Alerts that the sender left out of its payloads."),
    "handed_on_total": ("counter", "Events handed on to the rules."),
    "handled_total": ("counter", "Alerts that somebody confirmed as handled."),
    "late_total": ("counter", "Alerts that nobody confirmed in time and that were handed on again."),
    "given_up_total": ("counter", "Alerts that nobody confirmed at all."),
    "connections_refused_total": ("counter", "Connections closed because there were too many, or because they sent too slowly."),
    "journal_errors_total": ("counter", "Writes of the journal that failed."),
    "journal_damaged_lines": ("gauge", "Lines of the journal that could not be read at the start."),
    "journal_bytes": ("gauge", "Size of the journal."),
    "alerts": ("gauge", "Alerts in the journal by state."),
    "oldest_waiting_seconds": ("gauge", "How long the oldest alert that waits has been waiting."),
    "connections": ("gauge", "Open connections."),
    "request_seconds": ("histogram", "Time from a whole header to the answer."),
    "journal_commit_seconds": ("histogram", "Time of a write of the journal with its fsync."),
}


@dataclass
class Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(BUCKETS, value)] += 1
        self.total += value

    def lines(self, name: str) -> list[str]:
        found, below = [], 0
        for limit, count in zip((*map(str, BUCKETS), "+Inf"), self.counts, strict=True):
            below += count
            found.append(f'{PREFIX}{name}_bucket{{le="{limit}"}} {below}')
        return [*found, f"{PREFIX}{name}_sum {self.total}", f"{PREFIX}{name}_count {below}"]


class Metrics:
    def __init__(self) -> None:
        self.counters: dict[tuple[str, str], int] = {}
        self.histograms = {name: Histogram() for name, (kind, _help) in HELP.items() if kind == "histogram"}
        for name, labels in (
            *(("alerts_total", f'result="{result}"') for result in ("new", "repeated", "refused")),
            *((name, "") for name, (kind, _help) in HELP.items() if kind == "counter" and name not in ("alerts_total", "requests_total")),
        ):
            self.counters[name, labels] = 0

    def count(self, name: str, number: int = 1, labels: str = "") -> None:
        self.counters[name, labels] = self.counters.get((name, labels), 0) + number

    def text(self, gauges: Mapping[tuple[str, str], float]) -> str:
        values = {**self.counters, **gauges}
        lines = []
        for name, (kind, words) in HELP.items():
            lines += [f"# HELP {PREFIX}{name} {words}", f"# TYPE {PREFIX}{name} {kind}"]
            if kind == "histogram":
                lines += self.histograms[name].lines(name)
            else:
                lines += [
                    f"{PREFIX}{name}{{{labels}}} {value}" if labels else f"{PREFIX}{name} {value}"
                    for (other, labels), value in sorted(values.items())
                    if other == name
                ]
        return "\n".join([*lines, ""])
