# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gates count, and that nothing which failed looks as if it had passed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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


def test_what_failed_is_told_again_at_the_end(gate, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
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


def test_an_unknown_gate_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert gates.main(["nonsense"]) == 2
    assert "no gate nonsense" in capfd.readouterr().err


def test_interpreters_come_newest_first_one_of_each_version() -> None:
    versions = list(env.pythons())
    assert versions == sorted(set(versions), reverse=True)
    assert env.newest_python() == env.pythons()[versions[0]]
    assert env.newest_python((4, 0), (4, 1)) is None
