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
  - Reads decision logs from pod logs and files (JSON lines or OPA's JSON arrays, also gzipped, also with the kubelet's prefixes), and
    counts the decisions. Memory use does not grow with the log.
  - Records are parsed, not searched for words. Server lines, truncated lines and damaged data are counted and reported.
  - An undefined or failed evaluation is V(unknown), neither allowed nor denied.
  - Fields that OPA erased or masked are not read; a provider with a masked name is counted as C((masked)).
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
    description: Pods with decisions in their logs. Only the part since the kubelet's last log rotation can be read.
    type: dict
    suboptions:
      namespace:
        description: The namespace of the pods.
        type: str
        default: euystacio-ai
      label_selector:
        description: The label selector of the pods.
        type: str
        default: app=opa-peace-bonds
      container:
        description: The container; empty for pods with a single container.
        type: str
        default: opa
      since_seconds:
        description: How many seconds of the logs to read.
        type: float
  package:
    description: The package to count the decisions of, with the rules below it.
    type: str
    default: euystacio/peace_bonds
  providers:
    description: Count only decisions about these providers.
    type: list
    elements: str
    default: []
  provider_fields:
    description: The input fields that can name the provider; the first one with a string or an integer is used.
    type: list
    elements: str
    default: [provider.id, provider.provider_id, provider_id, provider.name]
  since:
    description: Count only decisions from this time on, in RFC 3339 such as C(2026-11-24T14:00:00Z).
    type: str
  until:
    description: Count only decisions up to this time.
    type: str
  bucket:
    description: The length of each interval of RV(summary.over_time), in seconds.
    type: float
    default: 3600
  thresholds:
    description:
      - "The policy's thresholds, as C({provider.trust_weight: {min: 0.5}, metrics.hvar_value: {max: 0.1}})."
      - With thresholds, denied inputs that break no threshold by more than O(margin) are listed as likely false positives.
      - C(risk_score) is the score of the decision itself, not a field of the input.
    type: dict
    default: {}
  margin:
    description: The largest distance to a threshold that counts as near.
    type: float
    default: 0.02
  revisions:
    description:
      - The policy revisions and when each came into force, for logs without revisions (OPA logs the revision only for bundles).
    type: list
    elements: dict
    default: []
    suboptions:
      revision:
        description: The name of the revision.
        type: str
        required: true
      since:
        description: When it came into force (RFC 3339).
        type: str
        required: true
  limit:
    description: The maximum number of listed providers and rules; those with the most denies come first.
    type: int
    default: 100
  timeout:
    description: Connection timeout to the API server, in seconds.
    type: float
    default: 5.0
notes:
  - Give O(paths), O(pods) or both.
"""

EXAMPLES = r"""
- name: Summarise what OPA's pods denied in the last hour
  euystacio.meta_salvage.peace_bonds_decision_info:
    pods:
      since_seconds: 3600

- name: Summarise the decisions about a provider and its likely false positives
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
    repeated:
      description: Records that came before, such as those of a file that was copied when it was rotated. They count once.
      type: int
      sample: 0
    deny_alone:
      description: Records of a question for C(deny) alone, with an empty answer. They say nothing of C(allow), so they are not decisions.
      type: int
      sample: 0
    likely_false_positives:
      description: Denies near a threshold, and denies that began with a policy revision, with the evidence.
      type: dict
      sample:
        near_threshold:
          - {provider: provider-43, denied: 38, within_margin: 12,
             closest: {provider.trust_weight: {value: 0.499, limit: 0.5, distance: 0.001}}}
        began_with_revision:
          - {provider: provider-7, revision: 3f2a9c, previous_revision: 9b01de, allowed_before: 120, denied_since: 33}
sources:
  description: What was read from each source.
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
  description: Whether every source was read completely and without damaged data.
  returned: always
  type: bool
  sample: true
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._peace_bonds.log import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, warn=module.warn))


if __name__ == "__main__":
    main()
