# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that compare an object with others, or its numbers with each other.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._core.json_values import is_integer
from .._core.times import when
from .contents import CheckHit, Contents, Evidence, Piece, Where, dict_of, each_of, fits, list_of, string_of
from .paths import Steps
from .pod_checks import share_of

Item = tuple[Steps, Any]
_UNSEEN = 60.0  # seconds
# Where a controller's object says how many pods it wants, and how many there are, or are of use.
_WANTED = {"DaemonSet": ("status", "desiredNumberScheduled")}
_MADE = {"DaemonSet": "currentNumberScheduled"}
_OF_USE = {"DaemonSet": "numberReady"}
_TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "DeploymentConfig")


def pods_not_made(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A controller that has fewer pods than it wants, because it may not make them."""
    if part is None:
        return
    status = dict_of(part.body, "status")
    if part.kind == "Job":
        if not any(status.get(key) for key in ("active", "succeeded", "failed")) and not list_of(status, "conditions"):
            yield CheckHit({}, [])
        return
    yield from _lacking(part, _MADE.get(part.kind, "replicas"))


def pods_not_of_use(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A workload that has fewer ready pods than it wants."""
    if part is not None:
        yield from _lacking(part, _OF_USE.get(part.kind, "readyReplicas"))


def _lacking(part: Piece, key: str) -> Iterator[CheckHit]:
    section, name = _WANTED.get(part.kind, ("spec", "replicas"))
    wanted = dict_of(part.body, section).get(name, 1 if section == "spec" else 0)
    there = dict_of(part.body, "status").get(key, 0)
    if is_integer(wanted) and is_integer(there) and there < wanted and not dict_of(part.body, "metadata").get("deletionTimestamp"):
        evidence = [Where(part, (section, name), wanted), Where(part, ("status", key), there)]
        yield CheckHit({"wanted": str(wanted), "there": str(there)}, evidence)


def not_observed(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A workload with a specification that its controller has not looked at, a minute after somebody wrote it."""
    if part is None:
        return
    wanted, seen = dict_of(part.body, "metadata").get("generation"), dict_of(part.body, "status").get("observedGeneration", 0)
    written = [entry for entry in list_of(part.body, "metadata", "managedFields") if entry.get("subresource") != "status"]
    moments = [moment for entry in written if (moment := when(entry.get("time"))) is not None]
    if is_integer(wanted) and is_integer(seen) and seen < wanted and moments and contents.collected_at - max(moments) > _UNSEEN:
        evidence = [Where(part, ("metadata", "generation"), wanted), Where(part, ("status", "observedGeneration"), seen)]
        yield CheckHit({"wanted": str(wanted), "there": str(seen)}, evidence)


def blocks_drains(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A PodDisruptionBudget that allows nothing although all of its pods are well: no node with one of them can be drained."""
    if part is None:
        return
    status = dict_of(part.body, "status")
    allowed, expected, well = (status.get(key) for key in ("disruptionsAllowed", "expectedPods", "currentHealthy"))
    if allowed == 0 and is_integer(expected) and is_integer(well) and 0 < expected <= well:
        evidence = [Where(part, ("status", key), status[key]) for key in ("disruptionsAllowed", "expectedPods", "currentHealthy")]
        yield CheckHit({"expected": str(expected)}, evidence)


def quota_used_up(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A ResourceQuota of which at least the ``share`` is used; a limit of nothing is a ban, not a quota."""
    if part is None:
        return
    hard, used = dict_of(part.body, "status", "hard"), dict_of(part.body, "status", "used")
    for name in hard:
        share = share_of(used.get(name, ""), hard[name])
        if share is not None and share >= args.get("share", 1.0):
            evidence = [Where(part, ("status", "used", name), used[name]), Where(part, ("status", "hard", name), hard[name])]
            yield CheckHit({"resource": name, "used": str(used[name]), "limit": str(hard[name])}, evidence)


def node_busy(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A node of which at least the ``share`` of a ``resource`` is in use."""
    if part is None:
        return
    name = args.get("resource", "cpu")
    allocatable = dict_of(part.body, "status", "allocatable").get(name)
    for number, body in each_of(contents.json("usage/nodes.json"), "items"):
        usage = dict_of(body, "usage").get(name)
        share = share_of(usage, allocatable) if string_of(dict_of(body, "metadata"), "name") == part.name else None
        if share is not None and share >= args.get("share", 0.9):
            used = Piece("usage/nodes.json", ("items", number), "NodeMetrics", "", part.name, body)
            evidence = [Where(used, ("usage", name), usage), Where(part, ("status", "allocatable", name), allocatable)]
            yield CheckHit({"share": f"{share * 100:.0f} %"}, evidence)


def selects_nothing(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A Service with a selector that fits no pod, and no workload that could have some later."""
    selector = _selector(part)
    if part is None or not selector or contents.pods_with(part.namespace, selector):
        return
    for kind in _TEMPLATED:
        for workload in contents.objects.get(kind, ()):
            labels = dict_of(workload.body, "spec", "template", "metadata", "labels")
            if workload.namespace == part.namespace and fits(selector, labels):
                return
    yield CheckHit(
        {"selector": ",".join(f"{key}={value}" for key, value in sorted(selector.items()))}, [Where(part, ("spec", "selector"), selector)]
    )


def no_endpoints(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A Service with pods, of which none is ready."""
    selector = _selector(part)
    if part is None or not selector or dict_of(part.body, "spec").get("publishNotReadyAddresses") is True:
        return
    pods = contents.pods_with(part.namespace, selector)
    if pods and not any(is_ready(pod) for pod in pods):
        named = ", ".join(pod.name for pod in pods[:3])
        yield CheckHit({"pods": named, "count": str(len(pods))}, [Where(part, ("spec", "selector"), selector), *_readiness(pods[:3])])


def _readiness(pods: list[Piece]) -> Iterator[Where]:
    for pod in pods:
        for number, one in each_of(pod.body, "status", "conditions"):
            if one.get("type") == "Ready":
                yield Where(pod, ("status", "conditions", number, "status"), one.get("status"))


def port_missing(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A Service that sends to a port which none of its pods' containers has; an undeclared number is believed where none is declared."""
    if part is None or not (selector := _selector(part)) or not (pods := contents.pods_with(part.namespace, selector)):
        return
    containers = [one for pod in pods for key in ("containers", "initContainers") for one in list_of(pod.body, "spec", key)]
    ports = [port for one in containers for port in list_of(one, "ports")]
    known = [port.get(key) for port in ports for key in ("name", "containerPort")]
    for number, port in each_of(part.body, "spec", "ports"):
        target = port.get("targetPort", port.get("port"))
        if not (is_integer(target) and ports) and not isinstance(target, str):
            continue
        if target not in known:
            declared = [
                Where(pods[0], ("spec", "containers", at, "ports"), one.get("ports"))
                for at, one in each_of(pods[0].body, "spec", "containers")
            ]
            key = "targetPort" if "targetPort" in port else "port"
            yield CheckHit({"port": str(target)}, [Where(part, ("spec", "ports", number, key), target), *declared])


def backend_missing(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """An Ingress that sends to a Service, or to a port of one, that is not there. ``item`` is a backend."""
    if part is None or item is None:
        return
    steps, backend = item
    wanted = dict_of(backend, "service")
    name, port = string_of(wanted, "name"), dict_of(wanted, "port")
    if not name or not _has_kind(contents, part.namespace, "services"):
        return
    service = contents.find("Service", part.namespace, name)
    if service is None:
        yield CheckHit({"service": name}, [Where(part, (*steps, "service", "name"), name)])
        return
    ports = list_of(service.body, "spec", "ports")
    number, title = port.get("number"), port.get("name")
    if (
        not any((number is not None and one.get("port") == number) or (title is not None and one.get("name") == title) for one in ports)
        and port
    ):
        yield CheckHit({"service": f"{name}, port {number or title}"}, [Where(part, (*steps, "service", "port"), port)])


def webhook_unserved(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A webhook that must be asked, with a Service that is not there or has no ready pod. ``item`` is a webhook."""
    if part is None or item is None:
        return
    steps, webhook = item
    service = dict_of(webhook, "clientConfig", "service")
    namespace, name = string_of(service, "namespace"), string_of(service, "name")
    if not name or string_of(webhook, "failurePolicy") == "Ignore" or not _has_kind(contents, namespace, "services"):
        return
    found = contents.find("Service", namespace, name)
    evidence: list[Where | Evidence] = [Where(part, (*steps, "clientConfig", "service"), service)]
    facts = {"service": f"{namespace}/{name}"}
    if found is None:
        yield CheckHit({**facts, "why": "the Service does not exist"}, evidence)
    elif (selector := _selector(found)) and not any(is_ready(pod) for pod in contents.pods_with(found.namespace, selector)):
        yield CheckHit({**facts, "why": "the Service has no ready Pod"}, evidence)


def target_missing(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A HorizontalPodAutoscaler of a workload that is not there."""
    if part is None:
        return
    target = dict_of(part.body, "spec", "scaleTargetRef")
    kind, name = string_of(target, "kind"), string_of(target, "name")
    known = kind in {"Deployment", "StatefulSet"} and _has_kind(contents, part.namespace, f"{kind.lower()}s.apps")
    if name and known and contents.find(kind, part.namespace, name) is None:
        yield CheckHit({"target": f"{kind} {name}"}, [Where(part, ("spec", "scaleTargetRef"), target)])


def is_ready(pod: Piece) -> bool:
    conditions = list_of(pod.body, "status", "conditions")
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _has_kind(contents: Contents, namespace: str, resource: str) -> bool:
    """Whether objects of the kind were read in the namespace: one that was not read is not missing."""
    listed = contents.index.get("namespaces")
    well = not contents.why_missing("objects")
    return f"objects/{namespace}/{resource}.json" in contents.paths or (well and isinstance(listed, list) and namespace in listed)


def _selector(part: Piece | None) -> dict[str, Any]:
    spec = dict_of(part.body, "spec") if part is not None else {}
    return {} if string_of(spec, "type") == "ExternalName" else dict_of(spec, "selector")
