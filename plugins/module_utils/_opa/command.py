# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs OPA's own command line: check, test, and evaluation of many inputs in one process.

Policies come from others: each run has a time limit, no environment, and capabilities without the network.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from .._core.errors import SalvageError
from .capabilities import restricted, withheld
from .decide import one_line
from .policy_files import Files, is_reserved, loaded

RULES = ("allow", "allowed", "deny", "violations", "risk_score", "risk_level", "decision")
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
BATCH = 5_000
_WORKERS = 2
# A batch lives for a second: its garbage may wait (a fifth less time, measured).
# Nothing else of the environment is given: a policy can read it, and its credentials are not for policies.
_ENVIRONMENT = ("PATH=/usr/bin:/bin", "HOME=/nonexistent", "GOGC=400")
MAX_FAILURES = 20  # inputs on which a policy breaks that are looked for one by one; the others then count as broken too

RunCommand = Callable[..., tuple[int, bytes, bytes]]  # AnsibleModule.run_command
Case = TypeVar("Case")
Shape = dict[str, Any]


class EvaluationError(Exception):
    """OPA refuses to evaluate: rules that conflict, a type error."""


@dataclass(frozen=True)
class Tested:
    """``coverage`` in percent of the policies' lines, without the tests' own."""

    passed: int = 0
    failed: tuple[str, ...] = ()
    coverage: float | None = None
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, "failed": list(self.failed), "coverage": self.coverage, "problems": list(self.problems)}


