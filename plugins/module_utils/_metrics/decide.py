# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From samples to statuses: pure, and never an exception for what a source said."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._core.sentences import some_of
from .._core.status import CRITICAL, HEALTHY, STATUSES, UNKNOWN, WARNING, worst
from .._core.times import iso
from .._prometheus.model import MetricSample, Series
from .model import WORST, Evaluation, Limits, MetricProfile, Profile

# Of the window of ``for``: a longer stretch without a sample, at its edges too, and the breach is not proven to have lasted.
LONGEST_GAP = 0.2

# A limit's name, its status when broken, and how the alert text of the runbook calls the breach.
_RULES: tuple[tuple[str, str, str], ...] = (
    ("critical_min", CRITICAL, "below minimum threshold"),
    ("critical_max", CRITICAL, "exceeded maximum threshold"),
    ("warning_min", WARNING, "below warning threshold"),
    ("warning_max", WARNING, "exceeded warning threshold"),
)
_WORDS = {name: words for name, _status, words in _RULES}


def evaluate(
    metric: MetricProfile,
    samples: Sequence[MetricSample],
    *,
    now: float,
    max_age: float | None = None,
    source: str = "",
    history: Series = (),
) -> Evaluation:
    """One metric, of all the samples that a source gave.

    A breach that the profile gives time (``for``) counts once every sample of the window breaks the same limit and no stretch of the
    window longer than a fifth lacks a sample.  Until then it counts one step less: critical as warning, warning as healthy, with the
    reason.  Where samples are missing it may have lasted: a critical value is then unknown, a warning one stays a warning.
    """
    sample = choose(metric, samples, now=now, max_age=max_age)
    base = Evaluation(
        name=metric.key, title=metric.title, status=UNKNOWN, source=source, ideal=metric.limits.ideal, timestamp=sample.timestamp
    )
    if sample.value is None:
        return replace(base, reason=sample.reason, history=history)
    series = history or sample.series
    result = replace(_judge(metric, base, sample.value), history=series)
    if result.status != HEALTHY and metric.for_s > 0:
        at = now if sample.timestamp is None else sample.timestamp
        result = _after(metric, result, (*(p for p in series if p[0] < at), (at, sample.value)), now=now)
    if sample.alert and result.status == HEALTHY:
        result = replace(result, status=WARNING, reason=_join(result.reason, f"{metric.title}: the source itself reports an alert"))
    if sample.doubt and result.status == HEALTHY:
        result = replace(result, status=UNKNOWN)
    return replace(result, reason=_join(result.reason, sample.doubt, sample.reason))


def evaluate_all(
    profile: Profile,
    samples: Sequence[MetricSample],
    *,
    now: float,
    max_age: float | None = None,
    source: str = "",
    histories: Mapping[str, Series] | None = None,
) -> list[Evaluation]:
    """Each metric of the profile, in its order; ``histories`` by the metric's key."""
    if len(profile.metrics) == 1:  # a computed PromQL answer has no name: it can only be the one metric that is asked for
        samples = [s if s.name else replace(s, name=profile.metrics[0].key) for s in samples]
    return [
        evaluate(m, samples, now=now, max_age=max_age, source=source, history=(histories or {}).get(m.key, ())) for m in profile.metrics
    ]


def metric_unknown(metric: MetricProfile, reason: str, source: str = "") -> Evaluation:
    return Evaluation(name=metric.key, title=metric.title, status=UNKNOWN, ideal=metric.limits.ideal, reason=reason, source=source)


def metrics_unknown(profile: Profile, reason: str, source: str = "") -> list[Evaluation]:
    """Every metric unknown for one reason: the source as a whole failed."""
    return [metric_unknown(metric, reason, source) for metric in profile.metrics]


def overall(evaluations: Iterable[Evaluation]) -> str:
    return worst(e.status for e in evaluations)


