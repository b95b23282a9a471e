# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Robust statistics: a few values that are wrong do not move them.  Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_MOST = 240  # points that a fit takes; more are thinned out
_SIGMA = 1.4826  # a normal distribution's standard deviation in median absolute deviations


def robust_score(value: float, past: Sequence[float], *, floor: float = 0.05) -> float:
    """How many robust standard deviations ``value`` is above the median of the past.

    Where the past is the same each day, 1 % more must not count as a spike: the deviation is at least ``floor`` of the median.
    """
    middle = median(past)
    deviation = _SIGMA * median(abs(one - middle) for one in past)
    return (value - middle) / max(deviation, abs(middle) * floor, 1e-9)


@dataclass(frozen=True)
class LineFit:
    """``slope`` a second; ``level`` at the last point; ``certain``: whether there is a trend at all (Mann-Kendall, 1 % two-sided)."""

    slope: float
    level: float
    certain: bool


def theil_sen(points: Sequence[tuple[float, float]]) -> LineFit:
    """The median of the slopes between each two points.  Raises ValueError for fewer than three moments."""
    step = math.ceil(len(points) / _MOST)
    # From the end: the last point counts.
    kept = sorted(points)[::-1][::step][::-1] if points else []
    pairs = [(one, other) for place, one in enumerate(kept) for other in kept[place + 1 :] if other[0] > one[0]]
    if len({at for at, _value in kept}) < 3:
        raise ValueError("a fit needs three moments")
    slope = median((later[1] - earlier[1]) / (later[0] - earlier[0]) for earlier, later in pairs)
    offset = median(value - slope * at for at, value in kept)
    score = sum((later[1] > earlier[1]) - (later[1] < earlier[1]) for earlier, later in pairs)
    count = len(kept)
    spread = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return LineFit(slope, offset + slope * kept[-1][0], abs(score) - 1 > 2.576 * spread)
