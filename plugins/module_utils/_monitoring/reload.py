# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How replicas of a Prometheus come to load a change: the kubelet writes it into the pod, and somebody says reload."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from .._cluster.objects import MERGE_PATCH
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.redact import excerpt
from .._prometheus.client import PrometheusApi
from .._prometheus.configuration import without_quotes

SYNCED = "meta-salvage.euystacio/config-changed-by"
_POD = re.compile(r"pod://([^/]+)/([^/]+)")
_FIRST, _NUDGES, _RELOADS = 0.5, 10.0, 3.0  # seconds


@dataclass
class Reloads:
    """``by_hand``: nothing in the pod sees a change, so Prometheus gets a request.  ``refused``: what it said to that, by replica."""

    cluster: Cluster
    replicas: dict[str, PrometheusApi]
    run: str
    by_hand: bool
    refused: dict[str, str] = field(default_factory=dict)
    _nudged: dict[str, float] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)
    _patches: int = 0
    _may_patch: bool = True

    def push(self, addresses: Iterable[str], waited: float) -> None:
        """Called again and again while a change is not loaded; ``waited`` is the time since it was written, or since the turn began."""
        for address in addresses:
            last = self._nudged.get(address, 0.0)
            if waited >= max(_FIRST, min(2 * last, last + _NUDGES)) or waited < last:
                self._nudged[address] = max(waited, _FIRST)
                self._nudge(address)
            elif self.by_hand and (waited >= self._told.get(address, 0.0) + _RELOADS or waited < self._told.get(address, 0.0)):
                self._told[address] = waited
                self._reload(address)

    def _nudge(self, address: str) -> None:
        """A kubelet looks at a pod that has changed at once, and at others once a minute; without the right to it a change takes longer."""
        pod = _POD.fullmatch(address)
        if pod is None or not self._may_patch:
            return
        self._patches += 1
        note = {"metadata": {"annotations": {SYNCED: f"{self.run} {self._patches}"}}}
        path = f"/api/v1/namespaces/{quote(pod[1], safe='')}/pods/{quote(pod[2], safe='')}"
        try:
            self.cluster.call("PATCH", path, body=note, content_type=MERGE_PATCH)
        except SalvageError as exc:
            self._may_patch = exc.reason not in ("forbidden", "unauthorized")

    def _reload(self, address: str) -> None:
        try:
            answer = self.replicas[address].endpoint.request("POST", "/-/reload")
        except SalvageError as exc:
            self.refused[address] = str(exc)
            return
        if answer.status < 300:
            self.refused.pop(address, None)
        else:
            self.refused[address] = excerpt(without_quotes(answer.body.decode("utf-8", "replace").strip()), 300)
