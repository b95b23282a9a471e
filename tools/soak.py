# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The integration tests that repeat something, at the full size of the figures in docs/benchmarks.md.

In the usual run these tests repeat a few times.  A variable of the environment sets how often; `make soak` sets them all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

FULL_SIZE = {
    "AWX_JOBS": "all",
    "BACKUP_CUTS": "1000",
    "BACKUP_KILLS": "50",
    "BACKUP_WRITERS": "3",
    "DASHBOARDS_KILLS": "20",
    "DASHBOARDS_RACES": "100",
    "DELIVERY_DEPLOY_KILLS": "20",
    "DELIVERY_KILLS": "50",
    "DELIVERY_RACES": "500",
    "DELIVERY_REQUESTS": "100000",
    "DELIVERY_SWITCHES": "100",
    "EVENTS_KILLS": "50",
    "EVENTS_RUNNER_KILLS": "50",
    "EVENTS_STORM": "500",
    "FLEET_HOSTS": "47",
    "GAME_DAYS": "all",
    "INCIDENT_KILLS": "50",
    "MANIFESTS_KILLS": "50",
    "MANIFESTS_SETS": "100",
    "MONITORING_BAD_CHANGES": "4",
    "MONITORING_KILLS": "20",
    "RESPONSE_KILLS": "50",
    "RESPONSE_RACES": "200",
    "RESTORE_FLIPS": "10",
    "RESTORE_KILLS": "50",
    "RESTORE_OBJECTS": "100000",
    "RESTORE_STUMBLES": "15",
}
# Inputs for each parser of what comes from outside; these tests need no lab.
FOREIGN_INPUT = (
    "tests/unit/plugins/test_foreign_input.py",
    "tests/unit/plugins/module_utils/_peace_bonds/review/test_providers.py::test_broken_answers_and_records_never_allow",
)
FOREIGN_SIZE = {"FUZZ_INPUTS": "100000", "FUZZ_ANSWERS": "100000"}


def variables(source: str) -> dict[str, str]:
    """The constants of a test file that a variable of the environment sets: constant to variable."""
    return {
        target.id: variable
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
        for variable in _read(node.value)
    }


def _read(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "os.environ.get" and isinstance(call.args[0], ast.Constant):
            yield str(call.args[0].value)


def tests(folder: Path) -> list[str]:
    """The tests that repeat by such a constant, as pytest names them."""
    return [
        f"{path.relative_to(folder.parents[1])}::{node.name}"
        for path in sorted(folder.glob("test_*.py"))
        for text in [path.read_text(encoding="utf-8")]
        for constants in [{name for name, variable in variables(text).items() if variable in FULL_SIZE}]
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if any(isinstance(name, ast.Name) and name.id in constants for name in ast.walk(node))
    ]
