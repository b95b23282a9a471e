# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures: ed25519 keys, or HMAC-SHA256 where there is only a shared secret, over the canonical form of a document."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from .._core.errors import SalvageError
from .hashing import canonical, digest

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, load_pem_public_key

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False


class Signer(Protocol):
    """A key that signs, or only verifies."""

    algorithm: str
    key_id: str

    def sign(self, data: bytes) -> bytes:
        """The signature of the data."""

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's, of this data."""


class Ed25519:
    """``pem`` is a private key, or a public one that can only verify."""

    algorithm = "ed25519"

    def __init__(self, pem: bytes, where: str) -> None:
        if not HAS_CRYPTOGRAPHY:
            raise SalvageError(
                "the Python library cryptography is missing where the module runs; install it, or use an HMAC key", reason="missing_library"
            )
        try:
            private = load_pem_private_key(pem, None) if b"PRIVATE" in pem else None
            public = private.public_key() if private else load_pem_public_key(pem)
        except (ValueError, TypeError) as exc:
            raise SalvageError(f"{where} holds no key in PEM without a passphrase: {exc}", reason="bad_input") from None
        if not isinstance(public, Ed25519PublicKey) or not (private is None or isinstance(private, Ed25519PrivateKey)):
            raise SalvageError(f"the key in {where} is not ed25519; make one with 'openssl genpkey -algorithm ed25519'", reason="bad_input")
        self._private = private
        self._public = public
        self.key_id = digest(public.public_bytes(Encoding.Raw, PublicFormat.Raw))[:16]

    def sign(self, data: bytes) -> bytes:
        if self._private is None:
            raise SalvageError("a public key can't sign; give the private one", reason="bad_input")
        return self._private.sign(data)

    def verifies(self, data: bytes, signature: bytes) -> bool:
        try:
            self._public.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class Hmac:
    algorithm = "hmac-sha256"

    def __init__(self, secret: bytes, where: str) -> None:
        if len(secret.strip()) < 32:
            raise SalvageError(f"the secret in {where} is shorter than 32 bytes; make one with 'openssl rand -hex 32'", reason="bad_input")
        self._secret = secret.strip()
        self.key_id = digest(b"key id\0" + self._secret)[:16]

    def sign(self, data: bytes) -> bytes:
        return hmac.new(self._secret, data, hashlib.sha256).digest()

    def verifies(self, data: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(self.sign(data), signature)


def signer(path: str) -> Signer:
    """The key in a file: PEM is ed25519, anything else a shared secret.  Raises SalvageError(bad_input, missing_library)."""
    try:
        data = Path(path).read_bytes()
    except OSError as exc:
        raise SalvageError(f"the key {path} can't be read: {exc.strerror}", reason="bad_input") from None
    return Ed25519(data, path) if b"-----BEGIN" in data else Hmac(data, path)


def signed(record: Mapping[str, Any], key: Ed25519) -> dict[str, Any]:
    return {**record, "signature": base64.b64encode(key.sign(canonical(record))).decode()}


def genuine(name: str, record: Mapping[str, Any], key: Ed25519) -> bool:
    """Whether the record is of the backup of this name, and signed by this key."""
    content = {field: value for field, value in record.items() if field != "signature"}
    try:
        signature = base64.b64decode(str(record.get("signature")), validate=True)
        return record.get("name") == name and key.verifies(canonical(content), signature)
    except (ValueError, SalvageError):  # what has no canonical form was not signed
        return False
