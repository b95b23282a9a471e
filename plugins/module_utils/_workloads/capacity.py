# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scaling, decided: whether more pods have room, which settings an autoscaler needs, and how to undo it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .._cluster.conditions import holds
from .._core.errors import SalvageError
from .readiness import replicas_of
from .workload import Object, finished, meets

BEFORE = "meta-salvage.euystacio/scaled-before"

_QUANTITY = re.compile(r"^(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:(?P<exponent>[eE][+-]?\d+)|(?P<suffix>[numkMGTPE]|[KMGTPE]i)?)$")
_SUFFIXES = {
    "": Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{letter: Fraction(1000) ** n for n, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Fraction(1024) ** n for n, letter in enumerate("KMGTPE", 1)},
}


def quantity(text: str | float) -> Fraction:
    """A Kubernetes quantity such as 500m or 2Gi, exactly.  Raises SalvageError(bad_input)."""
    match = _QUANTITY.match(str(text).strip())
    if match is None:
        raise SalvageError(f"{text!r} is not a quantity; write 500m, 2, 512Mi or the like", reason="bad_input")
    number = Fraction(match["number"])
    if match["exponent"]:
        power = int(match["exponent"][1:])
        if abs(power) > 30:
            raise SalvageError(f"{text!r} is not a quantity that a machine has", reason="bad_input")
        return number * Fraction(10) ** power
    return number * _SUFFIXES[match["suffix"] or ""]


