#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: alertmanager_config_info
short_description: Check who gets which alert, and that alerts arrive
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Reads the configuration that each replica of Alertmanager runs with, or one in a file before it is applied, and says which receivers
    sample alerts reach.
  - Fails for a configuration that Alertmanager would refuse, for example because a route names a receiver that was removed.
  - Checks that an alert that fires always has arrived in each replica a short time ago. Without it nobody hears of any alert.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  path:
    description: A file with a configuration, in the place of what Alertmanager runs with.
    type: path
  alerts:
    description: Sample alerts.
    type: list
    elements: dict
    default: []
    suboptions:
      labels:
        description: The labels of the alert.
        type: dict
        required: true
      receivers:
        description: The receivers that it has to reach, and no others.
        type: list
        elements: str
        required: true
  watchdog:
    description: The name of the alert that fires always. An empty string leaves this check out.
    type: str
    default: Watchdog
  watchdog_age:
    description: How many seconds ago Alertmanager may last have heard of it. Prometheus sends an alert again every minute or so.
    type: float
    default: 300
  alertmanager_url:
    description:
      - The address of Alertmanager, either direct (C(http://alertmanager:9093)) or in the cluster
        (C(service://monitoring/alertmanager:9093)).
      - In the cluster, each pod of the Service is read.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-alertmanager:9093
  replicas:
    description: The addresses of the replicas, in the place of O(alertmanager_url).
    type: list
    elements: str
    default: []
  amtool:
    description: The path of C(amtool), which checks the file too. The default is the one in the C(PATH), if there is one.
    type: path
  timeout:
    description: Seconds for each request.
    type: float
    default: 5
requirements:
  - urllib3
  - PyYAML
  - kubernetes >= 24.2.0 (for addresses in the cluster)
seealso:
  - module: euystacio.meta_salvage.alert_info
"""

EXAMPLES = r"""
- name: Check who is called for a critical alert, and that alerts arrive
  euystacio.meta_salvage.alertmanager_config_info:
    alerts:
      - labels: {alertname: QEKBelowMinimum, severity: critical, namespace: euystacio-ai}
        receivers: [on-call]
  register: routing
  failed_when: routing.status != 'healthy'

- name: Check a configuration before it is applied
  euystacio.meta_salvage.alertmanager_config_info:
    path: alertmanager.yaml
    alerts:
      - labels: {alertname: Watchdog, severity: none}
        receivers: [watchdog]
"""

RETURN = r"""
status:
  description: V(healthy), V(critical) with the reasons in RV(found), or V(unknown) with the reasons in RV(problems).
  returned: success
  type: str
  sample: healthy
found:
  description: What is wrong.
  returned: success
  type: list
  elements: str
  sample: ["pod://monitoring/alertmanager-0: the alert alertname=QEKBelowMinimum, severity=critical reaches engineers, not on-call"]
problems:
  description: The replicas that did not answer, and why.
  returned: success
  type: dict
  sample: {}
receivers:
  description: The receivers of the configuration.
  returned: success
  type: list
  elements: str
  sample: [engineers, nobody, on-call, watchdog]
alerts:
  description: Which receivers each sample alert reaches, for each replica.
  returned: success
  type: list
  elements: dict
  sample:
    - labels: {"alertname": "QEKBelowMinimum", "severity": "critical"}
      receivers: {"pod://monitoring/alertmanager-0": [on-call]}
watchdog:
  description: How many seconds ago each replica last heard of O(watchdog), V(null) for one that has not.
  returned: success
  type: dict
  sample: {"pod://monitoring/alertmanager-0": 12.4}
"""

from ..module_utils._core.commands import literal
from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._monitoring import routing_task as task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, literal(module.run_command), find=module.get_bin_path))


if __name__ == "__main__":
    main()
