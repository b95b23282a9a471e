#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_info
short_description: List backups and verify every object in them
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Lists the backups of a repository, and checks that each record is signed and that each archive is the published one.
  - With O(identity), the module also decrypts the newest backup, or the backup O(name), in memory and compares every object with the
    signed manifest. The module fails if anything was changed. Nothing is decrypted before the whole archive is compared with its signed
    record.
  - The module remembers the newest backup of each repository on the machine that it runs on, and fails if that was deleted.
extends_documentation_fragment:
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.backup
  - euystacio.meta_salvage.backup.read
requirements:
  - cryptography
  - pyrage (for O(identity))
  - boto3 (for C(s3://))
options:
  name:
    description: The backup to verify with O(identity). The default is the newest.
    type: str
seealso:
  - module: euystacio.meta_salvage.backup
"""

EXAMPLES = r"""
- name: Verify the newest backup
  euystacio.meta_salvage.backup_info:
    repository: /var/backups/euystacio
    public_key: /etc/meta-salvage/backup.pub
    identity: /media/vault/backup-identity.txt
  register: found

- name: Fail if it is older than a day or incomplete
  ansible.builtin.assert:
    that:
      - found.verified.age < 86400
      - found.verified.status == 'COMPLETE'
"""

RETURN = r"""
backups:
  description:
    - The backups, newest first, each with the facts of its record as M(euystacio.meta_salvage.backup) returns them.
    - C(problem) is empty if the record and the archive are intact, and of O(cluster) if it is set.
      If it is not empty, do not trust the other facts.
    - C(age) is in seconds.
  returned: success
  type: list
  elements: dict
  sample:
    - name: backup-20261124T190000.000000Z-1f0c
      created: "2026-11-24T19:00:00Z"
      cluster: {name: production, uid: 0b8d2c6e-3f0a-4a55-9f0e-2d1b1f6f3a11}
      status: COMPLETE
      objects: 412
      age: 3605.2
      problem: ""
verified:
  description: The verified backup.
  returned: with O(identity)
  type: dict
  sample:
    name: backup-20261124T190000.000000Z-1f0c
    created: "2026-11-24T19:00:00Z"
    status: COMPLETE
    objects: 412
    age: 3605.2
"""

from ..module_utils._backup import info_task as task
from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params))


if __name__ == "__main__":
    main()
