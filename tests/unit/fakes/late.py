# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that comes to see each version of what it loads, in order and some time later, as through a sidecar or a kubelet."""

from __future__ import annotations

from typing import Any


class Late:
    """``after``: how many questions each version takes until it is loaded."""

    def __init__(self, loaded: Any) -> None:
        self.after = 0
        self._loaded = loaded
        self._coming: list[Any] = []
        self._asked = 0

    def version(self, now: Any) -> Any:
        """What is loaded at this question, while ``now`` is what there is."""
        if now != (self._coming[-1] if self._coming else self._loaded):
            self._coming.append(now)
        self._asked += 1
        if self._coming and self._asked > self.after:
            self._loaded, self._asked = self._coming.pop(0), 0
        return self._loaded
