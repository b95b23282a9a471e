#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: workload_lock
short_description: Keep two runs apart that would change one workload at the same time
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Takes, renews and releases the lock of a workload, a Lease (C(coordination.k8s.io/v1)) in its namespace. The roles C(deploy),
    C(rollback), C(blue_green) and C(scale) hold it while they work. If another run holds the lock, the task fails and says who it is.
  - A run is one process of Ansible on one host of the inventory. Roles within a run share its lock; the role that took it releases it.
  - The lock of a run that ended without releasing it is taken over at once on the same machine, where its process is known to have ended.
    From other machines it is taken over after it has expired, or with O(take_over). Whether it has expired is seen by the time of the API
    server, never by the clock of a machine.
  - Each write is sent only if the Lease is still as it was read.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.delivery
  - euystacio.meta_salvage.run_identity
  - euystacio.meta_salvage.attributes.actiongroup
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: It only reads. If another run holds the lock, a warning says who it is, and the task does not fail.
  diff_mode:
    description: Shows what changed.
    support: full
    details: Who held the lock before, and who holds it.
  idempotent:
    description: A second run changes nothing.
    support: full
    details: It renews the time of a lock that this run holds.
  action:
    description: Has a part that runs on the controller.
    support: full
    details: It finds out who runs Ansible, for O(holder).
options:
  kind:
    description: The kind of the workload. V(Service) is for a Service with several colours.
    type: str
    choices: [Deployment, StatefulSet, DaemonSet, Service]
    default: Deployment
  state:
    description:
      - V(held) takes the lock, or renews it if this run holds it.
      - V(released) releases the lock that this run took for O(purpose). Any other lock stays.
    type: str
    choices: [held, released]
    default: held
  purpose:
    description: What the lock is for, usually the name of the role. Another run sees it.
    type: str
    default: deploy
  duration:
    description: After how many seconds without a renewal the lock expires. Longer than the longest step between two renewals.
    type: int
    default: 3600
  take_over:
    description:
      - Take the lock also if another run holds it and it has not expired. Make sure that this run has ended.
      - A run that lost its lock stops at its next renewal.
    type: bool
    default: false
seealso:
  - module: euystacio.meta_salvage.rollout
  - module: euystacio.meta_salvage.scale
"""

EXAMPLES = r"""
- name: Change a workload that nobody else changes meanwhile
  block:
    - name: Take the lock
      euystacio.meta_salvage.workload_lock:
        name: euystacio-api
        namespace: euystacio-ai
        purpose: migration

    - name: Restart it
      euystacio.meta_salvage.rollout:
        name: euystacio-api
        namespace: euystacio-ai
        state: restarted
  always:
    - name: Release the lock
      euystacio.meta_salvage.workload_lock:
        name: euystacio-api
        namespace: euystacio-ai
        purpose: migration
        state: released
"""

RETURN = r"""
verdict:
  description:
    - Why the lock was taken or not. V(free), nobody held it; V(ours), this run holds or held it; V(ended), the process that held it has
      ended; V(expired), it was not renewed in time; V(taken_over), by O(take_over); V(held), another run holds it, or the role around this
      one; V(no_namespace), the namespace does not exist yet, so nothing can be locked.
  returned: success
  type: str
  sample: free
before:
  description: Who held the lock before.
  returned: success
  type: dict
  sample: null
after:
  description: Who holds the lock now.
  returned: success
  type: dict
  sample:
    who: alice@bastion
    run: alice@bastion/production/4711-1f0c2b9a
    purpose: deploy
    since: "2026-11-26T19:50:00Z"
    until: "2026-11-26T20:50:00Z"
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._delivery import lock_task as task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
