# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are whole or not there, whatever kills the run; and the folder for what a run must remember."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path, *, mode: int = 0o600, create_only: bool = False) -> Iterator[BinaryIO]:
    """A stream to a new file beside ``path``, which takes the place of ``path`` when the block ends without an exception.

    The file is on the disk before it gets its name.  With ``create_only`` a file that exists stays: FileExistsError.  Raises OSError.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        if create_only:
            os.link(temporary, path)
        else:
            os.replace(temporary, path)  # noqa: PTH105 - the pair of os.link
        sync_folder(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_whole(path: Path, data: bytes, *, mode: int = 0o600, create_only: bool = False) -> None:
    """``data`` as the file ``path``.  Raises OSError; FileExistsError with ``create_only``."""
    with whole_file(path, mode=mode, create_only=create_only) as stream:
        stream.write(data)


def sync_folder(folder: Path) -> None:
    """Makes new names in the folder survive a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def state_folder() -> Path:
    """Where runs keep what outlives them: $XDG_STATE_HOME/meta-salvage, by default ~/.local/state/meta-salvage."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "meta-salvage"
