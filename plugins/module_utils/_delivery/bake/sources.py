# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bake's samples come from: Prometheus, or the pods themselves."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..._alerts.sources import prometheus_alerts
from ..._cluster.http import Endpoint, ServesProxy
from ..._core.errors import SalvageError
from ..._core.gather import for_each
from ..._metrics.profile import METRIC_NAME
from ..._prometheus.client import PrometheusApi
from ..._prometheus.exposition import parse_exposition
from ..._workloads.pod_http import ask
from ..._workloads.workload import Object
from .counters import Point

# Labels that Prometheus and its operator add.
_ADDED = frozenset({"namespace", "instance", "job", "endpoint", "container", "service"})
Scrape = dict[str, list[Point]]  # by pod; a pod that could not be read is missing


class Source(Protocol):
    """Fresh samples of pods, by pod name."""

    weak: str

    def scrape(self, pods: list[Object], names: frozenset[str]) -> tuple[Scrape, list[str]]:
        """What came, and why not all did."""


@dataclass
class PodSource:
    """Each pod's own exposition text."""

    cluster: ServesProxy
    port: str
    path: str = "/metrics"
    timeout: float = 5.0
    weak: str = "without Prometheus: read from the pods themselves, so a pod's last moments before it died are not seen"

    def scrape(self, pods: list[Object], names: frozenset[str]) -> tuple[Scrape, list[str]]:
        def one(pod: Object) -> tuple[str, list[Point] | str]:
            name = pod["metadata"]["name"]
            try:
                answer = ask(self.cluster, pod, self.port, self.path, timeout=self.timeout)
                if answer.status != 200:
                    return name, f"{name}: {self.path} answered {answer.status}"
                at = time.time()
                samples = parse_exposition(answer.body.decode("utf-8", "replace"), names)
            except SalvageError as exc:
                return name, f"{name}: {exc}"
            return name, [Point(s.name, s.labels, s.value, at) for s in samples if s.value is not None]

        found = dict(for_each(one, pods))
        return {name: got for name, got in found.items() if not isinstance(got, str)}, [
            got for got in found.values() if isinstance(got, str)
        ]


@dataclass
class PrometheusSource:
    """Raw samples from Prometheus.  A sample counts once: an old one that it still answers with after the pod died is none."""

    endpoint: Endpoint
    namespace: str
    lookback: float
    weak: str = ""
    _newest: dict[str, float] = field(default_factory=dict)

    def scrape(self, pods: list[Object], names: frozenset[str]) -> tuple[Scrape, list[str]]:
        wanted = [pod["metadata"]["name"] for pod in pods]
        try:
            rows = self._query(wanted, names, self.lookback)
        except SalvageError as exc:
            return {}, [str(exc)]
        found: Scrape = {}
        for pod, labels, values in rows:
            at, value = values[-1]
            found.setdefault(pod, []).append(Point(labels.pop("__name__"), labels, value, at))
        fresh: Scrape = {}
        for pod, points in found.items():
            newest = max(point.at for point in points)
            if newest > self._newest.get(pod, 0.0):
                self._newest[pod] = newest
                fresh[pod] = [point for point in points if point.at > newest - self.lookback / 2]
        return fresh, [f"{name}: no new sample in Prometheus" for name in wanted if name not in fresh]

    def history(self, pods: list[Object], names: frozenset[str], seconds: float) -> dict[str, list[list[Point]]]:
        """Each pod's samples over the last ``seconds``, series by series, oldest first.  Raises SalvageError."""
        found: dict[str, list[list[Point]]] = {}
        for pod, labels, values in self._query([pod["metadata"]["name"] for pod in pods], names, seconds):
            name = labels.pop("__name__")
            found.setdefault(pod, []).append([Point(name, labels, value, at) for at, value in values])
        return found

    def cadence(self, pods: list[Object], names: frozenset[str]) -> float:
        """Seconds between two scrapes; 0 if it is not known.  A look more often than that would see nothing new."""
        try:
            history = self.history(pods, names, 300)
        except SalvageError:
            return 0.0
        times = [[point.at for point in points] for series in history.values() for points in series]
        gaps = sorted(after - before for row in times for before, after in itertools.pairwise(row))
        return gaps[len(gaps) // 2] if gaps else 0.0

    def firing(self) -> list[Mapping[str, str]]:
        """The labels of the alerts that fire.  Raises SalvageError."""
        alerts, doubt = prometheus_alerts(PrometheusApi(self.endpoint))
        if doubt:
            raise SalvageError(doubt, reason="invalid")
        return [alert.labels for alert in alerts]

    def _query(
        self, pods: Iterable[str], names: frozenset[str], seconds: float
    ) -> list[tuple[str, dict[str, str], list[tuple[float, float]]]]:
        metrics = "|".join(sorted(name for name in names if METRIC_NAME.fullmatch(name)))
        query = f'{{__name__=~"{metrics}",namespace="{self.namespace}",pod=~"{"|".join(pods)}"}}[{max(int(seconds), 1)}s]'
        rows = []
        for series in PrometheusApi(self.endpoint).query(query):
            if series.doubt:
                raise SalvageError(f"{self.endpoint.address} gave no whole answer: {series.doubt}", reason="invalid")
            labels = {name: value for name, value in series.labels.items() if name not in _ADDED}
            pod = labels.pop("pod", "")
            if pod and series.series and series.name:
                rows.append((pod, {**labels, "__name__": series.name}, list(series.series)))
        return rows
