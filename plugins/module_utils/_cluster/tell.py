# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long work tells how far it is: a line of JSON for each step, whose ``says`` is for people."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import SalvageError

PROGRESS_ARGUMENTS: dict[str, Any] = {"progress": {"type": "bool", "default": True}, "progress_path": {"type": "path"}}
Tell = Callable[[Mapping[str, Any]], None]


def silent(step: Mapping[str, Any]) -> None:
    """Where nobody listens."""


def teller(path: str | None) -> Tell:
    """Adds lines to the file.  Raises SalvageError(bad_input) if it can't be written at all."""
    if not path:
        return silent
    where = Path(path)
    try:
        where.open("a", encoding="utf-8").close()
    except OSError as exc:
        raise SalvageError(f"progress_path can't be written: {exc}", reason="bad_input") from None

    def tell(step: Mapping[str, Any]) -> None:
        # What can't be told must not end the work.
        with contextlib.suppress(OSError), where.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(step) + "\n")

    return tell
