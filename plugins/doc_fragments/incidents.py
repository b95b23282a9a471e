# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where the records of incidents are kept."""

    DOCUMENTATION = r"""
options:
  dir:
    description:
      - The directory of the records, on the host where the module runs. Each incident is a directory of its own, created with mode 0700.
      - Without it the records are ConfigMaps in O(namespace) of the cluster, so that each host with access to the cluster continues the
        same incident.
    type: path
  namespace:
    description: The namespace of the ConfigMaps.
    type: str
    default: euystacio-ai
  key:
    description:
      - The file of the key that signs the records. An ed25519 private key in PEM without a passphrase, or C(hmac:PATH) for a shared secret,
        at least 32 hexadecimal or base64 characters as C(openssl rand -hex 32) prints them, for HMAC-SHA256.
      - V(secret) is the key in the Secret C(meta-salvage-proof-key) of O(namespace), which is made if it does not exist.
      - Without it nothing is signed. Changed and removed records are still noticed by their hashes.
    type: path
  keys:
    description: Files of more keys that are accepted in the records, such as the public keys of replaced ones.
    type: list
    elements: path
    default: []
  heads:
    description:
      - The directory of the files that hold the number of entries and the hash of the newest one of each incident. They show when the
        newest entries are missing. Keep it where those who can write the records can't write.
      - By default it is C(meta-salvage/heads) of the user's state folder (C($XDG_STATE_HOME), or C(~/.local/state)).
    type: path
  request_timeout:
    description: Seconds for each request to the API server. Requests that are safe to repeat are repeated if it fails temporarily.
    type: float
    default: 10.0
"""
