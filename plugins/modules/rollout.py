#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Wait for a rollout, restart, pause or resume it, or go back to the last revision proven good
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Watches a Deployment, StatefulSet or DaemonSet until its rollout is complete, and ends at once when it can't succeed (an image that
    does not exist, a crash loop, a refusal, the progress deadline), with the reason, the events and the last log lines. Until the progress
    deadline it waits for what may pass (a registry that does not answer, a Secret that is created later, a quota in which old pods end).
  - With O(record) writes a signed record that the revision was proven good, and keeps immutable copies of the ConfigMaps and Secrets
    that its template reads, except contents that a controller writes (certificates, synchronized or injected contents, tokens). The
    copies are owned by the revision and go when the cluster drops it.
  - The records of a workload are in the Secret C(meta-salvage-proofs.KIND.NAME) of its namespace, never on the workload or its revisions,
    because the author of a manifest writes those. A record is bound to the workload (with its uid), its template, what that reads and the
    images that ran, and is not trusted if its time is in the future.
  - With O(state=rolled_back) goes back to the newest revision recorded as proven good, and gives those ConfigMaps and Secrets their
    contents back first. A ConfigMap or Secret that did not exist then is removed, and a copy of it is kept. If that revision does not
    come up either, or its tag names another image now, the next one recorded is tried, each one once.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.delivery
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: Writes are sent with C(dryRun=All), so the API server's admission has its say; nothing is waited for.
  diff_mode:
    description: Shows what changed.
    support: full
    details: Revisions, images, whether it is paused, and the names of contents brought back; never the contents.
  idempotent:
    description: A second run changes nothing.
    support: partial
    details: O(state=restarted) restarts each time.
