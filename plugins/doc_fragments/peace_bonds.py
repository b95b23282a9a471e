# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How the Peace Bonds modules reach OPA."""

    DOCUMENTATION = r"""
options:
  opa_url:
    description:
      - OPA's address. Either C(http[s]://host:port[/prefix]), or C(service[s]://namespace/service:port[/prefix]), which goes through
        the API server's proxy and works wherever the kubeconfig works.
      - Or C(forward[s]://namespace/service:port[/prefix]), which forwards a connection to a ready pod of the service, as
        C(kubectl port-forward) does, and needs the right to create C(pods/portforward).
    type: str
    default: service://euystacio-ai/opa-service:8181
  opa_token:
    description:
      - A bearer token for OPA. Works for direct and forwarded addresses; the API server's proxy keeps the header for itself.
    type: str
  opa_ca_path:
    description: The CA certificates for a C(https://) or C(forwards://) address.
    type: path
  opa_validate_certs:
    description: Whether to check the certificate of a C(https://) or C(forwards://) address; the latter's is of C(service.namespace.svc).
    type: bool
    default: true
  timeout:
    description: Seconds for each question, connection and answer together.
    type: float
    default: 5.0
"""
