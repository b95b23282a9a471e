# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are whole or not there, whatever kills the run; and the folder for what a run must remember."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path, *, create_only: bool = False) -> Iterator[BinaryIO]:
    """A stream to a new file of this user alone beside ``path``; it replaces ``path`` when the block ends without an exception.

    The file is on the disk before it gets its name.  With ``create_only`` a file that exists stays: FileExistsError.  Raises OSError,
    also if ``path`` is a symlink, a device or anything else that is not a file.
    """
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise _not_plain(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if create_only:
            os.link(temporary, path)
        else:
            os.replace(temporary, path)  # noqa: PTH105 - the pair of os.link
        sync_folder(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_whole(path: Path, data: bytes, *, create_only: bool = False) -> None:
    """``data`` as the file ``path``.  Raises OSError; FileExistsError with ``create_only``."""
    with whole_file(path, create_only=create_only) as stream:
        stream.write(data)


def plain_file(path: Path, flags: int) -> int:
    """A handle of a file that is this user's and no symlink, device, pipe or second name of another; made for this user alone.

    ``flags`` are those of os.open.  Raises OSError.
    """
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _not_plain(path) if exc.errno == errno.ELOOP else exc from None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
        os.close(handle)
        raise _not_plain(path)
    return handle


def append(path: Path, text: str) -> None:
    """Adds to a file that is for this user alone.  Raises OSError, as ``plain_file``."""
    with os.fdopen(plain_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(text)


def make_private(folder: Path) -> None:
    """Makes the folder, and those above it that are missing, for this user alone; what exists stays as it is.  Raises OSError."""
    for missing in [*reversed(folder.parents), folder]:
        if not missing.exists():
            missing.mkdir(mode=0o700, exist_ok=True)


def _not_plain(path: Path) -> OSError:
    return OSError(errno.EPERM, "it is not a file of this user's own", str(path))


def sync_folder(folder: Path) -> None:
    """Makes new names in the folder survive a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def state_folder() -> Path:
    """Where runs keep what outlives them: $XDG_STATE_HOME/meta-salvage, by default ~/.local/state/meta-salvage.

    In a job of AWX, where the home may be read-only, it is the folder of the job, which ends with the job.
    """
    base = os.environ.get("XDG_STATE_HOME") or os.environ.get("AWX_ISOLATED_DATA_DIR")
    return (Path(base) if base else Path.home() / ".local" / "state") / "meta-salvage"
