# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the alerts of Prometheus and Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .._cluster.http import Endpoint
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.json_values import load_json
from .alerts import Alert, merge_alerts, of_alertmanager, of_prometheus


class PrometheusAlerts(Protocol):
    """A client of Prometheus."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""

    def alerts(self) -> tuple[list[Mapping[str, Any]], str]:
        """Its alerts, pending ones too, and why there may be more of them (empty if nothing says so)."""


Answer = tuple[list[Alert], str]


def prometheus_alerts(prometheus: PrometheusAlerts) -> Answer:
    """The alerts of Prometheus that fire, and why there may be more of them (empty if nothing says so).  Raises SalvageError."""
    listed, doubt = prometheus.alerts()
    return _answer(prometheus.endpoint.address, of_prometheus(listed), doubt)


def read_alerts(prometheus: PrometheusAlerts | None, alertmanager: Endpoint | None) -> tuple[list[Alert], dict[str, str]]:
    """All firing alerts, each once, and the sources that gave no whole answer, with the reason."""
    nothing: Answer = ([], "")
    answers = gather(
        {
            "prometheus": lambda: nothing if prometheus is None else prometheus_alerts(prometheus),
            "alertmanager": lambda: nothing if alertmanager is None else _of_alertmanager(alertmanager),
        }
    )
    read = {source: ([], str(answer)) if isinstance(answer, SalvageError) else answer for source, answer in answers.items()}
    problems = {source: problem for source, (_alerts, problem) in read.items() if problem}
    return merge_alerts(read["prometheus"][0], read["alertmanager"][0]), problems


def _of_alertmanager(endpoint: Endpoint) -> Answer:
    body = endpoint.get("/api/v2/alerts").body.decode("utf-8", "replace")
    try:
        return _answer(endpoint.address, of_alertmanager(load_json(body)))
    except (SalvageError, AttributeError, KeyError, TypeError, ValueError) as exc:
        raise SalvageError(f"{endpoint.address}/api/v2/alerts did not answer with alerts: {exc}", reason="invalid") from None


def _answer(address: str, found: list[Alert], doubt: str = "") -> Answer:
    doubts = [doubt, *(f"{one.name}: {one.problem}" for one in found if one.state == "unknown")]
    said = "; ".join(list(dict.fromkeys(filter(None, doubts)))[:3])
    return found, f"{address} gave no whole answer: {said}" if said else ""
