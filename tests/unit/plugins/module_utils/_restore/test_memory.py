# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup and a restore of more than they may hold in memory."""

from __future__ import annotations

import hashlib
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.directory import Directory
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.journal import RestoreJournal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.restore import Restore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.settings import RestoreSettings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.stored import open_items
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import Ed25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

OBJECTS, SIZE = 120, 500_000
MAPS = "/api/v1/namespaces/big/configmaps"
CONTENT = random.Random(1).randbytes(SIZE // 2).hex()  # gzip halves it, and no more
Object = dict[str, Any]


class Large(Http):
    """An API server with large ConfigMaps, which it makes as it is asked; of what is written it keeps the hash."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {}
        self.pages: list[int] = []
        for number in range(OBJECTS):
            self.there[f"c{number:03}"] = _hash(self.one(f"c{number:03}"))

    def one(self, name: str) -> Object:
        return {"metadata": {"name": name, "namespace": "big", "uid": name, "resourceVersion": "7"}, "data": {"k": name + CONTENT}}

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        path, query = url.removeprefix("https://here"), kwargs.get("query") or {}
        if method in ("PATCH", "POST"):
            body = json.loads(kwargs["body"])
            self.there[body["metadata"]["name"]] = _hash(body)
            return _answer(200, body)
        if path in (MAPS, "/api/v1/configmaps"):
            return self._page(query, kwargs.get("max_bytes") or 0)
        space = {"metadata": {"name": "big", "uid": "n", "resourceVersion": "7"}}
        known: dict[str, Object] = {
            "/api": {"versions": ["v1"]},
            "/apis": {"groups": []},
            "/api/v1": {
                "resources": [
                    {"name": name, "kind": kind, "namespaced": wide, "verbs": ["create", "get", "list", "patch"]}
                    for name, kind, wide in (("configmaps", "ConfigMap", True), ("namespaces", "Namespace", False))
                ]
            },
            "/api/v1/namespaces": {"metadata": {"resourceVersion": "7"}, "items": [space]},
            "/api/v1/namespaces/big": space,
            "/api/v1/namespaces/kube-system": space,
            "/version": {"gitVersion": "v1.34.0"},
        }
        return _answer(200, known[path]) if path in known else _answer(404, {"kind": "Status", "message": "not found"})

    def _page(self, query: Any, most: int) -> Response:
        names = sorted(self.there)
        first, limit = int(query.get("continue") or 0), int(query.get("limit") or len(names))
        chosen = names[first : first + limit]
        if len(chosen) * SIZE > most:
            raise SalvageError(f"https://here sent more than {most} bytes; the rest was not read", reason="too_large")
        self.pages.append(len(chosen))
        rest = {"continue": str(first + limit)} if first + limit < len(names) else {}
        return _answer(200, {"metadata": {"resourceVersion": "7", **rest}, "items": [self.one(name) for name in chosen]})


def _answer(status: int, body: Object) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode(), 0.0)


def _hash(obj: Object) -> str:
    return hashlib.sha256(obj["data"]["k"].encode()).hexdigest()


@pytest.fixture
def peak() -> Any:
    """The most that Python had at once, in MB, beyond what it has now."""
    tracemalloc.start(1)
    before = tracemalloc.get_traced_memory()[0]
    yield lambda: (tracemalloc.get_traced_memory()[1] - before) / 1e6
    tracemalloc.stop()


def test_60_megabytes_are_backed_up_and_restored_in_half_of_that(tmp_path: Path, peak: Any) -> None:
    key = Ed25519(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "key")
    identity = pyrage.x25519.Identity.generate()
    store, there = Directory(str(tmp_path / "store"), make=True), Large()
    cluster = Cluster("https://here", there)
    record = Backup(cluster, Selection("configmaps"), key, [identity.to_public()]).write(store)
    assert (record["objects"], record["status"]) == (OBJECTS, "COMPLETE") and record["plain_size"] > OBJECTS * SIZE
    assert max(there.pages) * SIZE < 8e6  # large objects come in small pages

    wanted, there.there = there.there, {}
    _record, manifest, items = open_items(store, key, [identity])
    wish, journal = RestoreSettings(backup_first=False), RestoreJournal(str(tmp_path / "journal"), {})
    found = Restore(cluster, (manifest, items), wish, journal).run()
    assert (found.status, found.report["counts"]["created"]) == ("PASS", OBJECTS)
    assert there.there == wanted
    again = Restore(cluster, (manifest, items), wish, journal).run()
    assert (again.status, again.changed, again.report["counts"]["unchanged"]) == ("PASS", False, OBJECTS)
    assert peak() < OBJECTS * SIZE / 2e6, f"{peak():.0f} MB"
