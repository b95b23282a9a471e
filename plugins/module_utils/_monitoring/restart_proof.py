# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What shows that a replica works again after its restart: of Prometheus its samples and targets, of Alertmanager its silences."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .._alerts.alertmanager import Alertmanager
from .._cluster.exec import Container
from .._cluster.http import Endpoint
from .._core.errors import SalvageError
from .._core.json_values import load_json
from .._prometheus.client import PrometheusApi
from .instances import state_of
from .restart import keep_trying
from .restart_plan import Replica, log_expiries
from .rule_proof import PrometheusState, lost

_STORED = "count(scrape_samples_scraped)"
_FRESH = "count(timestamp(up) > time() - 60)"

Containers = Callable[[Replica], Container]
Endpoints = Callable[[str], Endpoint]


@dataclass(frozen=True)
class PrometheusBefore:
    """``stored`` series had a sample at the time ``at``."""

    state: PrometheusState
    at: float
    stored: float


@dataclass
class PrometheusProof:
    """``endpoint`` opens a pod by name; ``container`` one's container."""

    endpoint: Endpoints
    container: Containers
    keeps: bool = True  # whether what is stored should be there afterwards

    def before(self, pod: str) -> PrometheusBefore | None:
        return keep_trying(lambda: self._before(PrometheusApi(self.endpoint(pod))))

    def _before(self, prometheus: PrometheusApi) -> PrometheusBefore:
        at = time.time() - 5
        return PrometheusBefore(state_of(prometheus), at, _number(prometheus, _STORED, at))

    def missing(self, pod: str, before: PrometheusBefore | None) -> list[str]:
        prometheus = PrometheusApi(self.endpoint(pod))
        try:
            replay = prometheus.data("/api/v1/status/walreplay")
            if isinstance(replay, dict) and (replay.get("current") or 0) < (replay.get("max") or 0):
                return [f"it has read {replay['current']} of {replay['max']} segments of its write-ahead log"]
            state = state_of(prometheus)
            found = lost(before.state, state) if before else []
            if before and self.keeps and _number(prometheus, _STORED, before.at) < before.stored:
                found.append("it does not have the samples of before the restart")
            if state.targets.every and not state.targets.up:
                found.append("no target is up")
            return found if found or not state.targets.every or _number(prometheus, _FRESH) else ["it has no fresh samples"]
        except SalvageError as exc:
            return [str(exc)]

    def quit(self, replica: Replica) -> None:
        """By its own API where that is switched on."""
        answer = keep_trying(lambda: self.endpoint(replica.name).request("POST", "/-/quit"))
        if answer is None or answer.status >= 300:
            end_process(self.container(replica))

    def notes(self, pod: str, before: PrometheusBefore | None) -> list[str]:
        state = keep_trying(lambda: state_of(PrometheusApi(self.endpoint(pod))))
        gone = len(before.state.targets.up - state.targets.every) if before and state else 0
        return [f"{pod}: {gone} targets that were up are there no longer"] if gone else []


@dataclass(frozen=True)
class AlertmanagerBefore:
    """``silences`` are the live ones, by id with their ends; ``notifications`` has when each entry of the log expires, None if unknown."""

    silences: dict[str, float]
    peers: int
    notifications: list[float] | None


@dataclass
class AlertmanagerProof:
    endpoint: Endpoints
    container: Containers
    replicas: dict[str, Replica] = field(default_factory=dict)
    keeps: bool = True
    uncounted: str = ""  # why the notification log could not be counted

    def before(self, pod: str) -> AlertmanagerBefore | None:
        return keep_trying(lambda: AlertmanagerBefore(self._silences(pod), self._peers(pod), self._notifications(pod)))

    def missing(self, pod: str, before: AlertmanagerBefore | None) -> list[str]:
        try:
            now, peers = self._silences(pod), self._peers(pod)
        except SalvageError as exc:
            return [str(exc)]
        if before is None:
            return []
        found = [f"the silence {one} is gone" for one, ends in before.silences.items() if one not in now and ends > time.time() + 5]
        if peers < before.peers:
            found.append(f"it knows {peers} replicas of its cluster, and {before.peers} before")
        # Alertmanager removes the expired ones when it stops.
        lasting = sum(ends > time.time() + 5 for ends in before.notifications or ())
        if not found and self.keeps and lasting and self._notifications(pod) == []:
            found.append(f"its notification log is empty, and had {lasting} entries")
        return found

    def quit(self, replica: Replica) -> None:
        end_process(self.container(replica))

    def notes(self, pod: str, before: AlertmanagerBefore | None) -> list[str]:
        silences, kept = keep_trying(lambda: self._silences(pod)), self._notifications(pod)
        if before is None or silences is None:
            return []
        was = len(before.notifications or ())
        log = f"not counted: {self.uncounted}" if kept is None else f"{was} entries before, {len(kept)} after"
        return [f"{pod}: {len(before.silences)} silences before, {len(silences)} after; notification log: {log}"]

    def _silences(self, pod: str) -> dict[str, float]:
        view = Alertmanager(self.endpoint(pod)).silences(lambda _creator, _comment: True)
        return {one.id: one.ends_at for one in view.silences if one.live}

    def _peers(self, pod: str) -> int:
        status: Any = load_json(self.endpoint(pod).get("/api/v2/status").body)
        cluster = status.get("cluster") if isinstance(status, dict) else None
        peers = cluster.get("peers") if isinstance(cluster, dict) else None
        return len(peers) if isinstance(peers, list) else 0

    def _notifications(self, pod: str) -> list[float] | None:
        """As the file has them: complete after a stop, and some minutes old before."""
        replica = self.replicas.get(pod)
        if replica is None:
            return None
        try:
            data = self.container(replica).run(["cat", f"{replica.storage}/nflog"])
        except SalvageError as exc:
            if "No such file" in str(exc):
                return []
            self.uncounted = str(exc)
            return None
        return log_expiries(data)


def end_process(container: Container) -> None:
    """Its first process is asked to end, which Kubernetes then starts again.  Raises SalvageError."""
    try:
        container.run(["sh", "-c", "kill -TERM 1"])
    except SalvageError as exc:
        # The connection ends with the process.
        if exc.reason not in ("unreachable", "timeout"):
            raise


def _number(prometheus: PrometheusApi, expression: str, at: float | None = None) -> float:
    found = prometheus.query(expression, at=at)
    return (found[0].value or 0.0) if found else 0.0
