#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: peace_bonds_record
short_description: Write a signed record of a Peace Bonds decision
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Records who decided what about a provider, why, and with which evidence. The record is signed and contains the hash of the previous one.
  - Only the SHA-256 of the evidence is stored, not the evidence itself.
  - The same decision (decision, provider, who, why and reference) is recorded once.
  - All records of the folder are verified first. Nothing is added to records that were changed, planted or removed.
requirements:
  - cryptography (for ed25519 keys)
attributes:
  check_mode:
    description: Can run in check mode and return the expected changes without making them.
    support: full
  diff_mode:
    description: Shows what changed.
    support: full
options:
  dir:
    description: The folder of the records, on the host where the module runs. It is created with mode 0700.
    type: path
    required: true
  key:
    description:
      - The file of the key. An ed25519 private key in PEM without a passphrase, or C(hmac:PATH) for a shared secret,
        at least 32 hexadecimal or base64 characters as C(openssl rand -hex 32) prints them, for HMAC-SHA256.
    type: path
    required: true
  keys:
    description: Files of keys that signed earlier records and are still accepted, such as the public keys of replaced ones.
    type: list
    elements: path
    default: []
  head:
    description:
      - The signed file that holds the number of records and the hash of the newest one. It shows when the newest records are missing.
      - Keep it where those who can write to O(dir) can't write. By default it is in C(meta-salvage/heads) of the user's state folder
        (C($XDG_STATE_HOME), or C(~/.local/state)).
    type: path
  decision:
    description: The decision.
    type: str
    required: true
    choices: [keep_block, adjust_threshold, restrict, lift, revert, none]
  provider:
    description: The provider that the decision is about.
    type: str
    required: true
  who:
    description: The person who decided.
    type: str
    required: true
  why:
    description: The reason for the decision.
    type: str
    required: true
  reference:
    description: What the decision refers to, such as the fingerprint of an alert.
    type: str
    default: ""
  evidence:
    description: The evidence for the decision, by name. Each value is hashed as canonical JSON.
    type: dict
    default: {}
  details:
    description: More data for the record, such as policy revisions and the end of a restriction. Stored as it is; no secrets.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Record that the block stays
  euystacio.meta_salvage.peace_bonds_record:
    dir: /var/lib/meta-salvage/decisions
    key: /etc/meta-salvage/decisions.pem
    decision: keep_block
    provider: provider-dusk
    who: on-call
    why: credentials of the provider are known to be stolen
    evidence:
      decisions: "{{ bonds.decisions }}"
      history: "{{ history.summary }}"
"""

RETURN = r"""
file:
  description: The record's file.
  returned: success
  type: str
  sample: /var/lib/meta-salvage/decisions/000001-2f6b1c0d9e8a7b65.decision.json
head:
  description: The number of records and the hash of the newest one. Keep it elsewhere too, to compare it later.
  returned: success
  type: dict
  sample: {count: 1, digest: 0c1d4f3a7be25d3f6f0c2f2b7f1a9b5e8c6d7e0f1a2b3c4d5e6f708192a3b4c5}
head_file:
  description: The file that holds the head.
  returned: success
  type: str
  sample: /home/ops/.local/state/meta-salvage/heads/5f2c8a1e9d7b6043.json
differs:
  description: The parts in which a record of the same decision that exists already differs from this one.
  returned: success
  type: list
  elements: str
  sample: []
record:
  description: The record.
  returned: success
  type: dict
  sample:
    schema: 1
    id: 2f6b1c0d9e8a7b65
    at: "2026-11-24T15:00:00Z"
    decision: keep_block
    provider: provider-dusk
    who: on-call
    why: credentials of the provider are known to be stolen
    reference: 3d1a0c5b9f
    evidence: {decisions: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
    details: {}
    previous: null
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._peace_bonds import record_task


def main() -> None:
    module = SalvageModule(**record_task.MODULE)
    conclude(module, lambda: record_task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
