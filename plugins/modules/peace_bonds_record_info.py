#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: peace_bonds_record_info
short_description: List and verify the records of Peace Bonds decisions
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Reads the records that M(euystacio.meta_salvage.peace_bonds_record) wrote, verifies each signature, and checks that no record was
    changed or removed. Whether newest records were removed is verified with the head of the chain, which is kept elsewhere.
requirements:
  - cryptography (for ed25519 keys)
extends_documentation_fragment:
  - euystacio.meta_salvage.attributes
options:
  dir:
    description: The folder of the records, on the host where the module runs.
    type: path
    required: true
  keys:
    description: Files of the accepted signing keys. Public or private ed25519 keys in PEM, or C(hmac:PATH) for shared secrets.
    type: list
    elements: path
    required: true
  head:
    description:
      - The file that holds the head of the chain, as O(euystacio.meta_salvage.peace_bonds_record#module:head).
        Without it, and without O(expected_count) and O(expected_head), the records are not verified, since the newest may be missing.
    type: path
  expected_count:
    description: The number of records that there were at least, from an earlier result.
    type: int
  expected_head:
    description: The hash of a record that was the newest one, from an earlier result.
    type: str
  provider:
    description: List only the records about this provider. All records are verified.
    type: str
  fail_on_unverified:
    description: Whether to fail if one of the records can't be verified.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: List the decisions about a provider
  euystacio.meta_salvage.peace_bonds_record_info:
    dir: /var/lib/meta-salvage/decisions
    keys: [/etc/meta-salvage/decisions.pub]
    provider: provider-dusk
    fail_on_unverified: true

- name: Verify a copy of the records elsewhere
  euystacio.meta_salvage.peace_bonds_record_info:
    dir: records
    keys: [decisions.pub]
    expected_count: 12
    expected_head: 0c1d4f3a7be25d3f6f0c2f2b7f1a9b5e8c6d7e0f1a2b3c4d5e6f708192a3b4c5
"""

RETURN = r"""
records:
  description: The records, oldest first.
  returned: always
  type: list
  elements: dict
  sample:
    - file: 000001-2f6b1c0d9e8a7b65.decision.json
      verified: true
      problem: ""
      record: {id: 2f6b1c0d9e8a7b65, decision: keep_block, provider: provider-dusk, who: on-call}
verified:
  description: Whether all records of the folder are verified and the newest ones are there; false for an empty folder.
  returned: always
  type: bool
  sample: true
problems:
  description: Why they are not verified, one sentence each.
  returned: always
  type: list
  elements: str
  sample: []
head:
  description: The number of records and the hash of the newest one.
  returned: always
  type: dict
  sample: {count: 1, digest: 0c1d4f3a7be25d3f6f0c2f2b7f1a9b5e8c6d7e0f1a2b3c4d5e6f708192a3b4c5}
count:
  description: The number of records in the folder.
  returned: always
  type: int
  sample: 1
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._peace_bonds import record_info_task


def main() -> None:
    module = SalvageModule(**record_info_task.MODULE)
    conclude(module, lambda: record_info_task.run(module.params))


if __name__ == "__main__":
    main()
