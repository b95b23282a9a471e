#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: peace_bonds_decision_info
short_description: Summarise OPA's decision logs by provider, rule and time
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Reads decision logs out of pods' logs and files (JSON lines, OPA's gzipped arrays, gzip of either, with the kubelet's prefixes), and
    counts them in memory that does not grow with the log.
  - Records are parsed, never searched for words. Server lines, cut lines at the ends and damaged data are counted and reported.
  - An undefined or failed evaluation is V(unknown), neither an allow nor a deny of the policy.
  - Fields that OPA erased or masked are not read; a provider whose name is masked is counted as C((masked)).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  paths:
    description: Files with decision logs, on the host where the module runs; shell patterns are expanded.
    type: list
    elements: str
    default: []
  pods:
    description: Pods whose logs hold decisions. Only what the kubelet has kept since its last rotation can be read this way.
    type: dict
    suboptions:
      namespace:
        description: Their namespace.
        type: str
        default: euystacio-ai
      label_selector:
        description: Their labels.
        type: str
        default: app=opa-peace-bonds
      container:
        description: The container; empty for a pod's only one.
        type: str
        default: opa
      since_seconds:
        description: How far back to read.
        type: float
  package:
    description: The package whose decisions count; rules below it count too.
    type: str
    default: euystacio/peace_bonds
  providers:
    description: Only these providers.
    type: list
    elements: str
    default: []
  provider_fields:
    description: Where the input names the provider; the first that holds a text or a whole number counts.
    type: list
    elements: str
    default: [provider.id, provider.provider_id, provider_id, provider.name]
  since:
    description: Only decisions from this time on, in RFC 3339 such as C(2026-11-24T14:00:00Z).
    type: str
  until:
    description: Only decisions up to this time.
    type: str
  bucket:
    description: Seconds of each step of RV(summary.over_time).
    type: float
    default: 3600
  thresholds:
    description:
      - "The policy's thresholds, as C({provider.trust_weight: {min: 0.5}, metrics.hvar_value: {max: 0.1}})."
      - With them, denies whose input breaks no threshold by more than O(margin) are listed as likely false positives.
      - C(risk_score) is the score of the decision itself, not a field of the input.
    type: dict
    default: {}
  margin:
    description: How near to a threshold is near.
    type: float
    default: 0.02
  revisions:
    description:
      - Since when which policy revision was in force; for logs that don't say it (OPA names the revision of bundles only).
    type: list
    elements: dict
    default: []
    suboptions:
      revision:
        description: Its name.
        type: str
        required: true
      since:
        description: From when on (RFC 3339).
        type: str
        required: true
  limit:
    description: How many providers and rules are listed, those with most denies first.
    type: int
    default: 100
  timeout:
    description: Seconds for a connection to the API server.
    type: float
    default: 5.0
notes:
  - Give O(paths), O(pods) or both.
"""

EXAMPLES = r"""
- name: What the pods of OPA denied in the last hour
  euystacio.meta_salvage.peace_bonds_decision_info:
    pods:
      since_seconds: 3600

- name: A provider's history, and whether its denies look like false positives
  euystacio.meta_salvage.peace_bonds_decision_info:
    paths:
      - /var/log/opa/decisions*.json.gz
    providers: [provider-boreas]
    thresholds:
      provider.trust_weight: {min: 0.5}
      provider.compliance_score: {min: 0.6}
    margin: 0.02
"""

RETURN = r"""
summary:
  description: The counts.
  returned: always
  type: dict
  contains:
    decisions:
      description: How many were counted.
      type: int
      sample: 100000
    counts:
      description: By status.
      type: dict
      sample: {allowed: 79010, denied: 20990, unknown: 0}
    first_seen:
      description: Time of the first.
      type: str
      sample: "2026-11-24T14:00:00Z"
    last_seen:
      description: Time of the last.
      type: str
      sample: "2026-11-24T15:23:19Z"
    provider_count:
      description: How many providers there are.
      type: int
      sample: 700
    providers:
      description: Each with its counts, times, rules and risk scores.
      type: list
      elements: dict
      sample:
        - provider: provider-102
          allowed: 97
          denied: 46
          unknown: 0
          first_seen: "2026-11-24T14:00:05Z"
          last_seen: "2026-11-24T15:22:55Z"
          rules: {"trust weight # below minimum #": 46}
          risk_score: {lowest: 0.1053, highest: 0.4487, last: 0.1915}
    rules:
      description: Deny reasons without their numbers.
      type: list
      elements: dict
      sample: [{rule: "trust weight # below minimum #", count: 6262, denied: 6262}]
    over_time:
      description: Counts for each step of time.
      type: list
      elements: dict
      sample: [{from: "2026-11-24T14:00:00Z", allowed: 56960, denied: 15040, unknown: 0}]
    revisions:
      description: Counts for each policy revision.
      type: list
      elements: dict
      sample: [{revision: 3f2a9c, allowed: 79010, denied: 20990, unknown: 0}]
    unknown_reasons:
      description: Why decisions are unknown.
      type: dict
      sample: {"undefined: the record has no result": 3}
    hidden_fields:
      description: Which fields OPA erased or masked, and how often.
      type: dict
      sample: {/input/token: 100000}
    other_paths:
      description: Decisions of other packages.
      type: int
      sample: 0
    outside_selection:
      description: Decisions outside O(since), O(until) or O(providers).
      type: int
      sample: 0
    undated:
      description: Records without a time.
      type: int
      sample: 0
    likely_false_positives:
      description: Denies near a threshold, and denies that began with a policy revision, with the numbers that say so.
      type: dict
      sample:
        near_threshold:
          - {provider: provider-43, denied: 38, within_margin: 12,
             closest: {provider.trust_weight: {value: 0.499, limit: 0.5, distance: 0.001}}}
        began_with_revision:
          - {provider: provider-7, revision: 3f2a9c, previous_revision: 9b01de, allowed_before: 120, denied_since: 33}
sources:
  description: What was read of each source.
  returned: always
  type: list
  elements: dict
  sample:
    - source: pod/opa-peace-bonds-6b9-x2x
      bytes: 96453035
      lines: 102000
      records: 100000
      other: 2000
      cut: 0
      broken: 0
      too_long: 0
      problems: []
complete:
  description: Whether every source was read to its end, with no damaged data.
  returned: always
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._core.errors import conclude
from ..module_utils._peace_bonds.log import task


def main():
    module = AnsibleModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, warn=module.warn))


if __name__ == "__main__":
    main()
