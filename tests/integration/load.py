# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a Service of the lab from outside its pods, counted by how they ended."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter


class Load:
    """New and keep-alive connections to the Service's address, some 200 requests/s."""

    def __init__(self, address: str, workers: int = 8, per_second: float = 25) -> None:
        self.results: Counter[str] = Counter()  # by HTTP status, or by the name of the error
        self._more = threading.Condition()
        self._address, self._pause, self._stop = address, 1 / per_second, threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n % 2 == 0,)) for n in range(workers)]

    def _run(self, keep: bool) -> None:
        connection: http.client.HTTPConnection | None = None
        due = time.monotonic()
        while not self._stop.wait(max(due - time.monotonic(), 0)):
            due += self._pause
            try:
                connection = connection or http.client.HTTPConnection(self._address, 8000, timeout=5)
                connection.request("GET", "/api/metrics/thresholds")
                answer = connection.getresponse()
                answer.read()
                outcome = str(answer.status)
                closing = answer.will_close or not keep
            except (OSError, http.client.HTTPException) as exc:
                outcome, closing = type(exc).__name__, True
            with self._more:
                self.results[outcome] += 1
                self._more.notify_all()
            if closing and connection is not None:
                connection.close()
                connection = None

    def reach(self, count: int) -> None:
        """Waits until so many were answered, or lost."""
        with self._more:
            self._more.wait_for(lambda: sum(self.results.values()) >= count)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
