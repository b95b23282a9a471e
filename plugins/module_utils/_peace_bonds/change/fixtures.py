# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs with a known decision.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._core.options import option
from ..._opa.model import ALLOWED, DENIED, Decision


@dataclass(frozen=True)
class Fixture:
    """An input, and whether it must be allowed: before and after the change.  ``because``: a reason that the denial must have."""

    name: str = option()
    input: dict[str, Any] = option()
    allow: bool = option()
    because: str = ""

    def problem(self, decision: Decision, words: str) -> str:
        """What is wrong with the decision, where ``words`` hold its status in a place ``{}``; empty for the expected one."""
        if decision.status == (ALLOWED if self.allow else DENIED) and (not self.because or self.because in decision.deny):
            return ""
        what = self.name if self.because else f"fixture {self.name}"
        but = " for other reasons" if decision.status == DENIED and not self.allow else ""
        return f"{what} {words.format(decision.status)}{but}" + (f": {decision.reason}" if decision.reason else "")
