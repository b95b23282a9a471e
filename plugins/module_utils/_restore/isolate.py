# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy that keeps to itself: what it goes without, and what its Services lose, so that nothing of it acts on the world outside; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .kinds import kind_of
from .portable import Object
from .restore_waves import CUSTOM, TITLES, wave_of

_AGAIN, _OUT = "its work would be done a second time", "it leads into or out of the copy"
_DROPPED = {
    "CronJob.batch": _AGAIN,
    "Job.batch": _AGAIN,
    "Ingress.networking.k8s.io": _OUT,
    # Policies add up, so one of the backup could let out what the copy's own keeps in.
    "NetworkPolicy.networking.k8s.io": _OUT,
    # Those of a Service with a selector are not in a backup; the others name addresses.
    "Endpoints": _OUT,
    "EndpointSlice.discovery.k8s.io": _OUT,
}
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_OUTSIDE_ONLY = (
    "allocateLoadBalancerNodePorts",
    "externalIPs",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
)
_DNS = "external-dns.alpha.kubernetes.io/"


def outward(obj: Mapping[str, Any]) -> str:
    """Why an isolated copy goes without the object, or nothing."""
    kind, spec = kind_of(obj), obj.get("spec") or {}
    if kind in _DROPPED:
        return _DROPPED[kind]
    if TITLES[wave_of(obj)] == CUSTOM:
        return "its controller may act on the world outside"
    if kind == "Service":
        return _OUT if spec.get("type") == "ExternalName" else ""
    pod = spec if kind == "Pod" else (spec.get("template") or {}).get("spec") or {}
    on_host = any(pod.get(name) for name in _HOST) or any(volume.get("hostPath") for volume in pod.get("volumes") or ())
    return "it uses its node's own network, processes or files" if on_host else ""


def inward(wanted: Object) -> Object:
    """The object as an isolated copy has it."""
    if kind_of(wanted) != "Service":
        return wanted
    metadata, spec = dict(wanted["metadata"]), dict(wanted.get("spec") or {})
    notes = {name: value for name, value in (metadata.pop("annotations", None) or {}).items() if not name.startswith(_DNS)}
    if notes:
        metadata["annotations"] = notes
    spec = {name: value for name, value in spec.items() if name not in _OUTSIDE_ONLY}
    spec["type"] = "ClusterIP"
    if spec.get("ports"):
        spec["ports"] = [{name: value for name, value in port.items() if name != "nodePort"} for port in spec["ports"]]
    return {**wanted, "metadata": metadata, "spec": spec}