def summarize(evaluations: Sequence[Evaluation]) -> str:
    """One line: how many of each, and the reason of the worst."""
    if not evaluations:
        return "no metric was evaluated"
    counts = Counter(e.status for e in evaluations)
    if counts[HEALTHY] == len(evaluations):
        return f"{len(evaluations)} metric{'s' * (len(evaluations) != 1)}, all healthy"
    head = ", ".join(f"{counts[s]} {s}" for s in reversed(STATUSES) if counts[s])
    bad = max(evaluations, key=lambda e: STATUSES.index(e.status))
    return f"{head}: {bad.reason}"


def result_of(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """What the module and the filter return."""
    return {"status": overall(evaluations), "summary": summarize(evaluations), "metrics": [e.to_dict() for e in evaluations]}


def choose(metric: MetricProfile, samples: Sequence[MetricSample], *, now: float, max_age: float | None = None) -> MetricSample:
    """The one sample that speaks for the metric; its value is None, with the reason, where there is none that can be trusted."""
    title = metric.title
    named = [s for s in samples if s.name in metric.aliases]
    mine = [s for s in named if all(s.labels.get(k) == v for k, v in metric.labels.items())]
    if not mine:
        if named:
            return MetricSample(metric.key, None, f"{title}: no series has the labels {_labels(metric.labels)}")
        there = f", which has {_distinct(s.name or 'a series without a name' for s in samples)}" if samples else ""
        return MetricSample(metric.key, None, f"{title}: missing from the answer{there}")
    for sample in mine:
        if sample.value is None:
            return replace(sample, reason=f"{title}: {sample.reason}{_of(sample, mine)}")
        if max_age is not None and sample.timestamp is not None and abs(now - sample.timestamp) > max_age:
            return replace(sample, value=None, reason=f"{title}: {_age(now - sample.timestamp, max_age)}{_of(sample, mine)}")
    values = [s.value for s in mine if s.value is not None]
    oldest = min((s.timestamp for s in mine if s.timestamp is not None), default=None)
    joint = replace(
        mine[0], timestamp=oldest, alert=any(s.alert for s in mine), doubt="; ".join(dict.fromkeys(s.doubt for s in mine if s.doubt))
    )
    if len(mine) == 1:
        return joint
    joint = replace(joint, labels={}, series=merge_series([s.series for s in mine], metric.aggregate, metric.limits))
    value = aggregate(values, metric.aggregate, metric.limits)
    if value is None:
        return replace(joint, value=None, reason=f"{title}: the {metric.aggregate} of {len(mine)} series is not a finite number")
    if metric.aggregate != WORST or min(values) == max(values):
        return replace(joint, value=value)
    stated = some_of([f"{shown_number(s.value)}{_labels(s.labels)}" for s in mine if s.value is not None], 4)
    return replace(joint, value=value, reason=f"{title}: {len(mine)} series disagree ({stated}), the worst counts")


def aggregate(values: Sequence[float], rule: str, limits: Limits) -> float | None:
    """One value of several; None where there is none, or the result is not finite."""
    if not values:
        return None
    if rule == WORST:
        return max(values, key=lambda value: _badness(limits, value))
    if rule in {"min", "max"}:
        return min(values) if rule == "min" else max(values)
    try:
        total = math.fsum(sorted(values))  # fsum may overflow in one order and not in another
    except OverflowError:
        return None
    return total / len(values) if rule == "mean" else total


def _badness(limits: Limits, value: float) -> tuple[int, float, float]:
    """By status, then by how far beyond the nearest limit, or how near to it."""
    bounds = [(name, float(bound)) for name, _status, _words in _RULES if (bound := getattr(limits, name)) is not None]
    beyond = max((bound - value if name.endswith("min") else value - bound for name, bound in bounds), default=0.0)
    return STATUSES.index(status_by_limits(limits, value)[0]), beyond, value


def merge_series(series: Sequence[Series], rule: str, limits: Limits) -> Series:
    """One series of several, by the rule at each moment."""
    if len(series) == 1:
        return series[0]
    at: dict[float, list[float]] = {}
    for points in series:
        for t, v in points:
            at.setdefault(t, []).append(v)
    joint = ((t, aggregate(values, rule, limits)) for t, values in sorted(at.items()))
    return tuple((t, v) for t, v in joint if v is not None)


def status_by_limits(limits: Limits, value: float) -> tuple[str, str | None]:
    """The status of a finite value, and the name of the limit that decides: the broken one, or the nearest that is kept."""
    for name, status, _words in _RULES:
        if _broken(limits, name, value):
            return status, name
    kept = [name for name, _status, _words in _RULES if getattr(limits, name) is not None]
    if not kept:
        return UNKNOWN, None
    return HEALTHY, min(kept, key=lambda name: abs(value - float(getattr(limits, name))))


def lasted(series: Series, broken: Callable[[float], bool], *, start: float, end: float) -> bool | None:
    """Whether the breach held from ``start`` to ``end``: False if a sample says no, None if too much of the window lacks samples."""
    window = [(t, v) for t, v in series if start <= t <= end]
    if not all(broken(v) for _t, v in window):
        return False
    moments = [start, *(t for t, _v in window), end]
    longest = max(b - a for a, b in itertools.pairwise(moments))
    return None if not window or longest > LONGEST_GAP * (end - start) else True


def shown_number(value: float) -> str:
    """Short, and exact: two numbers that differ never look the same."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _judge(metric: MetricProfile, base: Evaluation, value: float) -> Evaluation:
    status, limit = status_by_limits(metric.limits, value)
    ideal = metric.limits.ideal
    bound = getattr(metric.limits, limit) if limit else None
    reason = "" if status == HEALTHY or limit is None else _breach(metric, limit, value)
    return replace(
        base,
        status=status,
        value=value,
        deviation=None if ideal is None else _tidy(value - ideal),
        limit=limit,
        limit_value=bound,
        reason=reason if limit else f"{metric.title}: the profile has no limit for it",
    )


def _after(metric: MetricProfile, found: Evaluation, series: Series, *, now: float) -> Evaluation:
    severity = found.status

    def broken(value: float) -> bool:
        return any(status in {severity, CRITICAL} and _broken(metric.limits, name, value) for name, status, _words in _RULES)

    held = lasted(series, broken, start=now - metric.for_s, end=now)
    since = None
    for t, v in reversed(series):
        if not broken(v):
            break
        since = t
    found = replace(found, since=since)
    window = shown_number(metric.for_s)
    if held is True:
        return found
    if held is None:
        return replace(
            found,
            status=UNKNOWN if severity == CRITICAL else severity,
            reason=f"{found.reason}; the history has gaps, so whether it has lasted {window} s can't be determined",
        )
    begun = "" if since is None else f" (it began at {_when(since)})"
    return replace(
        found,
        status=WARNING if severity == CRITICAL else HEALTHY,
        pending=True,
        reason=f"{found.reason}, not yet for {window} s{begun}",
    )


def _broken(limits: Limits, name: str, value: float) -> bool:
    bound: float | None = getattr(limits, name)
    return bound is not None and (value < bound if name.endswith("min") else value > bound)


def _breach(metric: MetricProfile, limit: str, value: float) -> str:
    bound: float = getattr(metric.limits, limit)
    sign = "<" if limit.endswith("min") else ">"
    return f"{metric.title} {_WORDS[limit]}: {shown_number(value)} {sign} {shown_number(bound)}"


def _tidy(value: float) -> float | None:
    # 0.82 - 0.938 is -0.118, not -0.11799999999999999.
    return round(value, 12) if math.isfinite(value) else None


def _age(age: float, max_age: float) -> str:
    if age < 0:
        return f"its timestamp lies {shown_number(round(-age, 1))} s in the future; check the clocks"
    return f"stale, {shown_number(round(age, 1))} s old (at most {shown_number(max_age)} s are allowed)"


def _when(timestamp: float) -> str:
    try:
        return iso(timestamp)
    except (ValueError, OverflowError, OSError):
        return f"{timestamp:g}"


def _of(sample: MetricSample, among: Sequence[MetricSample]) -> str:
    return f" in the series {_labels(sample.labels)}" if len(among) > 1 and sample.labels else ""


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{k}="{v[:40]}"' for k, v in sorted(labels.items())[:6]) + "}" if labels else ""


def _distinct(names: Iterable[str]) -> str:
    return some_of([name[:40] for name in dict.fromkeys(names)], 6)


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
