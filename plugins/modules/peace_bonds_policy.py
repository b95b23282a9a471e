#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: peace_bonds_policy
short_description: Test and publish the Peace Bonds policies
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Checks a candidate policy with OPA (C(opa check --strict), C(opa test) with coverage, fixtures), replays logged decisions with it, and
    refuses the candidate if it changes more decisions than the limits allow.
  - Then writes the ConfigMap with a precondition and waits until every OPA pod serves the new revision and decides the fixtures as
    expected. If a pod does not, the module restores the previous revision.
  - OPA evaluates policies here without network, environment and runtime. A policy that calls a function such as C(http.send) is refused.
  - OPA keeps its old policies while it can't load new ones, so the module checks each pod.
  - A run that was killed leaves its journal in annotations of the ConfigMap; the next run confirms or reverts the pending revision.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Can run in check mode and return the expected changes without making them.
    support: full
    details: The candidate is checked and replayed; the write is a dry run on the API server.
  diff_mode:
    description: Shows what changed.
    support: full
options:
  state:
    description:
      - V(validated) only checks whether the candidate is acceptable, and fails if it is not.
      - V(present) publishes the candidate if it is acceptable.
      - V(reverted) publishes the kept O(revision), by default the previous one, with the restrictions that are in force now.
        No decisions are replayed, because it was in force before.
    type: str
    choices: [validated, present, reverted]
    default: present
  policy_files:
    description:
      - The candidate policy files by name. Names that end in C(_test.rego) are tests and are not published. Names with C(meta_salvage_) are
        reserved for the files that the module writes.
    type: dict
  policy_dir:
    description: The folder of the candidate policy files, on the host where the module runs. Subfolders are not read.
    type: path
  policy_data:
    description:
      - Changes to the data document, such as thresholds; merged into it.
      - Without O(policy_files) and O(policy_dir), the candidate is the policies in force with these changes.
    type: dict
  data_file:
    description: The data document's name in the ConfigMap.
    type: str
    default: policy_data.json
  restrictions:
    description:
      - Providers that are denied until a given time, or until the restriction is lifted, whatever the policies decide. They are added to
        the restrictions in force and replace an earlier restriction of the same provider.
      - Restrictions in force stay in force with a new candidate and with O(state=reverted). Each run removes expired restrictions, which
        have no effect after their end. An empty list only removes expired ones.
      - C(deny) of the package must be a set that other files can extend, and C(allow) must require that it is empty. The module proves it
        with OPA and with every pod. It puts each restricted provider into each of O(provider_fields), as text and as a number, of an input
        that is allowed, which must be denied with the restriction as a reason. The inputs are those of the allowed O(fixtures) and of
        allowed decisions in the logs.
    type: list
    elements: dict
    suboptions:
      provider:
        description: The provider's name, as in the O(provider_fields) of the input. Compared as text, without spaces around it.
        type: str
        required: true
      until:
        description:
          - The end of the restriction, in RFC 3339 such as C(2026-11-24T14:00:00Z), in quotes, before April 2262.
          - Without it, the provider is restricted until O(restrictions_lifted) names it.
        type: str
      reason:
        description: The reason; it becomes part of the deny reason.
        type: str
        required: true
  restrictions_lifted:
    description: Providers to lift the restrictions of now.
    type: list
    elements: str
  test_dir:
    description: A folder with more tests.
    type: path
  fixtures:
    description: Inputs with the expected decision. The candidate, and every pod that serves it, must decide as expected.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The fixture's name in messages.
        type: str
        required: true
      input:
        description: OPA's input.
        type: dict
        required: true
      allow:
        description: Whether the input must be allowed; otherwise it must be denied.
        type: bool
        required: true
  decision_logs:
    description:
      - Files with OPA's decision log, in any form that M(euystacio.meta_salvage.peace_bonds_decision_info) reads.
        Shell patterns are expanded.
    type: list
    elements: str
    default: []
  decisions_of_pods:
    description: Whether to replay the decisions in the pods' logs.
    type: bool
    default: false
  decisions_since:
    description: How many seconds of the pods' logs are read.
    type: float
  compare_with:
    description:
      - V(recorded) compares with the decisions that the log recorded, V(current) with those of the policies in force.
        A change of restrictions alone is always compared with the policies in force.
    type: str
    choices: [recorded, current]
    default: recorded
  max_newly_allowed:
    description: How many decisions may change to allowed; -1 for no limit.
    type: int
    default: 0
  max_newly_denied:
    description: How many decisions may change to denied; -1 for no limit.
    type: int
    default: -1
  max_newly_unknown:
    description: How many decisions may become undefined or contradictory; -1 for no limit.
    type: int
    default: 0
  max_not_replayable:
    description: How many logged decisions may have masked input, so that they can't be replayed; -1 for no limit.
    type: int
    default: 0
  min_decisions:
    description: The minimum number of replayed decisions. V(0) accepts a candidate without a replay.
    type: int
    default: 1
  min_coverage:
    description: The minimum test coverage of the policies' lines, in percent.
    type: float
    default: 0.0
  revision:
    description: The kept revision for O(state=reverted); by default the previous one.
    type: str
  namespace:
    description: Where OPA runs.
    type: str
    default: euystacio-ai
  config_map:
    description: The ConfigMap that holds the policies.
    type: str
    default: peace-bonds-policies
  label_selector:
    description: The labels of OPA's pods.
    type: str
    default: app=opa-peace-bonds
  deployment:
    description: OPA's Deployment, for O(reload=restart).
    type: str
    default: opa-peace-bonds
  container:
    description: OPA's container.
    type: str
    default: opa
  port:
    description: The port that OPA listens on.
    type: int
    default: 8181
  scheme:
    description: The protocol of the pods' port.
    type: str
    choices: [http, https]
    default: http
  package:
    description: The package of the decision.
    type: str
    default: euystacio/peace_bonds
  provider_fields:
    description: Where the input names the provider.
    type: list
    elements: str
    default: [provider.id, provider.provider_id, provider_id, provider.name]
  reload:
    description:
      - V(watch) for an OPA that watches its files. The module annotates the pods so that the kubelet updates their mounts at once.
      - V(restart) restarts the Deployment with a rolling update.
    type: str
    choices: [watch, restart]
    default: watch
  wait_timeout:
    description: Seconds to wait until every pod serves the new revision.
    type: float
    default: 120.0
  history_limit:
    description: How many revisions are kept.
    type: int
    default: 10
  opa_binary:
    description: OPA's command on the host where the module runs. With O(state=reverted) it is needed only while restrictions are in force.
    type: path
    default: opa
  opa_timeout:
    description: Time limit of each run of O(opa_binary), in seconds.
    type: float
    default: 120.0
  rego_version:
    description: The Rego syntax of the running OPA; V(v0) for an OPA before 1.0, or one with C(--v0-compatible).
    type: str
    choices: [v0, v1]
    default: v1
  timeout:
    description: Timeout of each request to the API server or to a pod, in seconds.
    type: float
    default: 5.0
