# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run was: its steps, what was decided and changed, and what is left to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

RUN_SCHEMA = 1


@dataclass(frozen=True)
class StepDone:
    """One task on one host."""

    host: str
    name: str
    role: str
    module: str
    status: str  # ok, changed, skipped, failed, ignored, rescued, unreachable
    began: float
    seconds: float
    reason: str = ""  # of a failure


@dataclass(frozen=True)
class DecisionMade:
    """What a module found or decided, in its own word, with what it is based on."""

    host: str
    step: str
    word: str
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ChangeMade:
    host: str
    step: str
    module: str
    what: str = ""


@dataclass(frozen=True)
class LeftToDo:
    """What a person has to do or to look at."""

    host: str
    step: str
    what: str


@dataclass
class PlaybookRun:
    """Everything of one run of ansible-playbook, in the order of time."""

    name: str
    playbook: str
    began: float
    check: bool = False
    who: str = ""
    job: str = ""
    ended: float = 0.0
    hosts: list[str] = field(default_factory=list)
    steps: list[StepDone] = field(default_factory=list)
    decisions: list[DecisionMade] = field(default_factory=list)
    changes: list[ChangeMade] = field(default_factory=list)
    left: list[LeftToDo] = field(default_factory=list)
    # More of them are counted and not listed.
    not_listed: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def result(self) -> str:
        return "failed" if self.counts.get("failed") or self.counts.get("unreachable") else "planned" if self.check else "done"

    def as_dict(self) -> dict[str, Any]:
        return {"schema": RUN_SCHEMA, "result": self.result, **asdict(self)}
