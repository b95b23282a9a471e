# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is healthy, and what is not: the limits to the last bit, several series, age, and breaches that need time."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.status import STATUSES, worst
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.decide import (
    aggregate,
    choose,
    evaluate,
    evaluate_all,
    lasted,
    merge_series,
    metrics_unknown,
    overall,
    result_of,
    shown_number,
    status_by_limits,
    summarize,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.model import (
    Evaluation,
    Limits,
    MetricProfile,
    Profile,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import DEFAULT_PROFILE, parse_profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.model import MetricSample
from hypothesis import given
from hypothesis import strategies as st

NOW = 1795528800.0
BY_KEY = {m.key: m for m in DEFAULT_PROFILE.metrics}
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def metric(**settings: Any) -> MetricProfile:
    return parse_profile({"qek": {"title": "QEK", "critical_min": 0.85, "warning_min": 0.88, "ideal": 0.938, **settings}}).metrics[0]


def judged(*values: float | None, key: str = "qek", **kwargs: Any) -> Evaluation:
    return evaluate(BY_KEY[key], [MetricSample(key, v, "" if v is not None else "the value is null") for v in values], now=NOW, **kwargs)


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def above(value: float) -> float:
    return math.nextafter(value, math.inf)


@pytest.mark.parametrize(
    ("key", "value", "status", "limit"),
    [
        ("qek", 0.938, "healthy", "warning_min"),
        ("qek", 0.88, "healthy", "warning_min"),
        ("qek", below(0.88), "warning", "warning_min"),
        ("qek", 0.85, "warning", "warning_min"),
        ("qek", below(0.85), "critical", "critical_min"),
        ("hvar", 0.043, "healthy", "warning_max"),
        ("hvar", 0.08, "healthy", "warning_max"),
        ("hvar", above(0.08), "warning", "warning_max"),
        ("hvar", 0.10, "warning", "warning_max"),
        ("hvar", above(0.10), "critical", "critical_max"),
        ("ethisches_ideal", 0.97, "healthy", "warning_min"),
        ("ethisches_ideal", below(0.97), "warning", "warning_min"),
        ("ethisches_ideal", 0.95, "warning", "warning_min"),
        ("ethisches_ideal", below(0.95), "critical", "critical_min"),
        ("symbiosis_score", 0.6, "healthy", "warning_min"),
        ("symbiosis_score", below(0.6), "warning", "warning_min"),
        ("symbiosis_score", 0.5, "warning", "warning_min"),
        ("symbiosis_score", below(0.5), "critical", "critical_min"),
    ],
)
def test_the_runbooks_limits_to_the_last_bit(key: str, value: float, status: str, limit: str) -> None:
    result = judged(value, key=key)
    assert (result.status, result.limit, result.limit_value) == (status, limit, getattr(BY_KEY[key].limits, limit))
    assert bool(result.reason) == (status != "healthy")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("qek", 0.82, "QEK below minimum threshold: 0.82 < 0.85"),
        ("hvar", 0.12, "H-VAR exceeded maximum threshold: 0.12 > 0.1"),
        ("qek", 0.86, "QEK below warning threshold: 0.86 < 0.88"),
        ("hvar", 0.09, "H-VAR exceeded warning threshold: 0.09 > 0.08"),
        ("qek", below(0.85), "QEK below minimum threshold: 0.8499999999999999 < 0.85"),
    ],
)
def test_a_breach_reads_as_the_runbooks_alert(key: str, value: float, reason: str) -> None:
    assert judged(value, key=key).reason == reason


def test_the_deviation_is_from_the_ideal() -> None:
    assert judged(0.82).deviation == -0.118
    assert judged(0.12, key="hvar").deviation == 0.077
    assert judged(0.7, key="symbiosis_score").deviation is None
    assert judged(-1.7e308, key="hvar").deviation == -1.7e308
    assert evaluate(replace(metric(), limits=Limits(critical_min=0, ideal=1e308)), [MetricSample("qek", -1.7e308)], now=0).deviation is None


def test_a_band_has_the_nearest_limit_deciding() -> None:
    limits = Limits(critical_min=1, critical_max=10)
    assert [status_by_limits(limits, v) for v in (0.0, 2.0, 9.0, 11.0)] == [
        ("critical", "critical_min"),
        ("healthy", "critical_min"),
        ("healthy", "critical_max"),
        ("critical", "critical_max"),
    ]


