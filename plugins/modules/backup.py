#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Back up the objects of a cluster at one point in time
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Reads every selected kind at one exact resourceVersion, so that the objects are consistent even if they change during the backup.
    If the server compacts that version, the module starts again with a new one.
  - The archive is hashed object by object, signed, and encrypted to public keys while it is read. No plaintext is written to a disk, and
    the machine that creates the backups can't decrypt them. The module reads the archive back, decrypts it in memory and compares it
    before it publishes it.
  - An unreadable kind fails the backup, or makes it V(PARTIAL) with O(allow_partial=true). It is never omitted silently.
  - A backup does not contain events, leases, metrics, the endpoints of Services, or the data of volumes.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.attributes.actiongroup
  - euystacio.meta_salvage.backup
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Runs in check mode and reports what it would do, without changing anything.
    support: full
    details: Everything is read and nothing is written. Unreadable kinds are reported.
  diff_mode:
    description: Shows what changed.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: none
    details: Each run creates another backup.
requirements:
  - kubernetes
  - cryptography
  - pyrage
  - boto3 (for C(s3://))
options:
  recipients:
    description: The age public keys that can decrypt the backup.
    type: list
    elements: str
    required: true
  signing_key:
    description: The PEM file with the ed25519 private key that signs the backup.
    type: path
    required: true
  preset:
    description: The kinds to back up. V(config) is the kinds that C(kubectl get all) shows.
    type: str
    choices: [all, config, configmaps, secrets]
    default: all
  include:
    description: Only these kinds of O(preset), in the format of C(kubectl api-resources -o name).
    type: list
    elements: str
    default: []
  exclude:
    description: Kinds to exclude, in the same format as O(include), or whole API versions, such as V(metrics.example.org/v1).
    type: list
    elements: str
    default: []
  namespaces:
    description:
      - Only these namespaces, including the Namespace objects but no other cluster-scoped objects.
      - Empty for the whole cluster.
    type: list
    elements: str
    default: []
  allow_partial:
    description: Publish a backup even if some kinds are unreadable.
    type: bool
    default: false
  keep:
    description:
      - How many backups to keep. Older ones are deleted. V(0) keeps all.
      - The new backup and the newest complete backup with an intact archive are never deleted. Without an intact complete backup, nothing
        is deleted.
    type: int
    default: 0
  cluster:
    description:
      - The name of the cluster, which is written into the signed record with the UID of the namespace C(kube-system).
      - A restore compares them, so that the backup of another cluster is not taken for one of this cluster.
    type: str
  request_timeout:
    description: The timeout of one request in seconds. A request that fails temporarily is repeated.
    type: float
    default: 30
seealso:
  - module: euystacio.meta_salvage.backup_info
"""

EXAMPLES = r"""
- name: Back up everything of a namespace
  euystacio.meta_salvage.backup:
    repository: /var/backups/euystacio
    recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
    signing_key: /etc/meta-salvage/backup.pem
    namespaces: [euystacio-ai]
    keep: 14

- name: Back up the cluster to an object store, without pods and ReplicaSets
  euystacio.meta_salvage.backup:
    repository: s3://euystacio-backups/production
    s3:
      endpoint: https://objects.example.org:9000
    recipients: "{{ backup_recipients }}"
    signing_key: /etc/meta-salvage/backup.pem
    exclude: [pods, replicasets.apps]
"""

RETURN = r"""
backup:
  description:
    - The published backup, and in C(deleted) the backups that were deleted by O(keep). C(missing) is not empty if someone else deleted a
      backup that this machine saw in the repository. C(previous) is the newest backup at that time.
    - C(status) is V(COMPLETE) or V(PARTIAL). C(holes) contains the reason for each kind or API version that could not be read.
      C(outside_the_cut) contains kinds of aggregated API servers, which can't be read at the common resourceVersion.
    - In check mode, the backup that would be published.
  returned: success
  type: dict
  sample:
    name: backup-20261124T190000.000000Z-1f0c
    created: "2026-11-24T19:00:00Z"
    cluster: {name: production, uid: 0b8d2c6e-3f0a-4a55-9f0e-2d1b1f6f3a11}
    server: https://127.0.0.1:6443
    version: v1.34.4
    selection: {preset: all, include: [], exclude: [], namespaces: []}
    status: COMPLETE
    resource_version: "48213"
    objects: 412
    left_out: {endpointslices.discovery.k8s.io: 9}
    holes: {}
    outside_the_cut: []
    schema: 1
    root: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    size: 310221
    plain_size: 2904113
    longest_line: 48211
    previous: {name: backup-20261123T190000.000000Z-77aa, sha256: 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752}
    key_id: 9a1b2c3d4e5f6071
    deleted: []
    missing: ""
"""

from ..module_utils._backup import task
from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
