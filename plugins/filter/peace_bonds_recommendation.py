# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: peace_bonds_recommendation
short_description: Recommend an action for a provider, with the evidence
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Combines a provider's decision and its history. It only recommends and changes nothing.
  - V(keep_block) for a provider that is denied far from any threshold. V(adjust_threshold) if most of its denies are near a threshold,
    which are likely false positives. V(revert) if its denies began with a policy revision. V(restrict) if it is allowed now but was denied
    before. V(investigate) if the decision is unknown.
positional: summary
options:
  _input:
    description: One of RV(euystacio.meta_salvage.peace_bonds_info#module:decisions).
    type: dict
    required: true
  summary:
    description: The RV(euystacio.meta_salvage.peace_bonds_decision_info#module:summary) of the log.
    type: dict
    required: true
  share:
    description: The share of a provider's denies near a threshold from which they count as false positives.
    type: float
    default: 0.5
  margin:
    description: How far the recommended threshold is from the current one.
    type: float
    default: 0.02
  settings:
    description:
      - "The place of each field's threshold in the policies' data document, as C({risk_score: euystacio.thresholds.risk_max})."
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the recommended action
  ansible.builtin.debug:
    msg: "{{ bonds.decisions[0] | euystacio.meta_salvage.peace_bonds_recommendation(history.summary) }}"
"""

RETURN = r"""
_value:
  description: The C(action) (V(keep_block), V(adjust_threshold), V(revert), V(restrict), V(none) or V(investigate)), the C(reason), and the
    numbers as C(evidence). With V(adjust_threshold) also the C(thresholds) that would let the provider pass, and the same as
    C(policy_data) for M(euystacio.meta_salvage.peace_bonds_policy).
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._peace_bonds.review.next_step import recommend
from ..plugin_utils.plain import plain


def peace_bonds_recommendation(
    decision: Any, summary: Any, share: float = 0.5, margin: float = 0.02, settings: dict[str, str] | None = None
) -> dict[str, Any]:
    """The recommendation for one provider."""
    decision, summary, settings = plain(decision), plain(summary), plain(settings)
    if not isinstance(decision, dict) or not isinstance(summary, dict):
        raise AnsibleFilterError(
            "peace_bonds_recommendation: give a decision of peace_bonds_info, and a summary of peace_bonds_decision_info"
        )
    return recommend(decision, summary, share=share, margin=margin, settings=settings)


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Any]:
        return {"peace_bonds_recommendation": peace_bonds_recommendation}
