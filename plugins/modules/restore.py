#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Restore a backup, and prove that it is there
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Opens and proves the whole backup first. One that was changed, or is for another key, is refused before anything is written.
  - The backup must be of the cluster that is restored to, or of O(cluster), and not older than O(max_age).
  - Writes in waves (definitions, namespaces, accounts, rights, configuration, volumes, services, workloads, ...), each in parallel and each
    only after the one before is there, under a field manager of its own. What is not there is created; what is there is changed by
    server-side apply.
  - Then reads every object again and compares it, and waits until the workloads serve. The counts of the result add up to the number of
    objects in the backup, so that nothing is left out silently.
  - A run that was killed goes on when it is run again. A run after one that succeeded changes nothing.
  - Fields that only make sense in the original cluster (addresses, UIDs, status) are not restored, nor are objects that controllers create
    again. The data of volumes is not in a backup.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.attributes.actiongroup
  - euystacio.meta_salvage.backup
  - euystacio.meta_salvage.backup.read
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Can run in check mode and tell what it would without changing anything.
    support: full
    details: Each write is sent as a dry run; what a dry run can't prove is listed in RV(restore.not_proven).
  diff_mode:
    description: Shows what changed.
    support: full
    details: The values of Secrets are never shown. At most 100 objects are.
  idempotent:
    description: Running it again changes nothing.
    support: full
requirements:
  - kubernetes
  - cryptography
  - pyrage
