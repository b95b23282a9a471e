#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: alert_response_info
short_description: Gather the evidence about an alert, judge it, and say what to do
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Reads the evidence that the response to an alert needs, side by side, and answers the questions of the response from it. Each answer has
    its reason and names the evidence that it rests on.
  - Evidence that is missing, stale, from the future, contradictory or not finite makes an answer V(unknown), and no action rests on an
    answer that is unknown.
  - Says which actions follow. It takes none. The role C(alert_response) takes those that are allowed, and asks
    M(euystacio.meta_salvage.response_guard) before each.
  - The page of the runbook lists the responses with their evidence, questions and actions.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.delivery
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  alert:
    description:
      - The alert. A name, a set of labels with C(alertname), an alert as Alertmanager or M(euystacio.meta_salvage.alert_info) gives it,
        what Alertmanager's webhook sends (version 4), or a list of these.
      - Or any of these as JSON in percent encoding (C(tojson | urlencode) in Jinja2). Use it for alerts from outside that come as a
        variable of a playbook, because Ansible evaluates templates in such a variable, also one that somebody wrote into a label.
      - Missing labels and a missing start are taken from the firing alert, if exactly one matches.
      - Resolved and suppressed alerts are not answered.
    type: raw
    required: true
  api_url:
    description:
      - The address of the service, direct (C(http://euystacio-api:8000)) or in the cluster (C(service://euystacio-ai/euystacio-api:8000)).
      - Of a service in the cluster every replica is asked.
    type: str
    default: service://euystacio-ai/euystacio-api:8000
  prometheus_url:
    description: The address of Prometheus, as in O(api_url). Empty if there is none.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-prometheus:9090
  alertmanager_url:
    description: The address of Alertmanager, as in O(api_url). Empty if there is none.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-alertmanager:9093
  profile:
    description: The metrics and their limits, as in M(euystacio.meta_salvage.threshold_info).
    type: dict
  red_code:
    description: Where red_code.json is, and which one is known to be good.
    type: dict
    suboptions:
      config_map:
        description: The ConfigMap with it. Empty if it is in none.
        type: str
        default: euystacio-red-code
      key:
        description: The key in the ConfigMap.
        type: str
        default: red_code.json
      path:
        description: The path at which each replica gives it.
        type: str
        default: /red_code.json
      file:
        description: A file with it, where the module runs.
        type: path
      digest:
        description:
          - The SHA-256 of the last known good one as canonical JSON (sorted keys, no blanks), in hexadecimal. RV(answers) shows the present
            one.
          - The default is the digest of the copy that was in use when a revision was proven good (M(euystacio.meta_salvage.rollout)).
        type: str
  opa:
    description: Where OPA is, for its decision log and its policies.
    type: dict
    suboptions:
      namespace:
        description: The namespace.
        type: str
        default: euystacio-ai
      name:
        description: The Deployment.
        type: str
        default: opa-peace-bonds
      container:
        description: The container.
        type: str
        default: opa
      config_map:
        description: The ConfigMap with the policies.
        type: str
        default: peace-bonds-policies
  judge:
    description: What the evidence is judged by. Durations are seconds, or such as V(90s), V(15m), V(1h30m).
    type: dict
    suboptions:
      persists:
        description: How long a metric is out of its limits before a rollback is proposed.
        type: str
        default: 15m
      changed_within:
        description: How long before the alert a change counts as recent.
        type: str
        default: 2h
      max_age:
        description: How old evidence about the present may be.
        type: str
        default: 5m
      cpu_limit:
        description: The share of its CPU limit above which a pod is busy.
        type: float
        default: 0.80
      memory_limit:
        description: The share of its memory limit above which a pod is close to the limit.
        type: float
        default: 0.85
      input_quality:
        description: The least quality of the input data of QEK.
        type: float
        default: 0.9
      spike:
        description: The robust z-score above which the request rate is a spike, against the same time of the last 7 days.
        type: float
        default: 3.5
      spike_ratio:
        description: How many times the usual rate a spike is at least.
        type: float
        default: 1.5
      share:
        description: The share of an increase that few providers must account for.
        type: float
        default: 0.6
      restart_share:
        description: The share of the ready pods that one run may restart, one at a time.
        type: float
        default: 0.5
      leak_horizon:
        description: A pod that reaches its memory limit within this time leaks.
        type: str
        default: 1d
      growth_span:
        description: How long the memory of a pod must have been seen before a trend counts.
        type: str
        default: 2m
      scale_to:
        description: The temporary size under load.
        type: int
        default: 8
      backup_age:
        description: How old the newest backup may be.
        type: str
        default: 26h
  proof_key:
    description: As in M(euystacio.meta_salvage.rollout_info).
    type: path
  record_dir:
    description: The folder in which the role C(deploy) records deployments that failed.
    type: path
  memory_window:
    description: How far back the memory of the pods is looked at.
    type: str
    default: 1h
  log_lines:
    description: How many lines of each log are read.
    type: int
    default: 200
  evidence:
    description: Evidence to judge instead of reading it, as RV(answers) has it. The module then sends no requests.
    type: list
    elements: dict
  now:
    description: The time at which O(evidence) is judged, in unix seconds. The default is the present.
    type: float
  before:
    description:
      - The verdict C(state) from before an action, as RV(answers) has it. C(outcome) then says what the action did.
    type: dict
  deadline:
    description: Seconds after which requests are not repeated.
    type: float
    default: 20.0
  request_timeout:
    description: Seconds for each request.
    type: float
    default: 5.0
seealso:
  - module: euystacio.meta_salvage.response_guard
  - module: euystacio.meta_salvage.alert_info
  - module: euystacio.meta_salvage.pod_restart
"""

EXAMPLES = r"""
- name: Gather and judge the evidence about an alert by its name
  euystacio.meta_salvage.alert_response_info:
    alert: QEKBelowMinimum
  register: response

- name: Show what to do
  ansible.builtin.debug:
    msg: "{{ response.answers[0].summary }}"

- name: Answer what Alertmanager's webhook sent
  euystacio.meta_salvage.alert_response_info:
    alert: "{{ ansible_eda.event.payload }}"
    red_code:
      digest: 0f2a0a6c7a0d1f6f4c3a0f4a6f8de5dfb7a3a1f0c7d3c9b5c0a9d9d5b4f3e2d1

- name: Judge the evidence of an incident again, with another limit
  euystacio.meta_salvage.alert_response_info:
    alert: "{{ kept.alert }}"
    evidence: "{{ kept.evidence }}"
    now: "{{ kept.now }}"
    judge:
      persists: 30m
"""

RETURN = r"""
answers:
  description: One entry for each alert that fires.
  returned: success
  type: list
  elements: dict
  contains:
    alert:
      description: The alert, with the labels and the start that are known.
      returned: always
      type: dict
      sample:
        name: QEKBelowMinimum
        labels: {alertname: QEKBelowMinimum, namespace: euystacio-ai, severity: critical}
        annotations: {summary: "QEK below minimum threshold: 0.82 < 0.85"}
        starts_at: 1795749290.0
        started_at: "2026-11-27T02:34:50Z"
        state: firing
        fingerprint: e343b6edab372f98
    response:
      description: The response to the alert. V(unknown_alert) if no response is defined for it.
      returned: always
      type: str
      sample: qek_below_minimum
    title:
      description: What it is about.
      returned: always
      type: str
      sample: QEK below minimum
    severity:
      description: The severity of its incident.
      returned: always
      type: str
      sample: P1
    state:
      description: V(breached), V(healthy) or V(unknown).
      returned: always
      type: str
      sample: breached
    complete:
      description: Whether all of the evidence is there.
      returned: always
      type: bool
      sample: true
    missing:
      description: What is not there, and why.
      returned: always
      type: list
      elements: str
      sample: []
    evidence:
      description: What was seen. C(value) is null with the C(reason); C(doubts) are parts that are missing.
      returned: always
      type: list
      elements: dict
      sample:
        - name: metric
          status: known
          value:
            title: QEK
            minimum: 0.85
            maximum: null
            samples:
              - {where: "pod://euystacio-ai/euystacio-api-7d4f-x2x1", value: 0.82, status: critical, reason: "", at: 1795750200.0}
          reason: ""
          at: 1795750201.2
          source: service://euystacio-ai/euystacio-api:8000
          doubts: []
          seconds: 0.041
    verdicts:
      description: The answers by question.
      returned: always
      type: dict
      sample:
        persists:
          question: persists
          answer: "yes"
          reason: for 15 min by the history, longer than 15 min
          rests_on: [history, metric]
          details: {since: "2026-11-27T02:34:50Z", seconds: 911, by: history}
    actions:
      description:
        - What follows. C(decision) is V(allowed) for what may be done within the guard rails, V(proposed) for what people do, and
          V(refused).
      returned: always
      type: list
      elements: dict
      sample:
        - name: roll_back
          decision: refused
          reason: "persists has to be yes and is not_yet: for 4 min by the history, not yet 15 min"
          does: ""
          parameters: {}
          rests_on: [metric, history]
          touched: 0
          target: {kind: Deployment, namespace: euystacio-ai, name: euystacio-api, uid: 9a4b2f6e, resource_version: "48211", replicas: 3}
          plan_sha256: 0f2a0a6c7a0d1f6f4c3a0f4a6f8de5dfb7a3a1f0c7d3c9b5c0a9d9d5b4f3e2d1
    target:
      description: What the actions change.
      returned: always
      type: dict
      sample: {kind: Deployment, namespace: euystacio-ai, name: euystacio-api, uid: 9a4b2f6e, resource_version: "48211", replicas: 3}
    outcome:
      description: With O(before), V(healthy), V(better), V(same), V(worse) or V(unknown). Else empty.
      returned: always
      type: str
      sample: ""
    outcome_reason:
      description: Why.
      returned: always
      type: str
      sample: ""
    summary:
      description: All of it, for people.
      returned: always
      type: list
      elements: str
      sample: ["QEKBelowMinimum: QEK below minimum is breached"]
    judged_at:
      description: When.
      returned: always
      type: str
      sample: "2026-11-27T02:50:01Z"
not_answered:
  description: The alerts that are resolved or suppressed.
  returned: success
  type: list
  elements: dict
  sample:
    - name: HighCPUUsage
      labels: {alertname: HighCPUUsage}
      annotations: {}
      starts_at: "2026-11-27T02:34:50Z"
      state: resolved
      fingerprint: e343b6edab372f98
"""

import time

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._response import evidence_task as task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, time.time()))


if __name__ == "__main__":
    main()
