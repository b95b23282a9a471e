# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that follow the API server: what is decided on is never older than the last event, and nothing is polled."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from .._core.errors import SalvageError
from .http import Query, ServesProxy
from .objects import Object, is_named

T = TypeVar("T")
Scene = Mapping[str, Mapping[str, Object]]

_PERMANENT = frozenset({"unauthorized", "forbidden", "not_found", "tls", "bad_input", "missing_library"})


class ExpiredError(Exception):
    """The API server no longer has the changes since that resourceVersion: list again."""


def list_all(cluster: ServesProxy, path: str, query: Query | None = None) -> tuple[dict[str, Object], str]:
    """The objects by namespace/name, and the resourceVersion that the list is of."""
    objects: dict[str, Object] = {}
    version = ""
    for page in cluster.pages(path, query):
        objects.update((key_of(item), item) for item in page.get("items") or [])
        version = version or (page.get("metadata") or {}).get("resourceVersion") or ""
    return objects, version


def key_of(obj: Object) -> str:
    metadata = obj["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def events(
    cluster: ServesProxy, path: str, resource_version: str, *, query: Query | None = None, seconds: float = 300.0
) -> Iterator[tuple[str, Object]]:
    """(type, object) for each change since ``resource_version``, bookmarks among them.

    Ends when the API server ends it, after ``seconds`` at most.  Raises ExpiredError, SalvageError.
    """
    asked = {
        **(query or {}),
        "watch": "true",
        "resourceVersion": resource_version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": max(1, int(seconds)),
    }
    rest = b""
    for chunk in cluster.http.stream(
        "GET", cluster.server.rstrip("/") + path, query=asked, headers={"Accept": "application/json"}, idle=seconds + 5
    ):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if not line.strip():
                continue
            event = json.loads(line)
            if event["type"] == "ERROR":
                if event["object"].get("code") == 410:
                    raise ExpiredError
                raise SalvageError(
                    f"the watch of {path} broke off: {event['object'].get('message', 'no reason given')}", reason="http_error"
                )
            if event["type"] != "BOOKMARK" and not is_named(event["object"]):
                raise ValueError("something without a name")
            yield event["type"], event["object"]


class Watch:
    """Several lists, kept as they are on the API server until closed.

    ``lists`` names each: (path, query).  Use it as a context manager; entering it lists everything once.
    """

    def __init__(self, cluster: ServesProxy, lists: Mapping[str, tuple[str, Query | None]]) -> None:
        self._cluster = cluster
        self._lists = dict(lists)
        self._queue: queue.Queue[tuple[str, str, Any]] = queue.Queue()
        self._closed = threading.Event()
        self._scene: dict[str, dict[str, Object]] = {}

    @property
    def scene(self) -> Scene:
        """The objects by list and namespace/name.  Changes only inside ``wait``."""
        return self._scene

    def __enter__(self) -> Watch:
        versions = {}
        for name, (path, query) in self._lists.items():
            self._scene[name], versions[name] = list_all(self._cluster, path, query)
        for name, version in versions.items():
            # Daemons: a thread that sits in a read of a quiet watch must not keep the process.
            threading.Thread(target=self._follow, args=(name, version), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._closed.set()

    def wait(self, until: Callable[[Scene], T | None], deadline: float, *, tick: float = 1.0) -> T | None:
        """The first answer of ``until`` that is not None; None at ``deadline`` (monotonic).

        It is asked at once, after each change, and each ``tick`` seconds for answers that depend on the time.
        """
        while True:
            self._take_what_came()
            answer = until(self._scene)
            if answer is not None:
                return answer
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            try:
                self._take(self._queue.get(timeout=min(left, tick)))
            except queue.Empty:
                continue

    def _take_what_came(self) -> None:
        while not self._queue.empty():  # nobody else takes from it
            self._take(self._queue.get_nowait())

    def _take(self, news: tuple[str, str, Any]) -> None:
        kind, name, what = news
        if kind == "FAILED":
            raise what
        if kind == "LISTED":
            self._scene[name] = what
        elif kind == "DELETED":
            self._scene[name].pop(key_of(what), None)
        else:
            self._scene[name][key_of(what)] = what

    def _follow(self, name: str, version: str) -> None:
        path, query = self._lists[name]
        pause = 0.05
        while not self._closed.is_set():
            try:
                for kind, obj in events(self._cluster, path, version, query=query):
                    if self._closed.is_set():
                        return
                    version = obj["metadata"]["resourceVersion"]
                    pause = 0.05
                    if kind != "BOOKMARK":
                        self._queue.put((kind, name, obj))
                continue
            except ExpiredError:
                pass
            except SalvageError as exc:
                if exc.reason in _PERMANENT:
                    self._queue.put(("FAILED", name, exc))
                    return
                if self._closed.wait(pause):
                    return
                pause = min(pause * 2, 2.0)
                if exc.reason != "http_error":
                    continue
            except (ValueError, KeyError, TypeError, AttributeError) as exc:  # a broken line: the connection was cut in the middle of it
                self._queue.put(("FAILED", name, SalvageError(f"the watch of {path} sent no event: {exc}", reason="invalid")))
                return
            # Changes may have been missed: begin again from what is there now.
            try:
                objects, version = list_all(self._cluster, path, query)
            except SalvageError as exc:
                if exc.reason in _PERMANENT:
                    self._queue.put(("FAILED", name, exc))
                    return
                continue
            self._queue.put(("LISTED", name, objects))
