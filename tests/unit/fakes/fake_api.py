# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server in memory: objects, resourceVersions, preconditions, dry run, watches, and stumbles on demand."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from fake_apply import applied

Object = dict[str, Any]
_ITEM = re.compile(r"^(?P<collection>/api(?:s/[^/]+)?/v\d\w*(?:/namespaces/[^/]+)?/[a-z]+)/(?P<name>[^/]+)$")


class FakeApi(Cluster):
    """A cluster session on objects by path."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.requests: list[tuple[str, str]] = []
        self.stumble: Callable[[str, str], str | None] = lambda method, path: None
        self.history: list[tuple[int, str, str, Object]] = []
        self.oldest = 0
        self.controller: Callable[[str], None] = lambda path: None  # what a controller does after a write to that path
        self.change = threading.Condition()
        self.answers: dict[str, Callable[[], tuple[int, str, str]]] = {}  # what stands behind a proxy path: status, type, body
        self.owners = False  # whether server-side apply keeps who owns which field
        self.refusals: dict[str, tuple[int, Object]] = {}  # what server-side apply to that path is answered: status, Status
        self._version = 100
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        super().__init__(f"http://127.0.0.1:{self._server.server_port}", Http(timeout=5.0))
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.requests if method != "GET"]

    def put(self, path: str, obj: Object) -> Object:
        """As if somebody wrote it."""
        with self.change:
            self._version += 1
            kind = "MODIFIED" if path in self.objects else "ADDED"
            metadata = {"name": path.rsplit("/", maxsplit=1)[-1], "uid": f"uid-{path}", **obj.get("metadata", {})}
            if "/namespaces/" in path:
                metadata.setdefault("namespace", path.split("/namespaces/")[1].split("/", maxsplit=1)[0])
            stored = {**copy.deepcopy(obj), "metadata": {**metadata, "resourceVersion": str(self._version)}}
            self.objects[path] = stored
            self.history.append((self._version, kind, path, stored))
            self.controller(path)
            self.change.notify_all()
            return stored

    def remove(self, path: str) -> None:
        with self.change:
            self._version += 1
            gone = {**self.objects.pop(path)}
            gone["metadata"] = {**gone["metadata"], "resourceVersion": str(self._version)}
            self.history.append((self._version, "DELETED", path, gone))
            self.change.notify_all()

    def forget_history(self) -> None:
        """What etcd's compaction does: watches from before are expired."""
        with self.change:
            self.oldest = self._version

    def listed(self, collection: str, labels: str = "") -> Object:
        with self.change:
            items = [
                obj for path, obj in sorted(self.objects.items()) if path.rsplit("/", maxsplit=1)[0] == collection and _has(obj, labels)
            ]
            return {"kind": "List", "metadata": {"resourceVersion": str(self._version)}, "items": items}

    def patch(self, path: str, body: Any, dry_run: bool) -> tuple[int, Object]:
        with self.change:
            before = self.objects.get(path)
            if before is None:
                return 404, _status(404, "not found")
            after = copy.deepcopy(before)
            if isinstance(body, dict):
                wanted = body.get("metadata", {}).get("resourceVersion")
                if wanted not in {None, before["metadata"]["resourceVersion"]}:
                    return 409, _status(409, "the object has been modified")
                _merge(after, body)
            else:
                for operation in body:
                    *parents, last = [part.replace("~1", "/") for part in operation["path"].strip("/").split("/")]
                    target: Any = after
                    for parent in parents:
                        target = target[int(parent)] if isinstance(target, list) else target[parent]
                    if operation["op"] == "test" and target.get(last) != operation["value"]:
                        return 422, _status(422, "the server rejected our request due to an error in our request")
                    if operation["op"] in {"replace", "add"}:
                        target[last] = operation["value"]
                    if operation["op"] == "remove":
                        del target[last]
            if dry_run or after == before:
                return 200, after
            return 200, self.put(path, after)

    def apply(self, path: str, body: Object, query: dict[str, str]) -> tuple[int, Object]:
        """Server-side apply; without owners it creates what is missing, and merges into what is there."""
        dry_run = "dryRun" in query
        with self.change:
            if path in self.refusals:
                return self.refusals[path]
            before = self.objects.get(path)
            wanted = {name: value for name, value in body["metadata"].items() if name != "uid"}
            if before is not None and body["metadata"].get("uid") not in {None, before["metadata"]["uid"]}:
                return 409, _status(409, "the uid differs")
            after = copy.deepcopy(before) if before is not None else {}
            if self.owners:
                status, after = applied(before, {**body, "metadata": wanted}, query["fieldManager"], force=query["force"] == "true")
                if status >= 300:
                    return status, after
                after["metadata"].setdefault("creationTimestamp", "2026-11-24T14:00:00Z")
            else:
                _merge(after, {**body, "metadata": wanted})
            if dry_run or after == before:
                return 200, after
            return (200 if before is not None else 201), self.put(path, after)


