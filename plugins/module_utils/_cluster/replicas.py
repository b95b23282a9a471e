# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each pod behind a Service: the Service itself answers with the words of one of them only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .._core.errors import SalvageError
from .http import Endpoint, service_parts
from .pods import port_number, target_port
from .session import Cluster


def selected_pods(cluster: Cluster, namespace: str, name: str) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """The Service, and the pods of its selector.  Raises SalvageError: those of the reads, and bad_input."""
    core = f"/api/v1/namespaces/{quote(namespace, safe='')}"
    service = cluster.get_json(f"{core}/services/{quote(name, safe='')}")
    selector = (service.get("spec") or {}).get("selector") or {}
    if not selector:
        raise SalvageError(f"the Service {name} selects no pods, so none of them can be reached", reason="bad_input")
    wanted = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return service, list(cluster.list(f"{core}/pods", {"labelSelector": wanted}))


def replica_endpoints(cluster: Cluster, address: str) -> list[Endpoint]:
    """An endpoint of each pod of ``service[s]://namespace/name:port[/prefix]`` that runs, by name, through the API server.

    Raises SalvageError: those of the reads, and unreachable if no pod runs.
    """
    parts = service_parts(address)
    if parts is None:
        raise SalvageError(
            f"{address!r} is not the address of a service in the cluster; write service://namespace/name:port", reason="bad_input"
        )
    service, pods = selected_pods(cluster, parts["namespace"], parts["name"])
    target = target_port(service, parts["port"])
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")]
    if not running:
        raise SalvageError(f"no pod of the Service {parts['name']} in namespace {parts['namespace']} runs", reason="unreachable")
    secure = "https:" if parts["scheme"] == "services" else ""
    found = []
    for pod in sorted(running, key=lambda one: str(one["metadata"]["name"])):
        name = pod["metadata"]["name"]
        where = quote(f"{secure}{name}:{port_number(pod, target)}", safe=":")
        base = f"{cluster.server}/api/v1/namespaces/{parts['namespace']}/pods/{where}/proxy{(parts['prefix'] or '').rstrip('/')}"
        found.append(Endpoint(address=f"pod://{parts['namespace']}/{name}", base=base, http=cluster.http))
    return found
