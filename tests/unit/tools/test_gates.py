# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gates count, and that nothing which failed looks as if it had passed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools import env, gates


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[gates.Run], None]], None]:
    monkeypatch.setattr(gates, "environment", lambda python=None: {"PATH": "/usr/bin:/bin"})

    def only(work: Callable[[gates.Run], None]) -> None:
        monkeypatch.setattr(gates, "GATES", {"only": work})

    return only


def last_line(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().out.splitlines()[-1]


def test_a_failed_step_hides_no_later_one(gate, capfd: pytest.CaptureFixture[str]) -> None:
    def work(run: gates.Run) -> None:
        run.command("first", "false")
        run.command("second", "true")

    gate(work)
    assert gates.main([]) == 1
    assert last_line(capfd) == "1 passed, 1 failed"


def test_a_gate_that_ran_nothing_is_not_a_pass(gate, capfd: pytest.CaptureFixture[str]) -> None:
    gate(lambda run: None)
    assert gates.main([]) == 1
    assert last_line(capfd) == "0 passed, 0 failed"


def test_a_missing_program_is_a_failed_step_with_a_sentence(gate, capfd: pytest.CaptureFixture[str]) -> None:
    gate(lambda run: run.command("one", "no-such-program") and None)
    assert gates.main([]) == 1
    assert "no command 'no-such-program'" in capfd.readouterr().out


def test_a_lab_that_does_not_come_up_fails_once(gate, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("KUBECONFIG_LAB", raising=False)
    monkeypatch.setattr(gates, "execute", lambda *command, **options: 1 if "up" in command else 0)

    def work(run: gates.Run) -> None:
        run.kubeconfig = None
        gates.integration(run)
        gates.molecule(run)

    gate(work)
    assert gates.main([]) == 1
    assert last_line(capfd) == "1 passed, 1 failed"  # it is taken down all the same


@pytest.mark.parametrize(
    ("report", "status", "expected"),
    [
        ('<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1"/></testsuites>', 1, (2, 2, 1)),
        ('<testsuites><testsuite tests="5" failures="0" errors="0" skipped="0"/></testsuites>', 0, (5, 0, 0)),
        ('<testsuites><testsuite tests="5" failures="0" errors="0" skipped="0"/></testsuites>', 1, (5, 1, 0)),
        (None, 2, (0, 1, 0)),
    ],
    ids=["counts", "all-passed", "coverage-below-the-floor", "no-report"],
)
def test_every_test_of_a_pytest_run_counts(
    report: str | None, status: int, expected: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def execute(*command: str, **options: object) -> int:
        if report:
            Path(command[1].removeprefix("--junitxml=")).write_text(report)
        return status

    monkeypatch.setattr(gates, "execute", execute)
    step = gates.Run(tmp_path).pytest("unit", "tests/unit")
    assert (step.passed, step.failed, step.skipped) == expected


def test_what_failed_is_shown_again_at_the_end(gate, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    report = """<testsuites><testsuite tests="2" failures="1" errors="1">
      <testcase classname="tests.a" name="test_b"><failure message="m">first\nE   assert 1 == 2</failure></testcase>
      <testcase classname="tests.a" name="test_c"><error message="no fixture"/></testcase></testsuite></testsuites>"""

    def execute(*command: str, **options: object) -> int:
        Path(command[1].removeprefix("--junitxml=")).write_text(report)
        return 1

    monkeypatch.setattr(gates, "execute", execute)
    gate(lambda run: run.pytest("unit", "tests/unit") and None)
    assert gates.main([]) == 1
    said = capfd.readouterr().out
    assert "Failed in unit: tests.a::test_b" in said and "E   assert 1 == 2" in said
    assert "tests.a::test_c" in said and "no fixture" in said


def test_every_integration_test_runs_once_or_with_make_soak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs: list[tuple[str, ...]] = []
    monkeypatch.setattr(gates, "execute", lambda *command, **options: runs.append(command) or 0)
    gates.integration(gates.Run(tmp_path, kubeconfig="here"))
    named = [Path(word).name for command in runs for word in command if word.endswith(".py")]
    soak = {f"{name}.py" for name in gates.SOAK_ONLY}
    assert sorted([*named, *soak]) == sorted(path.name for path in (env.CHECKOUT / "tests" / "integration").glob("test_*.py"))
    assert {f"{name}.py" for name in gates.SIDE_BY_SIDE} <= set(named)
    assert {path.parent.name for path in (env.CHECKOUT / "extensions" / "molecule").glob("*/molecule.yml")} > gates.ALONE


def test_an_unknown_gate_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert gates.main(["nonsense"]) == 2
    assert "no gate nonsense" in capfd.readouterr().err


def test_interpreters_come_newest_first_one_of_each_version() -> None:
    versions = list(env.pythons())
    assert versions == sorted(set(versions), reverse=True)
    assert env.newest_python() == env.pythons()[versions[0]]
    assert env.newest_python((4, 0), (4, 1)) is None


def test_the_slowest_tests_are_shown_before_the_steps(gate, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    cases = "".join(f'<testcase classname="tests.a" name="test_{n}" time="{n}.5"/>' for n in range(12))

    def execute(*command: str, **options: object) -> int:
        Path(command[1].removeprefix("--junitxml=")).write_text(f'<testsuites><testsuite tests="12">{cases}</testsuite></testsuites>')
        return 0

    monkeypatch.setattr(gates, "execute", execute)
    gate(lambda run: run.pytest("unit", "tests/unit") and None)
    assert gates.main([]) == 0
    said = capfd.readouterr().out.splitlines()
    shown = said[said.index(next(line for line in said if line.startswith("Slowest tests"))) + 1 :][:10]
    assert [line.split()[-1] for line in shown] == [f"tests.a::test_{n}" for n in range(11, 1, -1)]
    assert said[-1] == "12 passed, 0 failed"


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(gates, "GATES", {name: lambda run, name=name: seen.append(name) for name in gates.GATES})

    @contextmanager
    def beside(run: gates.Run, names: list[str], niceness: int) -> Iterator[None]:
        seen.append(f"({' '.join(names)}")
        yield
        seen.append(f"{' '.join(names)})")

    monkeypatch.setattr(gates, "beside", beside)
    return seen


def test_all_gates_run_once_side_by_side_where_that_saves_time(order: list[str], tmp_path: Path) -> None:
    gates.in_order(gates.Run(tmp_path), list(gates.GATES))
    assert order == [
        *("(install", "lint", "install)", "unit"),
        *("(oldest sanity", "lab", "artifact", "integration", "molecule", "oldest sanity)"),
    ]


@pytest.mark.parametrize("name", sorted(gates.GATES))
def test_a_gate_by_itself_runs_in_the_foreground(name: str, order: list[str], tmp_path: Path) -> None:
    gates.in_order(gates.Run(tmp_path), [name])
    assert order == [name]


def test_steps_of_the_background_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    started: list[list[str]] = []

    def start(command: list[str], **options: Any) -> Any:
        started.append(command)
        report = next(Path(word.removeprefix("--report=")) for word in command if word.startswith("--report="))
        report.write_text(json.dumps([asdict(gates.Step("sanity/one", passed=3, failed=1, failures=["a: b"], tests=[(1.0, "t")]))]))
        options["stdout"].write(b"its output\n")
        return SimpleNamespace(wait=lambda: 1, terminate=lambda: None, returncode=1)

    monkeypatch.setattr(gates.subprocess, "Popen", start)
    run = gates.Run(tmp_path)
    with gates.beside(run, ["sanity"], 19):
        assert run.steps == []
    assert started[0][:3] == ["nice", "-n", "19"]
    assert started[0][-1] == "sanity"
    assert "its output" in capfd.readouterr().out
    assert gates.summary(run.steps) == (3, 1, 0)


def test_a_background_without_a_result_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = SimpleNamespace(wait=lambda: -9, terminate=lambda: None, returncode=-9)
    monkeypatch.setattr(gates.subprocess, "Popen", lambda command, **options: gone)
    run = gates.Run(tmp_path)
    with gates.beside(run, ["sanity"], 19):
        pass
    assert [(step.failed, step.note) for step in run.steps] == [(1, "(it ended with status -9 and without a result)")]


def test_a_report_has_every_step(gate, tmp_path: Path) -> None:
    gate(lambda run: run.command("one", "false") and None)
    assert gates.main([f"--report={tmp_path / 'report'}"]) == 1
    assert [(step["name"], step["failed"]) for step in json.loads((tmp_path / "report").read_text())] == [("one", 1)]
