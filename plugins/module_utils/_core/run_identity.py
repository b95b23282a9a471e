# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run of Ansible a task belongs to, as the options of a module have it; the action plugin fills it in."""

from __future__ import annotations

from dataclasses import dataclass

from .options import option
from .processes import Process


@dataclass(frozen=True)
class RunIdentity:
    run: str = option()
    who: str = option()
    machine: str = option("")
    pid: int = option(0)
    started: int = option(0)

    @property
    def process(self) -> Process:
        return Process(self.machine, self.pid, self.started)
