# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one client of Prometheus' HTTP API, over any route to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .._cluster.http import Endpoint, Response, said
from .._core.errors import SalvageError
from .._core.json_values import load_json
from .answers import listed_alerts, parse_promql, successful_data, warnings_of
from .model import MetricSample

T = TypeVar("T")
_MOST_POINTS = 11_000  # Prometheus refuses more in one series


@dataclass(frozen=True)
class PrometheusApi:
    """One Prometheus.  Safe to share between threads.  Each call raises SalvageError with the address and the path in the sentence.

    Times are unix seconds, durations seconds.  ``timeout`` is for one call; one that is used up by earlier calls raises ``timeout``.
    """

    endpoint: Endpoint

    def query(
        self, expression: str, *, at: float | None = None, lookback: float | None = None, timeout: float | None = None
    ) -> list[MetricSample]:
        """An instant query: one sample for each series; for a range selector (``metric[5m]``) with its raw ``series``.

        With ``lookback`` it does not see samples that are older than this.
        """
        query = {"query": expression}
        if at is not None:
            query["time"] = f"{at:.3f}"
        if lookback is not None:
            query["lookback_delta"] = f"{max(lookback, 0.001):.3f}"
        return self._decided("/api/v1/query", query, timeout, parse_promql)

    def query_range(self, expression: str, *, start: float, end: float, step: float, timeout: float | None = None) -> list[MetricSample]:
        """Each series between two times; the step grows where Prometheus would refuse so many points."""
        step = max(step, 0.001, (end - start) / (_MOST_POINTS - 1))
        query = {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return self._decided("/api/v1/query_range", query, timeout, parse_promql)

    def alerts(self, *, timeout: float | None = None) -> tuple[list[Mapping[str, Any]], str]:
        """Prometheus' alerts, pending ones too, and why there may be more of them (empty if nothing says so)."""
        return self._decided("/api/v1/alerts", {}, timeout, lambda answer: (listed_alerts(answer), warnings_of(answer)))

    def data(self, path: str, query: Mapping[str, str] | None = None, *, timeout: float | None = None) -> Any:
        """The ``data`` of any other call, such as ``/api/v1/targets`` or ``/api/v1/status/flags``; raw for ``/api/v1/query`` too."""
        return self._decided(path, query or {}, timeout, successful_data)

    def formatted(self, expression: str) -> str:
        """The query as Prometheus (2.36 or newer) lays it out.  Raises SalvageError; invalid for what is not PromQL."""
        path, query = "/api/v1/format_query", {"query": expression}
        answer = self.endpoint.request("GET", path, query=query)
        if answer.status == 400:
            raise SalvageError(f"Prometheus refuses the query{said(answer)}", reason="invalid")
        return str(self.data(path, query) if answer.status != 200 else successful_data(load_json(whole_body(answer))))

    def _decided(self, path: str, query: Mapping[str, str], timeout: float | None, decide: Callable[[object], T]) -> T:
        if timeout is not None and timeout <= 0:
            raise SalvageError(f"{self.endpoint.address} was not asked for {path}: the time was up", reason="timeout")
        answer = self.endpoint.get(path, query=query, timeout=timeout)
        try:
            return decide(load_json(whole_body(answer).decode("utf-8", "replace")))
        except SalvageError as exc:
            raise SalvageError(f"{self.endpoint.address}{path}: {exc}", reason=exc.reason) from None


def whole_body(answer: Response) -> bytes:
    """The body, if all of it came.  Raises SalvageError(http_error)."""
    announced = answer.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) != len(answer.body):
        raise SalvageError(f"the answer broke off after {len(answer.body)} of {announced} bytes", reason="http_error")
    return answer.body