"""

EXAMPLES = r"""
- name: Check what a policy changes about the logged decisions
  euystacio.meta_salvage.peace_bonds_policy:
    state: validated
    policy_dir: policies
    decision_logs: [/var/log/opa/decisions-2026-11-23.json.gz]

- name: Publish the policy
  euystacio.meta_salvage.peace_bonds_policy:
    policy_dir: policies
    decision_logs: [/var/log/opa/decisions-2026-11-23.json.gz]
    max_newly_denied: 20
    fixtures:
      - name: a good provider
        allow: true
        input:
          provider: {trust_weight: 0.95, compliance_score: 0.97, ethical_alignment: 0.96}
          symbiosis_score: 0.82
          metrics: {cpu_usage: 40, memory_usage: 50, qek_value: 0.938, hvar_value: 0.043, ethisches_ideal: 0.998}
      - name: nobody
        allow: false
        input: {}

- name: Change one threshold and replay the logged decisions
  euystacio.meta_salvage.peace_bonds_policy:
    policy_data: {euystacio: {thresholds: {risk_max: 0.75}}}
    decisions_of_pods: true

- name: Deny a provider for a day
  euystacio.meta_salvage.peace_bonds_policy:
    restrictions:
      - provider: provider-boreas
        until: "2026-11-25T14:00:00Z"
        reason: unusual rate of requests, see the incident of 2026-11-24
    decisions_of_pods: true

