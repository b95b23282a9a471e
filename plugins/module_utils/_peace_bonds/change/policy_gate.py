# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a candidate before it is published: check, tests, fixtures, a replay of logged decisions, and what its restrictions deny."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..._core.errors import SalvageError
from ..._core.options import option
from ..._opa.command import Engine, Tested
from ..._opa.decision_log import PROVIDER_FIELDS, read_records
from ..._opa.log_lines import Reading
from ..._opa.log_sources import Source
from ..._opa.model import ALLOWED, Decision
from ..._opa.policy_files import Files, tests
from .fixtures import Fixture
from .replay import Case, Gates, Replay, after, case_of
from .restrict import must_deny

_BASES = 3  # inputs of the log on which restrictions are proven
_NAMED = 5  # restrictions without effect that are named


@dataclass
class PolicyCheck:
    """``refusals`` is empty for a candidate that may bind.  ``bases`` are inputs that it allows."""

    problems: list[str] = field(default_factory=list)
    tested: Tested = field(default_factory=Tested)
    fixtures: list[dict[str, Any]] = field(default_factory=list)
    replay: Replay | None = None
    readings: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    bases: list[Mapping[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {
            "accepted": not self.refusals,
            "refusals": self.refusals,
            "check": self.problems,
            "tests": self.tested.to_dict(),
            "fixtures": self.fixtures,
            "replay": self.replay.to_dict() if self.replay else None,
            "sources": self.readings,
        }


@dataclass(frozen=True)
class Rules(Gates):
    """What a candidate must satisfy."""

    package: str = option("euystacio/peace_bonds")
    min_coverage: float = option(0.0)
    provider_fields: tuple[str, ...] = option(PROVIDER_FIELDS)


def examine_policy(
    engine: Engine,
    files: Files,
    test_files: Files,
    fixtures: Sequence[Fixture],
    sources: Sequence[Source],
    rules: Rules,
    *,
    compare_with: Files | None = None,
) -> PolicyCheck:
    """Everything that can be found out without changing anything.

    ``compare_with``: the decisions of these policies count as 'before', instead of those that the log recorded.  Raises SalvageError.
    """
    verdict = PolicyCheck(problems=engine.check(files))
    if verdict.problems:  # nothing further can be said of it
        verdict.refusals.append(f"opa check refuses it: {verdict.problems[0]}")
        return verdict
    verdict.tested = engine.test(files, test_files or tests(files))
    tested = verdict.tested
    if tested.failed or tested.problems:
        verdict.refusals.append(f"opa test: {', '.join((*tested.problems, *tested.failed)[:5])}")
    if rules.min_coverage and (tested.coverage or 0.0) < rules.min_coverage:
        verdict.refusals.append(f"its tests cover {tested.coverage or 0:g} %, min_coverage is {rules.min_coverage:g} %")
    _fixtures(engine, files, fixtures, rules, verdict)
    _replay(engine, files, sources, rules, compare_with, verdict)
    verdict.refusals += unproven_restrictions(engine, files, verdict.bases, rules)
    return verdict


def unproven_restrictions(engine: Engine, files: Files, bases: Sequence[Mapping[str, Any]], rules: Rules) -> list[str]:
    """The restrictions in the files that the files do not deny.  Raises SalvageError."""
    proofs = must_deny(files, bases, time.time())
    answers = engine.evaluate(files, rules.package, proofs, lambda proof: proof.input)
    return [problem for proof, shape in answers if (problem := proof.problem(after(shape), "would be {}"))][:_NAMED]


def _fixtures(engine: Engine, files: Files, fixtures: Sequence[Fixture], rules: Rules, verdict: PolicyCheck) -> None:
    for fixture, shape in engine.evaluate(files, rules.package, fixtures, lambda fixture: fixture.input):
        decision = after(shape)
        problem = fixture.problem(decision, "would be {}")
        verdict.fixtures.append({"name": fixture.name, "expected": fixture.allow, "passed": not problem, **decision.to_dict()})
        if problem:
            verdict.refusals.append(problem)
        elif fixture.allow:
            verdict.bases.append(fixture.input)


def _replay(
    engine: Engine, files: Files, sources: Sequence[Source], rules: Rules, compare_with: Files | None, verdict: PolicyCheck
) -> None:
    replay = verdict.replay = Replay()
    cases = _cases(sources, rules, replay, verdict.readings)
    if compare_with is None:
        for case, shape in engine.evaluate(files, rules.package, cases, _document):
            _count(verdict, replay, case, after(shape))
    else:
        with_before = engine.evaluate(compare_with, rules.package, cases, _document)
        for (case, old), shape in engine.evaluate(files, rules.package, with_before, lambda pair: pair[0].document):
            _count(verdict, replay, case, after(shape), after(old))
    verdict.refusals += replay.refusals(rules)
    for reading in verdict.readings:
        if reading["problems"] or reading["broken"] or reading["too_long"]:
            what = reading["problems"][0] if reading["problems"] else "it holds damaged records"
            verdict.refusals.append(f"the decision log {reading['source']} is not whole: {what}")


def _count(verdict: PolicyCheck, replay: Replay, case: Case, decision: Decision, before: Decision | None = None) -> None:
    replay.add(case, decision, before)
    if decision.status == ALLOWED and len(verdict.bases) < _BASES and isinstance(case.document, dict):
        verdict.bases.append(case.document)


def _document(case: Case) -> Any:
    return case.document


def _cases(sources: Sequence[Source], rules: Rules, replay: Replay, readings: list[dict[str, Any]]) -> Iterator[Case]:
    for name, open_source in sources:
        reading = Reading()
        try:
            for record in read_records(open_source(), reading):
                case = case_of(record, rules.package, rules.provider_fields)
                if isinstance(case, Case):
                    yield case
                elif case == "hidden":
                    replay.not_replayable += 1
        except SalvageError as exc:
            reading.problems.append(str(exc))
        readings.append({"source": name, **reading.to_dict()})


def read_policy_folder(folder: str) -> dict[str, str]:
    """The policy files of a folder, not of those below it.  Raises SalvageError(bad_input)."""
    found: dict[str, str] = {}
    try:
        for path in sorted(Path(folder).iterdir()):
            if path.suffix in {".rego", ".json", ".yaml", ".yml"} and path.is_file() and not path.name.startswith("."):
                found[path.name] = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SalvageError(f"the policy files in {folder} can't be read: {exc}", reason="bad_input") from None
    return found
