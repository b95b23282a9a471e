#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: scale
short_description: Scale a workload past its autoscaler, its quota and its nodes without surprises, and undo it
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Sets how many pods a Deployment or StatefulSet runs. Where a HorizontalPodAutoscaler scales it, its bounds are set, because it would
    revert replicas that are set by hand. From 0 replicas, where an autoscaler does nothing, the replicas are set too. An autoscaler that
    is
    managed by an operator such as KEDA is refused.
  - Before anything is written, the quotas of the namespace and what is free on the nodes must have room for the pods to come. Scaling to
    nothing is refused.
  - Waits until the Service has that many ready endpoints, not just until pods run.
  - Can set requests and limits too. That is a rollout, watched as in M(euystacio.meta_salvage.rollout); if it fails, the resources are set
    back.
  - The state before the first scaling is recorded on the workload, for O(state=undone).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.delivery
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: Writes are sent with C(dryRun=All), quota and room are checked, nothing is waited for.
  diff_mode:
    description: Shows what changed.
    support: full
    details: Replicas, the autoscaler's bounds, and resources.
  idempotent:
    description: A second run changes nothing.
    support: full
options:
  state:
    description:
      - V(undone) sets back what was before the first scaling on record, and forgets the record. Where a temporary size is set
        (O(expires_after)), it sets back what was before that.
      - V(expired) sets back what was before a scaling with O(expires_after) when its time is over. Before that, and where another size was
        set since, it leaves the size as it is.
      - V(checked) writes nothing. It checks with O(check_headroom) whether there is room for the pods that a rollout starts beside those
        that run (maxSurge; none with Recreate and of a StatefulSet).
    type: str
    choices: [present, undone, expired, checked]
    default: present
  replicas:
    description:
      - How many pods. With an autoscaler this becomes its minimum, and its maximum if that is lower, so that it may still add pods.
    type: int
  hpa_min:
    description: The autoscaler's minimum.
    type: int
  hpa_max:
    description: The autoscaler's maximum.
    type: int
  pin:
    description: Hold the autoscaler at O(replicas) (minimum and maximum alike), until V(undone).
    type: bool
    default: false
  resources:
    description: Requests and limits by container; what is not named stays.
    type: dict
  service:
    description:
      - The Service with the ready endpoints that are counted. Without it, the Service that selects the workload's pods; if there are
        several, the one with the name of the workload. Empty to count ready pods.
    type: str
  check_headroom:
    description:
      - Refuse if quota or nodes have no room. Pods of a lower priority make room. Nodes do not count where Karpenter or the cluster
        autoscaler adds them; switch it off where others add nodes.
    type: bool
    default: true
  expires_after:
    description:
      - How long the size is to last, such as V(1h). The first run with O(state=expired) after that sets it back. Without it the size stays.
      - A scaling without it replaces a temporary one.
    type: str
  timeout:
    description: Seconds to wait.
    type: float
    default: 300
seealso:
  - module: euystacio.meta_salvage.rollout
"""

EXAMPLES = r"""
- name: Scale up to 10
  euystacio.meta_salvage.scale:
    name: euystacio-api
    namespace: euystacio-ai
    replicas: 10

- name: Hold it at 8 while the alert lasts
  euystacio.meta_salvage.scale:
    name: euystacio-api
    namespace: euystacio-ai
    replicas: 8
    pin: true

- name: Scale up for an hour
  euystacio.meta_salvage.scale:
    name: euystacio-api
    namespace: euystacio-ai
    replicas: 8
    expires_after: 1h

- name: End what was to last only for a time
  euystacio.meta_salvage.scale:
    name: euystacio-api
    namespace: euystacio-ai
    state: expired

- name: Put it back as it was
  euystacio.meta_salvage.scale:
    name: euystacio-api
    namespace: euystacio-ai
    state: undone

- name: Give each pod more
  euystacio.meta_salvage.scale:
    name: euystacio-api
    namespace: euystacio-ai
    resources:
      euystacio-api:
        requests: {cpu: 500m, memory: 512Mi}
        limits: {cpu: 2000m, memory: 2Gi}
"""

RETURN = r"""
before:
  description: Replicas and the autoscaler's bounds before.
  returned: success
  type: dict
  sample: {replicas: 3, min: 2, max: 10, resources: null}
after:
  description: Replicas and the autoscaler's bounds that were set.
  returned: success
  type: dict
  sample: {replicas: 8, min: 8, max: 10, resources: null}
until:
  description: Until when the temporary size lasts. Empty if it is not temporary.
  returned: with O(expires_after) or O(state=expired)
  type: str
  sample: "2026-11-27T04:50:00Z"
surge:
  description: How many pods a rollout starts beside those that run.
  returned: with O(state=checked)
  type: int
  sample: 1
ready:
  description: How many ready endpoints the Service has of it.
  returned: when waited for
  type: int
  sample: 8
rollout:
  description: How far it is, as in M(euystacio.meta_salvage.rollout).
  returned: when waited for
  type: dict
  sample: {status: complete, reason: "8 of 8 available, all of revision 1"}
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._delivery.scaling import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
