# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where backups are, and the keys that decrypt them."""

    DOCUMENTATION = r"""
options:
  repository:
    description:
      - Where the backups are, a directory on the machine that the module runs on, or C(s3://bucket/prefix).
      - A missing directory is created with mode 0700 if its parent exists. A bucket must exist.
    type: path
    required: true
  s3:
    description: How to reach the object store, if O(repository) is C(s3://bucket/prefix).
    type: dict
    suboptions:
      endpoint:
        description: The address of an object store other than Amazon S3, as C(https://host:port).
        type: str
      region:
        description: The region of the bucket. The default is the region of the environment.
        type: str
      access_key:
        description:
          - The access key.
          - Without it, the module looks for credentials where other tools do (environment, profile, role of the instance).
        type: str
      secret_key:
        description: The secret key of O(s3.access_key).
        type: str
      session_token:
        description: The session token of O(s3.access_key), if it is a temporary one.
        type: str
      ca_path:
        description: A PEM file with the certificate authorities of the object store. The default is the system's.
        type: path
      checksums:
        description:
          - When the store gets and returns checksums of its own. Stores other than Amazon S3 refuse them if they do not know them.
          - The module compares each backup with its signed hash in any case.
        type: str
        choices: [when_required, when_supported]
        default: when_required
  s3_endpoint:
    description: Deprecated, use O(s3.endpoint). This option will be removed in version 1.0.0.
    type: str
  s3_region:
    description: Deprecated, use O(s3.region). This option will be removed in version 1.0.0.
    type: str
  s3_access_key:
    description: Deprecated, use O(s3.access_key). This option will be removed in version 1.0.0.
    type: str
  s3_secret_key:
    description: Deprecated, use O(s3.secret_key). This option will be removed in version 1.0.0.
    type: str
  s3_session_token:
    description: Deprecated, use O(s3.session_token). This option will be removed in version 1.0.0.
    type: str
  s3_ca_path:
    description: Deprecated, use O(s3.ca_path). This option will be removed in version 1.0.0.
    type: path
"""

    READ = r"""
options:
  public_key:
    description: The PEM file with the ed25519 public key of the key that signed the backups.
    type: path
    required: true
  identity:
    description: The file with the age private key that decrypts a backup, in the format of C(age-keygen).
    type: path
  cluster:
    description:
      - The cluster that a backup must be of, by the name that it was created with, or by the UID of the namespace C(kube-system).
      - A backup of another cluster is refused, even if it is signed by the same key.
    type: str
  allow_unknown_cluster:
    description: Accept a backup with a record that names no cluster, as early versions wrote it.
    type: bool
    default: false
  allow_missing:
    description:
      - Go on although the newest backup that this machine saw in the repository was deleted by someone else, and forget it.
      - What a machine has seen is in C(~/.local/state/meta-salvage).
    type: bool
    default: false
"""
