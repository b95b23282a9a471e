#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: peace_bonds_policy
short_description: Change the Peace Bonds policies, proven before they bind
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Checks a candidate with OPA itself (C(opa check --strict), C(opa test) with coverage, fixtures), takes yesterday's decisions again with
    it, and refuses it if it changes more than the gates let through.
  - Then writes the ConfigMap under a precondition, waits until every pod of OPA answers with the new revision and decides the fixtures as
    it should, and goes back by itself if one does not.
  - A candidate is never half in force by surprise. OPA keeps its old policies while it can't load new ones, and the module asks each pod.
  - A run that was killed leaves its journal in annotations of the ConfigMap; the next run proves or takes back what it finds pending.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Can run in check mode and tell what it would without changing anything.
    support: full
    details: The candidate is checked and replayed; the write is a dry run on the API server.
  diff_mode:
    description: Shows what changed.
    support: full
options:
  state:
    description:
      - V(validated) only finds out whether the candidate may bind, and fails if not.
      - V(present) puts it in force if it may.
      - V(reverted) puts the kept O(revision) in force, or the one before. It is not replayed; it was in force.
    type: str
    choices: [validated, present, reverted]
    default: present
  policy_files:
    description: The candidate, by file name. Names that end in C(_test.rego) are tests and are not published.
    type: dict
  policy_dir:
    description: The candidate, as a folder on the host where the module runs; folders below it are not read.
    type: path
  policy_data:
    description:
      - A change of data alone, merged into the data document; for thresholds.
      - Without O(policy_files) and O(policy_dir) the policies in force are the rest of the candidate.
    type: dict
  data_file:
    description: The data document's name in the ConfigMap.
    type: str
    default: policy_data.json
  restrictions:
    description:
      - Providers that are denied until a given time, whatever the policies say. They are added to those in force; a provider's earlier
        one is replaced.
      - Restrictions in force stay in a candidate that does not speak of them. One that is past is taken out by each run, and has had no
        effect since its end. An empty list does just that.
      - The package's C(deny) must be a set to which a file can add, and C(allow) must need it empty; give a fixture to see that it binds.
    type: list
    elements: dict
    suboptions:
      provider:
        description: Its name, as O(provider_fields) of the input hold it.
        type: str
        required: true
      until:
        description: Until when, in RFC 3339 such as C(2026-11-24T14:00:00Z).
        type: str
        required: true
      reason:
        description: Why; it becomes part of the deny reason.
        type: str
        required: true
  restrictions_lifted:
    description: Providers whose restriction ends now.
    type: list
    elements: str
  test_dir:
    description: A folder with further tests.
    type: path
  fixtures:
    description: Decisions that must come out as said, from the candidate and, once it is in force, from every pod.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is called in messages.
        type: str
        required: true
      input:
        description: OPA's input.
        type: dict
        required: true
      allow:
        description: Whether it must be allowed, or denied.
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
    description: Whether to replay what the pods' own logs hold.
    type: bool
    default: false
  decisions_since:
    description: How many seconds back the pods' logs are read.
    type: float
  compare_with:
    description:
      - V(recorded) compares with the decisions that the log recorded, V(current) with those of the policies in force.
    type: str
    choices: [recorded, current]
    default: recorded
  max_newly_allowed:
    description: How many decisions may turn into an allow; -1 is no limit.
    type: int
    default: 0
  max_newly_denied:
    description: How many decisions may turn into a deny; -1 is no limit.
    type: int
    default: -1
  max_newly_unknown:
    description: How many decisions may become undefined or contradict themselves; -1 is no limit.
    type: int
    default: 0
  max_not_replayable:
    description: How many decisions of the log may lack the input because it is masked there; -1 is no limit.
    type: int
    default: 0
  min_decisions:
    description: How many decisions must have been replayed, or nothing is proven. V(0) goes without a replay.
    type: int
    default: 1
  min_coverage:
    description: Per cent of the policies' lines that the tests must cover.
    type: float
    default: 0.0
  revision:
    description: The kept revision for O(state=reverted); by default the one before.
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
    description: Their Deployment, for O(reload=restart).
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
    description: How the pods are spoken to.
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
      - V(watch) for an OPA that watches its files; the pods get an annotation so that the kubelet looks at their mounts at once.
      - V(restart) restarts the Deployment's pods, step by step.
    type: str
    choices: [watch, restart]
    default: watch
  wait_timeout:
    description: Seconds until every pod must answer with the new revision.
    type: float
    default: 120.0
  history_limit:
    description: How many revisions are kept.
    type: int
    default: 10
  opa_binary:
    description: OPA's command on the host where the module runs.
    type: path
    default: opa
  opa_timeout:
    description: Seconds for each run of it.
    type: float
    default: 120.0
  rego_version:
    description: The syntax that the running OPA takes; V(v0) for an OPA before 1.0, or one with C(--v0-compatible).
    type: str
    choices: [v0, v1]
    default: v1
  timeout:
    description: Seconds for each question to the API server or to a pod.
    type: float
    default: 5.0
