# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the pods to come have room, by the quotas of the namespace and by what is free on the nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..._cluster.http import ServesProxy
from ..._cluster.objects import read
from ..._cluster.watch import list_all
from ..._core.errors import SalvageError
from ..._workloads.capacity import nodes_on_demand, over_quota, priority_of, room, with_defaults
from ..._workloads.workload import Object, path_of

_AUTOSCALER = path_of("ConfigMap", "kube-system", "cluster-autoscaler-status")


_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
T = TypeVar("T")


def _if_allowed(reading: Callable[[], T]) -> T | None:
    """Without the right to read what could only add room, there is less."""
    try:
        return reading()
    except SalvageError as exc:
        if exc.reason == "forbidden":
            return None
        raise


def check_room(cluster: ServesProxy, namespace: str, pod_spec: Object, more: int) -> None:
    """Raises SalvageError if ``more`` such pods have no room.  Unknown capacity does not count as room."""
    if more <= 0:
        return
    try:
        ranges = list_all(cluster, path_of("LimitRange", namespace))[0].values()
        quotas = list_all(cluster, path_of("ResourceQuota", namespace))[0].values()
        nodes = list(list_all(cluster, "/api/v1/nodes")[0].values())
        pods = list_all(cluster, "/api/v1/pods")[0].values()
        classes, autoscaler = (
            _if_allowed(lambda: list(list_all(cluster, _CLASSES)[0].values())),
            _if_allowed(lambda: read(cluster, _AUTOSCALER)),
        )
        on_demand = nodes_on_demand(nodes) or bool((autoscaler or {}).get("data"))
    except SalvageError as exc:
        sentence = f"whether {more} more pods have room can't be seen: {exc}; or set check_headroom: false"
        raise SalvageError(sentence, reason=exc.reason) from None
    pod_spec = with_defaults(pod_spec, ranges)
    broken = over_quota(pod_spec, more, quotas)
    if broken:
        raise SalvageError(f"{broken}; nothing was changed", reason="invalid")
    free = more if on_demand else room(pod_spec, nodes, pods, priority_of(pod_spec, classes or []))
    if free < more:
        raise SalvageError(
            f"{more} more pods are to start and the nodes have room for {free}; nothing was changed; "
            "if nodes are added on demand, set check_headroom: false",
            reason="invalid",
        )
