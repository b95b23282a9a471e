# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clusters that a kubeconfig, the Cluster API or Open Cluster Management knows."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._cluster.discovery import resources_of
from .._cluster.kubeconfig import contexts_in
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.files import make_private, write_whole
from .._core.gather import for_each
from .._core.json_values import as_mapping
from .hosts import CAPI, MANAGED, ClusterHost, of_contexts, of_object

_KINDS = {"cluster_api": (CAPI, "clusters"), "managed_clusters": (MANAGED, "managedclusters")}


def hosts_of(options: Mapping[str, Any], connect: Callable[[Mapping[str, Any]], Cluster] = Cluster.connect) -> Iterator[ClusterHost]:
    """The clusters of one source, before they are chosen.  Raises SalvageError."""
    if options["source"] == "kubeconfig":
        where = str(options.get("kubeconfig") or "")
        yield from of_contexts(contexts_in({"kubeconfig": where or None}, os.environ), where)
        return
    group, plural = _KINDS[options["source"]]
    cluster = connect(options)
    query = {"labelSelector": options["label_selector"]} if options.get("label_selector") else None
    for path in _paths(cluster, group, plural, options.get("namespaces") or []):
        for item in cluster.list(path, query):
            yield of_object(group, item)


def _paths(cluster: Cluster, group: str, plural: str, namespaces: list[str]) -> list[str]:
    about = cluster.call("GET", f"/apis/{group}", accept=frozenset({404}))
    if about.status == 404:
        raise SalvageError(
            f"the cluster {cluster.server} does not serve {group}; log in to the management or hub cluster", reason="not_found"
        )
    version = as_mapping(as_mapping(about.json()).get("preferredVersion")).get("version")
    if not isinstance(version, str):
        raise SalvageError(f"{cluster.server} does not name a version of {group}; see whether it is the API server", reason="invalid")
    served = resources_of(group, version, cluster.get_json(f"/apis/{group}/{version}"))
    resource = next((one for one in served if one.name == plural), None)
    if resource is None:
        raise SalvageError(f"{group}/{version} of {cluster.server} has no {plural} that this login may list", reason="not_found")
    return [resource.path(quote(name, safe="")) for name in namespaces] if resource.namespaced and namespaces else [resource.path()]


def with_login(
    hosts: list[ClusterHost], options: Mapping[str, Any], connect: Callable[[Mapping[str, Any]], Cluster] = Cluster.connect
) -> list[ClusterHost]:
    """Each with the kubeconfig that it is reached by.  Raises SalvageError where a Secret cannot be read or a file cannot be written."""
    if options["source"] == "kubeconfig":
        return hosts
    template, folder = options.get("kubeconfig_path") or "", options.get("kubeconfig_dir") or ""
    if folder and options["source"] == "cluster_api":
        cluster = connect(options)
        return for_each(lambda host: _with_secret(cluster, host, Path(folder).expanduser()), hosts)
    if template:
        return [replace(host, kubeconfig=_filled(template, host)) for host in hosts]
    return [replace(host, context=host.source_name.rpartition("/")[2]) for host in hosts]


def _filled(template: str, host: ClusterHost) -> str:
    return template.replace("{name}", host.name).replace("{namespace}", host.namespace)


def _with_secret(cluster: Cluster, host: ClusterHost, folder: Path) -> ClusterHost:
    """With the kubeconfig that the Cluster API keeps for it.

    Without one the host keeps the path of a file that is not there: a run on it fails, and never reaches another cluster instead.
    """
    name = f"{host.source_name.rpartition('/')[2]}-kubeconfig"
    target = folder / f"{host.name}.kubeconfig"
    reached = replace(host, kubeconfig=str(target))
    try:
        secret = cluster.get_json(f"/api/v1/namespaces/{quote(host.namespace, safe='')}/secrets/{quote(name, safe='')}")
        content = base64.b64decode(as_mapping(secret.get("data"))["value"], validate=True)
    except SalvageError as exc:
        return replace(reached, available=None, reason=f"its kubeconfig cannot be read: {exc}")
    except (KeyError, TypeError, binascii.Error):
        return replace(reached, available=None, reason=f"the Secret {name} in {host.namespace} holds no kubeconfig in the key value")
    try:
        make_private(folder)
        write_whole(target, content)
    except OSError as exc:
        raise SalvageError(f"kubeconfig_dir: {target} cannot be written: {exc.strerror}", reason="bad_input") from None
    return reached
