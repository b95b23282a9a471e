# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that one run at a time works in."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import SalvageError


@contextmanager
def alone(folder: str | os.PathLike[str], busy: str) -> Iterator[None]:
    """Until its end, or the end of a process that is killed.  Raises SalvageError(conflict) with ``busy``, and OSError of the folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SalvageError(busy, reason="conflict") from None
        yield
    finally:
        os.close(handle)


@contextmanager
def in_turn(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Waits until the others have ended.  Raises OSError of the folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