options:
  name:
    description: The backup. By default the newest.
    type: str
  max_age:
    description: How old the backup may be, in seconds. The default is 7 days; V(0) allows any age.
    type: float
    default: 604800.0
  namespaces:
    description:
      - Only these namespaces, with the volumes that their claims are bound to and the definitions of their custom resources.
        Empty for all of the backup.
    type: list
    elements: str
    default: []
  namespace_mapping:
    description:
      - Namespaces that are restored under another name. Without O(namespaces) only these are restored.
      - References go along where a field is known to name a namespace. An address within a text is left as it is, and reported
        in RV(restore.notes).
    type: dict
    default: {}
  isolated:
    description:
      - Whether a copy under another name acts on nothing outside, as a drill needs it. The copy consists of an allow-list of kinds and
        fields. RV(restore.skipped) lists the objects that it does not contain, and RV(restore.stripped) each field that was removed.
      - The copy has ConfigMaps, Secrets, ServiceAccounts, Roles, quotas and limits, claims, Services, HorizontalPodAutoscalers, pods and
        the workloads that create pods. It has no object outside of the namespace.
      - A Service is V(ClusterIP). A pod that uses the network, processes, files or rights of its node is not in the copy. Storage that
        exists outside of the copy is replaced by an empty directory, and so is a claim unless its storage class creates a new volume for it
        and deletes that volume with the claim. Node ports, host ports, node names, priorities, scheduling gates, name servers, and
        annotations that are not known to be inert are removed. Labels remain where a selector of the copy uses them.
      - The namespace itself is restored with the Pod Security Standard C(baseline), or C(restricted) if it has that.
      - A NetworkPolicy in the namespace decides what the pods may reach. It has to exist before; RV(restore.notes) says if there is none.
      - The storage classes and the volumes of the cluster are read.
    type: bool
    default: false
  isolated_kinds:
    description:
      - Further kinds that an isolated copy contains, as C(kubectl api-resources -o name) writes them. Only custom resources (with
        controllers that act on nothing outside) and V(rolebindings.rbac.authorization.k8s.io) are possible.
    type: list
    elements: str
    default: []
  owned_kinds:
    description:
      - Kinds that are restored although an owner that is restored makes them, too, as C(kubectl api-resources -o name) spells them. Name
        V(secrets) where an operator would generate another password or key, and V(persistentvolumeclaims) where it would create a claim for
        another volume.
      - By default they are left to their owner, and RV(restore.notes) names the Secrets and claims among them.
      - A controller that writes its own content over it makes the restore fail.
    type: list
    elements: str
    default: []
  include:
    description:
      - Only these kinds, as C(kubectl api-resources -o name) spells them.
      - Pods, Jobs, ReplicaSets and ControllerRevisions that are named here come back although their owner does not.
    type: list
    elements: str
    default: []
  exclude:
    description: Kinds to leave out, in the same format.
    type: list
    elements: str
    default: []
  cluster_scoped:
    description:
      - Whether objects that are in no namespace are restored. By default they are if neither O(namespaces) nor O(namespace_mapping) is
        given.
    type: bool
  existing:
    description:
      - What becomes of an object that is there and differs.
      - V(skip) keeps it, and RV(restore.kept) shows where it differs.
      - V(update) applies the backup to it. Fields that others own are conflicts, and its failure, unless O(force=true).
      - V(recreate) deletes it, without what depends on it, and creates it again. A namespace, a definition, a volume or a claim is
        updated instead.
    type: str
    choices: [skip, update, recreate]
    default: skip
  confirmed_kinds:
    description:
      - Kinds of objects that are in no namespace, as C(kubectl api-resources -o name) spells them, or V(*) for all.
      - A restore of some namespaces creates the definitions and volumes that it needs, but O(existing) changes those that are there only if
        their kind is named here, since all namespaces use them.
      - A restore of the whole backup, or with O(cluster_scoped=true), does not need it.
    type: list
    elements: str
    default: []
  force:
    description: Whether to take over fields that others own, and to remove keys that only the cluster has.
    type: bool
    default: false
  finalizers:
    description:
      - Finalizers to restore. Name those that have their controller in the cluster; with any other an object could never be deleted.
    type: list
    elements: str
    default: []
  backup_first:
    description:
      - Whether what is in use is backed up, into the same O(repository), before it is written to. It needs O(recipients) and
        O(signing_key). A namespace that is new or empty needs none.
    type: bool
    default: true
  recipients:
    description: The age public keys that can open the backup of O(backup_first).
    type: list
    elements: str
    default: []
  signing_key:
    description: The file with the ed25519 private key, in PEM, that signs the backup of O(backup_first).
    type: path
  workers:
    description: How many objects are written at the same time.
    type: int
    default: 16
  wait:
    description: Whether to wait until the workloads serve.
    type: bool
    default: true
  wait_timeout:
    description: Seconds for each wait, whether for workloads, definitions, a namespace that is being deleted, or a webhook's Service.
    type: float
    default: 300.0
  time_limit:
    description:
      - Seconds from the start after which the restore waits for nothing more, for a caller with a time limit of its own. What is not ready
        by then fails with its name and the reason. V(0) for no limit.
      - A write in progress is completed.
    type: float
    default: 0.0
  journal:
    description:
      - The file that lets a run go on after it was killed. It holds names only, and is removed when the restore is done.
      - By default one of this restore's own below C(~/.local/state/meta-salvage).
    type: path
  request_timeout:
    description: Seconds for each request to the API server. Those that are safe to repeat are repeated if it fails temporarily.
    type: float
    default: 30.0
  diff_values:
    description:
      - Whether the diff shows the values of ConfigMaps, environment variables, headers and arguments, and the texts of custom resources.
      - By default it shows only that they changed, because any of them can be a credential. What looks like one is hidden anyway, and what
        a Secret holds always is.
    type: bool
    default: false
seealso:
  - module: euystacio.meta_salvage.backup
  - module: euystacio.meta_salvage.backup_info
"""

EXAMPLES = r"""
- name: What would the newest backup bring
  euystacio.meta_salvage.restore:
    repository: /var/backups/euystacio
    public_key: /etc/meta-salvage/backup.pub.pem
    identity: /run/secrets/backup.age
  check_mode: true
  diff: true

