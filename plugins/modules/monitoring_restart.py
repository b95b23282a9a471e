#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: monitoring_restart
short_description: Restart the replicas of Prometheus or Alertmanager one by one
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Restarts one replica, proves that it works, and only then restarts the next one. A replica that does not come back ends the run, and the
    others are left as they are.
  - Prometheus works again when its write-ahead log is read, the samples of before the restart are there, the targets that were up are up,
    its rules are evaluated, and it has fresh samples. Alertmanager works again when it has its silences, the other replicas of its cluster,
    and its notification log.
  - Replicas that are not ready are restarted first. A ready one is restarted only while all others are ready.
  - A replica that stores its data in an C(emptyDir) would lose it with its pod, so only its container is restarted.
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
  diff_mode:
    description: Shows what changed.
    support: none
  idempotent:
    description: A second run changes nothing.
    support: none
    details: It restarts each time.
  action:
    description: Has a part that runs on the controller.
    support: full
    details: It finds out who runs Ansible, for O(holder).
options:
  component:
    description: What to restart.
    type: str
    choices: [prometheus, alertmanager]
    required: true
  url:
    description:
      - The address of its Service, as C(service://monitoring/prometheus:9090). All pods of the Service are restarted; they must belong to
        one StatefulSet.
      - The default is V(service://monitoring/prometheus-operator-kube-p-prometheus:9090) for Prometheus, and
        V(service://monitoring/prometheus-operator-kube-p-alertmanager:9093) for Alertmanager.
    type: str
  method:
    description:
      - V(pod) evicts the pod, so that a PodDisruptionBudget is kept. V(container) ends the process in the container, which Kubernetes
        starts again; by the API of Prometheus where C(--web.enable-lifecycle) is set, otherwise by a command in the container.
      - V(auto) is V(container) where the data is in an C(emptyDir), otherwise V(pod).
    type: str
    choices: [auto, pod, container]
    default: auto
  wait:
    description: How many seconds each replica may take.
    type: float
    default: 300
requirements:
  - urllib3
  - kubernetes >= 24.2.0
seealso:
  - module: euystacio.meta_salvage.prometheus_config
  - module: euystacio.meta_salvage.rollout
"""

EXAMPLES = r"""
- name: Restart Prometheus
  euystacio.meta_salvage.monitoring_restart:
    component: prometheus

- name: Restart Alertmanager
  euystacio.meta_salvage.monitoring_restart:
    component: alertmanager
"""

RETURN = r"""
component:
  description: What was restarted.
  returned: success
  type: str
  sample: prometheus
stateful_set:
  description: The StatefulSet of its replicas.
  returned: success
  type: str
  sample: prometheus-prometheus-operator-kube-p-prometheus
replicas:
  description: The replicas in the order of their restarts, how each was restarted, and how long it took until it worked again.
  returned: success
  type: list
  elements: dict
  sample:
    - pod: prometheus-prometheus-operator-kube-p-prometheus-0
      method: container
      seconds: 9.4
notes:
  description: What else is worth knowing, such as how many silences an Alertmanager had before and after.
  returned: success
  type: list
  elements: str
  sample:
    - "alertmanager-prometheus-operator-kube-p-alertmanager-0: 2 silences before, 2 after; notification log: 3 entries before, 3 after"
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._monitoring import restart_task as task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