def test_without_limits_nothing_is_known() -> None:
    result = evaluate(MetricProfile("x", "X", Limits(), ("x",), "x"), [MetricSample("x", 1.0)], now=0)
    assert (result.status, result.reason) == ("unknown", "X: the profile has no limit for it")


# Which sample counts


def test_missing_says_what_is_there() -> None:
    assert judged().reason == "QEK: missing from the answer"
    result = evaluate(BY_KEY["qek"], [MetricSample(f"m{i}", 1.0) for i in range(9)] + [MetricSample("", 1.0)], now=NOW)
    assert (result.status, result.reason) == ("unknown", "QEK: missing from the answer, which has m0, m1, m2, m3, m4, m5 and 4 more")


def test_any_series_without_a_value_makes_it_unknown() -> None:
    result = evaluate(
        metric(aggregate="min"), [MetricSample("qek", 0.9), MetricSample("qek", None, "the value is NaN", labels={"pod": "b"})], now=NOW
    )
    assert (result.status, result.value, result.reason) == ("unknown", None, 'QEK: the value is NaN in the series {pod="b"}')


def test_series_that_agree_are_one() -> None:
    assert judged(0.9, 0.9, 0.9).status == "healthy"


def test_series_that_disagree() -> None:
    samples = [MetricSample("qek", v, labels={"pod": p}) for p, v in zip("abcde", (0.9, 0.8, 0.95, 0.9, 0.9), strict=True)]
    result = evaluate(metric(), samples, now=NOW)
    assert (result.status, result.value) == ("critical", 0.8)
    assert result.reason == (
        "QEK below minimum threshold: 0.8 < 0.85; "
        'QEK: 5 series disagree (0.9{pod="a"}, 0.8{pod="b"}, 0.95{pod="c"}, 0.9{pod="d"} and 1 more), the worst counts'
    )
    healthy = evaluate(metric(), [MetricSample("qek", 0.9), MetricSample("qek", 0.95)], now=NOW)
    assert (healthy.status, healthy.value, healthy.reason) == ("healthy", 0.9, "QEK: 2 series disagree (0.9, 0.95), the worst counts")
    values = {rule: evaluate(metric(aggregate=rule), samples, now=NOW).value for rule in ("min", "max", "mean", "sum")}
    assert values == {"min": 0.8, "max": 0.95, "mean": pytest.approx(0.89), "sum": pytest.approx(4.45)}
    assert evaluate(metric(labels={"pod": "b"}), samples, now=NOW).value == 0.8
    assert evaluate(metric(labels={"pod": "z"}), samples, now=NOW).reason == 'QEK: no series has the labels {pod="z"}'


def test_one_metric_under_two_names_that_disagree() -> None:
    assert evaluate(BY_KEY["qek"], [MetricSample("QEK", 0.9), MetricSample("qek_value", 0.2)], now=NOW).status == "critical"


def test_a_sum_of_equals_is_a_sum() -> None:
    limits = Limits(critical_max=1.0)
    assert aggregate([1.0, 1.0], "sum", limits) == 2.0
    assert aggregate([1.7e308, 1.7e308], "sum", limits) is None
    assert aggregate([], "sum", limits) is None
    assert evaluate(metric(aggregate="sum"), [MetricSample("qek", 1.7e308)] * 2, now=NOW).reason == (
        "QEK: the sum of 2 series is not a finite number"
    )


@pytest.mark.parametrize(
    ("limits", "values", "worst_value"),
    [
        ({"critical_min": 0.85}, (0.9, 0.8, 0.7), 0.7),
        ({"critical_max": 0.05}, (0.01, 0.06, 0.04), 0.06),
        ({"warning_max": 5, "critical_min": 1}, (7, 0.5), 0.5),  # a critical value is worse than one that is further beyond a warning
        ({"critical_min": 1, "critical_max": 9}, (5, 8.5, 2), 8.5),  # all are well: the nearest to a limit
    ],
)
def test_the_worst_of_several(limits: dict[str, float], values: tuple[float, ...], worst_value: float) -> None:
    assert aggregate(values, "worst", Limits(**limits)) == worst_value
    assert aggregate(values[::-1], "worst", Limits(**limits)) == worst_value


