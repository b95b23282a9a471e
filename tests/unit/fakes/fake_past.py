# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, and a cluster in memory that remembers what every list was at every version."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import Ed25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Object = dict[str, Any]
Fault = Callable[[str, dict[str, Any]], "int | SalvageError | None"]


class Past(Http):
    """An API server whose lists can be asked for at an exact version until it forgets them."""

    def __init__(self) -> None:
        self.version = 100
        self.oldest = 0
        self.uid = "uid-of-the-past"
        self.past: dict[int, dict[str, list[Object]]] = {self.version: {}}
        self.kinds: dict[str, list[tuple[str, str, bool]]] = {"/api/v1": []}
        self.before: Fault = lambda path, query: None
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def define(self, root: str, name: str, kind: str, *, namespaced: bool = True) -> None:
        self.kinds.setdefault(root, []).append((name, kind, namespaced))

    def put(self, path: str, *items: Object) -> None:
        """The whole list of a path, as if somebody wrote it."""
        self.version += 1
        self.past[self.version] = {**self.past[self.version - 1], path: [*items]}

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        path, query = url.removeprefix("https://past"), dict(kwargs.get("query") or {})
        self.asked.append((path, query))
        fault = self.before(path, query)
        if isinstance(fault, SalvageError):
            raise fault
        status, body = (fault, {"kind": "Status", "message": f"says {fault}"}) if fault else self._answer(path, query)
        return Response(status, {"content-type": "application/json"}, json.dumps(body).encode(), 0.0)

    def _answer(self, path: str, query: dict[str, Any]) -> tuple[int, Object]:
        if path == "/api":
            return 200, {"versions": ["v1"]}
        if path == "/version":
            return 200, {"gitVersion": "v1.34.4"}
        if path == "/apis":
            groups = [root.split("/")[2:] for root in self.kinds if root != "/api/v1"]
            return 200, {"groups": [{"name": group, "versions": [{"version": version}]} for group, version in groups]}
        if path in self.kinds:
            found = [{"name": name, "kind": kind, "namespaced": spaced, "verbs": ["list"]} for name, kind, spaced in self.kinds[path]]
            return 200, {"resources": found}
        if path.startswith("/api/v1/namespaces/") and path.count("/") == 4:
            return 200, {"metadata": {"name": path.rsplit("/", maxsplit=1)[-1], "uid": self.uid}}
        start = 0
        version = int(query.get("resourceVersion") or self.version)
        if "continue" in query:
            version, start = (int(part) for part in query["continue"].split(":"))
        if version < self.oldest:
            return 410, {"kind": "Status", "message": "The resourceVersion for the provided list is too old."}
        items = self.past[version].get(path, [])
        if "fieldSelector" in query:
            items = [item for item in items if item["metadata"]["name"] == query["fieldSelector"].removeprefix("metadata.name=")]
        end = start + query["limit"]
        more = {"continue": f"{version}:{end}"} if end < len(items) else {}
        return 200, {"metadata": {"resourceVersion": str(version), **more}, "items": items[start:end]}


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Past:
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: None)
    cluster = Past()
    cluster.define("/api/v1", "configmaps", "ConfigMap")
    cluster.define("/api/v1", "namespaces", "Namespace", namespaced=False)
    cluster.define("/api/v1", "secrets", "Secret")
    return cluster


def named(name: str, namespace: str = "a", **more: Any) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, **more}


def make_key() -> Ed25519:
    return Ed25519(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "key")


class Keys:
    def __init__(self) -> None:
        self.sign = make_key()
        self.identity = pyrage.x25519.Identity.generate()
        self.named = named
        self.another_key = make_key

    def backup(
        self, past: Past, selection: Selection | None = None, *, allow_partial: bool = False, keep: int = 0, name: str = ""
    ) -> Backup:
        cluster = Cluster("https://past", past)
        return Backup(cluster, selection or Selection(), self.sign, [self.identity.to_public()], allow_partial, keep, name=name)


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()
