# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples from Prometheus' text format.  Pure."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import finite
from .model import MetricSample

# A sample's line is some hundred characters; the parser's time grows with the square of it.
_LONGEST_LINE = 16 * 1024


def parse_exposition(text: str, names: Collection[str], *, whole: bool = True) -> list[MetricSample]:
    """The samples of the metrics ``names``; another metric's malformed line does no harm.  Raises SalvageError(missing_library)."""
    try:
        from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - slow to import, and JSON needs none of it
    except ImportError:
        raise SalvageError(
            "reading Prometheus text needs the Python library prometheus_client where the module runs; install prometheus-client",
            reason="missing_library",
        ) from None
    open_metrics = text.rstrip().endswith("# EOF")  # its timestamps are seconds, not milliseconds, and exemplars may follow a value
    samples: list[MetricSample] = []
    for line in io.StringIO(text):
        if not line.lstrip().startswith("#") and any(name in line for name in names):
            samples.extend(
                _exposition_line(line, names, text_string_to_metric_families, open_metrics, cut=not whole and not line.endswith("\n"))
            )
    return samples


def _exposition_line(
    line: str, names: Collection[str], read: Callable[[str], Iterable[Any]], open_metrics: bool, cut: bool
) -> list[MetricSample]:
    stripped = line.strip()
    head = stripped.split("{")[0].split()
    claimed = head[0] if head else ""
    if cut or len(stripped) > _LONGEST_LINE:
        reason = "the answer ends in the middle of its line" if cut else f"its line has {len(stripped)} characters"
        return [MetricSample(claimed, None, reason)] if claimed in names else []
    if open_metrics:
        stripped = stripped.split(" # ")[0]
    try:
        found = [sample for family in read(stripped + "\n") for sample in family.samples]
    except Exception:  # the parser's ways to fail on a malformed line: ValueError, IndexError, TypeError ...
        return [MetricSample(claimed, None, f"its line is malformed: {stripped[:60]!r}")] if claimed in names else []
    result = []
    for sample in found:
        if sample.name in names:
            value, reason = finite(sample.value)
            at = None
            if sample.timestamp is not None:
                at, _reason = finite(sample.timestamp)
                if at is None:
                    value, reason = None, f"its timestamp is malformed: {stripped[:60]!r}"
                elif open_metrics:
                    at *= 1000  # undoes the parser's division
            result.append(MetricSample(sample.name, value, reason, timestamp=at, labels=dict(sample.labels)))
    return result
