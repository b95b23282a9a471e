# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions of OPA that must stay the same while a change is watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..._core.status import CRITICAL, UNKNOWN
from ..._opa.client import Opa
from ..._opa.probe import Probe, ask_probe


@dataclass(frozen=True)
class Answers:
    """``denied`` are the wrong answers; ``silent`` are the probes without an answer, by name, and why."""

    denied: tuple[str, ...]
    silent: Mapping[str, str]


@dataclass(frozen=True)
class PolicySource:
    opa: Opa
    probes: tuple[Probe, ...]
    timeout: float = 5.0

    def ask(self) -> Answers:
        """Raises SalvageError(bad_input) if the path of a probe is not the path of a rule."""
        answers = [ask_probe(self.opa, probe, timeout=self.timeout) for probe in self.probes]
        return Answers(
            tuple(answer.problem for answer in answers if answer.status == CRITICAL),
            {f"OPA's {answer.probe.name}": answer.problem for answer in answers if answer.status == UNKNOWN},
        )
