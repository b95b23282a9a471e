# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of long work: a line of JSON for each step, with ``says`` for people; and how such a file is followed."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import SalvageError
from .files import append, plain_file
from .redact import outgoing

PROGRESS_ARGUMENTS: dict[str, Any] = {"progress": {"type": "bool", "default": True}, "progress_path": {"type": "path"}}
Tell = Callable[[Mapping[str, Any]], None]
_LOOK = 0.2  # seconds between two looks at a file that grows


def silent(step: Mapping[str, Any]) -> None:
    """Where nobody listens."""


def teller(path: str | None) -> Tell:
    """Adds lines to the file.  Raises SalvageError(bad_input) if it can't be written at all."""
    if not path:
        return silent
    where = Path(path)
    try:
        append(where, "")
    except OSError as exc:
        raise SalvageError(f"progress_path can't be written: {where}: {exc.strerror or exc}; set another", reason="bad_input") from None

    def tell(step: Mapping[str, Any]) -> None:
        # A report that fails must not end the work.
        with contextlib.suppress(OSError):
            append(where, json.dumps(outgoing(step)) + "\n")

    return tell


def lines(path: Path, ended: threading.Event, start: int = 0) -> Iterator[bytes]:
    """Each line as it comes, until the writer has ended and all are read; the file may come later than this."""
    at, rest, last = start, b"", False
    while not last:
        last = ended.wait(_LOOK)
        try:
            with os.fdopen(plain_file(path, os.O_RDONLY), "rb") as file:
                file.seek(at)
                new = file.read()
        except OSError:
            continue
        at += len(new)
        *whole, rest = (rest + new).split(b"\n")
        yield from whole
    if rest:
        yield rest