- name: Bring back what is missing in a namespace, and leave what is there
  euystacio.meta_salvage.restore:
    repository: /var/backups/euystacio
    public_key: /etc/meta-salvage/backup.pub.pem
    identity: /run/secrets/backup.age
    namespaces: [euystacio-ai]
    recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
    signing_key: /etc/meta-salvage/backup.pem

- name: A copy beside the original
  euystacio.meta_salvage.restore:
    repository: /var/backups/euystacio
    public_key: /etc/meta-salvage/backup.pub.pem
    identity: /run/secrets/backup.age
    namespace_mapping: {euystacio-ai: euystacio-ai-copy}
    exclude: [ingresses.networking.k8s.io]
"""

RETURN = r"""
restore:
  description:
    - The result of the restore. RV(restore.result) is V(PASS) if every object that is wanted is there as the backup says, V(PARTIAL) if
      objects that differ were kept, the backup has holes, or something could not be found out, and V(FAIL), with which the module fails, if
      an object is not there as it should be.
  returned: when the backup was opened
  type: dict
  contains:
    result:
      description: V(PASS), V(PARTIAL) or V(FAIL).
      type: str
      returned: always
    counts:
      description: The number of objects by result; they add up to the C(total) of the backup.
      type: dict
      returned: always
    failed:
      description: The objects that are not as they should be, each with its C(reason) and the C(fields) that others hold.
      type: list
      elements: dict
      returned: always
    kept:
      description: The objects that were there already, were kept, and differ, with the C(fields) in which they do.
      type: list
      elements: dict
      returned: always
    powers:
      description:
        - The objects that are written and grant rights, intercept requests, or get more of their node than a container does, each with its
          C(action) and C(why).
        - Roles, bindings, webhooks, admission policies, aggregated APIs, CSI drivers, conversion webhooks, tokens, and privileged pods and
          templates. None is left out.
      type: list
      elements: dict
      returned: always
    skipped:
      description: What a restore leaves out, by C(reason), with the C(count) and some of the C(objects).
      type: list
      elements: dict
      returned: always
    stripped:
      description: The fields that an isolated copy does not have, each with the C(count) and all of the C(objects) that had it.
      type: list
      elements: dict
      returned: always
    unknown:
      description: What could not be found out, such as for a missing right. With it the result is at best V(PARTIAL).
      type: list
      elements: str
      returned: always
    notes:
      description: What a person has to know, such as that the data of volumes is not in a backup.
      type: list
      elements: str
      returned: always
    not_proven:
      description: In check mode, the objects that a dry run could not prove, with why.
      type: list
      elements: dict
      returned: always
    safety_backup:
      description: The name of the backup that was taken before live objects were written; null where none was.
      type: str
      returned: always
  sample:
    backup: backup-20261124T190000.000000Z-1f0c
    created: "2026-11-24T19:00:00Z"
    cluster: {name: production, uid: 0b8d2c6e-3f0a-4a55-9f0e-2d1b1f6f3a11}
    server: https://127.0.0.1:6443
    result: PASS
    total: 412
    counts: {created: 380, updated: 0, recreated: 0, unchanged: 3, kept: 0, failed: 0, skipped: 29, not_selected: 0}
    failed: []
    kept: []
    powers:
      - object: RoleBinding.rbac.authorization.k8s.io euystacio-ai/app
        action: create
        why: grants view to ServiceAccount euystacio-ai/app
    skipped: [{reason: "its owner (Deployment) makes it", count: 3, objects: ["ReplicaSet.apps euystacio-ai/euystacio-api-7d9"]}]
    stripped: []
    finished: 2
    holes: {}
    unknown: []
    notes: ["what was stored in the volumes of 1 claims is not in the backup: euystacio-ai/data"]
    not_proven: []
    safety_backup: backup-20261124T191200.000000Z-77aa
    resumed: false
    seconds: 4.2
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._restore import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode, show=module._diff))


if __name__ == "__main__":
    main()