"""

EXAMPLES = r"""
- name: What would this policy have done to yesterday's decisions
  euystacio.meta_salvage.peace_bonds_policy:
    state: validated
    policy_dir: policies
    decision_logs: [/var/log/opa/decisions-2026-11-23.json.gz]

- name: Put it in force
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

- name: Adjust one threshold, with the price known
  euystacio.meta_salvage.peace_bonds_policy:
    policy_data: {euystacio: {thresholds: {risk_max: 0.75}}}
    decisions_of_pods: true

- name: Deny a provider for a day; the next runs take it out again
  euystacio.meta_salvage.peace_bonds_policy:
    restrictions:
      - provider: provider-boreas
        until: "2026-11-25T14:00:00Z"
        reason: unusual rate of requests, see the incident of 2026-11-24
    decisions_of_pods: true

- name: Back to the revision before
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
  returned: when the cluster was asked and O(state) is not V(reverted)
  type: list
  elements: dict
  sample: [{provider: provider-boreas, until: "2026-11-25T14:00:00Z", reason: unusual rate of requests}]
restrictions_added:
  description: Those of them that are new or end at another time.
  returned: when the cluster was asked and O(state) is not V(reverted)
  type: list
  elements: dict
  sample: []
restrictions_ended:
  description: Restrictions that were taken out, because they were past or lifted.
  returned: when the cluster was asked and O(state) is not V(reverted)
  type: list
  elements: dict
  sample: []
accepted:
  description: Whether the candidate may bind.
  returned: when it was examined
  type: bool
  sample: false
refusals:
  description: Why not, each in one sentence.
  returned: when it was examined
  type: list
  elements: str
  sample: ["1 of 100000 decisions would be newly allowed, max_newly_allowed is 0: provider-17 (1)"]
check:
  description: What C(opa check --strict) says.
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
  description: What the candidate does to the decisions of the log.
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
  description: What was read of the decision logs.
  returned: when it was examined
  type: list
  elements: dict
  sample: [{source: /var/log/opa/decisions.json, records: 100000, cut: 0, broken: 0, problems: []}]
pods:
  description: What each pod of OPA answered at the end.
  returned: when something was put in force, or already was
  type: list
  elements: dict
  sample: [{pod: opa-peace-bonds-6b9-x2x, revision: 3f2a9c01b7de, problem: ""}]
history:
  description: The kept revisions, newest first.
  returned: when something was put in force, or already was
  type: list
  elements: dict
  sample: [{revision: 9b01de77a0c4, since: "2026-11-23T09:10:11Z"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._core.errors import conclude
from ..module_utils._peace_bonds.change import task


def main():
    module = AnsibleModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode, run_command=module.run_command))


if __name__ == "__main__":
    main()
