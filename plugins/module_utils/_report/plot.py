# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the ink of a metric's history goes: pure geometry, the page's template draws it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import pairwise

WIDTH, HEIGHT = 440.0, 150.0
TOP, BOTTOM = 12.0, 22.0
LABEL_STEP = 16.0
_MOST_MARKS = 7  # that have room for their labels
# The width of a character: on a wide screen, and on a phone, where the page's style makes text larger and leaves out a mark's word.
_WIDE_CHARACTER, _PHONE_CHARACTER = 6.7, 9.5
_GAP_FACTOR = 2.5  # a sample that is missing leaves a double step; scrape jitter does not
_EXTREME = 1e150  # beyond it the arithmetic of the scale overflows
_TIME_STEPS = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 31536000)

Sample = tuple[float, "float | None"]
Run = list[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """A horizontal line with a label and its value; ``label_y`` is moved where two labels would cover each other."""

    kind: str
    label: str
    value: str
    y: float
    label_y: float


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Gap:
    """A time without samples, on the x axis."""

    x: float
    width: float


@dataclass(frozen=True)
class Plot:
    """``left`` and ``right`` are the ends of the x axis: outside of them the labels have room."""

    left: float
    right: float
    path: str
    dots: tuple[tuple[float, float], ...]
    last: tuple[float, float, str] | None
    gaps: tuple[Gap, ...]
    marks: tuple[Mark, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    text: str


@dataclass(frozen=True)
class Scale:
    """A linear map of ``low..high`` to ``start..end``."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.end) / 2
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def runs(samples: Iterable[Sample]) -> list[Run]:
    """Samples in order of time, cut where a value is missing (None, NaN, infinite) or the time to the next is unusually long."""
    known = sorted({at: value for at, value in samples if _finite(at) and abs(at) < _EXTREME}.items())
    steps = sorted(later[0] - earlier[0] for earlier, later in pairwise(known))
    longest = _GAP_FACTOR * steps[(len(steps) - 1) // 2] if steps else math.inf
    found: list[Run] = []
    before = -math.inf
    for at, value in known:
        if value is None or not _finite(value):
            before = -math.inf
            continue
        if at - before > longest or before == -math.inf:
            found.append([])
        found[-1].append((at, max(-_EXTREME, min(_EXTREME, value))))
        before = at
    return found


def path(pieces: Sequence[Run], x: Scale, y: Scale) -> str:
    """One subpath for each run of two samples or more."""
    return " ".join("M" + " L".join(f"{x.at(at):.1f} {y.at(value):.1f}" for at, value in piece) for piece in pieces if len(piece) > 1)


def plot(samples: Iterable[Sample], limits: Sequence[tuple[str, str, float]] = ()) -> Plot | None:
    """The plot of one metric, or None where no sample has a value.  ``limits`` are (kind, label, value)."""
    pieces = runs(samples)
    if not pieces:
        return None
    limits = [limit for limit in limits if _finite(limit[2]) and abs(limit[2]) < _EXTREME][:_MOST_MARKS]
    values = [value for piece in pieces for _at, value in piece]
    low, high = _padded(min([*values, *(v for _k, _l, v in limits)]), max([*values, *(v for _k, _l, v in limits)]))
    start, end = pieces[0][0][0], pieces[-1][-1][0]
    y = Scale(low, high, HEIGHT - BOTTOM, TOP)
    marks, y_ticks = _marks(limits, y), tuple(Tick(y.at(value), number(value)) for value in _nice_ticks(low, high))
    x = Scale(start, end, _room(tick.label for tick in y_ticks), WIDTH - _room_right(marks))
    last_at, last_value = pieces[-1][-1]
    named = "".join(f", {mark.label} {mark.value}" for mark in marks)
    return Plot(
        left=x.start,
        right=x.end,
        path=path(pieces, x, y),
        dots=tuple((x.at(piece[0][0]), y.at(piece[0][1])) for piece in pieces if len(piece) == 1),
        last=(x.at(last_at), y.at(last_value), number(last_value)),
        gaps=tuple(Gap(x.at(earlier[-1][0]), x.at(later[0][0]) - x.at(earlier[-1][0])) for earlier, later in pairwise(pieces)),
        marks=marks,
        x_ticks=tuple(Tick(x.at(at), label) for at, label in _time_ticks(start, end)),
        y_ticks=y_ticks,
        text=(
            f"{len(values)} samples from {_utc(start):%Y-%m-%d %H:%M} to {_utc(end):%Y-%m-%d %H:%M} UTC, "
            f"lowest {number(min(values))}, highest {number(max(values))}, last {number(last_value)}{named}"
        ),
    )


def number(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}"


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _padded(low: float, high: float) -> tuple[float, float]:
    room = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
    return low - room, high + room


def _room(labels: Iterable[str]) -> float:
    return 10.0 + _PHONE_CHARACTER * max((len(label) for label in labels), default=0)


def _room_right(marks: Sequence[Mark]) -> float:
    full = 10.0 + _WIDE_CHARACTER * max((len(f"{mark.label} {mark.value}") for mark in marks), default=0)
    return max(full, _room(mark.value for mark in marks), 42.0)  # the last time is written below the end of the axis


def _marks(limits: Sequence[tuple[str, str, float]], y: Scale) -> tuple[Mark, ...]:
    placed: list[Mark] = []
    highest = sorted(limits, key=lambda limit: -limit[2])
    at = -math.inf
    for place, (kind, label, value) in enumerate(highest, start=1):
        line = y.at(value)
        lowest = HEIGHT - BOTTOM - LABEL_STEP * (len(highest) - place)  # below it the others have room too
        at = max(min(line, lowest), at + LABEL_STEP)
        placed.append(Mark(kind, label, number(value), line, at))
    return tuple(placed)


def _nice_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    raw = (high - low) / wanted
    if raw <= 0 or not math.isfinite(raw):
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((power * factor for factor in (1.0, 2.0, 2.5, 5.0) if power * factor >= raw), power * 10.0)
    first = math.ceil(low / step)
    # The bound holds where the range is too narrow for floating point to tell two ticks apart.
    return [tick for tick in ((first + n) * step for n in range(wanted + 2)) if tick <= high]


def _time_ticks(start: float, end: float) -> list[tuple[float, str]]:
    span = end - start
    wanted = 5 if 75 < span < 86400 else 3  # seconds and dates are longer than hours
    step = next((step for step in _TIME_STEPS if step * wanted >= span), _TIME_STEPS[-1])
    style = "%H:%M:%S" if step < 60 else "%H:%M" if span < 86400 else "%d %b"
    first = math.ceil(start / step)
    ticks = [(first + n) * float(step) for n in range(wanted + 1) if (first + n) * step <= end]
    return [(at, f"{_utc(at):{style}}") for at in ticks or [start]]


def _utc(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (ValueError, OverflowError, OSError):
        return datetime(1970, 1, 1, tzinfo=timezone.utc)  # a time that no calendar has must not cost the report
