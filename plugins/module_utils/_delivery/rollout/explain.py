# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a rollout does not come up: the events and the last log lines of the pods in trouble."""

from __future__ import annotations

from typing import Any

from ..._cluster.http import ServesProxy
from ..._cluster.watch import list_all
from ..._core.errors import SalvageError
from ..._workloads.pod_trouble import Trouble
from ..._workloads.progress import Progress
from ..._workloads.workload import path_of


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
    query: dict[str, str | int | float | list[str]] = {"container": trouble.container, "tailLines": lines, "limitBytes": 65536}
    # While it waits to be started again, the run that failed is the previous one.
    for previous in [True, False] if trouble.restarted else [False]:
        try:
            answer = cluster.call("GET", path, query={**query, **({"previous": "true"} if previous else {})})
        except SalvageError:
            continue
        text = answer.body.decode("utf-8", "replace").splitlines()
        if text:
            return text[-lines:]
    return []
