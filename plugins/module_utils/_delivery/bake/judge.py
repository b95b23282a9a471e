# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bake's judge: is the change worse than what ran before?

Each signal is a stream of trials that may go wrong: requests that fail, requests slower than the baseline's p99, readings of a
metric beyond its threshold.  The null hypothesis is that the change fails no more often than a rate q that the baseline allows.
Against it stands an e-process: wealth that bets on higher rates, from an onset that may be any look.  By Ville's inequality the
wealth of a good change ever reaches 1/alpha with probability alpha at most, however often it is looked at; so a dashboard may look
each second, and the abort still means what it says.  Passing needs more than not failing: enough trials to have seen the smallest
harm that matters.  What has not been seen is unknown.

Where nothing ran before, a baseline of None, the floor alone says which rate is accepted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..._core.errors import SalvageError

PASSED = "passed"
FAILED = "failed"
UNKNOWN = "unknown"

_NEVER = -math.inf


@dataclass(frozen=True)
class Counts:
    """How many trials there were, and how many of them went wrong."""

    trials: float = 0.0
    events: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.trials) and math.isfinite(self.events) and 0 <= self.events <= self.trials):
            raise SalvageError(
                f"{self.events} events in {self.trials} trials can't be: the counters contradict each other", reason="invalid"
            )

    @property
    def rate(self) -> float:
        return self.events / self.trials if self.trials else 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.trials + other.trials, self.events + other.events)


@dataclass(frozen=True)
class Rule:
    """What counts as worse.

    A rate up to ``max(floor, margin x the baseline's rate)`` is accepted; ``harm`` times that is the smallest harm that a pass must
    have been able to see.  ``variance_ratio`` says how much more the counts scatter than independent trials would (1: independent).
    """

    alpha: float = 0.01
    margin: float = 2.0
    floor: float = 0.002
    harm: float = 5.0
    variance_ratio: float = 1.0
    bets: tuple[float, ...] = (1.5, 2, 3, 5, 10, 20, 50)

    def __post_init__(self) -> None:
        fine = (
            0 < self.alpha < 1
            and self.margin >= 1
            and 0 < self.floor < 1
            and self.harm > 1
            and self.variance_ratio >= 1
            and self.bets
            and all(bet > 1 for bet in self.bets)
        )
        if not fine:
            raise SalvageError(
                "the judge needs 0 < alpha < 1, margin >= 1, 0 < floor < 1, harm > 1, variance_ratio >= 1 and bets above 1",
                reason="bad_input",
            )


def accepted_rate(baseline: Counts | None, rule: Rule) -> float:
    """What the change may do as the operator means it: the floor, or the margin over the baseline."""
    return min(max(rule.floor, rule.margin * baseline.rate if baseline else 0.0), 0.999)


def null_rate(baseline: Counts | None, rule: Rule) -> float:
    """The rate that the change is taken to keep until shown otherwise: never below what the baseline itself may truly have."""
    return min(max(accepted_rate(baseline, rule), _upper_bound(baseline) if baseline else 0.0), 0.999)


def needed_trials(baseline: Counts | None, rule: Rule, streams: int = 1) -> int | None:
    """The trials that a pass must rest on; None if the baseline is too small or too bad to tell the harm from itself."""
    q = null_rate(baseline, rule)
    harm = rule.harm * accepted_rate(baseline, rule)
    if not q < harm < 1:
        return None
    gain = harm * math.log(harm / q) + (1 - harm) * math.log((1 - harm) / (1 - q))
    return math.ceil(rule.variance_ratio * math.log(streams / rule.alpha) / gain)


def _upper_bound(baseline: Counts) -> float:
    """The baseline's one-sided 95 % bound: exact without events, Wilson's with them."""
    n = baseline.trials
    if n <= 0:
        return 1.0
    if baseline.events == 0:
        return -math.expm1(math.log(0.05) / n)
    z = 1.6448536269514722
    p = baseline.rate
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return min((p + z * z / (2 * n) + spread) / (1 + z * z / n), 1.0)


@dataclass(frozen=True)
class Stream:
    """The evidence of one signal so far.  Immutable: ``after`` gives the next."""

    baseline: Counts | None
    rule: Rule
    planned_looks: int
    looks: int = 0
    seen: Counts = field(default_factory=Counts)
    log_wealth: tuple[float, ...] = ()

    @classmethod
    def start(cls, baseline: Counts | None, rule: Rule, planned_looks: int) -> Stream:
        if planned_looks < 1:
            raise SalvageError("a bake needs at least one look: make the window longer than the interval", reason="bad_input")
        return cls(baseline, rule, planned_looks, log_wealth=(_NEVER,) * len(rule.bets))

    def after(self, counts: Counts) -> Stream:
        """The evidence after one more look, in which ``counts`` came new."""
        q = null_rate(self.baseline, self.rule)
        looks = self.looks + 1
        # Each planned look brings its share of the stake, so a harm that starts late is bet on as if it had been awaited.
        # A window that is extended has none left to bring.
        stake = -math.log(self.planned_looks) if looks <= self.planned_looks else _NEVER
        bad = counts.events / self.rule.variance_ratio
        good = (counts.trials - counts.events) / self.rule.variance_ratio
        wealth = []
        for bet, before in zip(self.rule.bets, self.log_wealth, strict=True):
            rate = min(bet * q, (1 + q) / 2)  # a bet on a rate, so below 1
            growth = bad * math.log(rate / q) + good * math.log((1 - rate) / (1 - q))
            wealth.append(_log_add(before, stake) + growth)
        return replace(self, looks=looks, seen=self.seen + counts, log_wealth=tuple(wealth))

    @property
    def log_e(self) -> float:
        """The logarithm of the evidence against the change; the stakes not yet placed are kept at their worth."""
        left = max(self.planned_looks - self.looks, 0) / self.planned_looks
        mean = _log_sum(self.log_wealth) - math.log(len(self.log_wealth))
        return _log_add(mean, math.log(left) if left else _NEVER)


