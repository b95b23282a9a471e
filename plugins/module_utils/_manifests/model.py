# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a set of manifests: an object as it was asked for, and what becomes of it.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .._cluster.discovery import Resource
from .._cluster.objects import Object
from .._core.errors import SalvageError

CREATED, CHANGED, UNCHANGED, REMOVED = "created", "changed", "unchanged", "removed"
WORKLOADS = frozenset({"Deployment.apps", "StatefulSet.apps", "ReplicaSet.apps", "ReplicationController"})


@dataclass(frozen=True)
class Text:
    """A text with manifests, and what it is called in messages."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Manifest:
    """An object as it was asked for; ``where`` is its file and line."""

    obj: Object
    where: str
    notes: tuple[str, ...] = ()


class ObjectId(NamedTuple):
    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(eq=False)
class Item:
    """An object of a set, and what was seen and done of it."""

    id: ObjectId
    manifest: Manifest
    document: Object  # as it is sent
    rank: int
    resource: Resource | None  # None: the set itself brings the kind
    live: Object | None = None
    after: Object | None = None  # the answer of the API server to the last apply, in a dry run or not
    action: str = ""
    deferred: str = ""  # why it could not be planned before the rest is written
    adopted: bool = False  # only the ownership of its fields changes
    scaled: bool = False  # its number of replicas is not for the manifest to set
    written: bool = False
    problem: str = ""
    reason: str = ""  # the token of the problem
    lost: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fail(self, sentence: str, reason: str) -> None:
        if not self.problem:
            self.problem, self.reason = sentence, reason

    def fail_by(self, error: SalvageError) -> None:
        """What comes after the first words of an error could quote a value."""
        self.fail(str(error).partition(": ")[0] if self.id.kind == "Secret" else str(error), error.reason)


@dataclass(frozen=True)
class ApplySettings:
    manager: str
    force: bool = False
    workers: int = 16
    wait_timeout: float = 60.0


def group_kind(obj: Any) -> str:
    """`Deployment.apps`, `ConfigMap`: the kind without its version."""
    group = str(obj["apiVersion"]).rpartition("/")[0]
    return f"{obj['kind']}.{group}" if group else str(obj["kind"])


def object_id(obj: Any) -> ObjectId:
    metadata = obj["metadata"]
    return ObjectId(str(obj["apiVersion"]).rpartition("/")[0], str(obj["kind"]), metadata.get("namespace") or "", metadata["name"])
