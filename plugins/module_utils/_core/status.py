# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four statuses of every check, and the worst of several."""

from __future__ import annotations

from collections.abc import Iterable

HEALTHY = "healthy"
WARNING = "warning"
UNKNOWN = "unknown"
CRITICAL = "critical"


# From best to worst.
STATUSES = (HEALTHY, WARNING, UNKNOWN, CRITICAL)


def worst(statuses: Iterable[str]) -> str:
    """The worst of the statuses; unknown for none at all, and any other word counts as unknown."""
    return max((s if s in STATUSES else UNKNOWN for s in statuses), key=STATUSES.index, default=UNKNOWN)
