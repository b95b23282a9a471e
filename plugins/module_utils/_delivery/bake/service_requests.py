# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the steps of a journey through the API server's service proxy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ..._cluster.http import ServesProxy, open_endpoint
from ..._core.errors import SalvageError
from .journey import DOWN, SILENT, UNKNOWN, Found, ServiceRequest, found_in

TRIES = 3  # each goes to an endpoint of its own choice, and EndpointSlices follow a change after a moment
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class ServiceSource:
    """``without`` says why there are no steps, ``doubt`` why nothing passes by them."""

    cluster: ServesProxy
    namespace: str
    steps: tuple[ServiceRequest, ...] = ()
    without: str = ""
    doubt: str = ""
    pause: float = 1.0

    def ask(self) -> Mapping[str, Found]:
        """What came of each step, in their order."""
        found: dict[str, Found] = {}
        for number, step in enumerate(self.steps, 1):
            found[step.name if step.name not in found else f"{step.name} (step {number})"] = self._certain(step)
        return found

    def _certain(self, step: ServiceRequest) -> Found:
        """Sent again where the Service leads to nothing (it reached no pod), and a GET also where the API server did not let it through."""
        again = {DOWN, UNKNOWN} if step.method == "GET" else {DOWN}
        for left in reversed(range(TRIES)):
            found = self._once(step)
            if found.state not in again or not left:
                break
            time.sleep(self.pause)
        return found

    def _once(self, step: ServiceRequest) -> Found:
        kind = "services" if step.tls else "service"
        endpoint = open_endpoint(f"{kind}://{self.namespace}/{step.service}", cluster=self.cluster)
        try:
            body = None if step.body is None else step.body.encode()
            answer = endpoint.request(step.method, step.path, body=body, headers=step.headers, timeout=step.timeout, max_bytes=MAX_BYTES)
        except SalvageError as exc:
            return Found(SILENT if exc.reason == "timeout" else UNKNOWN, str(exc))
        return found_in(step, answer)
