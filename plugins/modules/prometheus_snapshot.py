#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_snapshot
short_description: Take a snapshot of a Prometheus' samples out of the cluster, prove it, and bring it back
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - With O(state=created) Prometheus writes a snapshot, head included, by its admin API. It is copied out file by file, each compared with
    its SHA-256, and deleted in the pod. C(promtool) proves that it opens, and that a sample that Prometheus had before is in it.
  - With O(state=restored) the blocks of a snapshot are proven again and put into a Prometheus that has none, or into an empty folder.
  - A run that was killed is taken up by the next one. A file that is there whole isn't copied again.
  - A snapshot has the samples only. The objects of the operator are for M(euystacio.meta_salvage.backup).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.attributes.actiongroup
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Can run in check mode and tell what it would without changing anything.
    support: full
    details: What can be found out without writing is found out, such as a disabled admin API, a full disk, or blocks that are in the way.
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
  - a shell with C(dd), C(find), C(head), C(sha256sum) in the container, as the image of Prometheus has
options:
  state:
    description:
      - V(created) takes a snapshot.
      - V(verified) opens one that was taken and looks for its sample; the cluster isn't asked.
      - V(restored) brings one back. If Prometheus has its sample, nothing changes.
    type: str
    choices: [created, verified, restored]
    default: created
  directory:
    description: Where the snapshots are, a folder for each. It is made if the one above it is there.
    type: path
    required: true
  name:
    description: The snapshot to verify or to restore. By default the newest.
    type: str
  namespace:
    description: Where Prometheus runs.
    type: str
    default: monitoring
  pod:
    description: Its pod. Each replica has its own samples.
    type: str
    default: prometheus-prometheus-operator-kube-p-prometheus-0
  container:
    description: The container in it.
    type: str
    default: prometheus
  port:
    description: The port of its API.
    type: int
    default: 9090
  https:
    description: Whether that port speaks TLS.
    type: bool
    default: false
  sample:
    description: The selector of the series whose newest sample, read just before the snapshot, must be in it.
    type: str
    default: up
  data_dir:
    description: With O(state=restored), an empty folder on the machine that the module runs on, instead of the pod.
    type: path
  recipients:
    description:
      - The age public keys that can open the snapshot. Without any it stays in clear, for its owner only.
      - It is proven before it is encrypted, so that its files are in clear, for their owner only, until then.
    type: list
    elements: str
    default: []
  identity:
    description: The file with the age private key that opens the snapshot. The files in clear are removed afterwards.
    type: path
  signing_key:
    description: The file with the ed25519 private key, in PEM, that signs the record with the digests.
    type: path
  public_key:
    description: The file with its public key. If it is given, a snapshot that it did not sign is refused.
    type: path
  promtool:
    description: The program of that name, which comes with Prometheus.
    type: path
    default: promtool
  timeout:
    description: Seconds for a snapshot to be written, for a command in the pod that says nothing, and for Prometheus to see its new blocks.
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

- name: Bring the newest one into the new cluster's Prometheus
  euystacio.meta_salvage.prometheus_snapshot:
    state: restored
    directory: /var/backups/euystacio/prometheus
    identity: /etc/meta-salvage/backup.key
    public_key: /etc/meta-salvage/backup.pub
"""

RETURN = r"""
snapshot:
  description:
    - Its record, with C(path), where it is. C(sample) is what must be in it, its time in milliseconds.
    - In check mode with O(state=created) only C(source) and the C(size) of what Prometheus holds.
  returned: success
  type: dict
  sample:
    schema: 1
    name: 20261124T210000Z-3f2b1c0d4e5f6071
    path: /var/backups/euystacio/prometheus/20261124T210000Z-3f2b1c0d4e5f6071
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
resumed:
  description: Whether a run that was killed was taken up.
  returned: O(state=created)
  type: bool
  sample: false
others:
  description: Snapshots that lie in the pod and are not from here. They take up disk.
  returned: O(state=created)
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._core.errors import conclude
from ..module_utils._prometheus_snapshot import task


def main() -> None:
    module = AnsibleModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, module.run_command, module.get_bin_path, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
