# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of the test command's log, which may be all that is kept of it, says what failed and why."""

from __future__ import annotations

import pytest

from tools.gates import Step, summary


def test_the_end_names_each_failed_test_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    failure = "\n    ".join(
        ["tests.test_a::test_b", "def test_b():", ">       assert 1 == 2", "E       assert 1 == 2", *["log line"] * 100]
    )
    assert summary([Step("unit", passed=3, failed=1, failures=[failure])], 120) == (3, 1, 0)
    *_, time, test, reason, count = capsys.readouterr().out.splitlines()
    assert time == "All of it took 2 minutes."
    assert test == "Failed in unit: tests.test_a::test_b"
    assert reason.strip() == "assert 1 == 2"
    assert count == "3 passed, 1 failed"
