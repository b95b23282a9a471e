# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._report import plot
from hypothesis import given
from hypothesis import strategies as st

SAMPLES = st.lists(st.tuples(st.floats(), st.one_of(st.none(), st.floats())), max_size=60)
LIMITS = st.lists(st.tuples(st.sampled_from(["critical", "warning", "ideal"]), st.just("limit"), st.floats()), max_size=12)
SUBPATH = re.compile(r"M\d+\.\d \d+\.\d( L\d+\.\d \d+\.\d)+")


@given(SAMPLES)
def test_each_known_sample_is_in_exactly_one_run(samples):
    known = {at for at, value in samples if math.isfinite(at) and abs(at) < 1e150}
    latest = dict(samples)
    wanted = sorted(at for at in known if latest[at] is not None and math.isfinite(latest[at]))
    assert [at for piece in plot.runs(samples) for at, _value in piece] == wanted


@given(SAMPLES, LIMITS)
def test_no_input_breaks_the_geometry(samples, limits):
    drawn = plot.plot(samples, limits)
    if drawn is None:
        assert not plot.runs(samples)
        return
    for piece in re.split(r" (?=M)", drawn.path) if drawn.path else []:
        assert SUBPATH.fullmatch(piece)
    for x, y in [*drawn.dots, drawn.last[:2]]:
        assert 0 < drawn.left <= x <= drawn.right < plot.WIDTH
        assert plot.TOP <= y <= plot.HEIGHT - plot.BOTTOM
    assert all(plot.TOP <= at <= plot.HEIGHT - plot.BOTTOM for mark in drawn.marks for at in (mark.y, mark.label_y))
    assert all(later.label_y - earlier.label_y >= plot.LABEL_STEP for earlier, later in pairwise(drawn.marks))
    assert all(gap.width >= 0 for gap in drawn.gaps)
    assert len(drawn.x_ticks) <= 7
    assert len(drawn.y_ticks) <= 7


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_an_unbroken_series_is_one_subpath(values):
    drawn = plot.plot([(60.0 * n, value) for n, value in enumerate(values)])
    assert drawn.path.count("M") == (1 if len(values) > 1 else 0)
    assert len(drawn.dots) == (1 if len(values) == 1 else 0)
    assert not drawn.gaps


def test_nothing_to_draw():
    assert plot.plot([]) is None
    assert plot.plot([(0.0, None), (60.0, math.nan)]) is None


@pytest.mark.parametrize("hole", [[(120.0, None)], [(120.0, math.nan)], [(120.0, math.inf)], []])
def test_missing_samples_cut_the_line(hole):
    before = [(60.0 * n, 0.9) for n in range(2)]
    after = [(60.0 * n + 600.0, 0.9) for n in range(2)]
    drawn = plot.plot([*before, *hole, *after])
    assert drawn.path.count("M") == 2
    assert len(drawn.gaps) == 1


def test_jitter_of_the_scrapes_is_no_gap():
    drawn = plot.plot([(0.0, 1.0), (30.0, 1.0), (61.0, 1.0), (92.0, 1.0), (150.0, 1.0)])
    assert drawn.path.count("M") == 1


def test_limits_are_in_the_picture_and_their_labels_apart():
    drawn = plot.plot(
        [(0.0, 0.93), (60.0, 0.94)], [("critical", "critical", 0.9301), ("warning", "warning", 0.9302), ("ideal", "ideal", 0.2)]
    )
    assert [(mark.label, mark.value) for mark in drawn.marks] == [("warning", "0.9302"), ("critical", "0.9301"), ("ideal", "0.2")]
    assert drawn.text.endswith("last 0.94, warning 0.9302, critical 0.9301, ideal 0.2")
    assert drawn.marks[0].y < drawn.marks[1].y < drawn.marks[2].y


def test_long_numbers_have_room_beside_the_axis():
    short = plot.plot([(0.0, 0.93), (60.0, 0.94)], [("critical", "critical", 0.93)])
    long = plot.plot([(0.0, 1.234e9), (60.0, 1.235e9)], [("critical", "critical", 1.2345e9)])
    assert long.left > short.left
    assert long.right < short.right


def test_axes_are_labelled_in_round_numbers_and_utc():
    hours = plot.plot([(1764000000.0 + 60 * n, 0.85 + n / 2000) for n in range(180)])
    assert [tick.label for tick in hours.x_ticks] == ["16:00", "17:00", "18:00"]
    assert [tick.label for tick in hours.y_ticks] == ["0.85", "0.875", "0.9", "0.925"]
    days = plot.plot([(1764000000.0 + 3600 * n, 1.0) for n in range(100)])
    assert days.x_ticks[0].label == "26 Nov"
    seconds = plot.plot([(1764000000.0 + n, 1.0) for n in range(4)])
    assert seconds.x_ticks[0].label == "16:00:00"


def test_text_alternative_tells_the_series():
    drawn = plot.plot([(1764000000.0, 0.9), (1764000060.0, 0.8)])
    assert drawn.text == "2 samples from 2025-11-24 16:00 to 2025-11-24 16:01 UTC, lowest 0.8, highest 0.9, last 0.8"
    assert drawn.last[2] == "0.8"
