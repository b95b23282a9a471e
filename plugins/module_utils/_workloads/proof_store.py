# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proofs of a workload, read from and written to a Secret of our own beside it."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from .._cluster.http import ServesProxy
from .._cluster.objects import create, read, update
from .._records.signing_key import SigningKey
from .proofs import Proof, Subject, data_of, kept_entries, newest_of, opened, sealed, still_needed
from .workload import PREFIX, Object, path_of


@dataclass(frozen=True)
class ProofStore:
    cluster: ServesProxy
    key_file: str = ""

    @property
    def key(self) -> SigningKey:
        return SigningKey(self.cluster, self.key_file)

    def read(self, subject: Subject) -> list[Proof]:
        """Those that can be trusted.  Raises SalvageError."""
        secret = read(self.cluster, path_of("Secret", subject.namespace, subject.secret))
        key = self.key.found(subject.namespace) if secret else None
        found = [opened(entry, subject, key, time.time()) for entry in kept_entries(secret)] if key else []
        return [proof for proof in found if proof]

    def add(self, subject: Subject, proof: Proof, templates: Collection[str], *, dry_run: bool) -> bool:
        """Whether it was news.  Proofs of templates beside these go.  Raises SalvageError."""
        key = self.key.found_or_made(subject.namespace, dry_run=dry_run)
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
