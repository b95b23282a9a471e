# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: worst_result
short_description: The worst result of several steps
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - From best to worst V(PASS), V(PARTIAL) and V(FAIL), as M(euystacio.meta_salvage.restore) reports them.
  - The statuses of a health check count too. V(healthy) and V(warning) are V(PASS), V(unknown) and V(critical) are at best V(PARTIAL).
  - Any other word, nothing, or an empty list is V(FAIL).
options:
  _input:
    description: The results of the steps.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the result of the whole
  ansible.builtin.debug:
    msg: "{{ [restored.restore.result, checked.report.status] | euystacio.meta_salvage.worst_result }}"
"""

RETURN = r"""
_value:
  description: V(PASS), V(PARTIAL) or V(FAIL).
  type: str
"""

from typing import Any

from ..module_utils._core.status import worst_result


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"worst_result": worst_result}
