# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import random
from statistics import median

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.judge import (
    FAILED,
    PASSED,
    UNKNOWN,
    Counts,
    Coverage,
    Rule,
    Stream,
    judge_bake,
    needed_trials,
    null_rate,
)
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bakes import SCENARIOS, Scenario, simulate

FULL = Coverage(scrapes=60, scrapes_due=60, pods=3, pods_expected=3)
BLUE = Counts(18_000, 36)


def bake(looks: list[Counts], baseline: Counts | None = BLUE, rule: Rule | None = None) -> Stream:
    stream = Stream.start(baseline, rule or Rule(), len(looks))
    for counts in looks:
        stream = stream.after(counts)
    return stream


def breaches(values: list[float], limit: float) -> list[Counts]:
    return [Counts(1, value > limit) for value in values]


# --- what passes, fails, and is not known


def test_a_change_as_good_as_before_passes_once_enough_was_seen() -> None:
    verdict = judge_bake({"errors": bake([Counts(300, 1)] * 60)}, FULL)
    assert verdict.status == PASSED
    assert verdict.evidence < 1


def test_a_change_ten_times_worse_fails_and_says_how_much() -> None:
    verdict = judge_bake({"errors": bake([Counts(300, 6)] * 60)}, FULL)
    assert verdict.status == FAILED
    assert verdict.leading == "errors"
    assert "360 of 18000 (2.000%)" in verdict.reason


def test_the_evidence_needed_is_that_of_the_worked_example() -> None:
    """2 % against 0.4 % at alpha 0.01: 283 requests."""
    assert needed_trials(BLUE, Rule()) == 283


def test_two_errors_at_low_traffic_are_no_breach_and_no_pass_either() -> None:
    verdict = judge_bake({"errors": bake([Counts(2, 0)] * 58 + [Counts(2, 1)] * 2)}, FULL)
    assert verdict.status == UNKNOWN
    assert "120 of the 283 trials" in verdict.reason


@pytest.mark.parametrize(
    ("coverage", "words"),
    [
        (Coverage(53, 60, 3, 3), "53 of 60 scrapes"),
        (Coverage(60, 60, 2, 3), "2 of 3 pods"),
        (Coverage(0, 0, 3, 3), "no scrape was due"),
        (Coverage(60, 60, 0, 0), "no pod is expected"),
    ],
)
def test_what_was_not_seen_is_unknown(coverage: Coverage, words: str) -> None:
    verdict = judge_bake({"errors": bake([Counts(300, 0)] * 60)}, coverage)
    assert verdict.status == UNKNOWN
    assert words in verdict.reason


def test_nothing_measured_is_unknown() -> None:
    assert judge_bake({}, FULL).status == UNKNOWN


def test_a_required_stream_without_data_is_unknown() -> None:
    verdict = judge_bake({"errors": bake([Counts(300, 0)] * 60)}, FULL, required=("errors", "latency"))
    assert verdict.status == UNKNOWN
    assert "latency has no data" in verdict.reason


def test_a_hard_limit_needs_no_evidence() -> None:
    verdict = judge_bake({}, Coverage(), hard=("pod api-1 restarted",))
    assert (verdict.status, verdict.reason) == (FAILED, "pod api-1 restarted")


def test_one_bad_signal_among_many_good_ones_fails() -> None:
    streams = {f"good{i}": bake([Counts(300, 1)] * 60) for i in range(9)} | {"bad": bake([Counts(300, 6)] * 60)}
    assert judge_bake(streams, FULL).leading == "bad"
    assert judge_bake(streams, FULL).status == FAILED


def test_a_baseline_too_small_to_compare_with_never_passes() -> None:
    verdict = judge_bake({"errors": bake([Counts(300, 0)] * 60, baseline=Counts(20, 0))}, FULL)
    assert verdict.status == UNKNOWN
    assert "baseline" in verdict.reason


def test_no_baseline_at_all_never_passes() -> None:
    assert judge_bake({"errors": bake([Counts(300, 0)] * 60, baseline=Counts())}, FULL).status == UNKNOWN


@pytest.mark.parametrize(
    ("looks", "quiet", "status", "words"),
    [
        ([Counts(300, 0)] * 4, False, PASSED, "no baseline, but within the floor on errors"),
        ([Counts(300, 9)] * 4, False, FAILED, "the floor allows 0.200%"),
        ([Counts(1, 0)] * 4, False, UNKNOWN, "4 of the 567 trials"),
        ([Counts(1, 0)] * 4, True, PASSED, "few trials (errors: 4 of the 567 trials"),
        ([Counts(0, 0)] * 4, True, PASSED, "0 of the 567"),
        ([Counts(20, 0)] * 3 + [Counts(20, 1)], True, UNKNOWN, "80 of the 567"),
        ([Counts(1, 1)] * 4, True, FAILED, "4 of 4"),
    ],
)
def test_where_nothing_ran_before_the_floor_is_the_measure(looks: list[Counts], quiet: bool, status: str, words: str) -> None:
    verdict = judge_bake({"errors": bake(looks, None)}, FULL, required=("errors",), quiet=quiet)
    assert (verdict.status, words in verdict.reason) == (status, True), verdict


