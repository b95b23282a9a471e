# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of the containers: which there are, in which order they are read, and which part of each is read."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._cluster.pod_log import Ask, latest
from .._cluster.retry import Retry
from .._cluster.session import StatusError
from .._core.errors import SalvageError
from .._core.gather import for_each
from .._core.redact import clean
from .._core.times import iso, when
from .._workloads.pod_trouble import trouble_of
from .collector import Collector
from .options import Bounds, Window

_LONGEST_LINE = 16 * 1024
_SHARE = 2  # logs are read up to so many times of what the bundle has room for; then the oldest lines go
_SMALLEST = 64 * 1024
_NO_LOG = b"unable to retrieve container logs for "  # the kubelet's words, with status 200
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|[^\x00-\x7f]")
_SILENT = frozenset({"timeout", "unreachable"})
# How the API server says that it did not reach the kubelet; any other 5xx is about one log.
_NO_KUBELET = re.compile(r"\bdial tcp\b|error dialing backend|\bno route to host\b|\bi/o timeout\b|\bTLS handshake timeout\b")
_RETRY = Retry(seconds=10)


@dataclass(frozen=True, order=True)
class LogSource:
    """One run of a container; sorted, those of pods in trouble are first."""

    well: bool
    namespace: str
    pod: str
    container: str
    previous: bool
    node: str = ""

    @property
    def path(self) -> str:
        return f"logs/{self.namespace}/{self.pod}/{self.container}{'.previous' if self.previous else ''}.log"

    @property
    def api_path(self) -> str:
        return f"/api/v1/namespaces/{quote(self.namespace, safe='')}/pods/{quote(self.pod, safe='')}/log"


def runs_of(pod: Mapping[str, Any]) -> Iterator[LogSource]:
    """The runs of its containers that have a log: a container that never started has none."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    node = (pod.get("spec") or {}).get("nodeName") or ""
    well = trouble_of(dict(pod)) is None
    for name in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for container in status.get(name) or ():
            state, last = container.get("state") or {}, (container.get("lastState") or {}).get("terminated")
            is_well = well and not container.get("restartCount")
            if state.get("running") is not None or state.get("terminated") is not None or last:
                yield LogSource(is_well, metadata["namespace"], metadata["name"], container["name"], False, node)
            if last:
                yield LogSource(is_well, metadata["namespace"], metadata["name"], container["name"], True, node)


def size_of_each(bounds: Bounds, count: int) -> int:
    """So that no log takes the place of the others, and what is held stays bounded."""
    return min(bounds.log_size, max(_SMALLEST, _SHARE * bounds.size // max(count, 1)))


def surrounding(ask: Ask, most: int, window: Window, around: float) -> tuple[bytes, bool]:
    """The lines around a time, at most ``most`` bytes: from the earliest start from which the limit reaches beyond it."""
    cut, log = False, b""
    for part in (1, 4, 16, 64, 256):
        start = around - (around - window.start) / part
        log = ask({"sinceTime": iso(int(start)), "limitBytes": most})
        if len(log) < most or (_time_of_last(log) or 0) > around:
            break
        cut = True
    is_cut = len(log) >= most
    lines = log.splitlines(keepends=True)
    if is_cut and len(lines) > 1 and not lines[-1].endswith(b"\n"):
        lines.pop()  # half a line may have half a secret
    return b"".join(line for line in lines if (_time_of(line) or 0) <= window.end), cut or is_cut


def _time_of(line: bytes) -> float | None:
    return when(line[:40].split(b" ")[0].decode("ascii", "replace"))


def _time_of_last(log: bytes) -> float | None:
    return next(filter(None, map(_time_of, reversed(log.splitlines()[-3:]))), None)


def readable(log: bytes) -> bytes:
    """Text in UTF-8 that drives no terminal, in lines of bounded length."""
    text = log.decode("utf-8", "replace")
    if _CONTROL.search(log):
        text = clean(text, keep="\n\t", limit=len(text) + 1)
    if len(log) > _LONGEST_LINE:
        text = "\n".join(_shortened(line) for line in text.split("\n"))
    return text.encode(errors="replace")


def _shortened(line: str) -> str:
    rest = len(line) - _LONGEST_LINE
    return line if rest <= 0 else f"{line[:_LONGEST_LINE]} [{rest} more characters]"


def collect_logs(collector: Collector, sources: Iterable[LogSource]) -> None:
    """All logs, those of pods in trouble first."""
    ordered = sorted(set(sources))
    if not ordered:
        collector.skip("no container of the namespaces has run")
        return
    most = size_of_each(collector.site.bounds, len(ordered))
    nodes = _Nodes()
    one_by_one = threading.Lock()  # to redact is work of the processor; a turn for each bounds what is held meanwhile
    done = itertools.count(1)

    def collect(source: LogSource) -> bool:
        def of_node() -> bool:
            with nodes.asked(source.node):
                return _collect_one(collector, source, most, one_by_one)

        cut = collector.attempt(source.path.removeprefix("logs/"), of_node)
        number = next(done)
        collector.say(f"{number} of {len(ordered)}", now=number == len(ordered))
        return bool(cut)

    if shortened := sum(for_each(collect, ordered)):
        collector.note(f"of {shortened} logs only the part that max_log_size and log_lines allow was read")


class _Nodes:
    """Which nodes do not answer: the logs of the others are not to wait for each of theirs."""

    def __init__(self) -> None:
        self._silent: dict[str, str] = {}
        self._answered: set[str] = set()

    @contextmanager
    def asked(self, node: str) -> Iterator[None]:
        """Raises SalvageError at once where the node has not answered before, and has never done."""
        if node and node in self._silent and node not in self._answered:
            raise SalvageError(f"the node {node} does not answer: {self._silent[node]}", reason="unreachable")
        try:
            yield
        except SalvageError as exc:
            if exc.reason in _SILENT or (isinstance(exc, StatusError) and exc.status >= 500 and _NO_KUBELET.search(str(exc))):
                self._silent[node] = str(exc)
            else:
                self._answered.add(node)
            raise
        self._answered.add(node)


def _collect_one(collector: Collector, source: LogSource, most: int, turn: threading.Lock) -> bool:
    """Whether there was more."""
    site = collector.site
    fixed: dict[str, str | int] = {"container": source.container, "timestamps": "true", **({"previous": "true"} if source.previous else {})}

    def ask(query: Mapping[str, str | int]) -> bytes:
        return site.cluster.call(
            "GET", source.api_path, query={**fixed, **query}, media="*/*", max_bytes=most + _SMALLEST, retry=_RETRY
        ).body

    if site.window.around is None:
        # Of a pod in trouble the last words are of interest however long ago it said them.
        log, cut = latest(ask, most, site.bounds.log_lines, site.window.start if source.well else 0.0)
    else:
        log, cut = surrounding(ask, most, site.window, site.window.around)
    if log.startswith(_NO_LOG):
        raise SalvageError(f"the node has no log of it: {readable(log[:200]).decode()}", reason="not_found")
    with turn:
        shown = site.redactor.data(log)
        text = readable(shown)
        if text != shown:
            text = site.redactor.data(text)  # what control characters kept apart may be a secret without them
    collector.save(source.path, [text])
    return cut
