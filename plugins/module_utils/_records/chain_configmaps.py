# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains in a cluster: ConfigMaps far below the limit of their size.  A full one is made immutable, and the next one follows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from .._cluster.http import ServesProxy
from .._cluster.objects import METADATA_LIST, Object, create, write
from .._core.errors import SalvageError
from .chain_store import SUFFIX, Stored

FULL = 256 * 1024  # bytes of records in one ConfigMap; etcd and the API server take 1 MiB
_PREFIX = "meta-salvage.euystacio/"
_PART = re.compile(r"[0-9]{4}")


@dataclass(frozen=True)
class _Part:
    """The newest ConfigMap of a chain: its number, its version, its size, and whether it is full."""

    number: int = 0
    version: str = ""
    size: int = 0
    full: bool = True


@dataclass(frozen=True)
class ConfigMapChains:
    """``kind`` is what the chains are of, such as `incident`."""

    cluster: ServesProxy
    namespace: str
    kind: str

    @property
    def place(self) -> str:
        return f"the namespace {self.namespace} of {self.cluster.server}"

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{quote(self.namespace, safe='')}/configmaps"

    @property
    def label(self) -> str:
        return f"{_PREFIX}{self.kind}"

    def names(self) -> list[str]:
        pages = self.cluster.pages(self.path, {"labelSelector": self.label}, accept=METADATA_LIST)
        found = [item["metadata"] for page in pages for item in page.get("items") or ()]
        labels = {(str((one.get("labels") or {}).get(self.label) or ""), one["name"]) for one in found}
        return sorted({name for name, of in labels if name and self._number(name, of)})

    def load(self, name: str) -> Stored:
        pages = self.cluster.pages(self.path, {"labelSelector": f"{self.label}={name}"})
        parts = sorted(
            (number, item) for page in pages for item in page.get("items") or () if (number := self._number(name, item["metadata"]["name"]))
        )
        entries = tuple(
            (key, text.encode("utf-8", "surrogatepass"))
            for _number, item in parts
            for key, text in sorted((item.get("data") or {}).items())
            if key.endswith(SUFFIX)
        )
        return Stored(entries, _mark(*parts[-1]) if parts else _Part())

    def append(self, name: str, after: Stored, entries: Sequence[tuple[str, bytes]]) -> int:
        done = 0
        part: _Part = after.mark
        while done < len(entries):
            room = FULL - (0 if part.full else part.size)
            take = [entries[done]]
            for entry in entries[done + 1 :]:
                if sum(len(data) for _key, data in [*take, entry]) > room:
                    break
                take.append(entry)
            size = sum(len(data) for _key, data in take) + (0 if part.full else part.size)
            content: Object = {"data": {key: data.decode() for key, data in take}, **({"immutable": True} if size >= FULL else {})}
            made = self._create(name, part.number + 1, content) if part.full else self._add(name, part, content)
            if made is None:
                return done
            done += len(take)
            part = _mark(part.number + part.full, made)
        return done

    def _create(self, name: str, number: int, content: Object) -> Object | None:
        metadata = {"name": self._object(name, number), "namespace": self.namespace, "labels": {self.label: name}}
        return create(self.cluster, self.path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **content})

    def _add(self, name: str, part: _Part, content: Object) -> Object | None:
        try:
            return write(self.cluster, f"{self.path}/{self._object(name, part.number)}", content, part.version)
        except SalvageError as exc:
            if exc.reason in {"conflict", "not_found"}:
                return None
            raise

    def _object(self, name: str, number: int) -> str:
        return f"meta-salvage-{self.kind}-{name}-{number:04d}"

    def _number(self, name: str, found: str) -> int:
        """Of the ConfigMap within its chain; 0 for one that was not made here."""
        prefix = f"meta-salvage-{self.kind}-{name}-"
        return int(found.removeprefix(prefix)) if found.startswith(prefix) and _PART.fullmatch(found.removeprefix(prefix)) else 0


def _mark(number: int, obj: Object) -> _Part:
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in (obj.get("data") or {}).values())
    return _Part(number, obj["metadata"]["resourceVersion"], size, obj.get("immutable") is True)