def _has(obj: Object, labels: str) -> bool:
    """Whether a selector of `key=value,...` or `key` takes the object; one without labels is taken by all."""
    its = obj["metadata"].get("labels")
    wanted = [one.partition("=") for one in labels.split(",") if one]
    return not its or all(its.get(key) == value if equals else key in its for key, equals, value in wanted)


def _merge(target: Object, patch: Object) -> None:
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            _merge(target[key], value)
        else:
            target[key] = value


def _status(code: int, message: str) -> Object:
    return {"kind": "Status", "code": code, "message": message}


def _handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: object) -> None:
            pass

        def answer(self, code: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def text(self, code: int, content_type: str, body: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            path, query = parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            api.requests.append((self.command, path))
            fault = api.stumble(self.command, path)
            if fault == "reset":
                self.close_connection = True
                self.connection.close()
                return
            if fault and fault != "reset after":
                self.answer(int(fault), _status(int(fault), "stumbled"))
                return
            if path in api.answers:
                self.text(*api.answers[path]())
                return
            if query.get("watch"):
                self.watch(path, query.get("labelSelector", ""), int(query["resourceVersion"]), float(query["timeoutSeconds"]))
                return
            code, result = self.perform(path, body, query)
            if fault == "reset after":
                self.close_connection = True
                self.connection.close()
                return
            self.answer(code, result)

        def perform(self, path: str, body: Any, query: dict[str, str]) -> tuple[int, Any]:
            dry_run = "dryRun" in query
            item = _ITEM.match(path) if path in api.objects or self.command != "GET" else None
            if self.command == "POST":
                made = f"{path}/{body['metadata']['name']}"
                with api.change:  # of many that create it at once, one does
                    if made in api.objects:
                        return 409, _status(409, "already exists")
                    return 201, body if dry_run else api.put(made, body)
            if self.command == "PATCH" and self.headers.get("Content-Type", "").startswith("application/apply-patch"):
                return api.apply(path, body, query)
            if self.command == "PATCH":
                return api.patch(path, body, dry_run)
            if self.command == "DELETE":
                if path not in api.objects:
                    return 404, _status(404, "not found")
                there = api.objects[path]["metadata"]
                for field, wanted in (body or {}).get("preconditions", {}).items():
                    if wanted != there[field]:
                        return 409, _status(409, f"the {field} differs")
                if "All" not in (body or {}).get("dryRun", ()):  # beside a body the query is not read
                    api.remove(path)
                return 200, _status(200, "deleted")
            if item or path in api.objects:
                return 200, api.objects[path]
            if _ITEM.match(path) and not re.fullmatch("[a-z]+s", path.rsplit("/", maxsplit=1)[-1]):
                return 404, _status(404, "not found")
            return 200, api.listed(path, query.get("labelSelector", ""))

        def watch(self, collection: str, labels: str, version: int, seconds: float) -> None:
            self.close_connection = True
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            if version < api.oldest:
                self.event("ERROR", _status(410, "too old resource version"))
                return
            with api.change, contextlib.suppress(ConnectionError):  # who watched has gone
                while True:
                    for at, kind, path, obj in api.history:
                        if at > version and path.rsplit("/", maxsplit=1)[0] == collection and _has(obj, labels):
                            self.event(kind, obj)
                        version = max(version, at)
                    if not api.change.wait(seconds):
                        return

        def event(self, kind: str, obj: Object) -> None:
            self.wfile.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
            self.wfile.flush()

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

    return Handler


@pytest.fixture
def api() -> Iterator[FakeApi]:
    server = FakeApi()
    yield server
    server.close()
