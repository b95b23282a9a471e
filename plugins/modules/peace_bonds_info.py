#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: peace_bonds_info
short_description: Ask for the Peace Bonds decisions about providers
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Asks OPA, and the service beside it if O(api_url) is given, what the Peace Bonds say of one or many providers.
  - Only a plain C(allow == true) on whole input, contradicted by nothing, is V(allowed). An undefined rule, an error, rules that
    conflict, wrong types, a risk score outside 0..1, input that lacks a required field, or an allow that the service does not share
    is V(unknown) (or stays V(denied) if OPA denies), with the reason.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.peace_bonds
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  providers:
    description: Whom to ask about.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: The provider's name.
        type: str
        required: true
      input:
        description:
          - What OPA is told of it, on top of O(common_input) and of what the service answers.
        type: dict
        default: {}
  common_input:
    description: Input that is the same for all providers, such as C(symbiosis_score) and C(metrics).
    type: dict
    default: {}
  api_url:
    description:
      - The service's address, in the forms of O(opa_url). If given, its risk answer is asked too; its C(provider), C(symbiosis_score)
        and C(metrics) become OPA's input, and the two are compared.
    type: str
  risk_path:
    description: The path of the service's risk answer; C({id}) stands for the provider.
    type: str
    default: /api/providers/{id}/risk
  package:
    description: The OPA package of the decision, with C(/) or C(.).
    type: str
    default: euystacio/peace_bonds
  enforcement_package:
    description: The OPA package of the enforcement action; empty to leave it out.
    type: str
    default: euystacio/adaptive_enforcement
  required_input:
    description: Fields of the input that must hold a number, or an allow is not believed.
    type: list
    elements: str
    default: [provider.trust_weight, provider.compliance_score, provider.ethical_alignment, symbiosis_score]
  tolerance:
    description: How far OPA's and the service's risk scores may differ.
    type: float
    default: 0.01
  concurrency:
    description: How many providers are asked about at once.
    type: int
    default: 16
  fail_on:
    description: Fail, after all have been asked, if one of the decisions has one of these statuses.
    type: list
    elements: str
    choices: [denied, unknown]
    default: []
seealso:
  - module: euystacio.meta_salvage.peace_bonds_decision_info
  - module: euystacio.meta_salvage.peace_bonds_policy
"""

EXAMPLES = r"""
- name: Ask OPA and the service about a provider
  euystacio.meta_salvage.peace_bonds_info:
    api_url: service://euystacio-ai/euystacio-api:8000
    common_input:
      symbiosis_score: 0.82
    providers:
      - id: provider-aurora

- name: Ask OPA alone, with the input at hand
  euystacio.meta_salvage.peace_bonds_info:
    opa_url: https://opa.example.org:8181
    opa_token: "{{ vault_opa_token }}"
    providers:
      - id: provider-aurora
        input:
          provider: {trust_weight: 0.95, compliance_score: 0.97, ethical_alignment: 0.96}
          symbiosis_score: 0.82
    fail_on: [denied, unknown]
"""

RETURN = r"""
decisions:
  description: One for each provider, in their order.
  returned: always
  type: list
  elements: dict
  sample:
    - provider: provider-dusk
      status: denied
      allow: false
      deny: ["trust_weight 0.1 is below 0.5"]
      risk_score: 0.855
      risk_level: critical
      action: null
      reason: trust_weight 0.1 is below 0.5
      path: /v1/data/euystacio/peace_bonds
      decision_id: 4ca636c1-55e4-417a-b1d8-4aceb67960d1
      opa: {status: denied, allow: false, risk_score: 0.855}
      api: {status: reported, allow: null, risk_score: 0.855}
      enforcement: {action: block, enforce: true, system_healthy: true, reason: ""}
counts:
  description: How many decisions have each status.
  returned: always
  type: dict
  sample: {allowed: 0, denied: 1, unknown: 0}
opa_healthy:
  description: What OPA says of itself, its bundles and plugins.
  returned: always
  type: bool
  sample: true
opa_reason:
  description: Why O(ignore:opa_healthy) is false.
  returned: always
  type: str
  sample: ""
summary:
  description: The result in one sentence.
  returned: always
  type: str
  sample: "1 provider: 0 allowed, 1 denied, 0 unknown"
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._core.errors import conclude
from ..module_utils._peace_bonds.review import task


def main():
    module = AnsibleModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params))


if __name__ == "__main__":
    main()
