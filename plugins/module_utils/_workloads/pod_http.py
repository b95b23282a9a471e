# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each pod reports about itself, read through the API server: a Service would answer for one of them only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from .._cluster.http import Response, ServesProxy, is_of_api_server, said
from .._cluster.pods import port_number
from .._cluster.retry import Retry
from .._core.errors import SalvageError
from .._core.progress import Tell, silent
from .._core.status import CRITICAL, UNKNOWN
from .._prometheus.exposition import parse_exposition
from .service_health import ServiceHealth, service_health
from .workload import Object, path_of

_AGAIN = Retry(reasons=frozenset({"http_error", "unreachable"}))


def ask(cluster: ServesProxy, pod: Object, port: str, path: str, *, timeout: float = 5.0) -> Response:
    """GET of one pod; again where the API server fails temporarily, never for what the pod itself says.  Raises SalvageError."""
    metadata = pod["metadata"]
    where = f"{path_of('Pod', metadata['namespace'], metadata['name'])}:{port_number(pod, port)}/proxy{path}"
    return cluster.call("GET", where, timeout=timeout, retry=_AGAIN, final=lambda answer: not is_of_api_server(answer))


def health_of(cluster: ServesProxy, pod: Object, port: str, path: str, *, timeout: float = 5.0) -> ServiceHealth:
    """What the pod states about itself.  Without an answer of its own (of the API server, or none at all) its health is unknown."""
    try:
        answer = ask(cluster, pod, port, path, timeout=timeout)
    except SalvageError as exc:
        return ServiceHealth(UNKNOWN, str(exc))
    if answer.status == 200:
        found = service_health(answer.status, answer.content_type, answer.body)
        return replace(found, reason=found.reason and f"{path} {found.reason}")
    status = UNKNOWN if is_of_api_server(answer) else CRITICAL
    return ServiceHealth(status, f"{path} answered {answer.status}{said(answer)}")


def requests_answered(
    cluster: ServesProxy, pod: Object, port: str, exclude: Iterable[str], *, metric: str = "http_requests_total"
) -> float | None:
    """How many requests the pod has answered, without those to the excluded paths; None if it does not report them."""
    try:
        answer = ask(cluster, pod, port, "/metrics")
        if answer.status != 200:
            return None
        text = answer.body.decode("utf-8", "replace")
        if metric not in text:
            return None  # of a counter that has no sample yet there is at least its type
        samples = parse_exposition(text, [metric])
    except SalvageError:
        return None
    left_out = frozenset(exclude)
    values = [sample.value for sample in samples if sample.name == metric and sample.labels.get("path") not in left_out]
    return None if any(value is None for value in values) else sum(value for value in values if value is not None)


def drained(
    cluster: ServesProxy,
    pods: Callable[[], list[Object]],
    port: str,
    *,
    timeout: float,
    interval: float,
    exclude: tuple[str, ...],
    tell: Tell = silent,
) -> dict[str, Any]:
    """Wait until no pod answered a request in two intervals running, or until the timeout.  What can't be seen counts as busy."""
    began = time.monotonic()
    before: dict[str, float | None] = {}
    quiet = 0
    while True:
        now = {pod["metadata"]["uid"]: requests_answered(cluster, pod, port, exclude) for pod in pods()}
        known = all(value is not None for value in now.values())
        rose = sum((value or 0) - (before.get(uid) or 0) for uid, value in now.items() if uid in before)
        quiet = quiet + 1 if before and known and rose == 0 else 0
        waited = time.monotonic() - began
        if quiet >= 2 or not now:
            return {"drained": True, "seconds": round(waited, 1), "reason": "no request in two intervals" if now else "no pod is left"}
        why = f"{rose:g} requests in the last interval" if known else "some pods do not report their requests"
        if before:
            tell({"says": f"{waited:.0f}/{timeout:g} s, {why}"})
        if waited + interval > timeout:
            return {"drained": False, "seconds": round(waited, 1), "reason": f"{why}; connections that are still open break now"}
        before = now
        time.sleep(interval)
