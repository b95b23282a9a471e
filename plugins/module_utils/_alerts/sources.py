# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the alerts of Prometheus and Alertmanager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._cluster.http import Endpoint
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.json_values import load_json
from .alerts import Alert, merge_alerts, of_alertmanager, of_prometheus


def read_alerts(prometheus: Endpoint | None, alertmanager: Endpoint | None) -> tuple[list[Alert], dict[str, str]]:
    """All firing alerts, each once, and the sources that could not be read, with the reason."""

    def ask(endpoint: Endpoint | None, path: str, read: Callable[[Any], list[Alert]]) -> list[Alert]:
        if endpoint is None:
            return []
        try:
            return read(load_json(endpoint.get(path).body.decode("utf-8", "replace")))
        except (ValueError, AttributeError, KeyError, TypeError) as exc:
            raise SalvageError(f"{endpoint.address}{path} gave something else than alerts: {exc}", reason="invalid") from None

    answers = gather(
        {
            "prometheus": lambda: ask(prometheus, "/api/v1/alerts", of_prometheus),
            "alertmanager": lambda: ask(alertmanager, "/api/v2/alerts", of_alertmanager),
        }
    )
    problems = {source: str(answer) for source, answer in answers.items() if isinstance(answer, SalvageError)}
    found = {source: [] if isinstance(answer, SalvageError) else answer for source, answer in answers.items()}
    return merge_alerts(found["prometheus"], found["alertmanager"]), problems