def test_a_baseline_that_is_there_is_never_made_up_for() -> None:
    for baseline in (BLUE, Counts(), Counts(20, 0)):
        assert judge_bake({"errors": bake([Counts(1, 0)] * 4, baseline)}, FULL, quiet=True).status == UNKNOWN


# --- arrays that Kayenta let pass (its issues 780 and 426)


def test_seven_values_of_a_hundred_against_ones_fail() -> None:
    canary = [100.0] * 7 + [1.0] * 3
    rule = Rule(floor=0.05)
    assert judge_bake({"gauge": bake(breaches(canary, 1), Counts(60, 0), rule)}, FULL).status == FAILED
    # Against ten ones only, as in the report, there is less evidence; it still can't pass.
    assert judge_bake({"gauge": bake(breaches(canary, 1), Counts(10, 0), rule)}, FULL).status != PASSED


def test_sparse_errors_against_none_fail() -> None:
    canary = [0.0, 1.0, 2.0, 1.0, 0.0, 0.0]
    rule = Rule(floor=0.01)
    assert judge_bake({"gauge": bake(breaches(canary, 0), Counts(360, 0), rule)}, FULL).status == FAILED
    assert judge_bake({"gauge": bake(breaches(canary, 0), Counts(6, 0), rule)}, FULL).status != PASSED


# --- properties

baselines = st.integers(1, 100_000).flatmap(lambda n: st.integers(0, n).map(lambda e: Counts(n, e)))
looks = st.lists(st.integers(0, 5_000).flatmap(lambda n: st.integers(0, n).map(lambda e: Counts(n, e))), min_size=1, max_size=80)


@given(baselines, looks, st.integers(1, 100))
def test_evidence_is_a_number_whatever_came(baseline: Counts, seen: list[Counts], planned: int) -> None:
    stream = Stream.start(baseline, Rule(), planned)
    assert stream.log_e == 0
    for counts in seen:
        stream = stream.after(counts)
        assert not math.isnan(stream.log_e)
    assert stream.seen.trials == sum(c.trials for c in seen)


@given(baselines | st.none(), st.integers(0, 200), st.integers(1, 60))
def test_evidence_is_fair_when_the_change_is_at_the_limit(baseline: Counts | None, n: int, planned: int) -> None:
    """The expected wealth after any look is 1: no strategy gains against a good change.  (Ville's inequality needs just this.)"""
    rule = Rule()
    q = null_rate(baseline, rule)
    start = Stream.start(baseline, rule, planned)

    def log_chance(e: int) -> float:
        return math.lgamma(n + 1) - math.lgamma(e + 1) - math.lgamma(n - e + 1) + e * math.log(q) + (n - e) * math.log1p(-q)

    expected = sum(math.exp(log_chance(e) + start.after(Counts(n, e)).log_e) for e in range(n + 1))
    assert expected == pytest.approx(1, rel=1e-6)


@given(baselines, looks)
def test_more_errors_are_never_better_evidence_for_the_change(baseline: Counts, seen: list[Counts]) -> None:
    stream = bake(seen, baseline)
    worse = bake([Counts(c.trials, c.trials) for c in seen], baseline)
    assert worse.log_e >= stream.log_e - 1e-9


@given(baselines)
def test_the_null_is_never_below_what_the_baseline_did(baseline: Counts) -> None:
    assert 0 < null_rate(baseline, Rule()) <= 0.999
    assert null_rate(baseline, Rule()) >= min(baseline.rate, 0.999)


@given(baselines, st.floats(1, 10))
def test_dependent_errors_need_more_evidence(baseline: Counts, ratio: float) -> None:
    plain, scattered = needed_trials(baseline, Rule()), needed_trials(baseline, Rule(variance_ratio=ratio))
    assert (plain is None) == (scattered is None)
    assert plain is None or scattered is None or scattered >= plain


@pytest.mark.parametrize(("trials", "events"), [(1, 2), (-1, 0), (1, -1), (math.nan, 0), (math.inf, 1)])
def test_counts_that_can_not_be_are_refused(trials: float, events: float) -> None:
    with pytest.raises(SalvageError):
        Counts(trials, events)


@pytest.mark.parametrize("wrong", [{"alpha": 0}, {"margin": 0.5}, {"floor": 0}, {"harm": 1}, {"variance_ratio": 0.5}, {"bets": ()}])
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SalvageError, match="the judge needs"):
        Rule(**wrong)  # type: ignore[arg-type]


# --- operating characteristics, in small; benchmarks/delivery.py runs 4,000 bakes for each


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_false_aborts_and_time_to_detect(scenario: Scenario) -> None:
    found = simulate(scenario, runs=60, rng=random.Random(20261124))
    if scenario.bad_rate is None:
        assert not found
    else:
        assert len(found) == 60
        assert median(found) <= scenario.seconds
