# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Services lead to a workload, and the steps that go through them.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..._core.errors import SalvageError
from ..._workloads.workload import Object, pod_labels_of, selects
from .journey import OK, ServiceRequest

NOWHERE = "no Service that selects its pods leads to the health port, so no request went through one"
SWITCHED_OFF = "no request went through a Service, as no step and no health_path is given"


@dataclass(frozen=True)
class Journey:
    """The steps in order; ``without`` says why there are none, ``doubt`` why what they say is not of this workload."""

    steps: tuple[ServiceRequest, ...] = ()
    without: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class Asked:
    """What the user asked for: own steps, the Service (NAME or NAME:PORT), and the health endpoint that the default steps use.

    ``before``: what came of the default steps before the change, by NAME:PORT.
    """

    steps: tuple[ServiceRequest, ...] = ()
    service: str = ""
    health_path: str = "/health"
    health_port: str = "8000"
    before: Mapping[str, str] = field(default_factory=dict)


def journey_of(asked: Asked, workload: Object, services: list[Object]) -> Journey:
    """Raises SalvageError(bad_input, not_found) where steps are given, and no Service for them."""
    if asked.steps:
        service, port = _chosen(asked, workload, services)
        through = _through(service, port)
        return Journey(tuple(replace(step, **through) for step in asked.steps))
    if not asked.health_path:
        return Journey(without=SWITCHED_OFF)
    steps = {step.service: step for step in _default_steps(asked, workload, services)}
    if asked.service and not any(one["metadata"]["name"] == asked.service.partition(":")[0] for one in services):
        steps[asked.service] = _health_step(
            asked, {"service": asked.service if ":" in asked.service else f"{asked.service}:{asked.health_port}"}
        )
    return Journey(tuple(steps.values()), "" if steps else NOWHERE, _left(asked, workload, services))


def _left(asked: Asked, workload: Object, services: list[Object]) -> str:
    """Services that led to the workload before and select other pods now: those may answer, but not for it."""
    before = set() if asked.service else {key.partition(":")[0] for key, state in asked.before.items() if state == OK}
    left = sorted(one["metadata"]["name"] for one in services if one["metadata"]["name"] in before and not _serves(one, workload))
    return f"the Service {', '.join(left)} no longer selects the pods of {workload['metadata']['name']}" if left else ""


def still_there(before: Mapping[str, str], workload: Object, services: Iterable[Object]) -> dict[str, str]:
    """Of what is remembered, the ports of Services that select the workload's pods now."""
    there = {_key(service, port) for service in services if _serves(service, workload) for port in _ports(service)}
    return {key: state for key, state in before.items() if key in there}


def _default_steps(asked: Asked, workload: Object, services: Iterable[Object]) -> Iterator[ServiceRequest]:
    """The health endpoint by each port that leads there or led there before; a new port that leads to no port of the pods must answer."""
    name, _colon, number = asked.service.partition(":")
    health, known = _number(workload, asked.health_port), _declared(workload)
    met: set[str] = set()
    for service in services:
        if service["metadata"]["name"] != name if name else not _serves(service, workload):
            continue
        for port in _ports(service):
            through, target = _through(service, port), _number(workload, port.get("targetPort") or port["port"])
            if number and number not in {str(port["port"]), port.get("name")}:
                continue
            if number or target == health or asked.before.get(through["service"]) == OK:
                yield _health_step(asked, through)
            elif target not in known and through["service"] not in asked.before:
                yield ServiceRequest(**through, path=asked.health_path, expect=frozenset())
            else:
                continue
            met.add(service["metadata"]["name"])
    for key, state in asked.before.items():
        if state == OK and not name and key.partition(":")[0] not in met:
            yield _health_step(asked, {"service": key})


def _health_step(asked: Asked, through: Mapping[str, Any]) -> ServiceRequest:
    return ServiceRequest(**through, path=asked.health_path, healthy=True)


def _chosen(asked: Asked, workload: Object, services: list[Object]) -> tuple[Object, Mapping[str, Any]]:
    """The Service and its port that the user's own steps go through."""
    name, _colon, number = asked.service.partition(":")
    fit = [one for one in services if (one["metadata"]["name"] == name if name else _serves(one, workload))]
    if not fit and not name:
        fit = [one for one in services if one["metadata"]["name"] in {key.partition(":")[0] for key in asked.before}]
    own = [one for one in fit if one["metadata"]["name"] == workload["metadata"]["name"]]
    if not fit:
        what = f"there is no Service {name}" if name else f"no Service selects the pods of {workload['metadata']['name']}"
        raise SalvageError(f"{what}, so the steps of journey can't go through one; name it in journey_service", reason="not_found")
    if len(fit) > 1 and not own:
        names = ", ".join(sorted(one["metadata"]["name"] for one in fit))
        raise SalvageError(
            f"several Services select the same pods ({names}); name the one of the steps in journey_service", reason="bad_input"
        )
    service = (own or fit)[0]
    ports = [port for port in _ports(service) if not number or number in {str(port["port"]), port.get("name")}]
    if not ports:
        which = f"TCP port {number}" if number else "TCP port"
        raise SalvageError(f"the Service {service['metadata']['name']} has no {which}, as journey needs it", reason="not_found")
    health = _number(workload, asked.health_port)
    return service, min(ports, key=lambda port: _number(workload, port.get("targetPort") or port["port"]) != health)


def _serves(service: Object, workload: Object) -> bool:
    selector = (service.get("spec") or {}).get("selector")
    return bool(selector) and selects({"matchLabels": selector}, pod_labels_of(workload))


def _ports(service: Object) -> list[Mapping[str, Any]]:
    return [port for port in service["spec"].get("ports") or [] if port.get("protocol", "TCP") == "TCP"]


def _key(service: Object, port: Mapping[str, Any]) -> str:
    """By the port's name where it has one: one number can be of a TCP and of a UDP port."""
    return f"{service['metadata']['name']}:{port.get('name') or port['port']}"


def _through(service: Object, port: Mapping[str, Any]) -> dict[str, Any]:
    return {"service": _key(service, port), "tls": port.get("appProtocol") == "https" or str(port.get("name", "")).startswith("https")}


def _offered(workload: Object) -> Iterator[Mapping[str, Any]]:
    spec = workload["spec"]["template"].get("spec") or {}
    sidecars = [one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or []), *sidecars]:
        yield from container.get("ports") or []


def _declared(workload: Object) -> set[int]:
    return {int(port["containerPort"]) for port in _offered(workload)}


def _number(workload: Object, port: str | int) -> int | None:
    """The port of the pods; None for a name that no container has."""
    if str(port).isdigit():
        return int(port)
    return next((int(one["containerPort"]) for one in _offered(workload) if one.get("name") == port), None)
