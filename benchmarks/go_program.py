# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of others that are measured beside ours, built from their Go modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def go_program(name: str, folder: Path, package: str = ".") -> str:
    """The program, in the lab's cache; the Go that builds the lab builds it the first time, from the module in ``folder``."""
    sys.path.append(str(CHECKOUT))
    from lab import build, common, versions  # noqa: PLC0415

    program = common.CACHE / name
    if not program.exists():
        env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
        go = build.find_go(versions.load().go, common.Progress())
        subprocess.run([go, "build", "-mod=readonly", "-o", program, package], cwd=folder, env=env, check=True)
    return str(program)