- name: Restore the previous revision
  euystacio.meta_salvage.peace_bonds_policy:
    state: reverted
"""

RETURN = r"""
revision:
  description: The candidate's revision, a hash of its content.
  returned: always
  type: str
  sample: 3f2a9c01b7de
previous_revision:
  description: The revision that was in force.
  returned: when the cluster was asked
  type: str
  sample: 9b01de77a0c4
changed_files:
  description: Files that differ between the two.
  returned: when the cluster was asked
  type: list
  elements: str
  sample: [policy_data.json]
restrictions:
  description: The restrictions that are in force with the candidate.
  returned: when the cluster was asked, or with O(restrictions)
  type: list
  elements: dict
  sample: [{provider: provider-boreas, until: "2026-11-25T14:00:00Z", reason: unusual rate of requests}]
restrictions_added:
  description: The restrictions that are new or have a new end.
  returned: when the cluster was asked, or with O(restrictions)
  type: list
  elements: dict
  sample: []
restrictions_ended:
  description: Restrictions that were removed because they expired or were lifted.
  returned: when the cluster was asked, or with O(restrictions)
  type: list
  elements: dict
  sample: []
accepted:
  description: Whether the candidate is acceptable.
  returned: when it was examined
  type: bool
  sample: false
refusals:
  description: Why the candidate is not acceptable, one sentence each.
  returned: when it was examined
  type: list
  elements: str
  sample: ["1 of 100000 decisions would be newly allowed, max_newly_allowed is 0: provider-17 (1)"]
check:
  description: The errors of C(opa check --strict).
  returned: when it was examined
  type: list
  elements: str
  sample: []
tests:
  description: The result of C(opa test).
  returned: when it was examined
  type: dict
  sample: {passed: 18, failed: [], coverage: 99.2, problems: []}
fixtures:
  description: What the candidate decides for the fixtures.
  returned: when it was examined
  type: list
  elements: dict
  sample: [{name: nobody, expected: false, passed: true, status: denied}]
replay:
  description: How the candidate changes the logged decisions.
  returned: when it was examined
  type: dict
  sample:
    decisions: 100000
    same: 99999
    not_replayable: 0
    transitions: {denied to allowed: 1}
    newly_allowed:
      count: 1
      providers: {provider-17: 1}
      rules: {"High risk provider detected: risk_score=#": 1}
      examples:
        - provider: provider-17
          decision_id: 4ca636c1-55e4-417a-b1d8-4aceb67960d1
          timestamp: "2026-11-23T14:00:05Z"
          before: denied
          before_reasons: ["High risk provider detected: risk_score=0.81"]
          after: allowed
          after_reasons: [""]
    newly_denied: {count: 0, providers: {}, rules: {}, examples: []}
    newly_unknown: {count: 0, providers: {}, rules: {}, examples: []}
sources:
  description: What was read from the decision logs.
  returned: when it was examined
  type: list
  elements: dict
  sample: [{source: /var/log/opa/decisions.json, records: 100000, cut: 0, broken: 0, problems: []}]
pods:
  description: The last answer of each OPA pod.
  returned: when a revision was published or is in force
  type: list
  elements: dict
  sample: [{pod: opa-peace-bonds-6b9-x2x, revision: 3f2a9c01b7de, problem: ""}]
history:
  description: The kept revisions, newest first.
  returned: when a revision was published or is in force
  type: list
  elements: dict
  sample: [{revision: 9b01de77a0c4, since: "2026-11-23T09:10:11Z"}]
"""

from ..module_utils._core.commands import literal
from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._peace_bonds.change import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode, run_command=literal(module.run_command)))


if __name__ == "__main__":
    main()
