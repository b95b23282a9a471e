#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: peace_bonds_info
short_description: Get the Peace Bonds decisions about providers
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Queries OPA, and the service at O(api_url) if given, for the Peace Bonds decisions about providers.
  - A decision is V(allowed) only if C(allow) is C(true), the input is complete, and nothing contradicts it. An undefined rule, an error,
    conflicting rules, wrong types, a risk score outside 0..1, input without a required field, or a disagreement with the service gives
    V(unknown) with the reason (V(denied) if OPA denies).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.peace_bonds
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  providers:
    description: The providers to get decisions about.
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
          - The provider's OPA input. It is merged over O(common_input) and the service's answer.
        type: dict
        default: {}
  common_input:
    description: Input that is the same for all providers, such as C(symbiosis_score) and C(metrics).
    type: dict
    default: {}
  api_url:
    description:
      - The service's address, in the forms of O(opa_url). If given, the module also gets the service's risk answer, adds its
        C(provider), C(symbiosis_score) and C(metrics) to OPA's input, and compares both decisions.
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
    description: Input fields that must be numbers; without one of them a decision is never V(allowed).
    type: list
    elements: str
    default: [provider.trust_weight, provider.compliance_score, provider.ethical_alignment, symbiosis_score]
  tolerance:
    description: The largest accepted difference between OPA's and the service's risk scores.
    type: float
    default: 0.01
  concurrency:
    description: How many providers are queried in parallel.
    type: int
    default: 16
  fail_on:
    description: Fail after all queries if a decision has one of these statuses.
    type: list
    elements: str
    choices: [denied, unknown]
    default: []
seealso:
  - module: euystacio.meta_salvage.peace_bonds_decision_info
  - module: euystacio.meta_salvage.peace_bonds_policy
"""

EXAMPLES = r"""
- name: Get the decision of OPA and the service about a provider
  euystacio.meta_salvage.peace_bonds_info:
    api_url: service://euystacio-ai/euystacio-api:8000
    common_input:
      symbiosis_score: 0.82
    providers:
      - id: provider-aurora

- name: Get OPA's decision for a given input
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
  description: One decision for each provider, in the order of O(providers).
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
  description: Whether OPA reports itself, its bundles and its plugins as healthy.
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

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._peace_bonds.review import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params))


if __name__ == "__main__":
    main()