@dataclass(frozen=True)
class Coverage:
    """What was there to be seen: scrapes that came of those due, and pods that report of those expected."""

    scrapes: int = 0
    scrapes_due: int = 0
    pods: int = 0
    pods_expected: int = 0
    share: float = 0.9

    def gap(self) -> str:
        """Why this is not enough to pass, or nothing."""
        if self.scrapes_due <= 0:
            return "no scrape was due yet"
        if self.scrapes < self.share * self.scrapes_due:
            return f"{self.scrapes} of {self.scrapes_due} scrapes came, {self.share:.0%} are needed"
        if self.pods_expected <= 0:
            return "no pod is expected"
        if self.pods < self.pods_expected:
            return f"{self.pods} of {self.pods_expected} pods report"
        return ""


@dataclass(frozen=True)
class BakeVerdict:
    """``status`` is passed, failed or unknown.  ``evidence`` is E: 1 is none, 1/alpha aborts."""

    status: str
    reason: str
    evidence: float
    leading: str = ""


def judge_bake(
    streams: Mapping[str, Stream],
    coverage: Coverage,
    hard: tuple[str, ...] = (),
    required: tuple[str, ...] = (),
    unseen: tuple[str, ...] = (),
    *,
    quiet: bool = False,
    beside: frozenset[str] = frozenset(),
) -> BakeVerdict:
    """The verdict on everything seen so far.

    ``hard`` are breaches that need no statistics; ``required`` names streams that must be among ``streams``; ``unseen`` is what else
    was to be looked at and could not be.  With ``quiet`` a stream without a baseline may have few trials, as what is new may have no
    users yet: then what else is looked at carries the pass, and the reason says so.
    Streams named in ``beside`` are evidence against the change like the others, but a pass needs no number of trials of them.
    The mean of the streams' evidence is itself an e-process whatever their dependence, so many signals cost no false aborts.
    """
    log_e, leading = _combine(streams)
    evidence = math.exp(min(log_e, 700.0))
    if hard:
        return BakeVerdict(FAILED, "; ".join(hard), evidence, leading)
    if streams:
        alpha = min(stream.rule.alpha for stream in streams.values())
        if log_e >= -math.log(alpha):
            worst = streams[leading]
            return BakeVerdict(
                FAILED,
                f"{leading}: {worst.seen.events:g} of {worst.seen.trials:g} ({worst.seen.rate:.3%}), where the "
                f"{'floor' if worst.baseline is None else 'baseline'} allows {null_rate(worst.baseline, worst.rule):.3%}; "
                f"evidence {evidence:.3g} of {1 / alpha:g}",
                evidence,
                leading,
            )
    gaps = [*(f"{name} has no data" for name in required if name not in streams), *unseen]
    if not streams:
        gaps.append("nothing was measured")
    main = {name: stream for name, stream in streams.items() if name not in beside}
    short = {name: words for name, stream in main.items() if (words := _shortfall(name, stream, len(main)))}
    few = {name: words for name, words in short.items() if quiet and _within_floor(streams[name])}
    gaps.extend(words for name, words in short.items() if name not in few)
    if coverage.gap():
        gaps.append(coverage.gap())
    if gaps:
        return BakeVerdict(UNKNOWN, "; ".join(gaps), evidence, leading)
    return BakeVerdict(PASSED, _passed(streams, few, evidence), evidence, leading)


def _passed(streams: Mapping[str, Stream], few: Mapping[str, str], evidence: float) -> str:
    compared = [name for name, stream in streams.items() if stream.baseline is not None]
    floored = [name for name in streams if name not in compared and name not in few]
    said = [
        *([f"no worse than the baseline on {', '.join(compared)}"] if compared else []),
        *([f"no baseline, but within the floor on {', '.join(floored)}"] if floored else []),
        *(f"no baseline, and few trials ({words})" for words in few.values()),
    ]
    return f"{'; '.join(said)}; evidence against it {evidence:.3g}"


def _within_floor(stream: Stream) -> bool:
    return stream.baseline is None and stream.seen.rate <= null_rate(None, stream.rule)


def _combine(streams: Mapping[str, Stream]) -> tuple[float, str]:
    if not streams:
        return 0.0, ""
    logs = {name: stream.log_e for name, stream in streams.items()}
    return _log_sum(tuple(logs.values())) - math.log(len(logs)), max(logs, key=lambda name: logs[name])


def _shortfall(name: str, stream: Stream, streams: int) -> str:
    need = needed_trials(stream.baseline, stream.rule, streams)
    if need is None:
        before = stream.baseline
        base = f"baseline ({before.events:g} of {before.trials:g})" if before else f"floor ({stream.rule.floor:.3%})"
        return f"{name}: the {base} can't tell the smallest harm from itself"
    if stream.seen.trials < need:
        return f"{name}: {stream.seen.trials:g} of the {need} trials that a pass needs"
    return ""


def _log_add(a: float, b: float) -> float:
    high, low = (a, b) if a >= b else (b, a)
    return high if low == _NEVER else high + math.log1p(math.exp(low - high))


def _log_sum(values: tuple[float, ...]) -> float:
    high = max(values)
    return high if high == _NEVER else high + math.log(sum(math.exp(value - high) for value in values))