options:
  state:
    description:
      - V(complete) waits for the rollout that is there.
      - V(restarted) replaces all pods.
      - V(rolled_back) makes it run the newest revision proven good, or O(revision). If it runs that one, and its ConfigMaps and Secrets
        are those it was proven with, nothing changes. A paused Deployment is resumed. If the revision does not come up as it was proven,
        the one proven before it is next, unless O(revision) names one.
      - V(paused) and V(resumed) are for a Deployment only.
    type: str
    choices: [complete, restarted, rolled_back, paused, resumed]
    default: complete
  revision:
    description:
      - With O(state=rolled_back) the revision to go back to, if not the newest one proven good.
      - With O(state=complete) and O(record) the revision that must be the current one; if it is not, nothing is recorded.
    type: int
  unproven:
    description: If no revision is recorded as proven good, go back to the one before the current, as C(kubectl rollout undo) does.
    type: bool
    default: false
  record:
    description:
      - What to write down of the revision after the rollout is complete. V(passed) makes it one to go back to; V(failed) takes that away.
      - V(failed) is recorded without waiting for the rollout.
    type: str
    choices: [passed, failed]
  baseline:
    description:
      - How well it ran, the C(baseline) that M(euystacio.meta_salvage.bake) measured, kept with O(record=passed) and returned by
        M(euystacio.meta_salvage.rollout_info). A run that resumes the change of a run that was killed can no longer measure it.
    type: dict
  proof_key:
    description:
      - The file with the key that signs what is recorded, an ed25519 private key in PEM without a passphrase, or C(hmac:PATH) for a shared
        secret as C(openssl rand -hex 32) prints it. The same key for each run. What another key signed is not proven.
      - Without it, the key is in the Secret C(meta-salvage-proof-key) of the workload's namespace, which the first record there creates. A
        file protects also against an account that can write Secrets in this namespace.
    type: path
  restore_secrets:
    description:
      - With O(state=rolled_back) restore the contents of Secrets too. This undoes a rotation of passwords and keys since then, which a
        warning says.
      - V(false) leaves Secrets as they are.
    type: bool
    default: true
  run:
    description: The name of the run, for the record.
    type: str
    default: ""
  record_reason:
    description: Why, for the record.
    type: str
    default: ""
  also:
    description:
      - With O(state=complete) the Deployments, StatefulSets, DaemonSets and Jobs among these objects are waited for too, within the same
        O(timeout). If one of them fails for good, the module fails at once and names it.
      - The form is that of RV(euystacio.meta_salvage.manifests#module:objects). Other objects are ignored.
      - One that is paused, suspended, or held back by its update strategy is a warning.
    type: list
    elements: dict
    default: []
  wait:
    description: Wait for the rollout after a change.
    type: bool
    default: true
  timeout:
    description: Seconds to wait.
    type: float
    default: 600
  restart_limit:
    description: A container of the new revision that was restarted so often and is not ready ends the wait.
    type: int
    default: 2
  log_lines:
    description: How many of the last log lines of each container in trouble to return; V(0) for none.
    type: int
    default: 20
seealso:
  - module: euystacio.meta_salvage.rollout_info
"""

EXAMPLES = r"""
- name: Wait for the rollout, and record the revision as proven good
  euystacio.meta_salvage.rollout:
    name: euystacio-api
    namespace: euystacio-ai
    record: passed
    run: deploy-20261124T143500Z

- name: Emergency rollback
  euystacio.meta_salvage.rollout:
    name: euystacio-api
    namespace: euystacio-ai
    state: rolled_back

- name: Restart Prometheus
  euystacio.meta_salvage.rollout:
    kind: StatefulSet
    name: prometheus-prometheus-operator-kube-p-prometheus
    namespace: monitoring
    state: restarted
"""

RETURN = r"""
rollout:
  description: How far it is. C(status) is V(complete), V(progressing), V(failed) or V(paused).
  returned: when O(wait), and not in check mode after a change
  type: dict
  sample:
    status: complete
    reason: 3 of 3 available, all of revision 8
    desired: 3
    updated: 3
    available: 3
    restarts: 0
    revision: 8
    troubles: []
recorded:
  description: The revision that was recorded, as in M(euystacio.meta_salvage.rollout_info).
  returned: with O(record)
  type: dict
  sample:
    revision: 8
    name: euystacio-api-8f4fd5696
    created: "2026-11-24T14:35:12Z"
    current: true
    images: ["registry.example.org/euystacio-api:1.4.2"]
    proven: true
    proof:
      verdict: passed
      at: "2026-11-24T14:52:40Z"
      template: 5d9a4c0b8e21f1a7c1a04d3f1a8f7c35e2c0d8a1b7a45b0f5c9e7d3a1b2c4d5e
      run: ""
      reason: ""
      copies: []
      images: {euystacio-api: ["registry.example.org/euystacio-api@sha256:9b1c"]}
      baseline: null
    moved: []
others:
  description: How far the workloads of O(also) are.
  returned: with O(also)
  type: list
  elements: dict
  sample:
    - kind: Deployment
      namespace: euystacio-ai
      name: worker
      rollout: {status: complete, reason: "2 of 2 available, all of revision 7", desired: 2, updated: 2, available: 2, restarts: 0}
attempts:
  description: The revisions that were gone back to, and how each came up.
  returned: with O(state=rolled_back)
  type: list
  elements: dict
  sample:
    - revision: 6
      rollout: {status: complete, reason: "3 of 3 available, all of revision 8"}
contents:
  description: The ConfigMaps and Secrets with restored contents.
  returned: with O(state=rolled_back)
  type: list
  elements: str
  sample: [ConfigMap/euystacio-config]
secrets:
  description: The Secrets among C(contents). A rotation since the revision was proven is undone.
  returned: with O(state=rolled_back)
  type: list
  elements: str
  sample: [Secret/euystacio-db]
left:
  description: The ConfigMaps and Secrets that differ from what the revision was proven with and were left as they are, and why.
  returned: with O(state=rolled_back)
  type: list
  elements: str
  sample: ["Secret/euystacio-tls: a controller writes it"]
explanation:
  description: Events and last log lines of pods in trouble.
  returned: when the rollout did not complete
  type: list
  elements: dict
  sample:
    - pod: euystacio-api-7d4f-x2x1
      container: euystacio-api
      reason: "CrashLoopBackOff: restarted 2 times, last exit code 1 (Error)"
      events: ["BackOff: Back-off restarting failed container"]
      log: ["fatal: no such table"]
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._delivery.rollout import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
