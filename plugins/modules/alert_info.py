#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: alert_info
short_description: List the firing alerts of Prometheus and Alertmanager
version_added: 0.1.0
author:
  - Euystacio Meta Salvage contributors (@euystacio)
description:
  - Reads the firing alerts of Prometheus and Alertmanager, and returns one list that has each alert once.
  - The list includes alerts that Alertmanager silences, with the ids of the silences.
  - The module fails if Prometheus or Alertmanager does not answer, answers with warnings, or reports an alert in a state that is not
    one of its own, unless O(partial) allows it. RV(alerts) then has the alerts that could be read.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  prometheus_url:
    description:
      - The address of Prometheus, either direct (C(http://prometheus:9090)) or in the cluster (C(service://monitoring/prometheus:9090)).
      - An empty string leaves it out.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-prometheus:9090
  alertmanager_url:
    description: The address of Alertmanager, as in O(prometheus_url). An empty string leaves it out.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-alertmanager:9093
  names:
    description: Only alerts of these names. The default is all.
    type: list
    elements: str
  states:
    description: Only alerts in these states.
    type: list
    elements: str
    choices: [active, unknown, inhibited, muted, silenced]
    default: [active, unknown, inhibited, muted, silenced]
  partial:
    description: Whether the alerts of one source are enough if the other does not answer. RV(problems) then has the reason.
    type: bool
    default: false
  timeout:
    description: Seconds for each request.
    type: float
    default: 5
requirements:
  - urllib3
  - kubernetes >= 24.2.0 (for addresses in the cluster)
seealso:
  - module: euystacio.meta_salvage.health_info
"""

EXAMPLES = r"""
- name: List the firing alerts
  euystacio.meta_salvage.alert_info:
  register: firing

- name: Stop where QEK is below its limit
  ansible.builtin.assert:
    that: firing.alerts | selectattr('name', 'eq', 'QEKBelowMinimum') | selectattr('state', 'eq', 'active') | length == 0

- name: Only what Alertmanager knows, directly
  euystacio.meta_salvage.alert_info:
    prometheus_url: ""
    alertmanager_url: http://alertmanager.example.com:9093
"""

RETURN = r"""
alerts:
  description: The firing alerts, by name.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The label alertname.
      type: str
      returned: always
      sample: QEKBelowMinimum
    state:
      description:
        - V(active), V(silenced), V(inhibited) or V(muted), or V(unknown) if the source reports a state that is not one of its own.
      type: str
      returned: always
      sample: active
    severity:
      description: The label severity, empty without one.
      type: str
      returned: always
      sample: critical
    labels:
      description: All labels.
      type: dict
      returned: always
      sample: {"alertname": "QEKBelowMinimum", "severity": "critical"}
    annotations:
      description: All annotations.
      type: dict
      returned: always
      sample: {"summary": "QEK below minimum threshold: 0.82 < 0.85"}
    starts_at:
      description: When the alert started to fire.
      type: str
      returned: always
      sample: "2026-11-24T14:35:26.552Z"
    fingerprint:
      description: Identifies the alert. It is Alertmanager's fingerprint if Alertmanager has the alert.
      type: str
      returned: always
      sample: e343b6edab372f98
    silenced_by:
      description: Ids of silences.
      type: list
      elements: str
      returned: always
      sample: []
    inhibited_by:
      description: Fingerprints of the alerts that inhibit it.
      type: list
      elements: str
      returned: always
      sample: []
    muted_by:
      description: Names of the mute time intervals.
      type: list
      elements: str
      returned: always
      sample: []
    problem:
      description: Why the state is V(unknown).
      type: str
      returned: always
      sample: ""
    sources:
      description: The sources that report the alert.
      type: list
      elements: str
      returned: always
      sample: [prometheus, alertmanager]
problems:
  description: The sources that did not answer, or gave no whole answer, and why.
  returned: always
  type: dict
  sample: {"prometheus": "service://monitoring/prometheus:9090 is unreachable: no endpoints available for service \"prometheus\""}
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._health import alert_task


def main() -> None:
    module = SalvageModule(**alert_task.MODULE)
    conclude(module, lambda: alert_task.run(module.params))


if __name__ == "__main__":
    main()