@pytest.mark.parametrize(
    ("age", "status", "reason"),
    [
        (60.0, "healthy", ""),
        (60.5, "unknown", "QEK: stale, 60.5 s old (at most 60 s are allowed)"),
        (-60.0, "healthy", ""),
        (-61.0, "unknown", "QEK: its timestamp lies 61 s in the future; check the clocks"),
    ],
)
def test_age(age: float, status: str, reason: str) -> None:
    result = evaluate(metric(), [MetricSample("qek", 0.9, timestamp=NOW - age)], now=NOW, max_age=60)
    assert (result.status, result.reason, result.timestamp) == (status, reason, NOW - age)


def test_the_oldest_series_gives_the_time_and_any_stale_one_makes_it_unknown() -> None:
    samples = [MetricSample("qek", 0.9, timestamp=NOW - 10), MetricSample("qek", 0.9, timestamp=NOW - 90)]
    assert evaluate(metric(), samples, now=NOW).timestamp == NOW - 90
    assert evaluate(metric(), samples, now=NOW, max_age=60).status == "unknown"


def test_the_sources_own_alert_is_at_least_a_warning() -> None:
    result = evaluate(metric(), [MetricSample("qek", 0.9, alert=True)], now=NOW)
    assert (result.status, result.reason) == ("warning", "QEK: the source itself reports an alert")
    assert evaluate(metric(), [MetricSample("qek", 0.8, alert=True)], now=NOW).status == "critical"


def test_a_doubt_is_not_healthy_and_hides_no_breach() -> None:
    assert evaluate(metric(), [MetricSample("qek", 0.9, doubt="Prometheus warns: x")], now=NOW).status == "unknown"
    result = evaluate(metric(), [MetricSample("qek", 0.8, doubt="Prometheus warns: x")], now=NOW)
    assert (result.status, result.reason) == ("critical", "QEK below minimum threshold: 0.8 < 0.85; Prometheus warns: x")


def test_a_nameless_answer_is_for_the_only_metric() -> None:
    single = parse_profile({"ratio": {"critical_max": 0.05, "query": "a / b"}})
    assert [e.value for e in evaluate_all(single, [MetricSample("", 0.01)], now=NOW)] == [0.01]
    assert overall(evaluate_all(DEFAULT_PROFILE, [MetricSample("", 0.01)], now=NOW)) == "unknown"


# Breaches that need time

WINDOW = 600.0
PAST = tuple((NOW - WINDOW + i * 30, 0.80) for i in range(21))


def after(value: float, history: tuple[tuple[float, float], ...], **kwargs: Any) -> Evaluation:
    return evaluate(metric(**{"for": WINDOW}), [MetricSample("qek", value, **kwargs)], now=NOW, history=history)


def test_a_breach_that_has_lasted_counts() -> None:
    result = after(0.80, PAST)
    assert (result.status, result.pending, result.since) == ("critical", False, NOW - WINDOW)
    assert after(0.86, tuple((t, 0.86) for t, _ in PAST)).status == "warning"


def test_a_breach_that_has_not_lasted_counts_one_step_less() -> None:
    better = tuple((t, 0.9 if t < NOW - 100 else 0.8) for t, _ in PAST)
    result = after(0.80, better)
    assert (result.status, result.pending, result.since) == ("warning", True, NOW - 90)
    assert result.reason == "QEK below minimum threshold: 0.8 < 0.85, not yet for 600 s (it began at 2026-11-24T13:58:30Z)"
    result = after(0.86, better)
    assert (result.status, result.pending, result.limit) == ("healthy", True, "warning_min")
    assert "not yet for 600 s" in result.reason


def test_a_warning_before_it_was_critical() -> None:
    assert after(0.80, tuple((t, 0.86 if t < NOW - 100 else 0.8) for t, _ in PAST)).status == "warning"
    assert after(0.86, PAST).status == "warning"


