# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to OPA with a known answer, for health checks, bakes and policy changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._core.options import option
from .._core.status import CRITICAL, HEALTHY, UNKNOWN
from .client import Opa
from .model import ALLOWED, DENIED, Decision


@dataclass(frozen=True)
class Probe:
    """A question and the answer that it must have.  Without a ``path`` of its own it is asked at the path of ``ask_probe``."""

    name: str = option()
    input: dict[str, Any] = option({})
    expect: bool = option(True)
    path: str = option("")


@dataclass(frozen=True)
class ProbeAnswer:
    """``status`` is healthy for the expected answer, critical for the opposite, and unknown without an answer; ``problem`` says why."""

    probe: Probe
    decision: Decision
    status: str
    problem: str


def ask_probe(opa: Opa, probe: Probe, path: str = "", *, timeout: float | None = None) -> ProbeAnswer:
    """Raises SalvageError(bad_input) if the path is not the path of a rule."""
    return read_answer(probe, opa.query(probe.path or path, probe.input, timeout=timeout))


def read_answer(probe: Probe, decision: Decision) -> ProbeAnswer:
    """Compares a decision with the expected one.  A rule that is plainly true or false is an answer, whatever its name.

    An undefined rule, rules that conflict, and a failed request are unknown: none of them is a deny.
    """
    status = decision.status
    if isinstance(decision.raw, bool):
        status = ALLOWED if decision.raw else DENIED
    if status not in {ALLOWED, DENIED}:
        return ProbeAnswer(probe, decision, UNKNOWN, f"no decision about the probe {probe.name}: {decision.reason}")
    expected = ALLOWED if probe.expect else DENIED
    if status == expected:
        return ProbeAnswer(probe, decision, HEALTHY, "")
    why = f" ({'; '.join(decision.deny)})" if decision.deny else ""
    return ProbeAnswer(probe, decision, CRITICAL, f"the probe {probe.name} is {status} and must be {expected}{why}")
