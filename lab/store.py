# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image stores in the cache: containerd's folder as it is after all imports, so that a cluster starts with its images in place.

A cluster gets a copy by hard links, made in a fraction of a second. That is safe because containerd writes blobs and unpacked layers once
and never again, and containers write to layers of their own; only its databases change, and those are copied.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from .common import CACHE

STORES = CACHE / "containerd"


def folder_of(containerd: str, references: Iterable[str]) -> Path:
    return STORES / hashlib.sha256("\n".join([containerd, *sorted(references)]).encode()).hexdigest()[:16]


def link(source: Path, target: Path) -> None:
    """Copies a store; on another file system than the cache's by copying the files."""

    def one(file: str, to: str) -> None:
        if not file.endswith(".db"):
            with contextlib.suppress(OSError):
                os.link(file, to, follow_symlinks=False)
                return
        shutil.copy2(file, to, follow_symlinks=False)

    shutil.copytree(source, target, symlinks=True, copy_function=one, dirs_exist_ok=True)


@contextlib.contextmanager
def being_made(golden: Path) -> Iterator[Path]:
    """A folder to make a store in, from the newest one there is; complete, it gets its name and the others go.

    Clusters that were started from those keep their files: each has its own links to them.
    """
    STORES.mkdir(parents=True, exist_ok=True)
    for rest in STORES.glob(".making-*"):
        shutil.rmtree(rest)
    work = STORES / f".making-{golden.name}"
    others = sorted((path for path in STORES.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    if others:
        link(others[-1], work)
    work.mkdir(exist_ok=True)
    yield work
    work.rename(golden)
    for other in others:
        shutil.rmtree(other)
