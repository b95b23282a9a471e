# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What OPA logged about loading its files, found in the log of a pod that answers thousands of requests per second."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator

from ..._core.errors import SalvageError
from ..._opa.decide import one_line

_EARLIER = 30  # seconds of log that are read before a write
_MARGIN = 2  # seconds: a request takes its time until the kubelet counts back from it
_MOST_BYTES = 64 * 2**20  # of one reading
_LONGEST_LINE = 2**20
ReadLog = Callable[[str, int], Iterator[bytes]]


def last_load(pieces: Iterable[bytes]) -> tuple[bytes, str]:
    """The line about the last time that OPA loaded its files, and the error in it; both empty if the log has no such line."""
    found: tuple[bytes, str] = (b"", "")
    for line in _lines(pieces):
        if b"file watch event" not in line and b'"error"' not in line:
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and "decision_id" not in entry and "err" in entry:
            found = line, one_line(entry["err"]) if entry["err"] else ""
    return found


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            rest = b""
    yield rest


class LoadLogs:
    """The complaints of each pod about the files that were written last.

    ``read`` gives the log of a pod of the last so many seconds.  Each reading begins where the one before began: the number of lines
    says nothing about how far back they go.
    """

    def __init__(self, read: ReadLog, timeout: float) -> None:
        self._read = read
        self._timeout = timeout
        self._before: dict[str, bytes] = {}
        self._last: dict[str, tuple[bytes, str]] = {}
        self._read_at: dict[str, float] = {}
        self._written_at = time.monotonic()

    def written(self, pods: Iterable[str]) -> None:
        """Before files are written: what the pods have said so far is not about them."""
        self._written_at = time.monotonic()
        self._last, self._read_at = {}, {}
        self._before = {pod: self._look(pod, _EARLIER)[0] for pod in pods}

    def complaint(self, pod: str) -> str:
        """The pod's error about the files, if it is newer than the last write."""
        since = time.monotonic() - self._read_at.get(pod, self._written_at)
        line, error = self._look(pod, math.ceil(since) + _MARGIN)
        return "" if line == self._before.get(pod) else error

    def _look(self, pod: str, seconds: int) -> tuple[bytes, str]:
        now = time.monotonic()
        reading = _Reading(self._timeout)
        try:
            found = last_load(reading.bounded(self._read(pod, seconds)))
        except SalvageError:
            found = (b"", "")
        if reading.whole:  # else the next reading covers this time too
            self._read_at[pod] = now
        if found[0]:
            self._last[pod] = found
        return self._last.get(pod, (b"", ""))


class _Reading:
    """One reading of a log, which a server may not make endless."""

    def __init__(self, timeout: float) -> None:
        self.whole = False
        self._until = time.monotonic() + timeout

    def bounded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        size = 0
        for piece in pieces:
            yield piece
            size += len(piece)
            if size > _MOST_BYTES or time.monotonic() > self._until:
                return
        self.whole = True
