#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_snapshot
short_description: Copy a snapshot of Prometheus samples out of the cluster, verify it, and restore it
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - With O(state=created), Prometheus writes a snapshot, including its head block, with its admin API. The module copies it file by file,
    compares each file with its SHA-256, and deletes the snapshot in the pod. C(promtool) then verifies that the snapshot opens and
    contains a sample that Prometheus had before.
  - With O(state=restored), the module verifies the blocks of a snapshot again and copies them into a Prometheus without blocks, or into an
    empty folder.
  - The next run resumes a run that was killed. It does not copy complete files again.
  - A snapshot contains only samples. Use M(euystacio.meta_salvage.backup) for the objects of the operator.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.attributes.actiongroup
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Runs in check mode and reports what it would do, without changing anything.
    support: full
    details: The module checks everything that it can check without writing, such as a disabled admin API, a full disk, or existing blocks.
  diff_mode:
    description: Shows what changed.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: partial
    details: O(state=created) takes another snapshot each time.
requirements:
  - kubernetes
  - pyrage (for O(recipients) and O(identity))
  - cryptography (for O(signing_key) and O(public_key))
  - promtool
  - a shell with C(dd), C(find), C(head) and C(sha256sum) in the container, as in the Prometheus image
options:
  state:
    description:
      - V(created) takes a snapshot.
      - V(verified) opens an existing snapshot and looks for its sample, without connecting to the cluster.
      - V(restored) restores a snapshot. If Prometheus has its sample, nothing changes.
    type: str
    choices: [created, verified, restored]
    default: created
  directory:
    description: Where the snapshots are, one folder for each. A missing directory is created if its parent exists.
    type: path
    required: true
  name:
    description: The snapshot to verify or to restore. The default is the newest.
    type: str
  namespace:
    description: The namespace of Prometheus.
    type: str
    default: monitoring
  pod:
    description: The pod of Prometheus. Each replica has its own samples.
    type: str
    default: prometheus-prometheus-operator-kube-p-prometheus-0
  container:
    description: The container of Prometheus in the pod.
    type: str
    default: prometheus
  port:
    description: The port of the Prometheus API.
    type: int
    default: 9090
  https:
    description: Whether O(port) uses TLS.
    type: bool
    default: false
  path:
    description: The prefix of the API, if Prometheus runs with C(--web.route-prefix), such as V(/prometheus).
    type: str
    default: ""
  sample:
    description: A series selector. Its newest sample, read just before the snapshot, must be in the snapshot.
    type: str
    default: up
  data_dir:
    description: With O(state=restored), restore into this empty folder on the machine that the module runs on, instead of the pod.
    type: path
  recipients:
    description:
      - The age public keys that can decrypt the snapshot. Without them, the snapshot is not encrypted, and only its owner can read it.
      - The snapshot is verified before it is encrypted. Until then, its files are not encrypted, and only their owner can read them.
    type: list
    elements: str
    default: []
  identity:
    description: The file with the age private key that decrypts the snapshot. The decrypted files are removed afterwards.
    type: path
  signing_key:
    description: The PEM file with the ed25519 private key that signs the record with the digests.
    type: path
  public_key:
    description:
      - The PEM file with the public key of O(signing_key). A snapshot that is not signed by this key is refused before it is decrypted.
      - Required by O(state=verified) and O(state=restored), unless O(unsigned=true).
    type: path
  unsigned:
    description:
      - Accept a snapshot without O(public_key). Encryption does not prove who took a snapshot, because the recipients are public keys.
      - With O(public_key), this option has no effect.
    type: bool
    default: false
  cluster:
    description:
      - With O(state=created), the name of the cluster. It is written into the record with the UID of the namespace C(kube-system).
      - With the other states, the cluster that the snapshot must be of, by this name or UID. Without it, a snapshot that is restored into a
        pod must be of the cluster of the pod.
    type: str
  allow_unknown_cluster:
    description: Accept a snapshot with a record that names no cluster, as early versions wrote it.
    type: bool
    default: false
  promtool:
    description: The path of C(promtool), which is part of Prometheus.
    type: path
    default: promtool
  timeout:
    description:
      - The timeout in seconds for Prometheus to write a snapshot or to load new blocks.
      - Also how many seconds a command in the pod may run without output.
    type: float
    default: 300
seealso:
  - module: euystacio.meta_salvage.backup
"""

EXAMPLES = r"""
- name: Take a snapshot
  euystacio.meta_salvage.prometheus_snapshot:
    directory: /var/backups/euystacio/prometheus
    recipients: "{{ backup_recipients }}"
    signing_key: /etc/meta-salvage/backup.pem
    cluster: production

- name: Restore the newest snapshot into the Prometheus of the new cluster
  euystacio.meta_salvage.prometheus_snapshot:
    state: restored
    directory: /var/backups/euystacio/prometheus
    identity: /etc/meta-salvage/backup.key
    public_key: /etc/meta-salvage/backup.pub
    cluster: production
"""

RETURN = r"""
snapshot:
  description:
    - The record of the snapshot, with its C(path). C(sample) is the sample that it must contain, with its time in milliseconds.
      C(sealed) is the size and the SHA-256 of each encrypted file.
    - In check mode with O(state=created), only C(source) and the C(size) of the data of Prometheus.
  returned: success
  type: dict
  sample:
    schema: 1
    name: 20261124T210000Z-3f2b1c0d4e5f6071
    path: /var/backups/euystacio/prometheus/20261124T210000Z-3f2b1c0d4e5f6071
    cluster: {name: production, uid: 0b8d2c6e-3f0a-4a55-9f0e-2d1b1f6f3a11}
    source: {server: "https://127.0.0.1:6443", namespace: monitoring, pod: prometheus-prometheus-operator-kube-p-prometheus-0}
    taken: "2026-11-24T21:00:00Z"
    from: "2026-11-23T21:00:00Z"
    until: "2026-11-24T21:00:00Z"
    sample: {labels: {__name__: up, job: euystacio-api}, time: 1795554000123, value: "1"}
    size: 310221
    files:
      - path: 01KB3C4D5E6F7G8H9JKMNPQRST/index
        size: 310221
        sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    encrypted: true
    sealed:
      01KB3C4D5E6F7G8H9JKMNPQRST/index: {size: 310522, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
resumed:
  description: Whether the module resumed a run that was killed.
  returned: O(state=created)
  type: bool
  sample: false
others:
  description: Other snapshots in the pod. They use disk space.
  returned: O(state=created)
  type: list
  elements: str
  sample: []
"""

from ..module_utils._core.commands import literal
from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._prometheus_snapshot import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, literal(module.run_command), module.get_bin_path, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
