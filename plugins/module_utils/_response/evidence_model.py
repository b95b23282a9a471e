# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, and what follows from it: plain data that a run can write down and read again.  Pure.

A verdict reads evidence through ``CaseFile``: what is missing, stale, from the future, not finite or of another form ends it with a reason,
and the verdict is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import shown
from .._core.json_values import as_text, finite
from .._core.times import span
from .evidence_forms import form_problem

UNKNOWN_ANSWER = "unknown"
_SKEW = 120.0  # seconds by which two clocks may differ
# What reading evidence raises that is not of the form that it should have.
_UNFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError, ArithmeticError)


@dataclass(frozen=True)
class Observed:
    """``value`` as JSON has it, None with the ``reason``.  ``at``: when it was so, in unix seconds.  ``doubts``: parts that are missing."""

    name: str
    value: Any = None
    reason: str = ""
    at: float | None = None
    source: str = ""
    doubts: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def known(self) -> bool:
        return self.value is not None and not self.reason

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "status": "known" if self.known else UNKNOWN_ANSWER,
            "value": self.value,
            "reason": self.reason,
            "at": self.at,
            "source": self.source,
            "doubts": list(self.doubts),
            "seconds": round(self.seconds, 3),
        }


def evidence_from(given: Any) -> dict[str, Observed]:
    """Observed by its name, from ``Observed.to_dict``; what has another form is unknown."""
    found: dict[str, Observed] = {}
    for one in given if isinstance(given, (list, tuple)) else ():
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
            continue
        name = one["name"]
        at, _why = finite(one.get("at"))
        doubts = one.get("doubts")
        doubts = tuple(doubts) if isinstance(doubts, (list, tuple)) else (None,)
        whole = all(isinstance(each, str) for each in (one.get("reason"), *doubts))
        value, reason = one.get("value"), as_text(one.get("reason") or "")
        doubts = tuple(as_text(each) for each in doubts)
        if name in found:
            value, reason = None, "it is given twice"
        elif not whole:
            value, reason = None, reason or "it does not say what is missing (reason, doubts)"
        elif one.get("status") != "known":
            value, reason = None, reason or "it does not say that it is known"
        found[name] = Observed(name, value, reason, at, as_text(one.get("source") or ""), doubts)
    return found


@dataclass(frozen=True)
class Verdict:
    """``answer`` is one of the words of its question; ``rests_on`` names the evidence.  ``details`` are for people and for actions."""

    question: str
    answer: str
    reason: str
    rests_on: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "answer": self.answer,
            "reason": self.reason,
            "rests_on": list(self.rests_on),
            "details": dict(self.details),
        }


class NotKnown(Exception):  # noqa: N818  it is an answer, not an error
    """Why a question has no answer."""


@dataclass(frozen=True)
class JudgeSettings:
    """What verdicts are judged by; numbers of the runbook unless the user gives others."""

    persists: float = 900.0  # seconds
    changed_within: float = 7200.0  # before the alert began
    max_age: float = 300.0  # of evidence about now
    cpu_limit: float = 0.80
    memory_limit: float = 0.85
    input_quality: float = 0.9
    spike: float = 3.5  # robust z-score
    spike_ratio: float = 1.5
    share: float = 0.6  # of what few providers must explain
    restart_share: float = 0.5  # of the replicas that may be restarted
    leak_horizon: float = 86400.0  # seconds until the limit is reached
    scale_to: int = 8
    growth_span: float = 120.0  # seconds of memory that a trend needs
    backup_age: float = 93600.0


@dataclass
class CaseFile:
    """The evidence as one verdict reads it; notes what it has read."""

    evidence: Mapping[str, Observed]
    now: float
    settings: JudgeSettings = field(default_factory=JudgeSettings)
    read: list[str] = field(default_factory=list)

    def need(self, name: str, *, max_age: float | None = None, whole: bool = False) -> Any:
        """The value, if it is known, and not older than ``max_age`` (0: of any age).  Raises NotKnown.

        ``whole``: parts that are missing make it unknown.
        """
        if name not in self.read:
            self.read.append(name)
        found = self.evidence.get(name)
        if found is None:
            raise NotKnown(f"{name} was not read")
        if not found.known:
            raise NotKnown(f"{name}: {found.reason or 'it has no value'}")
        wrong = form_problem(name, found.value)
        if wrong:
            raise NotKnown(f"{name}: {wrong}")
        self._check_age(name, found.at, self.settings.max_age if max_age is None else max_age)
        if whole and found.doubts:
            raise NotKnown(f"{name} is not complete: {found.doubts[0]}")
        return found.value

    def _check_age(self, name: str, at: float | None, most: float) -> None:
        if at is None:
            raise NotKnown(f"{name}: nothing says when it was read")
        if at > self.now + _SKEW:
            raise NotKnown(f"{name} is from the future: it says {span(at - self.now)} from now; compare the clocks")
        if most and self.now - at > most:
            raise NotKnown(f"{name} is {span(self.now - at)} old")

    def about_workload(self) -> None:
        """Raises NotKnown where the alert is about something else: then nothing that is seen of the workload answers it."""
        found = self.evidence.get("alert")
        other = found.value.get("elsewhere") if found is not None and isinstance(found.value, Mapping) else None
        if other:
            raise NotKnown(as_text(other))

    def doubts(self, name: str) -> tuple[str, ...]:
        found = self.evidence.get(name)
        return found.doubts if found else ()

    def fresh(self, name: str, at: Any) -> float:
        """The time of a sample in the evidence, if it is of now.  Raises NotKnown."""
        moment = a_number(at, f"the time of {name}")
        self._check_age(name, moment, self.settings.max_age)
        return moment


def a_number(raw: Any, what: str) -> float:
    """A finite number.  Raises NotKnown."""
    value, why = finite(raw)
    if value is None:
        raise NotKnown(f"{what}: {why}")
    return value


def a_count(raw: Any, what: str) -> int:
    """A whole number that is not negative.  Raises NotKnown."""
    value = a_number(raw, what)
    if value != int(value) or value < 0:
        raise NotKnown(f"{what} is {shown(raw)}, not a number of things")
    return int(value)


def a_list(raw: Any, what: str) -> list[Any]:
    """A list that is not empty.  Raises NotKnown."""
    if not isinstance(raw, (list, tuple)):
        raise NotKnown(f"{what} is {shown(raw)}, not a list")
    if not raw:
        raise NotKnown(f"{what} is empty")
    return list(raw)


Judge = Callable[[CaseFile], tuple[str, str, Mapping[str, Any]]]  # answer, reason, details


def verdict_on(
    question: str, judge: Judge, answers: Iterable[str], evidence: Mapping[str, Observed], now: float, settings: JudgeSettings
) -> Verdict:
    """What a judge says of the evidence; unknown with the reason where it can't, or says a word that is not one of its answers."""
    facts = CaseFile(evidence, now, settings)
    try:
        answer, reason, details = judge(facts)
    except NotKnown as exc:
        return Verdict(question, UNKNOWN_ANSWER, str(exc), tuple(facts.read))
    except _UNFORMED as exc:
        why = f"{facts.read[-1] if facts.read else 'the evidence'} has another form than expected ({type(exc).__name__})"
        return Verdict(question, UNKNOWN_ANSWER, why, tuple(facts.read))
    if answer not in {*answers, UNKNOWN_ANSWER}:
        return Verdict(question, UNKNOWN_ANSWER, f"{shown(answer)} is not an answer to {question}", tuple(facts.read))
    # What could not be read and was done without is not what it rests on.
    return Verdict(question, answer, reason, tuple(name for name in facts.read if name in evidence and evidence[name].known), details)
