# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as files on the controller: whole or not at all, whatever kills the run."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._core.errors import SalvageError


def report_path(folder: Path, host: str) -> Path:
    """Where the newest report of a cluster is; two names of the inventory never share a file."""
    name = quote(host, safe="@+=, ")
    return folder / f"{'%2E' + name[1:] if name.startswith('.') else name}.json"


def load(path: Path) -> dict[str, Any] | None:
    """The report in a file, None if there is no such file.  Raises SalvageError(bad_input)."""
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as exc:
        raise SalvageError(f"{path} is no report of an earlier run, and counts as none: {exc}", reason="bad_input") from None
    if not isinstance(data, dict):
        raise SalvageError(f"{path} is no report of an earlier run, and counts as none", reason="bad_input")
    return data


def write(path: Path, text: str) -> None:
    """Replace a file in one step; a reader sees the old text or the new.  Raises SalvageError(bad_input)."""
    scratch = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            os.fchmod(descriptor, 0o644)  # no secret is in a report, and those who look at it are others
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(scratch).replace(path)
    except OSError as exc:
        if scratch:
            Path(scratch).unlink(missing_ok=True)
        sentence = f"the report cannot be written to {path}: {exc.strerror or exc}; choose another folder"
        raise SalvageError(sentence, reason="bad_input") from None