def resources_requested(pod_spec: Object, field: str = "requests") -> dict[str, Fraction]:
    """What a pod asks for: the sum of its containers, or the largest init container if that is more, and the overhead."""
    total: dict[str, Fraction] = {}
    sidecars = [c for c in pod_spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"]
    for container in [*(pod_spec.get("containers") or []), *sidecars]:
        for name, value in _asked(container, field).items():
            total[name] = total.get(name, Fraction(0)) + value
    for container in pod_spec.get("initContainers") or []:
        for name, value in _asked(container, field).items():
            total[name] = max(total.get(name, Fraction(0)), value)
    for name, value in (pod_spec.get("overhead") or {}).items():
        total[name] = total.get(name, Fraction(0)) + quantity(value)
    return total


def _asked(container: Object, field: str) -> dict[str, Fraction]:
    resources = container.get("resources") or {}
    # A limit without a request is the request too, as the API server has it.
    given = {**(resources.get("limits") or {}), **(resources.get("requests") or {})} if field == "requests" else resources.get(field) or {}
    return {name: quantity(value) for name, value in given.items()}


def with_defaults(pod_spec: Object, limit_ranges: Iterable[Object]) -> Object:
    """The pod as the namespace's LimitRanges make it, where its containers ask for nothing themselves."""
    items = [item for one in limit_ranges for item in one["spec"].get("limits") or [] if item.get("type") == "Container"]
    for item in items:
        pod_spec = {
            **pod_spec,
            **{field: _defaulted(pod_spec[field], item) for field in ("containers", "initContainers") if pod_spec.get(field)},
        }
    return pod_spec


def _defaulted(containers: list[Object], item: Object) -> list[Object]:
    found = []
    for container in containers:
        given = container.get("resources") or {}
        limits, requests = given.get("limits") or {}, given.get("requests") or {}
        asked = {
            "limits": {**(item.get("default") or {}), **limits},
            "requests": {**(item.get("defaultRequest") or {}), **limits, **requests},
        }
        found.append({**container, "resources": {**given, **asked}})
    return found


def priority_of(pod_spec: Object, classes: Iterable[Object]) -> int | None:
    """The priority with which such a pod displaces others; None if it never does."""
    known = list(classes)
    name = pod_spec.get("priorityClassName")
    mine = next((one for one in known if (one["metadata"]["name"] == name if name else one.get("globalDefault"))), {})
    if "Never" in {pod_spec.get("preemptionPolicy"), mine.get("preemptionPolicy")}:
        return None
    return int(mine.get("value") or 0)


def nodes_on_demand(nodes: Iterable[Object]) -> bool:
    """Whether Karpenter brings nodes, which it marks."""
    return any(str(key).startswith("karpenter.sh/") for node in nodes for key in node["metadata"].get("labels") or {})


def room(pod_spec: Object, nodes: Iterable[Object], pods: Iterable[Object], priority: int | None = None) -> int:
    """How many more such pods the nodes can take, by what is requested on them.  Pods of a lower priority make room."""
    used: dict[str, dict[str, Fraction]] = {}
    for pod in pods:
        node = pod["spec"].get("nodeName")
        displaced = priority is not None and (pod["spec"].get("priority") or 0) < priority
        if node and not finished(pod) and not displaced:
            there = used.setdefault(node, {"pods": Fraction(0)})
            there["pods"] += 1
            for name, value in resources_requested(pod["spec"]).items():
                there[name] = there.get(name, Fraction(0)) + value
    asked = {**{name: value for name, value in resources_requested(pod_spec).items() if value > 0}, "pods": Fraction(1)}
    total = 0
    for node in nodes:
        if not _takes(node, pod_spec):
            continue
        offered = {name: quantity(value) for name, value in ((node.get("status") or {}).get("allocatable") or {}).items()}
        busy = used.get(node["metadata"]["name"], {})
        fits = [(offered.get(name, Fraction(0)) - busy.get(name, Fraction(0))) // value for name, value in asked.items()]
        total += max(0, min(fits))
    return total


def _takes(node: Object, pod_spec: Object) -> bool:
    if node["spec"].get("unschedulable"):
        return False
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (pod_spec.get("nodeSelector") or {}).items()):
        return False
    if not holds(node, "Ready") or not _is_where_it_must_be(node, labels, pod_spec):
        return False
    taints = [taint for taint in node["spec"].get("taints") or [] if taint.get("effect") in {"NoSchedule", "NoExecute"}]
    return all(any(_tolerates(toleration, taint) for toleration in pod_spec.get("tolerations") or []) for taint in taints)


def _is_where_it_must_be(node: Object, labels: Mapping[str, str], pod_spec: Object) -> bool:
    """By the required node affinity: one of its terms, and all of that term."""
    required = ((pod_spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(
        all(meets(one, labels) for one in term.get("matchExpressions") or [])
        and all(meets(one, fields) for one in term.get("matchFields") or [])
        for term in required.get("nodeSelectorTerms") or []
        if term
    )


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint.get("key")}
    return toleration.get("key") == taint.get("key") and (toleration.get("value") or "") == (taint.get("value") or "")


def over_quota(pod_spec: Object, more: int, quotas: Iterable[Object]) -> str:
    """Which quota ``more`` such pods would break, or nothing.  Quotas with scopes are left to the API server."""
    ask = {"pods": Fraction(1), "count/pods": Fraction(1)}
    for field in ("requests", "limits"):
        for name, value in resources_requested(pod_spec, field).items():
            ask[f"{field}.{name}"] = value
            if field == "requests" and name in {"cpu", "memory"}:
                ask[name] = value
    for quota in quotas:
        if quota["spec"].get("scopes") or quota["spec"].get("scopeSelector"):
            continue
        status = quota.get("status") or {}
        for name, hard in (status.get("hard") or {}).items():
            if name in ask:
                free = quantity(hard) - quantity((status.get("used") or {}).get(name, "0"))
                if ask[name] * more > free:
                    return f"{more} more pods would break the quota {quota['metadata']['name']}: {name} is {hard}, {_tidy(free)} of it free"
    return ""


def _tidy(value: Fraction) -> str:
    return f"{float(value):g}"


@dataclass(frozen=True)
class Size:
    """What decides how many pods run: the replicas, or the autoscaler's bounds.  ``resources`` by container."""

    replicas: int
    minimum: int | None = None
    maximum: int | None = None
    resources: Mapping[str, Any] | None = None

    def to_annotation(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        resources = dict(self.resources) if self.resources is not None else None
        return {"replicas": self.replicas, "min": self.minimum, "max": self.maximum, "resources": resources}

    @classmethod
    def from_annotation(cls, text: str | None) -> Size | None:
        try:
            data = json.loads(text or "")
            bounds = [data["min"], data["max"]]
            if not all(bound is None or isinstance(bound, int) for bound in bounds):
                return None
            resources = data.get("resources")
            if resources is not None and not isinstance(resources, dict):
                return None
            return cls(int(data["replicas"]), bounds[0], bounds[1], resources)
        except (ValueError, KeyError, TypeError):
            return None


def plan(now: Size, replicas: int | None, minimum: int | None, maximum: int | None, *, pin: bool, has_hpa: bool) -> Size:
    """What to set.  With an autoscaler the replicas are its business: it is given bounds.  Raises SalvageError(bad_input)."""
    for name, value in (("replicas", replicas), ("hpa_min", minimum), ("hpa_max", maximum)):
        if value is not None and value < 1:
            raise SalvageError(f"{name} is {value}: scaling to nothing would stop the service; give at least 1", reason="bad_input")
    if not has_hpa:
        if minimum is not None or maximum is not None or pin:
            raise SalvageError("there is no autoscaler for it, so hpa_min, hpa_max and pin have nothing to act on", reason="bad_input")
        return Size(now.replicas if replicas is None else replicas)
    low = minimum if minimum is not None else now.minimum or 1
    high = maximum if maximum is not None else now.maximum or low
    if replicas is not None:
        low = minimum if minimum is not None else replicas
        high = replicas if pin else maximum if maximum is not None else max(high, replicas)
    elif pin:
        low = high = now.replicas
    if low < 1:
        raise SalvageError("it runs no pod, so there is nothing to hold; give replicas", reason="bad_input")
    if low > high:
        raise SalvageError(f"the autoscaler's minimum {low} would be above its maximum {high}", reason="bad_input")
    return Size(min(max(now.replicas, low), high), low, high)


def resources_patch(template: Object, wanted: Mapping[str, Mapping[str, Mapping[str, str]]]) -> list[Object]:
    """JSON patch operations for resources by container; none if they are so.  Raises SalvageError(bad_input)."""
    containers = template["spec"]["containers"]
    names = [container["name"] for container in containers]
    operations: list[Object] = []
    for name, resources in wanted.items():
        if name not in names:
            raise SalvageError(f"there is no container {name}; it has {', '.join(names)}", reason="bad_input")
        position = names.index(name)
        now = containers[position].get("resources") or {}
        after = {**now, **{field: {**(now.get(field) or {}), **values} for field, values in resources.items()}}
        for what, request in (after.get("requests") or {}).items():
            limit = (after.get("limits") or {}).get(what)
            if limit is not None and quantity(request) > quantity(limit):
                raise SalvageError(f"container {name} would request {what} {request} above its limit {limit}", reason="bad_input")
        if not _same_resources(now, after):
            operations.append({"op": "add", "path": f"/spec/template/spec/containers/{position}/resources", "value": after})
    return operations


def _same_resources(one: Object, other: Object) -> bool:
    def exact(resources: Object) -> Any:
        return {field: {name: quantity(value) for name, value in (resources.get(field) or {}).items()} for field in ("requests", "limits")}

    return bool(exact(one) == exact(other))


def surge_of(kind: str, workload: Object) -> int:
    """How many pods above its size a rollout may start: none of a StatefulSet, which replaces pods in place."""
    spec = workload["spec"]
    strategy = spec.get("strategy" if kind == "Deployment" else "updateStrategy") or {}
    if kind == "StatefulSet" or strategy.get("type") in {"Recreate", "OnDelete"}:
        return 0
    surge = str((strategy.get("rollingUpdate") or {}).get("maxSurge", "25%" if kind == "Deployment" else 0))
    size = replicas_of(kind, workload).desired
    return math.ceil(size * int(surge[:-1]) / 100) if surge.endswith("%") else int(surge)
