# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that signs what is kept in a namespace: in a file, or else in a Secret there, which the first record makes.

So each controller that may read the Secret agrees.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._cluster.http import ServesProxy
from .._cluster.objects import Object, create, read
from .._core.errors import SalvageError
from .._sealing.envelope import Hmac, Signer, signer

NAME = "meta-salvage-proof-key"
_TYPE = "meta-salvage.euystacio/proof-key"


@dataclass(frozen=True)
class SigningKey:
    cluster: ServesProxy
    key_file: str = ""

    def found(self, namespace: str) -> Signer | None:
        """None where there is none yet.  Raises SalvageError for a Secret that was not made here."""
        if self.key_file:
            return signer(self.key_file)
        secret = read(self.cluster, f"{_secrets(namespace)}/{NAME}")
        return _key_in(secret) if secret else None

    def found_or_made(self, namespace: str, *, dry_run: bool) -> Signer:
        """Raises SalvageError."""
        key = self.found(namespace)
        if key is not None:
            return key
        made: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": NAME, "namespace": namespace, "labels": {_TYPE: "true"}},
            "type": _TYPE,
            "immutable": True,
            "data": {"key": base64.b64encode(secrets.token_hex(32).encode()).decode()},
        }
        if create(self.cluster, _secrets(namespace), made, dry_run=dry_run) is not None:
            return _key_in(made)
        key = self.found(namespace)  # another run was quicker
        if key is None:
            raise SalvageError(f"the Secret {NAME} in namespace {namespace} is deleted again and again", reason="conflict")
        return key


def _secrets(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets"


def _key_in(secret: Object) -> Signer:
    """Only of a Secret as it is made here: kubectl apply, Helm and operators leave annotations or owners."""
    metadata = secret["metadata"]
    where = f"the Secret {NAME} in namespace {metadata['namespace']}"
    ours = (
        secret.get("type") == _TYPE
        and secret.get("immutable") is True
        and (metadata.get("labels") or {}).get(_TYPE) == "true"
        and not any(metadata.get(field) for field in ("annotations", "ownerReferences", "finalizers", "generateName"))
        and list(secret.get("data") or {}) == ["key"]
    )
    if not ours:
        raise SalvageError(
            f"{where} was not made by this collection, so no proof is trusted; "
            "delete it and prove the revisions again, or give the key as a file (proof_key)",
            reason="invalid",
        )
    try:
        return Hmac(base64.b64decode(secret["data"]["key"], validate=True), where)
    except ValueError:
        raise SalvageError(f"{where} holds no key; delete it, then prove the revisions again", reason="invalid") from None
