#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: game_day
short_description: Admit a fault on purpose into a cluster, and grade the response to it
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - The two decisions of the role C(game_day), which seeds the fault and takes it back. This module changes nothing in the cluster.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.attributes.actiongroup
attributes:
  check_mode:
    description: Can run in check mode and report what it would do, without changing anything.
    support: full
    details: No report is written.
  diff_mode:
    description: Shows what changed.
    support: none
  idempotent:
    description: A second run changes nothing.
    support: full
options:
  state:
    description:
      - V(admitted) fails unless the connected cluster is O(cluster) and says of itself that it is for development, a lab, staging or tests.
        It says so in the ConfigMap C(meta-salvage-cluster) in O(namespace), with the keys C(name), C(environment), and C(uid), which is the
        UID of its namespace kube-system. What is not there or is unknown counts as production.
      - V(graded) compares O(seen) with the expected result of O(fault), and writes the report.
    type: str
    choices: [admitted, graded]
    default: admitted
  cluster:
    description: The name of the cluster that you intend to use.
    type: str
    default: ''
  environment:
    description: What the inventory says of its environment. Empty if it says nothing; otherwise the cluster has to say the same.
    type: str
    default: ''
  namespace:
    description: The namespace of the managed system.
    type: str
    default: euystacio-ai
  fault:
    description: The name of the fault.
    type: str
    required: true
  faults:
    description:
      - All faults. Of two with the same name the last one counts.
      - Each has C(name), C(alert), the name of the alert that is expected, C(title), C(manifests) and a file of tasks C(seed) that make the
        fault, a file of tasks C(heal) that takes back what C(seed) did, C(verdicts) with the expected answers, C(actions) with V(done),
        V(proposed) or V(refused) for each action, and C(missing), the evidence that this cluster does not have.
    type: list
    elements: dict
    required: true
  seen:
    description:
      - What the game day showed.
      - C(seeded_at) in Unix seconds, C(alert) as M(euystacio.meta_salvage.alert_info) returns it, C(incidents) as
        M(euystacio.meta_salvage.incident_info) returns them with their entries, and C(healed) with C(left), C(resolved) and C(failure).
    type: dict
  path:
    description: The JSON file of the report. The page is beside it, with the ending C(.html).
    type: path
  request_timeout:
    description: The time limit of one request in seconds.
    type: float
    default: 10
seealso:
  - module: euystacio.meta_salvage.alert_response_info
  - module: euystacio.meta_salvage.manifests
"""

EXAMPLES = r"""
- name: Fail unless this cluster may have the fault
  euystacio.meta_salvage.game_day:
    cluster: staging
    fault: qek-below-minimum
    faults:
      - name: qek-below-minimum
        alert: QEKBelowMinimum
        manifests:
          - apiVersion: v1
            kind: ConfigMap
            metadata: {name: euystacio-faults, namespace: euystacio-ai}
            data: {faults.json: '{"metrics": {"QEK": 0.82}}'}
        verdicts: {state: breached}
        actions: {roll_back: refused}
"""

RETURN = r"""
environment:
  description: The environment of the cluster.
  returned: with O(state=admitted)
  type: str
  sample: staging
fault:
  description: The fault, with all its parts.
  returned: with O(state=admitted)
  type: dict
left_over:
  description: The fault of a run that did not take it back, and C(run), the name of that run. It has to be taken back first.
  returned: with O(state=admitted)
  type: dict
  sample: null
status:
  description: V(healthy) if all was as expected, V(critical) if something was not, V(unknown) if something is not known.
  returned: with O(state=graded)
  type: str
  sample: healthy
grade:
  description: The status and the reason of each step, the seconds from the fault to the alert and to the response, and from
    the alert to the evidence.
  returned: with O(state=graded)
  type: dict
  sample:
    status: healthy
    steps: [{name: detected, status: healthy, reason: QEKBelowMinimum fired after 14.2 s}]
    seconds: {detect: 14.2, evidence: 5.8, respond: 24.4}
responses:
  description: What the responses wrote into the incident.
  returned: with O(state=graded)
  type: list
  elements: dict
"""

import time

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._game_day import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, time.time(), check_mode=module.check_mode))


if __name__ == "__main__":
    main()
