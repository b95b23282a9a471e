# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a set of objects was before it was changed, in a signed Secret that is written before anything else and outlives the run.

It is open until the change is proven (``close``) or taken back.  A run that finds it open adds to it; what was before the first run stays.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from .._cluster.objects import Object, create, delete, read, update
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._records.signed_document import problem_of, sign_document
from .._records.signing_key import SigningKey
from .._sealing.envelope import Signer
from .._sealing.hashing import canonical, digest
from .before import Before, older_first
from .inventory import Applied

TYPE = "meta-salvage.euystacio/journal"
_ROOM = 900_000  # bytes; a Secret holds 1 MiB
_UNPACKED = 64 << 20


@dataclass(frozen=True)
class SetJournal:
    """``run`` is the last run that wrote it; ``opened`` is when the first one did, by the clock of the API server."""

    manager: str
    states: tuple[Before, ...]
    run: str = ""
    inventory: str = ""
    entries: tuple[Applied, ...] = ()  # of the inventory, as it was
    opened: str = ""


class JournalStore:
    def __init__(self, cluster: Cluster, namespace: str, name: str, key_file: str = "") -> None:
        self._cluster, self._namespace, self._name = cluster, namespace, name
        self._key = SigningKey(cluster, key_file)
        self._secrets = f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets"
        self._path = f"{self._secrets}/{quote(name, safe='')}"

    def read(self) -> SetJournal | None:
        """None if there is none.  Raises SalvageError for one that cannot be trusted."""
        return self._opened(read(self._cluster, self._path))

    def open(self, journal: SetJournal) -> None:
        """Before the first write of a run.  Raises SalvageError."""
        there = read(self._cluster, self._path)
        old = self._opened(there)
        if old is not None and old.manager != journal.manager:
            raise SalvageError(
                f"the journal {self._namespace}/{self._name} is of the field manager {old.manager}; name another journal", reason="conflict"
            )
        if old is not None:
            first = old if old.inventory else journal
            states = tuple(older_first(old.states, journal.states))
            journal = replace(journal, states=states, inventory=first.inventory, entries=first.entries)
        data = self._sealed(journal, self._key.found_or_made(self._namespace, dry_run=False))
        metadata = {"name": self._name, "namespace": self._namespace, "labels": {TYPE: "true"}}
        if there is None:
            made = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TYPE, "data": data}
            if create(self._cluster, self._secrets, made):
                return
            raise SalvageError(f"another run began at the same time ({self._namespace}/{self._name}); wait for it", reason="conflict")

        def decide(now: Object) -> Object:
            if now["metadata"]["resourceVersion"] != there["metadata"]["resourceVersion"]:
                raise SalvageError(f"another run writes the journal {self._namespace}/{self._name}; wait for it", reason="conflict")
            return {"data": data}

        update(self._cluster, self._path, decide)

    def close(self, run: str | None = None, *, dry_run: bool = False) -> bool:
        """Whether there was one to close; with ``run`` only one that this run wrote last."""
        there = read(self._cluster, self._path)
        journal = self._opened(there)
        if there is None or journal is None or run not in (None, journal.run):
            return False
        metadata = there["metadata"]
        return delete(self._cluster, self._path, uid=metadata["uid"], resource_version=metadata["resourceVersion"], dry_run=dry_run)

    def _place(self) -> Object:
        """What a journal belongs to, so that it is not trusted elsewhere."""
        space = read(self._cluster, f"/api/v1/namespaces/{quote(self._namespace, safe='')}")
        if space is None:
            raise SalvageError(f"the namespace {self._namespace} of the journal does not exist; create it first", reason="not_found")
        return {"type": TYPE, "namespace": self._namespace, "uid": str(space["metadata"].get("uid", "")), "name": self._name}

    def _sealed(self, journal: SetJournal, key: Signer) -> dict[str, str]:
        content = {"manager": journal.manager, "run": journal.run, "inventory": journal.inventory, "entries": journal.entries}
        packed = zlib.compress(canonical({**content, "objects": [one.to_row() for one in journal.states]}))
        if len(packed) > _ROOM:
            raise SalvageError(
                f"the previous state of the objects takes {len(packed)} bytes, a journal holds {_ROOM}; apply them in several sets",
                reason="too_large",
            )
        signed = sign_document("journal", {**self._place(), "sha256": digest(packed)}, key)
        return {"signed": _text(canonical(signed)), "objects": _text(packed)}

    def _refuse_another(self, there: Object | None) -> None:
        if there is not None and (there.get("type") != TYPE or (there["metadata"].get("labels") or {}).get(TYPE) != "true"):
            raise SalvageError(f"the Secret {self._namespace}/{self._name} is not a journal; name another one", reason="invalid")

    def _opened(self, there: Object | None) -> SetJournal | None:
        self._refuse_another(there)
        if there is None:
            return None
        key = self._key.found(self._namespace)
        problem = "there is no key to check it with" if key is None else ""
        try:
            data = there.get("data") or {}
            signed, packed = json.loads(base64.b64decode(data["signed"], validate=True)), base64.b64decode(data["objects"], validate=True)
            if key is not None:
                problem = problem_of("journal", signed, {key.key_id: key})
                if not problem and signed["journal"] != {**self._place(), "sha256": digest(packed)}:
                    problem = "it is of another place, or its content was changed"
                if not problem:
                    return replace(_unpacked(packed), opened=str(there["metadata"].get("creationTimestamp", "")))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, zlib.error):
            problem = "it cannot be read"
        raise SalvageError(
            f"the journal {self._namespace}/{self._name} is not trusted, because {problem}; "
            "give the key that signed it, or delete this Secret; its changes are then not taken back",
            reason="invalid",
        )


def _unpacked(packed: bytes) -> SetJournal:
    machine = zlib.decompressobj()
    text = machine.decompress(packed, _UNPACKED)
    if machine.unconsumed_tail:
        raise ValueError("too large")
    found: Mapping[str, Any] = json.loads(text)
    states, entries = (Before.from_row(row) for row in found["objects"]), (Applied(*row) for row in found["entries"])
    return SetJournal(str(found["manager"]), tuple(states), str(found["run"]), str(found["inventory"]), tuple(entries))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
