# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collector at work: its clock, what it saves, and what it could not get."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .._cluster.routes import Routes
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.progress import Tell
from .._core.sentences import some_of
from .._redaction.redactor import Redactor
from .bundle import Bundle
from .options import Bounds, DiagnosticsOptions, Window

T = TypeVar("T")
_LISTED = 500  # reasons that a collector keeps one by one
_PASSING = frozenset({"http_error", "unreachable"})  # reasons that may be others at the next try
_ADDRESS = re.compile(r"https?://\S+(?<![:;,.])")
_PAUSE = 0.2
TRIES = 5
_NAMED = 3  # of them that its sentence names
# What reading an answer raises that is not of the form that its API promises.
_UNFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)


@dataclass(frozen=True)
class Site:
    """Where is collected from and to; ``redact`` hides what is known so far."""

    query: DiagnosticsOptions
    params: dict[str, Any]
    routes: Routes
    namespaces: tuple[str, ...]
    window: Window
    bounds: Bounds
    bundle: Bundle
    redactor: Redactor
    tell: Tell

    @property
    def cluster(self) -> Cluster:
        return self.routes.cluster


class Collector:
    """Safe to share between the threads of one collector."""

    def __init__(self, name: str, site: Site) -> None:
        self.name, self.site = name, site
        self.seconds = 0.0
        self.calls: list[dict[str, Any]] = []  # of a program
        self.got = 0  # what was read, whatever of it was worth a file
        self._until = time.monotonic() + site.bounds.seconds
        self._missing: list[tuple[str, str]] = []
        self._notes: list[str] = []
        self._files: list[str] = []
        self._lock = threading.Lock()
        self._said = 0.0
        self._skipped = ""

    def run(self, work: Callable[[Collector], None]) -> None:
        """``work``, of which nothing but a file of its own can fail."""
        started = time.monotonic()
        self._until = started + self.site.bounds.seconds

        def all_of_it() -> bool:
            work(self)
            return True

        if self.attempt(self.name, all_of_it):
            self.got -= 1  # what counts is what it did
        self.seconds += time.monotonic() - started

    def attempt(self, what: str, work: Callable[[], T], *, tries: int = 1) -> T | None:
        """What ``work`` gives, or None where it failed, which is noted under ``what``.

        ``tries`` are for what is behind the API server's proxy: the session repeats its own requests by itself.
        """
        try:
            self.check_time()
            found = work()
        except SalvageError as exc:
            if tries > 1 and exc.reason in _PASSING:
                time.sleep(_PAUSE)
                return self.attempt(what, work, tries=tries - 1)
            self.miss(what, str(exc))
        except _UNFORMED as exc:
            self.miss(what, f"the answer has another form than its API promises ({type(exc).__name__}: {exc})")
        else:
            with self._lock:
                self.got += 1
            return found
        return None

    def check_time(self) -> None:
        """Raises SalvageError(timeout) where the collector's time is up."""
        if time.monotonic() >= self._until:
            raise SalvageError(f"the {self.site.bounds.seconds:g} s of the collector were up", reason="timeout")

    def miss(self, what: str, why: str) -> None:
        with self._lock:
            self._missing.append((what, why))

    def note(self, what: str) -> None:
        """Something to know of what was collected."""
        with self._lock:
            self._notes.append(what)

    def skip(self, why: str) -> None:
        self._skipped = why

    def say(self, text: str, *, now: bool = True) -> None:
        """A line of progress; without ``now`` at most one a second."""
        moment = time.monotonic()
        if now or moment - self._said >= 1:
            self._said = moment
            self.site.tell({"collector": self.name, "says": f"{self.name}: {text}"})

    def save(self, path: str, pieces: Iterable[bytes]) -> None:
        """Pieces that are redacted.  Raises SalvageError(too_large)."""
        path = path_in(self.site.redactor, path)
        self.site.bundle.add(path, pieces)
        with self._lock:
            self._files.append(path)

    def save_json(self, path: str, value: Any) -> None:
        """Raises SalvageError(too_large)."""
        self.save(path, [json.dumps(self.site.redactor.value(value), ensure_ascii=False).encode(errors="replace"), b"\n"])

    def save_lines(self, path: str, values: Iterable[Mapping[str, Any]]) -> None:
        """As JSON, one a line.  Raises SalvageError(too_large)."""
        shown = self.site.redactor.value(list(values))
        self.save(path, (json.dumps(one, ensure_ascii=False).encode(errors="replace") + b"\n" for one in shown))

    def outcome(self) -> dict[str, Any]:
        """For the index."""
        status = "complete"
        if self._missing:
            status = "partial" if self._files or self.got else "failed"
        elif self._skipped:
            status = "skipped"
        missing = sorted(self._missing)
        return {
            "name": self.name,
            "status": status,
            "reason": self._skipped if status == "skipped" else "; ".join(filter(None, [reason_of(missing), *self._notes])),
            "seconds": round(self.seconds, 2),
            "files": sorted(self._files),
            "missing": [{"what": what, "reason": why} for what, why in missing[:_LISTED]],
            **({"calls": self.calls} if self.calls else {}),
        }


def path_in(redactor: Redactor, path: str) -> str:
    """The path of a file in the bundle: that of an object can have a value that is secret elsewhere."""
    return redactor.text(path) if redactor.leaks(path.encode()) else path


def reason_of(missing: list[tuple[str, str]]) -> str:
    """One sentence on all that is missing: each reason once, with the first that it is the reason of."""
    by_reason: dict[str, list[str]] = {}
    for what, why in missing:
        by_reason.setdefault(_ADDRESS.sub("it", why), []).append(what)  # each has an address of its own, which what it is says too
    said = [f"{some_of(names, 1)}: {why}" for why, names in by_reason.items()]
    return "; ".join(said[:_NAMED]) + (f"; and {len(said) - _NAMED} other reasons" if len(said) > _NAMED else "")
