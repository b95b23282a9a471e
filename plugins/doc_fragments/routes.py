# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How services are reached that have an address of their own."""

    DOCUMENTATION = r"""
options:
  token:
    description:
      - A bearer token for direct addresses (C(http://) and C(https://)).
      - An address in the cluster (C(service://namespace/name:port), and C(services://) where the service itself speaks TLS) is reached
        through the API server's proxy with the connection options, which keeps such a header for itself.
    type: str
  ca_path:
    description:
      - The certificate authorities for direct addresses with TLS, as a PEM file. The default is the system's.
      - O(validate_certs) holds for direct addresses too.
    type: path
"""
