# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook's limits as written there, and profiles that are wrong in every way: one sentence each."""

from __future__ import annotations

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import parse_duration
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.model import Limits
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import (
    DEFAULT_PROFILE,
    RUNBOOK,
    SETTINGS,
    parse_profile,
)
from hypothesis import example, given
from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def test_the_default_is_the_runbook() -> None:
    assert {m.title: m.limits for m in DEFAULT_PROFILE.metrics} == {
        "QEK": Limits(critical_min=0.85, warning_min=0.88, ideal=0.938),
        "H-VAR": Limits(critical_max=0.10, warning_max=0.08, ideal=0.043),
        "Ethisches Ideal": Limits(critical_min=0.95, warning_min=0.97, ideal=1.0),
        "Symbiosis Score": Limits(critical_min=0.5, warning_min=0.6),
    }
    assert [m.query for m in DEFAULT_PROFILE.metrics] == ["qek_value", "hvar_value", "ethisches_ideal_value", "symbiosis_score"]
    assert {"QEK", "qek_value", "H_VAR", "H-VAR", "ETHISCHES_IDEAL", "symbiosis_score"} <= DEFAULT_PROFILE.names


def test_a_profile_has_its_names_in_order_and_each_once() -> None:
    metric = parse_profile({"queue": {"critical_max": "100", "aliases": ["Q", "queue", "Q"], "for": "1m", "title": "Queue"}}).metrics[0]
    assert (metric.aliases, metric.limits.critical_max, metric.for_s, metric.title) == (("queue", "Q"), 100.0, 60.0, "Queue")


def test_an_expression_is_no_name_of_a_metric() -> None:
    assert parse_profile({"ratio": {"critical_max": 1, "query": "sum(a) / sum(b)"}}).metrics[0].aliases == ("ratio",)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([1], "profile: [1] is not a mapping of metrics; write a mapping such as {qek: {critical_min: 0.85}}"),
        ({}, "profile: it names no metric; name at least one, or leave the option out for the runbook's"),
        ({3: {}}, "profile: 3 is not a name of a metric; use a string as the key"),
        ({"qek": 0.85}, "profile.qek: 0.85 is not a mapping of settings; write a mapping such as {critical_min: 0.85}"),
        ({"qek": {}}, "profile.qek: it has no limit; set at least one of critical_min, critical_max, warning_min, warning_max"),
        ({"qek": {"critcal_min": 1}}, "profile.qek: 'critcal_min' is not a setting of a metric; did you mean critical_min?"),
        (
            {"qek": {"zzz": 1}},
            f"profile.qek: 'zzz' is not a setting of a metric; use one of {', '.join(SETTINGS)}",
        ),
        ({"qek": {"critical_min": "abc"}}, "profile.qek.critical_min: 'abc' is not a number; write a number such as 0.85"),
        ({"qek": {"critical_min": True}}, "profile.qek.critical_min: True is not a number; write a number such as 0.85"),
        ({"qek": {"critical_min": float("nan")}}, "profile.qek.critical_min: nan is not a number; write a number such as 0.85"),
        ({"qek": {"critical_min": 10**5000}}, "profile.qek.critical_min: a int is not a number; write a number such as 0.85"),
        (
            {"qek": {"critical_min": 0.9, "warning_min": 0.8}},
            "profile.qek.warning_min: 0.8 is below critical_min 0.9; a warning has to come first",
        ),
        (
            {"qek": {"critical_max": 0.1, "warning_max": 0.2}},
            "profile.qek.warning_max: 0.2 is above critical_max 0.1; a warning has to come first",
        ),
        (
            {"qek": {"critical_min": 2, "critical_max": 1}},
            "profile.qek: no value is both at least 2.0 and at most 1.0; correct the limits",
        ),
        (
            {"qek": {"critical_min": 2, "ideal": 1}},
            "profile.qek.ideal: 1.0 is itself out of the limits; correct the ideal or the limits",
        ),
        ({"qek": {"critical_min": 1, "title": " "}}, "profile.qek.title: ' ' is not text; write a name"),
        (
            {"qek": {"critical_min": 1, "aliases": "Q"}},
            "profile.qek.aliases: 'Q' is not a list; write a list of names, such as [QEK, qek_value]",
        ),
        ({"qek": {"critical_min": 1, "labels": 3}}, "profile.qek.labels: 3 is not a mapping; write a mapping such as {job: euystacio-api}"),
        (
            {"qek": {"critical_min": 1, "labels": {"a-b": "c"}}},
            "profile.qek.labels: 'a-b': 'c' is not a label; names are of letters, digits and _, values are text",
        ),
        (
            {"qek": {"critical_min": 1, "query": "avg(x)", "labels": {"a": "c"}}},
            "profile.qek.labels: the query 'avg(x)' is an expression; select the labels in the query itself",
        ),
        (
            {"qek": {"critical_min": 1, "aggregate": "med"}},
            "profile.qek.aggregate: 'med' is not an aggregate; use one of worst, min, max, mean, sum",
        ),
        ({"qek": {"critical_min": 1, "for": "soon"}}, "profile.qek.for: 'soon' is not a duration; write seconds, or 90s, 15m, 1h30m"),
        (
            {"a": {"critical_min": 1, "aliases": ["b"]}, "b": {"critical_min": 1}},
            "profile.b.aliases: 'b' also names a; give each name to one metric",
        ),
    ],
)
def test_a_wrong_profile_is_one_sentence(data: object, sentence: str) -> None:
    with pytest.raises(SalvageError) as caught:
        parse_profile(data)
    assert (str(caught.value), caught.value.reason) == (sentence, "bad_input")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), (90, 90), (0.5, 0.5), ("90s", 90), ("1.5s", 1.5), ("15m", 900), ("1h30m", 5400), ("2d", 172800), (" 2m ", 120)],
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text, "for") == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "-3", "1y", None, True, [], float("nan"), float("inf"), pytest.param(10**5000, id="huge"), "9" * 400 + "d"]
)
def test_no_durations(text: object) -> None:
    with pytest.raises(SalvageError, match=r"^max_age: .* is not a duration; write seconds, or 90s, 15m, 1h30m$"):
        parse_duration(text, "max_age")


@example(data={"\n": {"title": 1}})
@given(data=ANYTHING | st.fixed_dictionaries({"qek": st.dictionaries(st.sampled_from(sorted(RUNBOOK["qek"])) | st.text(), ANYTHING)}))
def test_whatever_is_given_is_a_profile_or_a_sentence(data: object) -> None:
    try:
        profile = parse_profile(data)
    except SalvageError as exc:
        assert exc.reason == "bad_input"
        assert "\n" not in str(exc)
        assert "; " in str(exc)
    else:
        assert profile.metrics
