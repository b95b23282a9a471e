# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, each from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .age import identities
from .envelope import Ed25519


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as exc:
        raise SalvageError(f"the key {path} can't be read: {exc.strerror}", reason="bad_input") from None


def public_key(path: str) -> Ed25519:
    return Ed25519(_read(path), path)


def private_key(path: str) -> Ed25519:
    key = Ed25519(_read(path), path)
    key.sign(b"")  # refuses a public key before anything is read
    return key


def identity_file(path: str) -> list[Any]:
    return identities(_read(path).decode("utf-8", "replace"), path)
