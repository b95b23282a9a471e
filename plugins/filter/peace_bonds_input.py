# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: peace_bonds_input
short_description: Build the system part of OPA's input from metrics
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Unknown metrics are left out, so that the policies deny because the input is incomplete.
positional: fields
options:
  _input:
    description: The RV(euystacio.meta_salvage.threshold_info#module:metrics) to use.
    type: list
    elements: dict
    required: true
  fields:
    description: The input field of each metric, by the metric's name.
    type: dict
    default:
      qek: metrics.qek_value
      hvar: metrics.hvar_value
      ethisches_ideal: metrics.ethisches_ideal
      symbiosis_score: symbiosis_score
"""

EXAMPLES = r"""
- name: Get a decision with the current metrics
  euystacio.meta_salvage.peace_bonds_info:
    common_input: "{{ thresholds.metrics | euystacio.meta_salvage.peace_bonds_input }}"
    providers: [{id: provider-aurora}]
"""

RETURN = r"""
_value:
  description: The input.
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._peace_bonds.review.next_step import input_of
from ..plugin_utils.plain import plain


def peace_bonds_input(metrics: Any, fields: dict[str, str] | None = None) -> dict[str, Any]:
    """The input with the known metrics."""
    metrics, fields = plain(metrics), plain(fields)
    if not isinstance(metrics, list) or not all(isinstance(item, dict) for item in metrics):
        raise AnsibleFilterError("peace_bonds_input: give the metrics of threshold_info")
    return input_of(metrics, fields) if fields else input_of(metrics)


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"peace_bonds_input": peace_bonds_input}
