# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source of metrics said: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Series = tuple[tuple[float, float], ...]  # (unix seconds, value), oldest first


@dataclass(frozen=True)
class MetricSample:
    """What a source said under one name: a finite ``value``, or None with the ``reason``.

    ``alert``: the source itself reports that it is out of limits.  ``doubt``: the warnings of the source.
    """

    name: str
    value: float | None
    reason: str = ""
    timestamp: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    alert: bool = False
    doubt: str = ""
    series: Series = ()
