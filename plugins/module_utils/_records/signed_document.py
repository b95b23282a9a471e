# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A document beside its signature: ``{NAME: {...}, "signature": {"algorithm", "key_id", "value"}}``.  Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from .._sealing.envelope import Signer
from .._sealing.hashing import canonical


def sign_document(name: str, content: Mapping[str, Any], key: Signer | None) -> dict[str, Any]:
    """Without a signature where there is no key.  Raises SalvageError for a key that can't sign."""
    if key is None:
        return {name: dict(content)}
    value = base64.b64encode(key.sign(canonical(content))).decode()
    return {name: dict(content), "signature": {"algorithm": key.algorithm, "key_id": key.key_id, "value": value}}


def problem_of(name: str, document: Mapping[str, Any], keys: Mapping[str, Signer] | None) -> str:
    """Why it is not signed by one of the keys; empty if it is.  None: nothing is signed, so what is can't be checked.

    Raises KeyError, TypeError or ValueError for another document.
    """
    if keys is None:
        return "it is signed, and no key was given" if "signature" in document else ""
    signature = document["signature"]
    key = keys.get(signature["key_id"])
    if key is None or key.algorithm != signature["algorithm"]:
        return f"it is signed with another key ({str(signature['key_id'])[:32]})"
    if not key.verifies(canonical(document[name]), base64.b64decode(signature["value"], validate=True)):
        return "its signature does not fit its content"
    return ""
