# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, each from its file."""

from __future__ import annotations

from typing import Any

from .._core.errors import SalvageError
from .age import identities
from .envelope import Ed25519, key_bytes


def public_key(path: str) -> Ed25519:
    return Ed25519(key_bytes(path), path)


def private_key(path: str, option: str = "") -> Ed25519:
    """``option`` is the one that names the file, where Ansible hides its value by its name."""
    where = f"the file of {option}" if option else ""
    key = Ed25519(key_bytes(path, where), where or path)
    try:
        key.sign(b"")  # refuses a public key before anything is read
    except SalvageError as exc:
        raise SalvageError(f"{where or path}: {exc}", reason=exc.reason) from None
    return key


def identity_file(path: str) -> list[Any]:
    return identities(key_bytes(path).decode("utf-8", "replace"), path)
