#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_restart
short_description: Restart single pods of a workload, one at a time and within their disruption budget
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Evicts each pod that is named, waits until its successor is ready and the workload is complete, and only then goes on to the next.
  - A pod is evicted only while all other pods are ready. The eviction API refuses what a PodDisruptionBudget does not allow.
  - It stops at the first pod that can't be evicted, or has a successor that does not become ready. The others stay.
  - To restart a whole workload use M(euystacio.meta_salvage.rollout).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.delivery
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: Evictions are sent with C(dryRun=All), nothing is waited for.
  diff_mode:
    description: Shows what changed.
    support: none
  idempotent:
    description: A second run changes nothing.
    support: full
    details: A pod that is gone, or has another UID than O(pods[].uid), was restarted already.
options:
  pods:
    description: The pods.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      uid:
        description:
          - The UID that the pod must still have. Without it a pod of a StatefulSet is restarted again by each run, because its successor
            has its name.
        type: str
        default: ''
  timeout:
    description: Seconds to wait for the successor of each pod.
    type: float
    default: 300
seealso:
  - module: euystacio.meta_salvage.rollout
  - module: euystacio.meta_salvage.alert_response_info
"""

EXAMPLES = r"""
- name: Restart a pod that leaks
  euystacio.meta_salvage.pod_restart:
    name: euystacio-api
    namespace: euystacio-ai
    pods:
      - name: euystacio-api-7d4f9c5b6-x2x1z
        uid: 0b9a4f8e-6f0e-4a0b-9b0c-6d1c2f3e4a5b
"""

RETURN = r"""
restarted:
  description: The pods that were evicted, in order.
  returned: success
  type: list
  elements: str
  sample: [euystacio-api-7d4f9c5b6-x2x1z]
gone:
  description: The pods that were not there any more.
  returned: success
  type: list
  elements: str
  sample: []
ready:
  description: How many pods are ready in the end.
  returned: when all were restarted
  type: int
  sample: 3
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._delivery.restart import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
