# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder for a plan, which has secrets: of one run at a time, for its user alone, and nothing in it goes that was not made here."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .._core.errors import SalvageError
from .._core.files import make_private, write_whole
from .._core.lock import alone

_MARK = ".meta-salvage-terraform"  # in a folder that this module uses
_FOUND = b"found\n"  # in the mark of a folder that the module did not make, and so leaves
_OURS = ("plan", "backend.hcl", "init.log", "plan.log", "apply.log")


def work_folder(text: str, root: str) -> Path:
    """The folder for the plan.  Raises SalvageError(bad_input) for a path that cannot be a folder of the module's own."""
    try:
        work, of_root, others = Path(text).resolve(), Path(root).resolve(), (Path.cwd(), Path.home())
    except (OSError, RuntimeError, ValueError):
        raise SalvageError(f"work_dir: {text!r} or root: {root!r} is not a path; set another one", reason="bad_input") from None
    if not text.strip() or any(work in {other, *other.parents} for other in (of_root, *others)):
        raise SalvageError(f"work_dir: {text!r} is not a folder of the plan's own; set a path that does not exist yet", reason="bad_input")
    return work


@contextmanager
def own_folder(work: Path) -> Iterator[None]:
    """The folder, new or empty, until the block ends.  What a killed run left is removed.  Raises SalvageError(bad_input, conflict)."""
    with ExitStack() as held:
        try:
            found = work.exists()
            make_private(work)
            held.enter_context(alone(work, f"another run uses {work} for its plan; set another work_dir, or wait for its end"))
            found = _empty(work, found=found)
            held.callback(_leave, work, found=found)
            write_whole(work / _MARK, _FOUND if found else b"")
        except OSError as exc:
            raise SalvageError(f"{work}: {exc.strerror or exc}; set a work_dir that can be created", reason="bad_input") from None
        yield


def _empty(work: Path, *, found: bool) -> bool:
    """Removes what a killed run left; whether the folder is the user's.  Raises OSError, SalvageError(bad_input)."""
    if work.lstat().st_uid != os.geteuid() or not stat.S_ISDIR(work.lstat().st_mode):
        raise SalvageError(f"work_dir: {work} is not a folder of this user; set another path", reason="bad_input")
    names, mark = {path.name for path in work.iterdir()}, work / _MARK
    marked = _MARK in names and stat.S_ISREG(mark.lstat().st_mode) and mark.lstat().st_uid == os.geteuid()
    if names and not (marked and names <= {_MARK, *_OURS}):
        raise SalvageError(f"work_dir: {work} is not empty and was not made by this module; set another path", reason="bad_input")
    work.chmod(0o700)
    if marked:
        found = mark.read_bytes() == _FOUND
        _clear(work)
    return found


def _leave(work: Path, *, found: bool) -> None:
    with contextlib.suppress(OSError):
        _clear(work)
        if not found:
            work.rmdir()


def _clear(work: Path) -> None:
    for name in (*_OURS, _MARK):
        (work / name).unlink(missing_ok=True)
