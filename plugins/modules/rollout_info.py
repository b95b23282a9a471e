#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_info
short_description: Show how far a rollout is, and which revisions can be restored
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Shows how far the rollout of a Deployment, StatefulSet or DaemonSet is, what is wrong with pods of the newest revision, and which
    revisions the cluster keeps, with what M(euystacio.meta_salvage.rollout) recorded about them.
  - Pods and revisions are taken by their owner, never by labels alone.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.delivery
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  log_lines:
    description: How many of the last log lines of each container in trouble to return; V(0) for none.
    type: int
    default: 20
  proof_key:
    description:
      - The file with the key that signs what is recorded, an ed25519 private key in PEM without a passphrase, or C(hmac:PATH) for a shared
        secret as C(openssl rand -hex 32) prints it. The same key for each run. What another key signed is not proven.
      - Without it, the key is in the Secret C(meta-salvage-proof-key) of the workload's namespace, which the first record there creates. A
        file protects also against an account that can write Secrets in this namespace.
    type: path
seealso:
  - module: euystacio.meta_salvage.rollout
"""

EXAMPLES = r"""
- name: Look at the service's rollout
  euystacio.meta_salvage.rollout_info:
    name: euystacio-api
    namespace: euystacio-ai
  register: rollout

- name: Show where a rollback would go
  ansible.builtin.debug:
    msg: "{{ rollout.revisions | selectattr('proven') | map(attribute='revision') }}"
"""

RETURN = r"""
rollout:
  description: How far it is. C(status) is V(complete), V(progressing), V(failed) or V(paused).
  returned: always
  type: dict
  sample:
    status: failed
    reason: "pod euystacio-api-7d4f-x2x1: ImagePullBackOff"
    desired: 3
    updated: 1
    available: 3
    restarts: 0
    revision: 7
    troubles:
      - {pod: euystacio-api-7d4f-x2x1, container: euystacio-api, reason: ImagePullBackOff}
revisions:
  description: The revisions that the cluster keeps, newest first.
  returned: always
  type: list
  elements: dict
  sample:
    - revision: 6
      name: euystacio-api-8f4fd5696
      created: "2026-11-24T14:35:12Z"
      current: false
      images: ["registry.example.org/euystacio-api:1.4.2"]
      proven: true
      proof:
        verdict: passed
        at: "2026-11-24T14:52:40Z"
        template: 5d9a4c0b8e21f1a7c1a04d3f1a8f7c35e2c0d8a1b7a45b0f5c9e7d3a1b2c4d5e
        run: deploy-20261124T143500Z
        reason: no worse than the baseline on errors
        copies: [[ConfigMap, euystacio-config, euystacio-config.1f0c2b9a55d1e3f7]]
        images: {euystacio-api: ["registry.example.org/euystacio-api@sha256:9b1c"]}
        baseline: null
      moved: []
explanation:
  description: Events and last log lines of pods in trouble.
  returned: always
  type: list
  elements: dict
  sample:
    - pod: euystacio-api-7d4f-x2x1
      container: euystacio-api
      reason: ImagePullBackOff
      events: ["Failed: Failed to pull image"]
      log: []
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._delivery.rollout import info_task as task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params))


if __name__ == "__main__":
    main()
