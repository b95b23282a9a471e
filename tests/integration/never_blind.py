# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engineer on call sees of a monitoring while something is done to it: fresh samples, and the alert that always arrives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.replicas import replica_endpoints
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.json_values import as_mapping, mappings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import when
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.client import PrometheusApi
from cluster_lab import Lab
from own_prometheus import ALERTMANAGER, URL, WATCHDOG, longest_gap

FRESH = 15.0  # seconds; targets are scraped and the alert is sent every two, on a machine that is busy
WHAT = ("fresh", "heard", "told")


@dataclass
class Look:
    """What one look has seen.  On a busy machine a look comes late, so nothing follows from the time between two of them."""

    at: float
    fresh: bool = False  # a replica of Prometheus answers with fresh samples
    heard: bool = False  # a replica of Alertmanager heard of the alert a short time ago
    told: bool = False  # one has told its receiver since the look before


@dataclass
class Seen:
    began: float
    looks: list[Look] = field(default_factory=list)
    _counts: dict[str, float] = field(default_factory=dict)

    def look(self, lab: Lab, space: str, alertmanager: str) -> None:
        routes, look = Routes({"kubeconfig": str(lab.kubeconfig)}, 10.0), Look(time.time())
        for one in _endpoints(routes, URL.format(space)):
            with suppress(SalvageError):
                newest = max((found.value or 0.0 for found in PrometheusApi(one).query("timestamp(up == 1)")), default=0.0)
                look.fresh |= look.at - newest < FRESH
        for one in _endpoints(routes, alertmanager):
            with suppress(SalvageError):
                self._alerts(one, space, look)
        self.looks.append(look)

    def _alerts(self, alertmanager: Any, space: str, look: Look) -> None:
        alerts = mappings(alertmanager.request("GET", "/api/v2/alerts", query={"filter": f"from={space}"}).json())
        metrics = alertmanager.request("GET", "/metrics").body.decode()
        heard = [when(one.get("updatedAt")) or 0.0 for one in alerts if as_mapping(one.get("labels")).get("alertname") == WATCHDOG]
        look.heard |= look.at - max(heard, default=0.0) < FRESH
        name, webhook = "alertmanager_notifications_total{", 'integration="webhook"'
        count = sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith(name) and webhook in line)
        look.told |= count != self._counts.get(alertmanager.address)
        self._counts[alertmanager.address] = count

    def longest(self, what: str) -> float:
        """The longest time between two looks with none in between, and themselves, that has seen it."""
        found, first = 0.0, None
        for look in self.looks:
            first = None if getattr(look, what) else first or look.at
            found = max(found, look.at - first if first else 0.0)
        return found


def _endpoints(routes: Routes, address: str) -> list[Any]:
    try:
        return replica_endpoints(routes.cluster, address)
    except SalvageError:
        return []


def _seeing(lab: Lab, space: str) -> Seen:
    """From the moment that all of it is seen: what has just been started sees nothing yet."""
    seen, deadline = Seen(time.time()), time.monotonic() + 120
    while not all(any(getattr(look, what) for look in seen.looks) for what in WHAT):
        assert time.monotonic() < deadline, "the monitoring does not work, though nothing was done to it"
        seen.look(lab, space, ALERTMANAGER)
        time.sleep(0.5)
    seen.began = time.time()
    seen.looks = [Look(seen.began, fresh=True, heard=True, told=True)]
    return seen


@contextmanager
def never_blind(lab: Lab, space: str) -> Iterator[Seen]:
    """Fails if for longer than FRESH nobody had fresh samples, no sample was taken, or the alert did not arrive."""
    ended, seen = threading.Event(), _seeing(lab, space)

    def work() -> None:
        seen.look(lab, space, ALERTMANAGER)
        while not ended.wait(0.5):
            seen.look(lab, space, ALERTMANAGER)

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(work)
        try:
            yield seen
        finally:
            ended.set()
    looking.result()  # who stopped looking has not seen that nothing was missing
    for what in WHAT:
        assert seen.longest(what) < FRESH, f"not {what} for {seen.longest(what):.1f} s"
    assert longest_gap(lab, space, seen.began) < FRESH
