# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four statuses of every check, and the worst of several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

HEALTHY = "healthy"
WARNING = "warning"
UNKNOWN = "unknown"
CRITICAL = "critical"


# From best to worst.
STATUSES = (HEALTHY, WARNING, UNKNOWN, CRITICAL)

PASS, PARTIAL, FAIL = "PASS", "PARTIAL", "FAIL"
_RESULTS = {HEALTHY: PASS, WARNING: PASS, UNKNOWN: PARTIAL, CRITICAL: PARTIAL, PASS: PASS, PARTIAL: PARTIAL, FAIL: FAIL}


def worst(statuses: Iterable[str]) -> str:
    """The worst of the statuses; unknown for none at all, and any other word counts as unknown."""
    return max((s if s in STATUSES else UNKNOWN for s in statuses), key=STATUSES.index, default=UNKNOWN)


def worst_result(steps: Any) -> str:
    """The worst of the results of steps and of the statuses of what they checked; FAIL for any other word, and for none at all."""
    found = [_RESULTS.get(step, FAIL) if isinstance(step, str) else FAIL for step in steps] if isinstance(steps, (list, tuple)) else []
    return max(found or [FAIL], key=(PASS, PARTIAL, FAIL).index)
