# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind a Service, and the gates for a switch, read from the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..._cluster.http import Query, ServesProxy
from ..._cluster.objects import must_read, read
from ..._cluster.pods import ready
from ..._cluster.watch import list_all
from ..._core.errors import SalvageError
from ..._core.gather import for_each
from ..._core.progress import Tell, silent
from ..._workloads.pod_http import health_of
from ..._workloads.workload import Object, finished, path_of, pod_labels_of
from .colours import (
    Colours,
    Endpoints,
    Gate,
    endpoints_gate,
    endpoints_of,
    health_gate,
    hpa_gate,
    image_gate,
    must_be_coloured,
    others_that_select,
    pdb_gate,
    pods_gate,
    ports_gate,
    return_gate,
    rollout_gate,
)


@dataclass(frozen=True)
class Settings:
    """How careful to be."""

    run: str = ""
    health_port: str = ""
    health_path: str = "/health"
    image: str = ""
    min_ready: int = 0  # 0: as many as the active colour wants
    stability: float = 10.0
    proof_timeout: float = 10.0
    settle: float = 2.0
    bake: float = 900.0
    allow_no_return: bool = False
    shared_services: tuple[str, ...] = ()  # Services that may send to both colours
    timeout: float = 600.0
    tell: Tell = field(default=silent, repr=False)


@dataclass(frozen=True)
class GatesSeen:
    """Everything that the gates are decided on, read at one moment."""

    gates: tuple[Gate, ...]
    pods: tuple[Object, ...] = field(repr=False, default=())


def slices_of(namespace: str, service: str) -> tuple[str, Query]:
    return path_of("EndpointSlice", namespace), {"labelSelector": f"kubernetes.io/service-name={service}"}


def endpoints_behind(cluster: ServesProxy, namespace: str, service: str) -> Endpoints:
    path, query = slices_of(namespace, service)
    return endpoints_of(list_all(cluster, path, query)[0].values())


def pods_with(cluster: ServesProxy, namespace: str, labels: Mapping[str, str]) -> list[Object]:
    """Those that run, or are to: neither being deleted nor ended."""
    found = list_all(cluster, path_of("Pod", namespace), {"labelSelector": query_of(labels)})[0].values()
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp") and not finished(pod)]


def refuse_other_services(cluster: ServesProxy, wanted: Object, key: str, known: Iterable[str]) -> None:
    """Raises SalvageError(bad_input) for a Service that would send traffic to the new colour's pods as soon as they are ready."""
    services = list_all(cluster, path_of("Service", wanted["metadata"]["namespace"]))[0].values()
    found = others_that_select(services, pod_labels_of(wanted), key, known)
    if found:
        raise SalvageError(
            f"the pods of {wanted['metadata']['name']} would take traffic of {', '.join(found)} at once, which selects them too; "
            f"narrow its selector by {key}, or allow it in shared_services",
            reason="bad_input",
        )


def health_port(service: Object, settings: Settings) -> str:
    return settings.health_port or str((service["spec"].get("ports") or [{}])[0].get("targetPort", ""))


def health(cluster: ServesProxy, service: Object, pods: list[Object], settings: Settings) -> Gate:
    """Each pod is asked: the Service would answer for one of them only."""
    if not settings.health_path:
        return Gate("health", True, "not asked: health_path is empty")
    port = health_port(service, settings)
    answers = for_each(lambda pod: health_of(cluster, pod, port, settings.health_path), pods)
    return health_gate({pod["metadata"]["name"]: answer for pod, answer in zip(pods, answers, strict=True)})


def query_of(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def look_at_gates(
    cluster: ServesProxy, namespace: str, service: Object, colours: Colours, target: str, preview: str, settings: Settings
) -> GatesSeen:
    """All gates for a switch to ``target``; ``preview`` is the name of the Service of its pods alone."""
    active = must_be_coloured(colours, service["metadata"]["name"])
    green = must_read(cluster, path_of("Deployment", namespace, colours.deployment(target)["metadata"]["name"]))
    blue = colours.deployments.get(active)
    size = settings.min_ready or (blue or green)["spec"].get("replicas", 1)
    pods = pods_with(cluster, namespace, colours.labels(target))
    names = {pod["metadata"]["name"] for pod in pods}
    gates = [rollout_gate(green, size), pods_gate(pods)]
    if settings.image:
        gates.append(image_gate(pods, settings.image))
    gates.append(health(cluster, service, pods, settings))
    there = read(cluster, path_of("Service", namespace, preview))
    if there is not None and (there["spec"].get("selector") or {}) == colours.labels(target):
        endpoints = endpoints_behind(cluster, namespace, preview)
        gates += [endpoints_gate("endpoints", endpoints, names, size), ports_gate(service, endpoints)]
    else:
        ready_names = {str(n): pod["metadata"]["name"] for n, pod in enumerate(pods) if ready(pod)}
        gates.append(Gate("endpoints", len(ready_names) >= size, f"{len(ready_names)} ready (computed: there is no preview Service)"))
    gates.append(hpa_gate(list_all(cluster, path_of("HorizontalPodAutoscaler", namespace))[0].values(), green["metadata"]["name"]))
    gates.append(
        pdb_gate(
            list_all(cluster, path_of("PodDisruptionBudget", namespace))[0].values(),
            pod_labels_of(blue) if blue else colours.labels(active),
            pod_labels_of(green),
        )
    )
    gates.append(return_gate(blue, settings.min_ready or 1))
    return GatesSeen(tuple(gates), tuple(pods))
