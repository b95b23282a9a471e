# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: clusters
short_description: Clusters as the hosts of an inventory
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Lists clusters as hosts, so that one run of a playbook serves a fleet. The clusters come from the contexts of a kubeconfig, from the
    Cluster API of a management cluster, or from the ManagedClusters of a hub (Open Cluster Management, Red Hat Advanced Cluster
    Management).
  - Each host is in the group C(clusters), connects locally, and gets C(meta_salvage_kubeconfig) or C(meta_salvage_context) as its login.
    The host variables C(cluster_name), C(cluster_labels), C(cluster_available), C(cluster_reason), C(cluster_server) and
    C(cluster_namespace) say what the source knows.
  - A cluster that its source calls unavailable is also in the group C(clusters_unavailable). A cluster without a known state has
    C(cluster_available=none), and is in neither C(clusters_available) nor C(clusters_unavailable).
  - The file name of the inventory must end in C(clusters.yml) or C(clusters.yaml).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - ansible.builtin.constructed
requirements:
  - kubernetes >= 24.2.0
  - PyYAML
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [euystacio.meta_salvage.clusters]
  source:
    description:
      - Where the clusters are listed. The login options of this plugin are for the management or hub cluster.
      - V(kubeconfig) sends no requests; O(kubeconfig) is the file or files, as in E(KUBECONFIG).
    type: str
    choices: [kubeconfig, cluster_api, managed_clusters]
    default: kubeconfig
  clusters:
    description: Shell patterns; only clusters with a name that one of them fits become hosts.
    type: list
    elements: str
    default: ['*']
  label_selector:
    description: Only clusters with these labels, as C(kubectl --selector) takes it. A kubeconfig has no labels.
    type: str
  namespaces:
    description: Only Clusters of the Cluster API in these namespaces; all by default.
    type: list
    elements: str
  kubeconfig_dir:
    description:
      - With O(source=cluster_api), the kubeconfig of each cluster is read from its Secret C(NAME-kubeconfig) and written into this folder,
        readable by the user alone.
    type: path
  kubeconfig_path:
    description:
      - The kubeconfig of each cluster, with C({name}) and C({namespace}) in it, for example C(/etc/clusters/{name}.kubeconfig).
      - Without this and O(kubeconfig_dir), a cluster is reached by the context with its name.
    type: str
"""

EXAMPLES = r"""
# fleet.clusters.yml: all contexts of the kubeconfig that begin with production
plugin: euystacio.meta_salvage.clusters
clusters: [production-*]

# hub.clusters.yml: the managed clusters of a hub, in groups by region; each is reached by the context with its name
# plugin: euystacio.meta_salvage.clusters
# source: managed_clusters
# context: hub
# label_selector: environment=production
# keyed_groups:
#   - key: cluster_labels.region
#     prefix: region

# capi.clusters.yml: the clusters of a management cluster, with the kubeconfigs that the Cluster API keeps for them
# plugin: euystacio.meta_salvage.clusters
# source: cluster_api
# context: management
# kubeconfig_dir: ~/.kube/clusters
"""

import sys
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable

from ..module_utils._core.errors import SalvageError
from ..module_utils._fleet.hosts import ClusterHost, chosen
from ..module_utils._fleet.sources import hosts_of, with_login


class InventoryModule(BaseInventoryPlugin, Constructable):
    NAME = "euystacio.meta_salvage.clusters"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(("clusters.yml", "clusters.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        options = {name: value for name, value in self.get_options().items() if value is not None}
        try:
            hosts = with_login(chosen(hosts_of(options), options["clusters"]), options)
        except SalvageError as exc:
            raise AnsibleParserError(f"{path}: {exc}") from None
        for group in ("clusters", "clusters_available", "clusters_unavailable"):
            inventory.add_group(group)
        for host in hosts:
            self._add(host)

    def _add(self, host: ClusterHost) -> None:
        self.inventory.add_host(host.name, group="clusters")
        if host.available is not None:
            self.inventory.add_host(host.name, group="clusters_available" if host.available else "clusters_unavailable")
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            **host.variables,
        }
        for name, value in variables.items():
            self.inventory.set_variable(host.name, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host.name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host.name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host.name, strict=strict)
