# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hmac_sha256
short_description: The HMAC-SHA256 of a text
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Signs the body of a request with a secret that the other side has too, such as the event source C(euystacio.meta_salvage.alerts).
options:
  _input:
    description: The text, exactly as it is sent.
    type: str
    required: true
  secret:
    description: The shared secret.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Send a signed request
  ansible.builtin.uri:
    url: https://bastion.example.com:5001/handled
    method: POST
    body_format: json
    body: "{{ content | to_json }}"
    headers:
      X-Signature-256: "{{ content | to_json | euystacio.meta_salvage.hmac_sha256(secret) }}"
    status_code: 202
  no_log: true
"""

RETURN = r"""
_value:
  description: The signature, in hexadecimal.
  type: str
"""

import hashlib
import hmac
from typing import Any

from ansible.errors import AnsibleFilterError


def hmac_sha256(text: Any, secret: Any) -> str:
    if not isinstance(text, str) or not isinstance(secret, str) or not secret:
        raise AnsibleFilterError("hmac_sha256 needs a text and a secret that is not empty")
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"hmac_sha256": hmac_sha256}
