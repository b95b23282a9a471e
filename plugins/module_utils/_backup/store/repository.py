# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store that the option ``repository`` names."""

from __future__ import annotations

from ..._core.errors import SalvageError
from ..options import S3Options, StoreOptions
from .directory import Directory
from .store import Store


def open_store(options: StoreOptions, *, make: bool = False) -> Store:
    """The store of the option ``repository``; ``make`` creates its directory, for a writer.  Raises SalvageError(bad_input, not_found)."""
    repository = options.repository
    if repository.startswith("s3://"):
        from .s3 import Bucket  # noqa: PLC0415 # it imports a large library

        return Bucket(repository, options.s3 or S3Options())
    if "://" in repository:
        raise SalvageError(f"the repository {repository} is neither a directory nor s3://bucket/prefix", reason="bad_input")
    return Directory(repository, make=make)