class Engine:
    """One OPA binary.  ``rego`` is v1 or v0: the syntax that the running OPA takes.  ``run_command`` is the module's."""

    run_command: RunCommand

    def __init__(self, binary: str = "opa", *, rego: str = "v1", timeout: float = 120.0, run_command: RunCommand | None = None) -> None:
        if run_command is not None:
            self.run_command = run_command
        found = shutil.which(binary)
        if not found:
            raise SalvageError(f"no OPA binary at {binary!r} where the module runs; install opa, or set opa_binary", reason="bad_input")
        self.binary = found
        self.flags = ["--v0-compatible"] if rego == "v0" else []
        self.timeout = timeout

    def run(self, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        """Exit status, stdout, stderr.  Raises SalvageError(timeout)."""
        timers: list[threading.Timer] = []
        late = threading.Event()

        def limit(process: Any) -> None:
            def stop() -> None:
                late.set()
                process.kill()

            timers.append(threading.Timer(self.timeout, stop))
            timers[0].start()

        try:
            status, out, err = self.run_command(
                ["/usr/bin/env", "-i", *_ENVIRONMENT, self.binary, *arguments],
                data=stdin,
                binary_data=True,
                encoding=None,
                expand_user_and_vars=False,
                handle_exceptions=False,
                before_communicate_callback=limit,
            )
        except OSError as exc:
            raise SalvageError(f"{self.binary} can't be run: {exc.strerror}", reason="bad_input") from None
        finally:
            for timer in timers:
                timer.cancel()
        if late.is_set():
            raise SalvageError(f"opa {arguments[0]} did not end within {self.timeout:g} s and was stopped", reason="timeout")
        if status in (126, 127):  # env could not start it
            raise SalvageError(f"{self.binary} can't be run: {err.decode('utf-8', 'replace').strip()}", reason="bad_input")
        return status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    @cached_property
    def _capabilities(self) -> dict[str, Any]:
        """What this OPA says that it can do.  Raises SalvageError(invalid)."""
        for flags in [self.flags, []] if self.flags else [[]]:  # an older OPA does not take the flag here
            status, out, err = self.run("capabilities", "--current", *flags)
            with contextlib.suppress(ValueError, RecursionError, AttributeError):
                document = json.loads(out)
                if not status and isinstance(document.get("builtins"), list):
                    return dict(document)
        raise SalvageError(
            f"'{self.binary} capabilities --current' does not list its functions ({one_line(err) or f'exit status {status}'}), so policies"
            " can't be kept from the network; install opa 1.0 or later",
            reason="invalid",
        )

    @contextlib.contextmanager
    def _sandbox(self, files: Files) -> Iterator[tuple[str, list[str]]]:
        """(the folder of the files, the flags of each run on them)"""
        limits = restricted(self._capabilities)
        with tempfile.TemporaryDirectory(prefix="peace_bonds_") as place:
            folder, capabilities = Path(place, "policies"), Path(place, "capabilities.json")
            capabilities.write_text(json.dumps(limits), encoding="utf-8")
            folder.mkdir()
            for name, text in files.items():
                if "/" in name or name in {"", ".", ".."}:
                    raise SalvageError(f"{name!r} is not a valid policy file name", reason="bad_input")
                (folder / name).write_text(text, encoding="utf-8")
            yield str(folder), ["--capabilities", str(capabilities)]

    def check(self, files: Files) -> list[str]:
        """What ``opa check --strict`` says against the files; nothing if they are right."""
        with self._sandbox(loaded(files)) as (folder, limits):
            problems = self._check(folder, [*limits, *self.flags])
            if problems and not self.flags and not self._check(folder, [*limits, "--v0-compatible"]):
                problems.insert(0, "this is Rego v0, which OPA 1.x refuses; rewrite it with 'opa fmt --rego-v1', or set rego_version")
            return problems

    def _check(self, folder: str, flags: list[str]) -> list[str]:
        status, out, err = self.run("check", "--strict", "--format", "json", *flags, folder)
        return [withheld(text, self._capabilities) for text in _problems(out or err, folder)] if status else []

    def test(self, files: Files, test_files: Files) -> Tested:
        """``opa test`` of the tests against the files."""
        if not test_files:
            return Tested()
        with self._sandbox({**loaded(files), **test_files}) as (folder, limits):
            arguments = ["test", "--format", "json", "--timeout", f"{int(self.timeout)}s", *limits, *self.flags]
            status, out, err = self.run(*arguments, folder)
            try:
                results = json.loads(out)
            except ValueError:
                results = None
            if not isinstance(results, list):
                return Tested(problems=tuple(_problems(out or err, folder) or [f"opa test ended with {status}"]))
            failed = tuple(f"{r.get('package')}.{r.get('name')}" for r in results if r.get("fail") or r.get("error"))
            passed = sum(1 for r in results if not (r.get("fail") or r.get("error") or r.get("skip")))
            _status, out, _err = self.run(*arguments, "--coverage", folder)
            return Tested(passed=passed, failed=failed, coverage=_coverage(out, test_files))

    def evaluate(self, files: Files, package: str, cases: Iterable[Case], document: Callable[[Case], Any]) -> Iterator[tuple[Case, Shape]]:
        """Each case with the package's decision rules that are defined for its document; ``{"error": text}`` where they can't be evaluated.

        Two processes side by side, each with a batch, so memory does not grow with the cases.
        Raises SalvageError(invalid) for a policy that does not compile, timeout.
        """
        source = iter(cases)
        with self._questions(files, package) as question, ThreadPoolExecutor(max_workers=_WORKERS) as pool:
            failures = [0]
            running: deque[tuple[list[Case], Future[list[Shape]]]] = deque()
            while True:
                batch = list(islice(source, BATCH))
                if batch:
                    running.append((batch, pool.submit(self._distinct, question, [_json(document(case)) for case in batch], failures)))
                if running and (not batch or len(running) > _WORKERS):
                    done, results = running.popleft()
                    yield from zip(done, results.result(), strict=True)
                if not batch and not running:
                    return

    @contextlib.contextmanager
    def _questions(self, files: Files, package: str) -> Iterator[list[str]]:
        """The arguments of an evaluation.  The helper is in a folder and a package of its own, with a name that no policy can know."""
        name = f"helper_{secrets.token_hex(8)}"
        text = helper(package, name)
        with self._sandbox(loaded(files)) as (folder, limits), tempfile.TemporaryDirectory(prefix="peace_bonds_") as beside:
            Path(beside, "helper.rego").write_text(text, encoding="utf-8")
            yield ["--data", folder, "--data", beside, *limits, *self.flags, f"data.{name}.results"]

    def _distinct(self, question: list[str], inputs: Sequence[str], failures: list[int]) -> list[Shape]:
        """Traffic repeats itself; a decision does not depend on how often it is asked for."""
        once = list(dict.fromkeys(inputs))
        answers = dict(zip(once, self._batch(question, once, failures), strict=True))
        return [answers[text] for text in inputs]

    def _batch(self, question: list[str], inputs: Sequence[str], failures: list[int]) -> list[Shape]:
        try:
            return self._eval(question, inputs)
        except EvaluationError as exc:
            if len(inputs) == 1 or failures[0] >= MAX_FAILURES:
                failures[0] += 1
                return [{"error": str(exc)}] * len(inputs)
        half = len(inputs) // 2  # one input breaks the whole evaluation: find it
        return self._batch(question, inputs[:half], failures) + self._batch(question, inputs[half:], failures)

    def _eval(self, question: list[str], inputs: Sequence[str]) -> list[Shape]:
        stdin = f'{{"cases": [{",".join(inputs)}]}}'.encode()
        status, out, err = self.run("eval", "--stdin-input", "--format", "json", *question, stdin=stdin)
        try:
            answer = json.loads(out)
        except (ValueError, RecursionError):
            answer = {}
        if status or "errors" in answer:
            errors = answer.get("errors") or [{}]
            text = one_line(errors[0].get("message") or err or f"opa eval ended with {status}")
            if str(errors[0].get("code", "")).startswith("eval_"):
                raise EvaluationError(text)
            text = withheld(text.replace(f"{question[1]}/", ""), self._capabilities)
            raise SalvageError(f"the policy can't be evaluated: {text}", reason="invalid")
        try:
            results = answer["result"][0]["expressions"][0]["value"]
        except (KeyError, IndexError, TypeError):
            results = None
        if not isinstance(results, list) or len(results) != len(inputs):
            raise SalvageError("opa eval did not answer for every input", reason="invalid")
        return results


def _json(document: Any) -> str:
    try:
        return json.dumps(document, sort_keys=True, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return "null"  # what no log can hold decides nothing


def helper(package: str, name: str) -> str:
    """A module that gathers the decision rules of ``package``: each input is evaluated once, whatever is asked of it."""
    parts = package.strip("/").replace(".", "/").split("/")
    if not all(_NAME.match(part) for part in parts):
        raise SalvageError(f"{package!r} is not an OPA package; write it as in euystacio/peace_bonds", reason="bad_input")
    reference = "data." + ".".join(parts)
    rules = "".join(f'shape["{rule}"] := {reference}.{rule}\n' for rule in RULES)
    results = "results := [result | some case in input.cases; result := shape with input as case]"
    return f"package {name}\n\nimport rego.v1\n\n{rules}\n{results}\n"


def _problems(text: str, folder: str) -> list[str]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if not isinstance(errors, list) or not errors:
        return [one_line(text.replace(folder + "/", "")) or "opa gave no reason"]
    found: list[str] = []
    for error in errors[:10]:
        place = error.get("location") or {}
        where = f"{Path(str(place.get('file', ''))).name}:{place.get('row')}: " if place else ""
        found.append(where + one_line(str(error.get("message", "")).replace(folder + "/", "")))
    return found


def _coverage(text: str, test_files: Files) -> float | None:
    try:
        files = json.loads(text)["files"]
    except (ValueError, KeyError, TypeError):
        return None
    covered = total = 0
    for name, entry in files.items():
        if Path(name).name in test_files or is_reserved(Path(name).name):
            continue
        hit = sum(part["end"]["row"] - part["start"]["row"] + 1 for part in entry.get("covered") or [])
        missed = sum(part["end"]["row"] - part["start"]["row"] + 1 for part in entry.get("not_covered") or [])
        covered += hit
        total += hit + missed
    return round(100 * covered / total, 1) if total else None
