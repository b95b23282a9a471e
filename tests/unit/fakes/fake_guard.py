# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request for an action, limits that let it through, and keys of somebody who approves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_model import ActionRequest, GuardLimits, GuardTarget
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

NOW = 1_795_750_000.0
ALLOWED = {"staging": ("restart_pod", "scale_up", "scale_down"), "production": ()}
LIMITS = GuardLimits(allowed_actions=ALLOWED)


def target(name: str = "euystacio-api") -> GuardTarget:
    return GuardTarget("Deployment", "euystacio-ai", name, "uid-1", "41")


def asks(permit: str = "p1", **what: Any) -> ActionRequest:
    usual: dict[str, Any] = {
        "alert": "HighMemory",
        "fingerprint": "3f1c2a9be04d7715",
        "started_at": NOW - 5000,
        "target": target(),
        "action": "restart_pod",
        "environment": "staging",
        "run": "alice/1",
        "who": "alice@a",
        "clock": NOW,
        "replicas": 4,
        "touched": 1,
    }
    return ActionRequest(permit=permit, **{**usual, **what})


class KeyFiles(NamedTuple):
    private: str
    public: str


def key_files(folder: Path) -> KeyFiles:
    """An ed25519 key in two files, as openssl makes them."""
    key = Ed25519PrivateKey.generate()
    files = KeyFiles(str(folder / "key.pem"), str(folder / "key.pub"))
    Path(files.private).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    Path(files.public).write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return files
