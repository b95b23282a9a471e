#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_dashboards
short_description: Change dashboards of Grafana, and prove that they are loaded
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Checks dashboards before anything is written. It checks that the JSON model has only known fields, that no uid or title is used twice,
    that each datasource and each variable in a query exists, and that Prometheus can read each query.
  - Applies them by server-side apply as ConfigMaps with the label that the sidecar of Grafana looks for, or saves them by the API of
    Grafana on the version that was seen.
  - Then the module waits until each replica of Grafana has loaded them. The API of Grafana shows the content; without O(grafana_url) the
    file that the sidecar has written in each pod does.
  - Otherwise the change is taken back, and the module proves that. The next run takes back what a killed run left unfinished.
  - A dashboard that Grafana has from somewhere else is not replaced by a ConfigMap, and no dashboard is deleted that was not created by the
    same change.
  - If Grafana has no sidecar and mounts a ConfigMap, it has to be restarted to load a change. RV(restart_needed) then is V(true); restart
    it and run the module again in the same run of Ansible, which proves the change or takes it back.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.monitoring
  - euystacio.meta_salvage.progress
  - euystacio.meta_salvage.run_identity
  - euystacio.meta_salvage.attributes.actiongroup
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: It checks the dashboards and plans the change by a dry run on the API server.
  diff_mode:
    description: Shows what changed.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
  action:
    description: Has a part that runs on the controller.
    support: full
    details: It finds out who runs Ansible, for O(holder).
options:
  state:
    description:
      - V(present) applies the dashboards and proves that they are loaded.
      - V(reverted) takes back what a run has left open, for example because Grafana did not start again.
    type: str
    choices: [present, reverted]
    default: present
  files:
    description: Files, folders and https URLs with dashboards in the classic JSON model.
    type: list
    elements: str
    default: []
  definitions:
    description: Dashboards as text, an object, or a list of either.
    type: raw
  through:
    description: Whether dashboards are ConfigMaps or saved by the API. O(grafana_url) is needed for V(api).
    type: str
    choices: [config_maps, api]
    default: config_maps
  namespace:
    description: The namespace of Grafana and of the ConfigMaps.
    type: str
    default: monitoring
  config_map:
    description:
      - The one ConfigMap for all of the dashboards. The default is one for each, C(grafana-dashboard-) with the uid.
      - A dashboard that this module added to it, and that is no longer in the options, is removed.
    type: str
  labels:
    description: The labels of the ConfigMaps, which the sidecar looks for.
    type: dict
    default: {grafana_dashboard: "1"}
  folder:
    description:
      - The folder of Grafana. The default is none.
      - With V(config_maps) it is the value of the annotation O(folder_annotation), which the sidecar has to be set up for.
    type: str
    default: ""
  folder_annotation:
    description: The annotation of a ConfigMap that names the folder.
    type: str
    default: grafana_folder
  grafana_selector:
    description: The labels of Grafana's pods.
    type: str
    default: app.kubernetes.io/name=grafana
  grafana_url:
    description:
      - The address of Grafana, either direct (C(https://grafana.example.com)) or in the cluster (C(forward://monitoring/grafana:80), or
        C(service://monitoring/grafana:80) without a login, where each pod of the Service is read).
    type: str
  grafana_token:
    description: The token of a service account of Grafana.
    type: str
  grafana_username:
    description: The user for basic authentication, with O(grafana_password).
    type: str
  grafana_password:
    description: The password of O(grafana_username).
    type: str
  grafana_ca_path:
    description: The certificate authorities for O(grafana_url), as a PEM file. The default is the system's.
    type: path
  grafana_validate_certs:
    description: Whether the certificate of O(grafana_url) is checked.
    type: bool
    default: true
  datasources:
    description: Names and uids of datasources that Grafana has, where the login may not list them or there is no O(grafana_url).
    type: list
    elements: str
    default: []
  prometheus_url:
    description: The address of the Prometheus (2.36 or newer) that reads the queries, either direct or in the cluster.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-prometheus:9090
  wait:
    description: How many seconds Grafana may take to load a change.
    type: float
    default: 180
requirements:
  - urllib3
  - kubernetes >= 24.2.0
seealso:
  - module: euystacio.meta_salvage.prometheus_config
  - module: euystacio.meta_salvage.manifests
"""

EXAMPLES = r"""
- name: Install the dashboards that the collection ships
  euystacio.meta_salvage.grafana_dashboards:
    files: ["{{ playbook_dir }}/../extensions/monitoring/dashboards"]
    folder: Meta Salvage

- name: Save a dashboard by the API
  euystacio.meta_salvage.grafana_dashboards:
    files: [monitoring/grafana/dashboards/meta-salvage-overview.json]
    through: api
    grafana_url: https://grafana.example.com
    grafana_token: "{{ vault_grafana_token }}"
"""

RETURN = r"""
dashboards:
  description: The dashboards.
  returned: O(state=present)
  type: list
  elements: dict
  sample:
    - {"uid": "meta-salvage-overview", "title": "Meta Salvage overview", "source": "extensions/monitoring/dashboards/overview.json"}
counts:
  description: How many objects were created, changed and unchanged.
  returned: O(state=present)
  type: dict
  sample: {"created": 1, "changed": 0, "unchanged": 2, "removed": 0}
objects:
  description: What became of each ConfigMap, as in M(euystacio.meta_salvage.manifests).
  returned: O(state=present) and O(through=config_maps)
  type: list
  elements: dict
proven_by:
  description: What showed that the dashboards are loaded, V(api) or V(file). Empty in check mode, and if a restart is needed first.
  returned: O(state=present)
  type: str
  sample: file
restart_needed:
  description: Whether Grafana has to be restarted to load the change.
  returned: success
  type: bool
  sample: false
notes:
  description: What else is worth knowing, such as that the change of a killed run was taken back.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._dashboards import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
