# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as files on the controller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._core.errors import SalvageError
from .._core.files import make_private, write_whole


def report_path(folder: Path, host: str) -> Path:
    """The file of a cluster's newest report. Two names of the inventory never share a file."""
    name = quote(host, safe="@+=, ")
    return folder / f"{'%2E' + name[1:] if name.startswith('.') else name}.json"


def load_report(path: Path) -> dict[str, Any] | None:
    """The report in a file, None if there is no such file.  Raises SalvageError(bad_input)."""
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as exc:
        raise SalvageError(f"{path} is not a report of an earlier run and is ignored: {exc}", reason="bad_input") from None
    if not isinstance(data, dict):
        raise SalvageError(f"{path} is not a report of an earlier run and is ignored", reason="bad_input")
    return data


def write_report(path: Path, text: str) -> None:
    """Replace a file in one step.  Raises SalvageError(bad_input)."""
    try:
        make_private(path.parent)
        write_whole(path, text.encode(errors="replace"))
    except OSError as exc:
        sentence = f"the report cannot be written to {path}: {exc.strerror or exc}; choose another folder"
        raise SalvageError(sentence, reason="bad_input") from None
