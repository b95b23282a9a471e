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
      - A bearer token for direct addresses (C(http://) and C(https://)) and forwarded ones.
      - An address in the cluster (C(service://namespace/name:port), and C(services://) where the service itself speaks TLS) is reached
        through the API server's proxy with the connection options, which keeps such a header for itself.
      - With C(forward://namespace/name:port), and C(forwards://) where the service itself speaks TLS, a connection is forwarded to a ready
        pod of the service, as C(kubectl port-forward) does; the header gets there. It needs the right to create C(pods/portforward).
    type: str
  ca_path:
    description:
      - The certificate authorities for direct and forwarded addresses with TLS, as a PEM file. The default is the system's.
      - O(validate_certs) holds for these addresses too.
    type: path
"""
