# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a rollout does not come up: the events and the last log lines of the pods in trouble."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._cluster.http import ServesProxy
from ..._cluster.pod_log import latest
from ..._cluster.watch import list_all
from ..._core.errors import SalvageError
from ..._workloads.pod_trouble import Trouble
from ..._workloads.progress import Progress
from ..._workloads.workload import path_of

_LOG_BYTES = 64 * 1024


def explain(cluster: ServesProxy, namespace: str, progress: Progress, log_lines: int, limit: int = 3) -> list[dict[str, Any]]:
    """Events and last log lines of the pods in trouble, the terminal ones first; what can't be had is said, never raised."""
    chosen = sorted(progress.troubles, key=lambda trouble: not trouble.terminal)[:limit]
    return [
        {
            "pod": trouble.pod,
            "container": trouble.container,
            "reason": trouble.reason,
            "events": _events(cluster, namespace, trouble.pod),
            "log": _log(cluster, namespace, trouble, log_lines) if trouble.container and log_lines else [],
        }
        for trouble in chosen
    ]


def _events(cluster: ServesProxy, namespace: str, pod: str) -> list[str]:
    try:
        found, _version = list_all(
            cluster, path_of("Event", namespace), {"fieldSelector": f"involvedObject.name={pod},involvedObject.kind=Pod"}
        )
    except SalvageError as exc:
        return [f"(events can't be read: {exc})"]
    ordered = sorted(found.values(), key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    warnings = [event for event in ordered if event.get("type") != "Normal"]
    return [f"{event.get('reason')}: {event.get('message', '')}" for event in warnings[-5:]]


def _log(cluster: ServesProxy, namespace: str, trouble: Trouble, lines: int) -> list[str]:
    path = f"{path_of('Pod', namespace, trouble.pod)}/log"
    # While it waits to be started again, the run that failed is the previous one.
    for previous in [True, False] if trouble.restarted else [False]:
        fixed: dict[str, str | int] = {"container": trouble.container, **({"previous": "true"} if previous else {})}

        def ask(query: Mapping[str, str | int], fixed: Mapping[str, str | int] = fixed) -> bytes:
            return cluster.call("GET", path, query={**fixed, **query}, media="*/*").body

        try:
            log, _cut = latest(ask, _LOG_BYTES, lines)
        except SalvageError:
            continue
        if log:
            return log.decode("utf-8", "replace").splitlines()
    return []
