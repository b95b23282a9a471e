# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests `make soak` repeats, and how often."""

from __future__ import annotations

from pathlib import Path

from tools import env, soak

INTEGRATION = env.CHECKOUT / "tests" / "integration"
OTHERS = {"KUBECONFIG_LAB", "DELIVERY_DEPLOY_SEED", "MANIFESTS_SEED"}


def test_every_size_that_a_test_reads_has_a_full_size() -> None:
    read = {name for path in INTEGRATION.glob("test_*.py") for name in soak.variables(path.read_text()).values()}
    assert read - OTHERS == set(soak.FULL_SIZE)


def test_the_fuzz_targets_read_their_size_too() -> None:
    sources = [(env.CHECKOUT / name.partition("::")[0]).read_text() for name in soak.FOREIGN_INPUT]
    assert {variable for source in sources for variable in soak.variables(source).values()} == set(soak.FOREIGN_SIZE)


def test_tests_that_repeat_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "integration"
    folder.mkdir(parents=True)
    (folder / "test_a.py").write_text(
        'import os\nKILLS = int(os.environ.get("BACKUP_KILLS", "5"))\nSEED = os.environ.get("SEED", "1")\n'
        "def test_repeats():\n    for _ in range(KILLS):\n        pass\n"
        "def test_once():\n    assert SEED\n"
        "def helper():\n    return KILLS\n"
    )
    assert soak.tests(folder) == ["tests/integration/test_a.py::test_repeats"]


def test_each_variable_repeats_some_test() -> None:
    files = {path.rpartition("::")[0] for path in soak.tests(INTEGRATION)}
    assert len(files) >= len({name.split("_")[0] for name in soak.FULL_SIZE})
    assert len(soak.tests(INTEGRATION)) >= 8


def test_the_benchmarks_name_make_soak() -> None:
    text = (env.CHECKOUT / "docs" / "benchmarks.md").read_text()
    assert text.count("`make soak`") == text.count("at full size") == 3
