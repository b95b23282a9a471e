# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server that stumbles, before a real one."""

from __future__ import annotations

import random
import threading
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError


class Stumbling(Http):
    """One answer in ten goes wrong: 429, 500, or a connection that breaks before the server gets the request, or after."""

    def __init__(self, whole: Http, rng: random.Random) -> None:
        self.__dict__ |= whole.__dict__
        self._rng, self._lock, self.stumbles = rng, threading.Lock(), 0

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        with self._lock:
            fault = self._rng.choice(("429", "500", "before", "after")) if self._rng.random() < 0.1 else ""
            self.stumbles += bool(fault)
        if fault.isdigit():
            return Response(int(fault), {"content-type": "application/json"}, b'{"kind":"Status","message":"stumbled"}', 0.0)
        if fault == "before":
            raise SalvageError("the connection broke", reason="http_error")
        answer = super().request(method, url, **kwargs)
        if fault:
            raise SalvageError("the connection broke", reason="http_error")
        return answer
