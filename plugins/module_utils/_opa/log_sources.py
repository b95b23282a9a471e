# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where decision logs are read from: files, and the logs of OPA's pods.  Pieces of bytes, never a whole log."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from .._cluster.http import Http
from .._core.errors import SalvageError

_PIECE = 256 * 1024


class Session(Protocol):
    """What is needed of a cluster session."""

    server: str
    http: Http

    def list(self, path: str, query: Any = None) -> Any:
        """The items of a list."""


Source = tuple[str, Callable[[], Iterator[bytes]]]


def files(patterns: Iterable[str]) -> list[Source]:
    """The files that the patterns name, each once.  Raises SalvageError(not_found) for a pattern that names none."""
    found: dict[str, None] = {}
    for pattern in patterns:
        names = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207  absolute patterns
        names = [name for name in names if Path(name).is_file()]
        if not names:
            raise SalvageError(f"no decision log at {pattern}; check the path on the host where the module runs", reason="not_found")
        found.update(dict.fromkeys(names))
    return [(name, _opener(name)) for name in found]


def _opener(name: str) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        try:
            with Path(name).open("rb") as handle:
                while piece := handle.read(_PIECE):
                    yield piece
        except OSError as exc:
            raise SalvageError(f"{name} can't be read: {exc.strerror}", reason="bad_input") from None

    return pieces


def pods(
    cluster: Session, namespace: str, selector: str, container: str, *, since: float | None = None, idle: float = 30.0
) -> list[Source]:
    """The logs of the pods' containers.  Raises SalvageError(not_found) where no pod matches: nothing read is not nothing denied."""
    base = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"
    items = list(cluster.list(base, {"labelSelector": selector}))
    if not items:
        raise SalvageError(f"no pod in namespace {namespace} has the labels {selector}; name the pods of OPA", reason="not_found")
    found: list[Source] = []
    for item in items:
        meta: Mapping[str, Any] = item["metadata"]
        found.append((f"pod/{meta['name']}", _log_of(cluster, f"{base}/{quote(meta['name'], safe='')}/log", container, since, idle)))
    return found


def _log_of(cluster: Session, path: str, container: str, since: float | None, idle: float) -> Callable[[], Iterator[bytes]]:
    query: dict[str, str | int] = {"container": container} if container else {}
    if since is not None:
        query["sinceSeconds"] = max(1, int(since))
    return lambda: cluster.http.stream("GET", cluster.server.rstrip("/") + path, query=query, idle=idle)
