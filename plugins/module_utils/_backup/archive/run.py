# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup from the first question to the published record."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from ..._cluster.discovery import discover
from ..._cluster.identity import cluster_uid
from ..._cluster.objects import must_read
from ..._cluster.session import Cluster
from ..._core.errors import SalvageError
from ..._core.progress import Tell, silent
from ..._sealing.age import encrypt, passing_identity
from ..._sealing.envelope import Ed25519, signed
from ..._sealing.hashing import Hashing, canonical
from ..._sealing.origin import Origin
from ..store.chain import mark_of
from ..store.high_water import HighWater
from ..store.store import ARCHIVE, RECORD, Record, Store
from .layout import Plain, verify_archive
from .select import Selection, unserved
from .snapshot_revision import CutLostError, objects, take

CUTS = 5
REPORTED_EVERY = 5000  # objects between two lines of progress
_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
T = TypeVar("T")


def backup_status(holes: Mapping[str, str], *, allow_partial: bool) -> str:
    """Raises SalvageError where there are holes and none are allowed."""
    if not holes:
        return "COMPLETE"
    if allow_partial:
        return "PARTIAL"
    first = min(holes)
    raise SalvageError(
        f"the backup FAILED, nothing was published: {len(holes)} kinds or API versions can't be read, among them {first} ({holes[first]});"
        " get the right to read them, exclude them (an API version as it is named here), or set allow_partial",
        reason="invalid",
    )


@dataclass(frozen=True)
class Backup:
    """One wish; ``to`` are the recipients."""

    cluster: Cluster
    selection: Selection
    key: Ed25519
    to: Sequence[Any]
    allow_partial: bool = False
    keep: int = 0
    tell: Tell = silent
    name: str = ""  # of the cluster

    def rehearse(self) -> Record:
        """What a backup would find now, without writing anything."""

        def read() -> Record:
            plain = self._read(datetime.now(timezone.utc), "")
            for _line in plain:
                pass
            return _record_of(plain.manifest)

        return self._of_one_moment(read)

    def write(self, store: Store) -> Record:
        """The published record, in ``deleted`` the backups that had to go for it, and in ``missing`` one that somebody else deleted."""
        with store.locked():
            record = self._of_one_moment(lambda: self._write(store))
            water = HighWater(store, self.key)
            missing = water.problem()
            if not missing:
                water.remember(record)
            return {**record, "deleted": store.prune(self.keep, self.key, record), "missing": missing}

    def _of_one_moment(self, attempt: Callable[[], T]) -> T:
        for _number in range(CUTS):
            try:
                return attempt()
            except CutLostError:  # noqa: PERF203
                self.tell({"says": "the server forgot that moment; taking another one"})
        raise SalvageError(
            f"{self.cluster.server} forgot {CUTS} moments while they were read; it compacts too often for a backup of this size",
            reason="conflict",
        )

    def _write(self, store: Store) -> Record:
        now = datetime.now(timezone.utc)
        newest = HighWater(store, self.key).newest()
        name = f"backup-{now:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(2)}"
        plain = self._read(now, name)
        # A second recipient that lives no longer than this call: only so can it be proven before it is published that the archive opens.
        witness = passing_identity()
        digest, size = store.write(name + ARCHIVE, lambda file: encrypt(plain, file, [*self.to, witness.to_public()]))
        facts, plain.manifest = _record_of(plain.manifest), {}  # its rows are long, and verified from the archive
        self.tell({"bytes": size, "says": f"{size / 1e6:.1f} MB are written; reading them again"})
        try:
            with store.open(name) as file:
                source = Hashing(file)
                verify_archive(source, self.key, [witness], plain.ceilings)  # type: ignore[arg-type] # it only reads
                if source.drain() != digest:
                    raise SalvageError(f"{store.where} returned other data than was written to it", reason="invalid")
            counted = {"plain_size": plain.ceilings.total, "longest_line": plain.ceilings.line}
            previous = mark_of(newest)._asdict() if newest else None
            record = {
                **facts,
                "previous": previous,
                "sha256": digest,
                "size": size,
                **counted,
                "key_id": self.key.key_id,
            }
            text = canonical(signed(record, self.key))
            store.write(name + RECORD, lambda file: file.write(text))
        except SalvageError:
            with suppress(SalvageError):  # the first reason is the one to tell; a later run removes what has no record
                store.remove(name + RECORD)  # it may be there where only the answer was lost, and must not be without its archive
                store.remove(name + ARCHIVE)
            raise
        return record

    def _read(self, now: datetime, name: str) -> Plain:
        """What is in the cluster; nothing is read before the lines are asked for."""
        found, silent = discover(self.cluster)
        names = {resource.full_name for resource in found}
        resources, holes = self.selection.of_found(found, silent)
        namespaces = self.selection.namespaces
        for namespace in namespaces:
            must_read(self.cluster, f"/api/v1/namespaces/{namespace}")
        # Who may read a namespace only takes the moment of that.
        core = next((resource for resource in resources if resource.namespaced and not resource.group), None)
        cut = take(self.cluster, core.path(namespaces[0]) if core and namespaces else "/api/v1/namespaces")
        cut.holes.update(holes)

        def items() -> Iterator[dict[str, Any]]:
            for number, (resource, item) in enumerate(objects(self.cluster, cut, resources, namespaces)):
                if number and number % REPORTED_EVERY == 0:
                    self.tell({"objects": number, "says": f"{number} objects are read, at {resource.full_name}"})
                if resource.full_name == _DEFINITIONS and unserved(item, names) and self.selection.may_have(item["spec"]["group"]):
                    cut.holes[item["metadata"]["name"]] = "it was defined just now and is not served yet; run again"
                yield item

        def facts() -> dict[str, Any]:
            return {
                "name": name,
                "created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
                "cluster": Origin(self.name, cluster_uid(self.cluster))._asdict(),
                "server": self.cluster.server,
                "version": str(self.cluster.get_json("/version").get("gitVersion")),
                "selection": asdict(self.selection),
                "kinds": [resource.full_name for resource in resources],
                "resource_version": cut.resource_version,
                "status": backup_status(cut.holes, allow_partial=self.allow_partial),
                "holes": cut.holes,
                "outside_the_cut": cut.outside,
                "left_out": dict(cut.left_out),
            }

        return Plain(items(), facts, self.key)


def _record_of(manifest: Mapping[str, Any]) -> Record:
    """The manifest without what is long."""
    return {name: value for name, value in manifest.items() if name != "kinds"} | {"objects": len(manifest["objects"])}
