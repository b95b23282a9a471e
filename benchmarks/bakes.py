# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated bakes for the judge: 15 minutes, a look each 15 seconds, independent requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.judge import (
    FAILED,
    Counts,
    Coverage,
    Rule,
    Stream,
    judge_bake,
)

INTERVAL = 15
LOOKS = 60


@dataclass(frozen=True)
class Scenario:
    """``bad_rate`` from ``onset`` seconds on, or never; ``seconds`` from the onset within which half of the bad ones must be found."""

    name: str
    per_second: int
    good_rate: float
    bad_rate: float | None = None
    onset: int = 0
    seconds: int = 0


SCENARIOS = (
    Scenario("good, 2 requests/s, 0.2 %", 2, 0.002),
    Scenario("good, 20 requests/s, 0.2 %", 20, 0.002),
    Scenario("good, 200 requests/s, 0.8 %", 200, 0.008),
    Scenario("2 % at once, 20 requests/s", 20, 0.002, 0.02, 0, 45),
    Scenario("2 % after 5 min, 20 requests/s", 20, 0.002, 0.02, 300, 45),
    Scenario("0.2 -> 0.6 %, 200 requests/s", 200, 0.002, 0.006, 0, 120),
    Scenario("50 %, 20 requests/s", 20, 0.002, 0.5, 0, 15),
)


def draw(rng: Random, trials: int, rate: float) -> int:
    """A binomial number, by the gaps between events: as many steps as there are events."""
    if rate > 0.3:
        return sum(rng.random() < rate for _ in range(trials))
    events, at, log_miss = 0, 0, math.log1p(-rate)
    while True:
        at += 1 + int(math.log(1.0 - rng.random()) / log_miss)
        if at > trials:
            return events
        events += 1


def simulate(scenario: Scenario, runs: int, rng: Random) -> list[int]:
    """Seconds from the onset to the abort, for each bake that was aborted at any look."""
    found = []
    per_look = scenario.per_second * INTERVAL
    for _ in range(runs):
        before = per_look * LOOKS
        stream = Stream.start(Counts(before, draw(rng, before, scenario.good_rate)), Rule(), LOOKS)
        for look in range(1, LOOKS + 1):
            began = (look - 1) * INTERVAL
            rate = scenario.bad_rate if scenario.bad_rate is not None and began >= scenario.onset else scenario.good_rate
            stream = stream.after(Counts(per_look, draw(rng, per_look, rate)))
            if judge_bake({"errors": stream}, Coverage()).status == FAILED:
                found.append(look * INTERVAL - scenario.onset)
                break
    return found
