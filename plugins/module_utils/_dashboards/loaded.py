# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Grafana has loaded: by its API, or by the files that its sidecar has written; and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from .._cluster.exec import Container
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.progress import Tell, silent
from .._grafana.client import Grafana
from .._grafana.model import GrafanaDashboard
from .proof import unlike_live
from .sidecar import Sidecar

_PAUSE = 1.0
_FINAL = frozenset({"unauthorized", "forbidden", "missing_library"})


@dataclass(frozen=True)
class WantedDashboard:
    """``dashboard`` is None for one that is to be gone; ``holder`` is the ConfigMap, with its namespace and annotations."""

    uid: str
    dashboard: GrafanaDashboard | None
    holder: dict[str, Any]
    key: str


class DashboardReader(Protocol):
    @property
    def address(self) -> str:
        """For sentences."""

    def probe(self) -> None:
        """Raises SalvageError if it can't be read at all."""

    def problem(self, wanted: WantedDashboard) -> str:
        """Why it is not loaded as it should be; empty if it is.  Raises SalvageError if nobody knows."""


@dataclass(frozen=True)
class ByApi:
    grafana: Grafana

    @property
    def address(self) -> str:
        return self.grafana.address

    def probe(self) -> None:
        self.grafana.dashboard("meta-salvage-probe")

    def problem(self, wanted: WantedDashboard) -> str:
        return unlike_live(wanted.dashboard, self.grafana.dashboard(wanted.uid))


@dataclass(frozen=True)
class ByFile:
    """By the file in the folder of the sidecar."""

    sidecar: Sidecar
    container: Container

    @property
    def address(self) -> str:
        return f"pod://{self.sidecar.namespace}/{self.sidecar.pod}"

    def probe(self) -> None:
        self.container.run(["cat", "/dev/null"])

    def problem(self, wanted: WantedDashboard) -> str:
        path = self.sidecar.file(wanted.holder, wanted.key)
        try:
            text = self.container.run(["cat", path])
        except SalvageError as exc:
            if exc.reason == "http_error" and "No such file" in str(exc):
                return "" if wanted.dashboard is None else f"is not in the file {path}"
            raise
        if wanted.dashboard is None:
            return f"is still in the file {path}"
        return "" if text == wanted.dashboard.text.encode() else f"is not as it should be in the file {path}"


def problems_of(wanted: Sequence[WantedDashboard], readers: Sequence[DashboardReader]) -> tuple[list[str], bool]:
    """What is missing, and whether that won't heal by itself."""
    calls: dict[tuple[str, str], Callable[[], str]] = {
        (reader.address, one.uid): partial(reader.problem, one) for reader in readers for one in wanted
    }
    found = gather(calls)
    problems = [
        str(answer) if isinstance(answer, SalvageError) else f"{address}: the dashboard {uid} {answer}"
        for (address, uid), answer in found.items()
        if isinstance(answer, SalvageError) or answer
    ]
    return problems, any(isinstance(answer, SalvageError) and answer.reason in _FINAL for answer in found.values())


def wait_loaded(wanted: Sequence[WantedDashboard], readers: Sequence[DashboardReader], seconds: float, tell: Tell = silent) -> list[str]:
    """What is missing after ``seconds``, or when it is known that it will not come; empty if nothing is."""
    began = time.monotonic()
    while True:
        problems, final = problems_of(wanted, readers)
        waited = time.monotonic() - began
        if not problems or final or waited > seconds:
            return problems
        tell({"says": f"{waited:.0f}/{seconds:g} s, {problems[0]}"})
        time.sleep(min(_PAUSE, max(seconds - waited, 0.05)))
