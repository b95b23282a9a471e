# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's `pip install -r requirements.txt`, in an empty environment, with the oldest supported pip and the newest.

pip's resolver can try hundreds of releases when two packages disagree about a third, so the installation has a time limit.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .env import CHECKOUT, EnvError, Python, newest_python, oldest_python

LIMIT = 60.0  # seconds for one installation
OLDEST_PIP = "23.2"
ANSIBLE = frozenset({"ansible", "ansible_collections", "__main__"})
S3_ONLY = frozenset({"boto3", "botocore"})


@dataclass(frozen=True)
class Case:
    """One empty environment: the interpreter, its pip ("" for the newest), and the file to install."""

    python: Python
    pip: str
    requirements: str

    @property
    def name(self) -> str:
        return f"{self.requirements.removesuffix('.txt')}-pip{self.pip or '-newest'}-python{self.python.name}"


def cases() -> list[Case]:
    """The oldest pip on the oldest interpreter at hand, the newest on the newest, each with both files."""
    found = [(oldest_python(), OLDEST_PIP), (newest_python(), "")]
    return [Case(python, pip, file) for python, pip in found if python for file in ("requirements.txt", "requirements-s3.txt")]


def third_party(source: str) -> set[str]:
    """The top-level packages that a Python source imports, without the standard library and Ansible."""
    return {
        name
        for node in ast.walk(ast.parse(source))
        for name in _imported(node)
        if name not in sys.stdlib_module_names and name not in ANSIBLE
    }


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]


def needed(files: Iterable[Path], requirements: str) -> list[str]:
    """What must be importable once ``requirements`` is installed."""
    names = {name for path in files for name in third_party(path.read_text(encoding="utf-8"))}
    return sorted(names if "s3" in requirements else names - S3_ONLY)


def install(case: Case, folder: Path, limit: float = LIMIT) -> float:
    """Install into an empty environment and import everything that plugins need; returns the seconds of the installation.

    Raises EnvError if pip fails or takes longer than ``limit``, or if a package is missing afterwards.
    """
    shutil.rmtree(folder, ignore_errors=True)
    _do([case.python.path, "-m", "venv", str(folder)], f"make a virtual environment with Python {case.python.name}", 120)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
    _do(
        [*pip, "install", "--upgrade", f"pip=={case.pip}" if case.pip else "pip"], f"install pip {case.pip or 'of the newest release'}", 120
    )
    start = time.monotonic()
    _do([*pip, "install", "-r", str(CHECKOUT / case.requirements)], f"install {case.requirements} with pip {case.pip or '(newest)'}", limit)
    seconds = time.monotonic() - start
    modules = ", ".join(needed((CHECKOUT / "plugins").rglob("*.py"), case.requirements))
    _do([python, "-c", f"import {modules}"], f"import what plugins need ({modules}) after installing {case.requirements}", 120)
    return seconds


def _do(command: list[str], what: str, limit: float) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise EnvError(f"Could not {what} within {limit:.0f} s; look for packages that disagree about a dependency.") from None
    if done.returncode:
        raise EnvError(f"Could not {what}: {' / '.join((done.stderr or done.stdout).strip().splitlines()[-3:])}")
