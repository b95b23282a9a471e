# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the sentences that people read.  Pure."""

from __future__ import annotations

from collections.abc import Sequence


def some_of(names: Sequence[str], most: int, *, between: str = ", ", what: str = "more") -> str:
    """The first ``most`` of the names, and how many more there are."""
    return between.join(names[:most]) + (f" and {len(names) - most} {what}" if len(names) > most else "")