def test_a_breach_of_unknown_length() -> None:
    for history in ((), PAST[6:], PAST[:-6], PAST[:3] + PAST[9:]):
        result = after(0.80, history)
        assert result.status == "unknown", history
        assert "the history has gaps, so whether it has lasted 600 s can't be determined" in result.reason
        assert after(0.86, tuple((t, 0.86) for t, _ in history)).status == "warning"
    assert after(0.80, PAST[:3] + PAST[6:]).status == "critical"  # a fifth of the window may be without samples


def test_a_good_sample_ends_a_breach_however_many_are_missing() -> None:
    assert after(0.80, ((NOW - 100, 0.9),)).status == "warning"


def test_a_healthy_value_needs_no_history() -> None:
    result = after(0.9, PAST)
    assert (result.status, result.pending, result.since, result.history) == ("healthy", False, None, PAST)


def test_the_answers_own_series_is_evidence() -> None:
    assert after(0.80, (), series=PAST).status == "critical"
    assert after(0.80, (), series=PAST, timestamp=NOW - 20).status == "critical"


def test_a_time_out_of_this_world() -> None:
    result = evaluate(replace(metric(), for_s=1e300), [MetricSample("qek", 0.8)], now=1e299, history=((-1e298, 0.9), (1e298, 0.8)))
    assert "it began at 1e+298" in result.reason


def test_merged_series_follow_the_rule_at_each_moment() -> None:
    a, b = ((1.0, 5.0), (2.0, 6.0)), ((1.0, 5.0), (2.0, 7.0), (3.0, 8.0))
    limits = Limits(critical_min=1.0)
    assert merge_series([a, b], "worst", limits) == ((1.0, 5.0), (2.0, 6.0), (3.0, 8.0))
    assert merge_series([a, b], "max", limits) == ((1.0, 5.0), (2.0, 7.0), (3.0, 8.0))
    assert merge_series([a], "worst", limits) == a
    assert merge_series([], "worst", limits) == ()


# The whole


def test_the_worst_counts() -> None:
    assert worst(["healthy", "warning"]) == "warning"
    assert worst(["warning", "unknown"]) == "unknown"
    assert worst(["unknown", "critical"]) == "critical"
    assert worst([]) == "unknown"
    assert worst(["healthy", "fine"]) == "unknown"


def test_the_summary_is_one_line() -> None:
    good = [
        MetricSample("qek", 0.9),
        MetricSample("hvar", 0.05),
        MetricSample("ethisches_ideal", 0.99),
        MetricSample("symbiosis_score", 0.7),
    ]
    assert summarize(evaluate_all(DEFAULT_PROFILE, good, now=NOW)) == "4 metrics, all healthy"
    bad = [MetricSample("qek", 0.82), *good[1:3]]
    assert (
        summarize(evaluate_all(DEFAULT_PROFILE, bad, now=NOW))
        == "1 critical, 1 unknown, 2 healthy: QEK below minimum threshold: 0.82 < 0.85"
    )
    assert summarize([]) == "no metric was evaluated"


def test_the_result_is_plain_data() -> None:
    result = result_of(metrics_unknown(DEFAULT_PROFILE, "it is down", "http://x"))
    assert json.loads(json.dumps(result)) == result
    assert result["status"] == "unknown"
    assert {m["reason"] for m in result["metrics"]} == {"it is down"}


def test_what_is_no_status_is_read_as_unknown() -> None:
    assert Evaluation.from_json({"name": "qek", "status": "fine"}) == Evaluation("qek", "qek", "unknown")
    assert Evaluation.from_json({}).status == "unknown"


# Properties


@st.composite
def profiles(draw: st.DrawFn) -> MetricProfile:
    low, high = sorted(draw(st.tuples(FINITE, FINITE)))
    settings: dict[str, Any] = {"for": draw(st.sampled_from([0, 600]))}
    sides = draw(st.sampled_from(["min", "max", "band"]))
    if sides != "max":
        settings |= {"critical_min": low, "warning_min": draw(st.floats(low, high))}
    if sides != "min":
        settings |= {"critical_max": high, "warning_max": draw(st.floats(max(settings.get("warning_min", low), low), high))}
    return parse_profile({"qek": settings}).metrics[0]


SERIES = st.lists(st.tuples(st.floats(NOW - 700, NOW - 1), FINITE), max_size=30).map(lambda points: tuple(sorted(points)))


