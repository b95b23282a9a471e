# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: redacted
short_description: Remove credentials and control characters from text
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - For what others said, such as the error of a module or the log of a pod, before it is shown or written to a file.
  - Hides passwords in addresses, tokens, private keys, and values next to a name such as C(password).
  - Removes the control characters that drive a terminal. Line ends and tabs stay.
  - The modules of this collection do the same with their results.
options:
  _input:
    description: A text, or a list or dictionary with texts.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show why the release failed
  ansible.builtin.fail:
    msg: "{{ release.msg | euystacio.meta_salvage.redacted }}"
"""

RETURN = r"""
_value:
  description: The same without credentials and control characters.
  type: raw
"""

from typing import Any

from ..module_utils._core.redact import outgoing


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"redacted": outgoing}
