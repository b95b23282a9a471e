# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proofs of a workload, read from and written to a Secret of our own beside it; and the key that signs them.

The key is in a file, or else in a Secret that the first record of a namespace makes, so that each controller that may read it agrees.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass

from .._cluster.http import ServesProxy
from .._cluster.objects import create, read, update
from .._core.errors import SalvageError
from .._sealing.envelope import Hmac, Signer, signer
from .proofs import PROOF_KEY, Proof, Subject, data_of, kept_entries, newest_of, opened, sealed, still_needed
from .workload import PREFIX, Object, path_of

_KEY_TYPE = f"{PREFIX}proof-key"


@dataclass(frozen=True)
class ProofStore:
    cluster: ServesProxy
    key_file: str = ""

    def read(self, subject: Subject) -> list[Proof]:
        """Those that can be trusted.  Raises SalvageError."""
        secret = read(self.cluster, path_of("Secret", subject.namespace, subject.secret))
        key = self._key(subject.namespace) if secret else None
        found = [opened(entry, subject, key, time.time()) for entry in kept_entries(secret)] if key else []
        return [proof for proof in found if proof]

    def add(self, subject: Subject, proof: Proof, templates: Collection[str], *, dry_run: bool) -> bool:
        """Whether it was news.  Proofs of templates beside these go.  Raises SalvageError."""
        key = self._key(subject.namespace) or self._new_key(subject.namespace, dry_run=dry_run)
        entry = sealed(proof, subject, key)
        reference = {"apiVersion": "apps/v1", "kind": subject.kind, "name": subject.name, "uid": subject.uid}
        metadata = {"name": subject.secret, "namespace": subject.namespace, "labels": {f"{PREFIX}proofs": "true"}}
        made = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**metadata, "ownerReferences": [reference]},
            "type": f"{PREFIX}proofs",
            "data": data_of([entry]),
        }
        if create(self.cluster, path_of("Secret", subject.namespace), made, dry_run=dry_run) is not None:
            return True

        def decide(there: Object) -> Object | None:
            entries = kept_entries(there)
            trusted = [one for other in entries if (one := opened(other, subject, key, time.time()))]
            before = newest_of(trusted).get(proof.template)
            if before and (before.verdict, before.copies, before.images) == (proof.verdict, proof.copies, proof.images):
                return None
            kept = still_needed(entries, subject, key, {*templates, proof.template}, time.time())
            return {"metadata": {"ownerReferences": [reference]}, "data": data_of([*kept, entry])}

        return update(self.cluster, path_of("Secret", subject.namespace, subject.secret), decide, dry_run=dry_run).changed

    def _key(self, namespace: str) -> Signer | None:
        """None where there is none yet.  Raises SalvageError for a Secret that was not made here."""
        if self.key_file:
            return signer(self.key_file)
        secret = read(self.cluster, path_of("Secret", namespace, PROOF_KEY))
        return _key_in(secret) if secret else None

    def _new_key(self, namespace: str, *, dry_run: bool) -> Signer:
        made = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": PROOF_KEY, "namespace": namespace, "labels": {_KEY_TYPE: "true"}},
            "type": _KEY_TYPE,
            "immutable": True,
            "data": {"key": base64.b64encode(secrets.token_hex(32).encode()).decode()},
        }
        if create(self.cluster, path_of("Secret", namespace), made, dry_run=dry_run) is not None:
            return _key_in(made)
        key = self._key(namespace)  # another run was quicker
        if key is None:
            raise SalvageError(f"the Secret {PROOF_KEY} in namespace {namespace} is deleted again and again", reason="conflict")
        return key


def _key_in(secret: Object) -> Signer:
    """Only of a Secret as it is made here: kubectl apply, Helm and operators leave annotations or owners."""
    metadata = secret["metadata"]
    where = f"the Secret {PROOF_KEY} in namespace {metadata['namespace']}"
    ours = (
        secret.get("type") == _KEY_TYPE
        and secret.get("immutable") is True
        and (metadata.get("labels") or {}).get(_KEY_TYPE) == "true"
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
