# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs found of a workload's templates: signed, and each bound to the workload, the template and what that read.  Pure.

The proofs are in a Secret of our own (see ``proof_store``), because the author of a manifest writes the workload, and its controller
copies the workload's annotations to the revisions.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import SalvageError
from .._core.times import when
from .._sealing.envelope import Signer
from .._sealing.hashing import canonical, digest

RESERVED = "meta-salvage-proof"  # begins the names of our Secrets
LIMIT = 50  # proofs of a workload
_BYTES = 500_000  # of a workload's proofs; a Secret holds 1 MiB
_SKEW = 300.0  # seconds by which the clocks of two controllers may differ
_TYPE = "meta-salvage.euystacio/proof"  # in what is signed: the same key may sign other documents


@dataclass(frozen=True)
class Subject:
    """The workload that a proof is about."""

    kind: str
    namespace: str
    name: str
    uid: str

    @property
    def secret(self) -> str:
        """The name of the Secret with its proofs."""
        name = f"{RESERVED}s.{self.kind.lower()}.{self.name}"
        return name if len(name) <= 253 else f"{name[:236]}.{digest(name.encode())[:16]}"

    def to_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "namespace": self.namespace, "name": self.name, "uid": self.uid}


@dataclass(frozen=True)
class Proof:
    """What a run found of a template: ``passed`` or ``failed``; of a passed one what it ran with, and how well."""

    verdict: str
    at: str
    template: str  # its hash
    run: str = ""
    reason: str = ""
    copies: tuple[tuple[str, str, str], ...] = ()  # kind, name, name of the copy; no copy: it was not there
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the image IDs that ran, by container
    baseline: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "at": self.at,
            "template": self.template,
            "run": self.run,
            "reason": self.reason,
            "copies": [list(copy) for copy in self.copies],
            "images": {container: list(ids) for container, ids in sorted(self.images.items())},
            "baseline": self.baseline,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Proof:
        """Of what was signed.  Raises ValueError, KeyError, TypeError or AttributeError."""
        copies = tuple((str(kind), str(name), str(copy)) for kind, name, copy in data["copies"])
        images = {str(container): tuple(str(one) for one in ids) for container, ids in data["images"].items()}
        verdict, at, template, run, reason = (str(data[name]) for name in ("verdict", "at", "template", "run", "reason"))
        return cls(verdict, at, template, run, reason, copies, images, data["baseline"])


def sealed(proof: Proof, subject: Subject, key: Signer) -> dict[str, Any]:
    """The proof as it is kept."""
    body = {"type": _TYPE, "subject": subject.to_dict(), "proof": proof.to_dict()}
    return {**body, "key_id": key.key_id, "signature": base64.b64encode(key.sign(canonical(body))).decode()}


def opened(entry: Any, subject: Subject, key: Signer, now: float) -> Proof | None:
    """The proof, if this key signed it, of this workload, and not for a time that is still to come; None for anything else."""
    try:
        body = {name: entry[name] for name in ("type", "subject", "proof")}
        signature = base64.b64decode(entry["signature"], validate=True)
        if not key.verifies(canonical(body), signature) or body["type"] != _TYPE or body["subject"] != subject.to_dict():
            return None
        proof = Proof.from_dict(body["proof"])
    except (SalvageError, ValueError, KeyError, TypeError, AttributeError):
        return None
    at = when(proof.at)
    return proof if proof.verdict in {"passed", "failed"} and at is not None and at <= now + _SKEW else None


def kept_entries(secret: Mapping[str, Any] | None) -> list[Any]:
    """As they are kept in the Secret, not verified; none of what can't be read."""
    try:
        entries = json.loads(base64.b64decode(((secret or {}).get("data") or {}).get("proofs") or "", validate=True))
    except (ValueError, binascii.Error, RecursionError, TypeError):
        return []
    return entries if isinstance(entries, list) else []


def data_of(entries: list[Any]) -> dict[str, str]:
    """The Secret's data with as many of the newest entries (the last ones) as there is room for."""
    kept = entries[-LIMIT:]
    while len(kept) > 1 and len(canonical(kept)) > _BYTES:
        kept = kept[1:]
    return {"proofs": base64.b64encode(canonical(kept)).decode()}


def newest_of(proofs: Iterable[Proof]) -> dict[str, Proof]:
    """The newest finding by template; of two of the same second the one that was written later."""
    return {proof.template: proof for proof in sorted(proofs, key=lambda proof: when(proof.at) or 0.0)}


def still_needed(entries: Iterable[Any], subject: Subject, key: Signer, templates: Collection[str], now: float) -> list[Any]:
    """Those of templates that the cluster still keeps; and those of other keys, which this one can't judge."""
    return [
        entry
        for entry in entries
        if isinstance(entry, Mapping)
        and (
            proof.template in templates
            if (proof := opened(entry, subject, key, now))
            else entry.get("key_id") != key.key_id and entry.get("subject") == subject.to_dict()
        )
    ]


def images_of(pods: Iterable[Mapping[str, Any]], template: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The image IDs that run, by container of the template: what a service mesh adds to the pods is not of the revision."""
    spec = template.get("spec") or {}
    names = {container["name"] for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]}
    found: dict[str, set[str]] = {}
    for pod in pods:
        status = pod.get("status") or {}
        for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            if container.get("imageID") and container["name"] in names:
                found.setdefault(container["name"], set()).add(container["imageID"])
    return {container: tuple(sorted(ids)) for container, ids in found.items()}


def images_moved(proof: Proof | None, running: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The containers that run an image other than the proven one: its tag was used again."""
    known = proof.images if proof else {}
    return tuple(sorted(name for name, ids in running.items() if name in known and not set(ids) <= set(known[name])))
