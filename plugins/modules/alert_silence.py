#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: alert_silence
short_description: Silence alerts in Alertmanager for a limited time
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Creates, extends and expires silences of Alertmanager. A silence always has an end.
  - A creator has at most one silence for the same matchers. A second task extends it if too little time is left, and otherwise changes
    nothing.
  - The module reads every replica of Alertmanager before and after. It ends when each replica that answers shows the silence as active,
    or as expired. RV(problems) has the replicas that do not answer, or with an answer that is incomplete or contradicts itself.
  - A silence remembers which run created it. If that run ended without expiring it, the next run on the same machine expires it.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.run_identity
  - euystacio.meta_salvage.attributes.actiongroup
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: It only reads.
  diff_mode:
    description: Shows what changed.
    support: full
    details: The silences before and after, one in each line.
  idempotent:
    description: A second run changes nothing.
    support: full
    details: A silence with nine tenths of O(duration) left is not extended.
  action:
    description: Has a part that runs on the controller.
    support: full
    details: It finds out who runs Ansible, for O(holder).
options:
  state:
    description:
      - V(present) makes sure that the alerts are silenced for O(duration) from now.
      - V(absent) expires the silence of O(creator) with O(matchers).
      - V(expired) expires all silences of O(creator), or those with O(matchers).
      - All of them also expire silences that were left over by runs that have ended.
    type: str
    choices: [present, absent, expired]
    default: present
  matchers:
    description:
      - The alerts to silence, as C(label=value), C(label!=value), C(label=~"regex") or C(label!~"regex"). All of them must match.
      - A value with special characters needs double quotes. A backslash in quotes is written twice.
      - Required unless O(state=expired).
    type: list
    elements: str
    default: []
  creator:
    description:
      - Who creates the silence. The same creator and the same matchers are the same silence.
      - The default is this run of Ansible, with the O(purpose) in parentheses. Such a silence is left over when the run has ended. The
        silence of a creator that is named here is not.
    type: str
  purpose:
    description: What the silence is for, usually the name of the role. See O(take_over).
    type: str
    default: maintenance
  comment:
    description: Why the alerts are silenced, for people.
    type: str
    default: Work in progress
  duration:
    description: How many seconds the silence lasts from now, by the clock of Alertmanager. At most 30 days.
    type: int
    default: 3600
  take_over:
    description:
      - Also expire the silences of other runs with the same O(purpose) and O(matchers), from other machines too.
      - Only for a run that knows that the others have ended, because it holds the lock of the workload.
    type: bool
    default: false
  alertmanager_url:
    description:
      - The address of Alertmanager, either direct (C(http://alertmanager:9093)) or in the cluster
        (C(service://monitoring/alertmanager:9093)).
      - In the cluster, the replicas are the pods of the Service, which needs the right to list pods and to use C(pods/proxy). If the pods
        can't be listed, the module uses the Service itself, and RV(problems) says so.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-alertmanager:9093
  replicas:
    description: The addresses of the replicas, in the place of O(alertmanager_url).
    type: list
    elements: str
    default: []
  wait:
    description: How many seconds the replicas may take until all of them show the change.
    type: float
    default: 15
  timeout:
    description: Seconds for each request.
    type: float
    default: 5
requirements:
  - urllib3
  - kubernetes >= 24.2.0 (for addresses in the cluster)
seealso:
  - module: euystacio.meta_salvage.alert_info
  - module: euystacio.meta_salvage.workload_lock
"""

EXAMPLES = r"""
- name: Work without alerts of the namespace
  block:
    - name: Silence the alerts for half an hour
      euystacio.meta_salvage.alert_silence:
        matchers:
          - namespace=euystacio-ai
          - severity=~"warning|critical"
        comment: Maintenance of the database
        duration: 1800

    - name: Work
      ansible.builtin.command: /usr/local/bin/work
  always:
    - name: Expire the silence
      euystacio.meta_salvage.alert_silence:
        state: expired
"""

RETURN = r"""
silence:
  description: The silence, as Alertmanager shows it. Null for O(state=absent) and O(state=expired).
  returned: success
  type: dict
  sample:
    id: 0d6d5c24-3085-4eef-a3d4-a0eb96aef9fe
    state: active
    matchers: ['namespace="euystacio-ai"']
    creator: alice@bastion/production/4711-1f0c2b9a (maintenance)
    comment: Maintenance of the database
    starts_at: "2026-11-26T22:37:27.468Z"
    ends_at: "2026-11-26T23:07:27.464Z"
expired:
  description: The ids of the silences that were expired.
  returned: success
  type: list
  elements: str
  sample: []
left_over:
  description: Those of RV(expired) that other runs left over, each as RV(silence).
  returned: success
  type: list
  elements: dict
  sample: []
replicas:
  description: The replicas that show the result.
  returned: success
  type: list
  elements: str
  sample: [pod://monitoring/alertmanager-prometheus-operator-kube-p-alertmanager-0]
problems:
  description: The replicas that gave no whole answer, and why.
  returned: success
  type: dict
  sample: {}
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._monitoring import silence_task as task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