@given(rule=profiles(), a=FINITE, b=FINITE, history=SERIES)
def test_a_worse_value_never_gets_a_better_status(
    rule: MetricProfile, a: float, b: float, history: tuple[tuple[float, float], ...]
) -> None:
    limits = rule.limits
    # One-sided limits have a direction; of a band, look at the half above all minima.
    upward_is_worse = limits.critical_max is not None
    if upward_is_worse and limits.warning_min is not None:
        a, b = max(a, limits.warning_min), max(b, limits.warning_min)
    better, worse = (min(a, b), max(a, b)) if upward_is_worse else (max(a, b), min(a, b))
    first, second = (evaluate(rule, [MetricSample("qek", v)], now=NOW, history=history) for v in (better, worse))
    # A breach of unknown length is unknown where it would be critical: above warning, as in the order of statuses.
    assert STATUSES.index(first.status) <= STATUSES.index(second.status)


@given(
    rule=profiles(),
    samples=st.lists(
        st.builds(MetricSample, name=st.just("qek"), value=st.none() | FINITE, reason=st.just("x"), alert=st.booleans()), max_size=5
    ),
    history=SERIES,
)
def test_without_a_value_it_is_unknown_whatever_else_is_known(
    rule: MetricProfile, samples: list[MetricSample], history: tuple[tuple[float, float], ...]
) -> None:
    result = evaluate(rule, samples, now=NOW, history=history)
    if not samples or any(s.value is None for s in samples):
        assert (result.status, result.value) == ("unknown", None)
        assert result.reason
    assert result.status in STATUSES
    assert result.reason or result.status == "healthy"
    assert result.status != "healthy" or result.pending or status_by_limits(rule.limits, result.value or 0.0)[0] == "healthy"


@given(data=st.data(), values=st.lists(FINITE, min_size=1, max_size=6))
def test_neither_the_order_of_aliases_nor_of_samples_matters(data: st.DataObject, values: list[float]) -> None:
    names = data.draw(st.lists(st.sampled_from(BY_KEY["qek"].aliases), min_size=len(values), max_size=len(values)))
    samples = [MetricSample(n, v) for n, v in zip(names, values, strict=True)]
    shuffled = replace(BY_KEY["qek"], aliases=tuple(data.draw(st.permutations(BY_KEY["qek"].aliases))))
    for rule in ("worst", "min", "max", "mean", "sum"):
        first = choose(replace(BY_KEY["qek"], aggregate=rule), samples, now=NOW)
        second = choose(replace(shuffled, aggregate=rule), data.draw(st.permutations(samples)), now=NOW)
        assert (first.value is None) == (second.value is None)
        assert first.value == second.value


@given(history=SERIES, end=st.floats(NOW - 1, NOW))
def test_a_breach_lasts_only_if_every_sample_says_so(history: tuple[tuple[float, float], ...], end: float) -> None:
    result = lasted(history, lambda v: v < 0, start=end - 600, end=end)
    inside = [v for t, v in history if end - 600 <= t <= end]
    assert (result is False) == any(v >= 0 for v in inside)
    assert result is not True or len(inside) >= 4


@given(
    status=st.sampled_from(STATUSES),
    value=st.none() | FINITE,
    pending=st.booleans(),
    history=SERIES,
    since=st.none() | FINITE,
    limit=st.none() | FINITE,
)
def test_an_evaluation_survives_json(
    status: str, value: float | None, pending: bool, history: tuple[tuple[float, float], ...], since: float | None, limit: float | None
) -> None:
    one = Evaluation("qek", "QEK", status, value, limit_value=limit, pending=pending, since=since, history=history, reason="r", source="s")
    assert Evaluation.from_json(json.loads(json.dumps(one.to_dict()))) == one


@given(a=FINITE, b=FINITE)
def test_numbers_that_differ_look_different(a: float, b: float) -> None:
    assert float(shown_number(a)) == a
    assert (shown_number(a) == shown_number(b)) == (a == b) or {a, b} == {0.0}


def test_profiles_of_many_metrics_keep_their_order() -> None:
    profile = Profile(tuple(reversed(DEFAULT_PROFILE.metrics)))
    assert [e.name for e in evaluate_all(profile, [], now=NOW)] == ["symbiosis_score", "ethisches_ideal", "hvar", "qek"]
