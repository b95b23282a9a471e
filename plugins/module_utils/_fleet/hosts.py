# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters as hosts of an inventory: how each source of clusters names, labels and judges them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import as_mapping, mappings

CAPI = "cluster.x-k8s.io"
MANAGED = "cluster.open-cluster-management.io"
_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
_AVAILABLE = {CAPI: ("Available", "Ready"), MANAGED: ("ManagedClusterConditionAvailable",)}  # the first that is there decides


@dataclass(frozen=True)
class ClusterHost:
    """One cluster.  ``available`` is None where its source does not say, with the reason."""

    name: str
    source_name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    available: bool | None = None
    reason: str = ""
    context: str = ""
    kubeconfig: str = ""
    server: str = ""
    namespace: str = ""

    @property
    def variables(self) -> dict[str, Any]:
        """Host variables: the login by the shared variables of the roles, and what the source says of the cluster."""
        login = {"meta_salvage_context": self.context, "meta_salvage_kubeconfig": self.kubeconfig}
        return {
            **{name: value for name, value in login.items() if value},
            "cluster_name": self.source_name,
            "cluster_labels": dict(self.labels),
            "cluster_available": self.available,
            "cluster_reason": self.reason,
            "cluster_server": self.server,
            "cluster_namespace": self.namespace,
        }


def host_name(name: str) -> str:
    """A name that Ansible takes for one host: a colon, a comma or a bracket means something else in a pattern."""
    return _ODD.sub("-", name).strip("-.")


def of_contexts(contexts: Iterable[tuple[str, str]], kubeconfig: str) -> Iterator[ClusterHost]:
    """Hosts from (context, server) pairs of a kubeconfig."""
    for context, server in contexts:
        yield ClusterHost(
            host_name(context), context, reason="a kubeconfig does not say", context=context, kubeconfig=kubeconfig, server=server
        )


def of_object(group: str, item: Mapping[str, Any]) -> ClusterHost:
    """A host from a Cluster of the Cluster API or a ManagedCluster of Open Cluster Management."""
    metadata, spec = as_mapping(item.get("metadata")), as_mapping(item.get("spec"))
    own, namespace = str(metadata.get("name") or ""), str(metadata.get("namespace") or "")
    name = f"{namespace}/{own}" if namespace else own
    available, reason = _availability(group, item)
    return ClusterHost(
        host_name(own),
        name,
        {str(key): str(value) for key, value in as_mapping(metadata.get("labels")).items()},
        available,
        reason,
        server=_server(spec),
        namespace=namespace,
    )


def _availability(group: str, item: Mapping[str, Any]) -> tuple[bool | None, str]:
    if as_mapping(item.get("metadata")).get("deletionTimestamp"):
        return False, "it is being deleted"
    if group == MANAGED and as_mapping(item.get("spec")).get("hubAcceptsClient") is not True:
        return False, "the hub has not accepted it"
    conditions = {str(one.get("type")): one for one in mappings(as_mapping(item.get("status")).get("conditions"))}
    for kind in _AVAILABLE[group]:
        if found := conditions.get(kind):
            said = str(found.get("message") or found.get("reason") or "").strip()
            known = {"True": True, "False": False}.get(str(found.get("status")))
            return known, "" if known else f"{kind} is {found.get('status')}" + (f": {said}" if said else "")
    return None, f"it has no condition {' or '.join(_AVAILABLE[group])}"


def _server(spec: Mapping[str, Any]) -> str:
    endpoint = as_mapping(spec.get("controlPlaneEndpoint"))
    if endpoint.get("host"):
        host = str(endpoint["host"])
        return f"https://{f'[{host}]' if ':' in host else host}:{endpoint.get('port') or 6443}"
    return next((str(one["url"]) for one in mappings(spec.get("managedClusterClientConfigs")) if one.get("url")), "")


def chosen(hosts: Iterable[ClusterHost], patterns: Iterable[str]) -> list[ClusterHost]:
    """Those with a name that a shell pattern fits, sorted; each host name once.  Raises SalvageError(bad_input)."""
    wanted = list(patterns)
    found: dict[str, ClusterHost] = {}
    for host in sorted(hosts, key=lambda one: (one.name, one.source_name)):
        if not any(fnmatchcase(host.source_name, pattern) or fnmatchcase(host.name, pattern) for pattern in wanted):
            continue
        if not host.name:
            raise SalvageError(f"the cluster {host.source_name!r} has no letter or digit for a host name; rename it", reason="bad_input")
        if host.name in found:
            sentence = f"the clusters {found[host.name].source_name} and {host.source_name} would both be the host {host.name}"
            raise SalvageError(f"{sentence}; leave one out by clusters or namespaces", reason="bad_input")
        found[host.name] = host
    return list(found.values())
