# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where backups are, and the keys that open them."""

    DOCUMENTATION = r"""
options:
  repository:
    description:
      - Where the backups are, a directory on the machine that the module runs on, or C(s3://bucket/prefix).
      - A directory is made, with mode 0700, if the one above it is there. A bucket has to be there.
    type: path
    required: true
  s3_endpoint:
    description: The address of an object store other than Amazon's, as C(https://host:port).
    type: str
  s3_region:
    description: The region of the bucket. Without it the environment says.
    type: str
  s3_access_key:
    description: The access key. Without it credentials are found where other tools find them (environment, profile, the instance's role).
    type: str
  s3_secret_key:
    description: The secret to O(s3_access_key).
    type: str
  s3_session_token:
    description: The token to O(s3_access_key), if it is a passing one.
    type: str
  s3_ca_path:
    description: The certificate authorities for the object store, as a PEM file. The default is the system's.
    type: path
"""

    READ = r"""
options:
  public_key:
    description: The file with the ed25519 public key, in PEM, of the key that signed the backups.
    type: path
    required: true
  identity:
    description: The file with the age private key that opens a backup, as C(age-keygen) writes it.
    type: path
"""
