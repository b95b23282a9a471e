# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which decisions of a log a candidate policy would change, and whether that may be.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._core.options import option
from ..._core.sentences import some_of
from ..._opa.decide import decide_result, one_line, unknown
from ..._opa.decision_log import decision_of, hidden, provider_of, record_path, whole_input
from ..._opa.model import ALLOWED, DENIED, UNKNOWN, Decision
from ..log.summary import rule_of

_DECIDING = {"", "allow", "allowed", "decision"}


@dataclass(frozen=True)
class Case:
    """A decision of the log, ready to be taken again."""

    provider: str
    decision_id: str
    when: str
    document: Any
    before: Decision


@dataclass(frozen=True)
class Gates:
    """How much a candidate may change; a maximum below 0 sets no limit."""

    max_newly_allowed: int = option(0)
    max_newly_denied: int = option(-1)
    max_newly_unknown: int = option(0)
    max_not_replayable: int = option(0)
    min_decisions: int = option(1)


def case_of(record: dict[str, Any], package: str, provider_fields: Iterable[str]) -> Case | str:
    """The case, or why there is none: ``other`` (not a decision of this package) or ``hidden`` (the log does not hold its input)."""
    path = record_path(record)
    package = package.strip("/").replace(".", "/")
    if path != package and not (path.startswith(package + "/") and path[len(package) + 1 :] in _DECIDING):
        return "other"
    pointers = hidden(record)
    if pointers and not whole_input({"input": 0}, pointers):
        return "hidden"
    return Case(
        provider=provider_of(record, provider_fields, pointers),
        decision_id=record["decision_id"][:80],
        when=str(record.get("timestamp", ""))[:40],
        document=record.get("input", {}),  # a question without input meets the policies as one that says nothing
        before=decision_of(record),
    )


def after(shape: Mapping[str, Any]) -> Decision:
    """The decision that the evaluation's result means."""
    if "error" in shape:
        return unknown(str(shape["error"]))
    return decide_result(dict(shape))


@dataclass
class Replay:
    """Counts of what a candidate changes; feed it with ``add``."""

    examples_limit: int = 20
    decisions: int = 0
    same: int = 0
    not_replayable: int = 0
    transitions: Counter[str] = field(default_factory=Counter)
    newly_allowed: Counter[str] = field(default_factory=Counter)
    newly_denied: Counter[str] = field(default_factory=Counter)
    newly_unknown: Counter[str] = field(default_factory=Counter)
    rules: dict[str, Counter[str]] = field(
        default_factory=lambda: {"newly_allowed": Counter(), "newly_denied": Counter(), "newly_unknown": Counter()}
    )
    examples: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"newly_allowed": [], "newly_denied": [], "newly_unknown": []}
    )

    def add(self, case: Case, decision: Decision, before: Decision | None = None) -> None:
        """``before``: what is compared with, if not what the log recorded."""
        self.decisions += 1
        old = before or case.before
        if old.status == decision.status:
            self.same += 1
            return
        self.transitions[f"{old.status} to {decision.status}"] += 1
        kind, rules = {
            ALLOWED: ("newly_allowed", old.deny or (old.reason,)),  # the reasons that fell away
            DENIED: ("newly_denied", decision.deny or (decision.reason,)),
            UNKNOWN: ("newly_unknown", (decision.reason,)),
        }[decision.status]
        getattr(self, kind)[case.provider] += 1
        for rule in {rule_of(text) for text in rules}:
            self.rules[kind][rule] += 1
        if len(self.examples[kind]) < self.examples_limit:
            self.examples[kind].append(
                {
                    "provider": case.provider,
                    "decision_id": case.decision_id,
                    "timestamp": case.when,
                    "before": old.status,
                    "before_reasons": list(old.deny[:5]) or [old.reason],
                    "after": decision.status,
                    "after_reasons": list(decision.deny[:5]) or [decision.reason],
                }
            )

    def refusals(self, gates: Gates, *, named: int = 5) -> list[str]:
        """Why the candidate may not bind; nothing if it may."""
        found: list[str] = []
        if self.decisions < gates.min_decisions:
            found.append(f"only {self.decisions} decisions could be replayed, min_decisions is {gates.min_decisions}")
        for kind, maximum in (
            ("newly_allowed", gates.max_newly_allowed),
            ("newly_denied", gates.max_newly_denied),
            ("newly_unknown", gates.max_newly_unknown),
        ):
            counter: Counter[str] = getattr(self, kind)
            total = sum(counter.values())
            if 0 <= maximum < total:
                who = some_of([f"{one_line(name, 80)} ({count})" for name, count in counter.most_common()], named)
                found.append(f"{total} of {self.decisions} decisions would be {kind.replace('_', ' ')}, max_{kind} is {maximum}: {who}")
        if 0 <= gates.max_not_replayable < self.not_replayable:
            found.append(
                f"{self.not_replayable} decisions can't be replayed because the log hides their input,"
                f" max_not_replayable is {gates.max_not_replayable}"
            )
        return found

    def to_dict(self, *, limit: int = 100) -> dict[str, Any]:
        return {
            "decisions": self.decisions,
            "same": self.same,
            "not_replayable": self.not_replayable,
            "transitions": dict(self.transitions),
            **{
                kind: {
                    "count": sum(getattr(self, kind).values()),
                    "providers": dict(getattr(self, kind).most_common(limit)),
                    "rules": dict(self.rules[kind].most_common(limit)),
                    "examples": self.examples[kind],
                }
                for kind in ("newly_allowed", "newly_denied", "newly_unknown")
            },
        }
