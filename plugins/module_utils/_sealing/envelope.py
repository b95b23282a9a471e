# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures: ed25519 keys, or HMAC-SHA256 where there is only a shared secret, over the canonical form of a document."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
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


SHARED = "hmac:"  # before the path of a shared secret
_SECRET = re.compile(rb"[A-Za-z0-9+/_-]{32,}={0,2}")
_PUBLIC = (b"age1", b"AGE-", b"ssh-", b"AAAA")  # recipients and identities of age, public keys of OpenSSH


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
            hint = "" if b"-----BEGIN" in pem else f" (write {SHARED}PATH for a shared secret)"
            raise SalvageError(f"{where} holds no key in PEM without a passphrase{hint}: {exc}", reason="bad_input") from None
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


def key_bytes(path: str, where: str = "") -> bytes:
    """What the file of a key holds; ``where`` is what to call it.  Raises SalvageError(bad_input)."""
    try:
        return Path(path).expanduser().read_bytes()
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or "this is not the name of a file"
        raise SalvageError(f"{where or f'the key {path}'} can't be read: {why}", reason="bad_input") from None


def signer(place: str) -> Signer:
    """The key in a file: ed25519 in PEM, or for ``hmac:PATH`` a shared secret.

    A secret has the form that `openssl rand` prints, for whoever knows the "secret" can sign: a public key, a recipient or a certificate,
    which everyone knows, must never be one.  Raises SalvageError(bad_input, missing_library).
    """
    if not place.startswith(SHARED):
        return Ed25519(key_bytes(place), place)
    path = place.removeprefix(SHARED)
    secret = key_bytes(path).strip()
    if secret.startswith(_PUBLIC) or not _SECRET.fullmatch(secret):
        raise SalvageError(
            f"{path} does not hold a secret of at least 32 hexadecimal or base64 characters alone; make one with 'openssl rand -hex 32'",
            reason="bad_input",
        )
    return Hmac(secret, path)


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
