#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: response_guard
short_description: Decide whether an automatic action on an alert may be taken, and keep count
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - A run that answers an alert asks before each action. The answer is V(admitted) with a permit, V(refused) or V(propose), always with its
    reason.
  - What was admitted is kept in a ConfigMap, which all runs on all machines share. Each write is sent only if the ConfigMap is still as it
    was read, so that no limit is exceeded however many runs ask at once.
  - All times are those of the API server, never those of the machine.
  - Where anything is not known, the answer is no. For example if the API server does not answer, if the ConfigMap can't be read or was not
    created by this module, if clocks differ, or if a value is missing.
  - An action that was admitted and not finished in time may have been done, in part or not at all. Until somebody has looked and says how
    it ended (O(state=finished)), nothing else is admitted on this target.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.run_identity
  - euystacio.meta_salvage.attributes.actiongroup
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: It only reads, and says what it would answer. The permit that it returns is empty.
  diff_mode:
    description: Shows what changed.
    support: full
    details: The pause and the actions before and after. Decisions that are only recorded are not in it.
  idempotent:
    description: A second run changes nothing.
    support: partial
    details:
      - An action of an episode is admitted once. O(state=admitted) with O(permit) renews it each time.
      - O(state=finished) with the same outcome, O(state=paused) with the same reason and end, and O(state=resumed) change nothing.
  action:
    description: Has a part that runs on the controller.
    support: full
    details: It finds out who runs Ansible, for O(holder).
options:
  state:
    description:
      - V(admitted) asks for one action, and takes a permit for it in the same step. With O(permit) it asks whether that action may go on,
        and renews the permit. Ask before each step of a long action.
      - V(finished) records how the action of O(permit) ended.
      - V(paused) stops all actions until O(until). A running action is refused at its next step.
      - V(resumed) ends the pause.
      - V(approved) signs an approval for O(action) on O(target) with O(approval.key), and talks to no cluster.
      - V(reported) only shows what is kept.
    type: str
    choices: [admitted, finished, paused, resumed, approved, reported]
    default: admitted
  namespace:
    description: The namespace of the ConfigMap.
    type: str
    default: euystacio-ai
  name:
    description: The name of the ConfigMap. Runs that share limits use the same one.
    type: str
    default: meta-salvage-response
  alert:
    description: The name of the alert (C(alertname)). Required for O(state=admitted) without O(permit).
    type: str
  fingerprint:
    description: The fingerprint of the alert, as Alertmanager has it. Required as O(alert).
    type: str
  started_at:
    description:
      - When the alert started to fire (C(startsAt)), as RFC 3339. Required as O(alert).
      - With O(fingerprint) it is an episode. An episode is answered by one run, and each of its actions is admitted once.
    type: str
  target:
    description: What the action changes. Required as O(alert), and for O(state=approved).
    type: dict
    suboptions:
      kind:
        description: Its kind.
        type: str
        required: true
      namespace:
        description: Its namespace. Empty for what is in none.
        type: str
        default: ''
      name:
        description: Its name.
        type: str
        required: true
      uid:
        description: Its UID. Needed with an approval.
        type: str
        default: ''
      resource_version:
        description: Its resourceVersion when the action was planned. Needed with an approval. Write with the same one.
        type: str
        default: ''
  action:
    description: The action, as a word of lower-case letters, digits and underscores. Required as O(target).
    type: str
  opposite:
    description:
      - The action that takes this one back. An action and its opposite in turn are flapping, and both are refused.
      - Known for V(scale_up), V(scale_down), V(raise_max_replicas), V(lower_max_replicas), V(restrict_provider), V(restore_provider),
        V(roll_back) and V(roll_forward).
    type: str
  environment:
    description: The environment of the cluster, such as V(production). Required as O(alert).
    type: str
  replicas:
    description: How many replicas the target has. Required as O(alert).
    type: int
  touched:
    description: How many of them the action restarts, removes or otherwise interrupts at once. V(0) if none. Required as O(alert).
    type: int
  incident:
    description: The id of the incident. Without one, the actions of the episode are counted as those of an incident.
    type: str
  plan_sha256:
    description: The SHA-256 of the plan, in hexadecimal. Needed with an approval.
    type: str
  limits:
    description: The limits. Runs that share a ConfigMap should have the same ones. Durations are seconds, or such as V(90s) and V(1h30m).
    type: dict
    suboptions:
      window:
        description: The time that O(limits.max_actions) counts.
        type: str
        default: 1h
      max_actions:
        description: The most actions in any such time, of all alerts and targets. V(0) allows none.
        type: int
        default: 6
      max_actions_per_incident:
        description: The most actions for one incident, within seven days.
        type: int
        default: 3
      cooldown:
        description: The time after an action in which another episode of the same alert gets none on the same target.
        type: str
        default: 30m
      max_share:
        description: The largest share of the replicas that an action may touch at once, in percent.
        type: float
        default: 50.0
      storm_window:
        description: The time that O(limits.storm_targets) and O(limits.storm_share) count.
        type: str
        default: 10m
      storm_targets:
        description: If actions are asked for on more targets than this, nothing is done and people are paged. At most 200.
        type: int
        default: 5
      storm_share:
        description: The same as a share of O(limits.fleet), in percent.
        type: float
        default: 25.0
      fleet:
        description: How many targets there are. V(0) if it is not known; then only O(limits.storm_targets) counts.
        type: int
        default: 0
      flap_window:
        description: The time in which an action and its opposite on one target are flapping.
        type: str
        default: 1h
      failure_hold:
        description: The time in which nothing is done on a target after an action on it that ended as V(worse) or V(failed).
        type: str
        default: 1h
      permit_duration:
        description: How long a permit is valid until it is renewed. Longer than the longest step of an action.
        type: str
        default: 10m
      approval_max_age:
        description: How old an approval may be.
        type: str
        default: 4h
      max_clock_skew:
        description: How much clocks may differ.
        type: str
        default: 60s
      allowed_actions:
        description:
          - The actions that need no approval, by environment. An environment that is not in it has none.
          - Everything else is proposed, or admitted with an approval.
        type: dict
        default: {}
      quiet_hours:
        description: Hours of the day in which nothing is changed.
        type: list
        elements: dict
        default: []
        suboptions:
          start:
            description: Their start, as V('22:00').
            type: str
            required: true
          end:
            description: Their end. If it equals the start, the quiet hours last the whole day.
            type: str
            required: true
          timezone:
            description: The time zone of both.
            type: str
            default: UTC
          days:
            description: The days that they begin on.
            type: list
            elements: str
            choices: [mon, tue, wed, thu, fri, sat, sun]
            default: [mon, tue, wed, thu, fri, sat, sun]
          environments:
            description: The environments that they are for. Empty for all.
            type: list
            elements: str
            default: []
          reason:
            description: Why.
            type: str
            default: quiet hours
      freezes:
        description: Times in which nothing is changed, each once.
        type: list
        elements: dict
        default: []
        suboptions:
          start:
            description: The start, as V(2026-12-24T12:00) in the time zone, or with an offset.
            type: str
            required: true
          end:
            description: The end.
            type: str
            required: true
          timezone:
            description: The time zone of both.
            type: str
            default: UTC
          environments:
            description: The environments that it is for. Empty for all.
            type: list
            elements: str
            default: []
          reason:
            description: Why.
            type: str
            default: change freeze
  approval:
    description:
      - An approval by a person. It is signed, and counts for one action on one target with this UID and resourceVersion, for one plan, and
        once.
      - It overrides O(limits.allowed_actions), the rule that one run answers an episode, and the rule that nothing follows a failure. It
        overrides no other limit.
    type: dict
    suboptions:
      path:
        description: The file of the approval. O(state=approved) writes it.
        type: path
      data:
        description: The approval itself, in the place of O(approval.path), as one job of a workflow hands it on to the next.
        type: dict
      public_keys:
        description: The public ed25519 keys (PEM) of those who may approve. Required with an approval.
        type: list
        elements: path
        default: []
      key:
        description: The private ed25519 key (PEM) that O(state=approved) signs with.
        type: path
      approver:
        description: The person who approves. The default is who runs Ansible.
        type: str
  permit:
    description: The permit that O(state=admitted) gave. Required for O(state=finished).
    type: str
  outcome:
    description:
      - How the action ended. Required for O(state=finished).
      - V(ok), it was done. V(undone), it was taken back. V(worse), it was done, it made things worse, and it was not taken back.
        V(failed), it was not done, or only in part.
    type: str
    choices: [ok, worse, undone, failed]
  note:
    description: What was seen, for people who read the record.
    type: str
  take_over:
    description: Let O(state=finished) end the action of another run before its permit has expired. Make sure that this run has ended.
    type: bool
    default: false
  reason:
    description: Why actions are paused. Required for O(state=paused).
    type: str
  until:
    description: When the pause ends, as RFC 3339, or after how long, such as V(2h). At most 31 days. Required for O(state=paused).
    type: str
  request_timeout:
    description: Seconds for each request to the API server.
    type: float
    default: 10
seealso:
  - module: euystacio.meta_salvage.workload_lock
  - module: euystacio.meta_salvage.incident
"""

EXAMPLES = r"""
- name: Act on an alert within limits
  block:
    - name: Ask
      euystacio.meta_salvage.response_guard:
        alert: HighMemory
        fingerprint: 3f1c2a9be04d7715
        started_at: "2026-11-27T02:58:10Z"
        target:
          kind: Deployment
          namespace: euystacio-ai
          name: euystacio-api
        action: restart_pod
        environment: staging
        replicas: 3
        touched: 1
        limits:
          allowed_actions:
            staging: [restart_pod, scale_up]
      register: asked

    - name: Act
      ansible.builtin.include_tasks: restart_pod.yml
      when: asked.decision == 'admitted'

    - name: Record that it was done
      euystacio.meta_salvage.response_guard:
        state: finished
        permit: "{{ asked.permit }}"
        outcome: ok
      when: asked.decision == 'admitted'
  rescue:
    - name: Record that it failed
      euystacio.meta_salvage.response_guard:
        state: finished
        permit: "{{ asked.permit }}"
        outcome: failed
        note: "{{ ansible_failed_result.msg | default('') }}"
      when: asked.permit | default('') != ''

- name: Stop all automatic actions for two hours
  euystacio.meta_salvage.response_guard:
    state: paused
    reason: Migration of the database
    until: 2h

- name: Approve what was proposed
  euystacio.meta_salvage.response_guard:
    state: approved
    target: "{{ proposal.target }}"
    action: "{{ proposal.action }}"
    plan_sha256: "{{ proposal.plan_sha256 }}"
    approval:
      path: approval.json
      key: ~/.keys/approver.pem
"""

RETURN = r"""
decision:
  description: V(admitted), V(refused) or V(propose). Empty for O(state=approved) and O(state=reported).
  returned: success
  type: str
  sample: refused
rule:
  description:
    - The rule that decided.
    - With V(admitted) it is V(allowed), V(approved) or V(renewed). With V(propose) it is V(not_allowed).
    - With V(refused) it is V(no_access), V(state), V(clock), V(paused), V(unknown), V(old), V(storm), V(unfinished), V(running),
      V(episode), V(flapping), V(failed_before), V(cooldown), V(quiet), V(max_actions), V(max_actions_per_incident), V(share), V(approval),
      V(permit) or V(full).
    - With the other states it is the state.
  returned: success
  type: str
  sample: cooldown
reason:
  description: The reason, in one sentence.
  returned: success
  type: str
  sample: >-
    restart_pod was admitted for HighMemory on Deployment/euystacio-ai/euystacio-api 4 min ago; the next one is possible after
    2026-11-27T03:31:12Z
page:
  description: Whether people must look now, because no run will go on with it.
  returned: success
  type: bool
  sample: false
permit:
  description: The permit of the action, for the later calls. Empty if there is none.
  returned: success
  type: str
  sample: ''
until:
  description: Until when the permit, or the pause, is valid. Empty if there is none.
  returned: success
  type: str
  sample: ''
limits_used:
  description: How far the limits are used up, with this decision included.
  returned: success
  type: dict
  sample:
    actions: 1
    max_actions: 6
    incident_actions: 1
    max_actions_per_incident: 3
    storm_targets: 1
    max_storm_targets: 5
recorded:
  description: Whether the decision is in the ConfigMap. It is not in check mode, and not where the ConfigMap can't be read or written.
  returned: success
  type: bool
  sample: true
pause:
  description: The pause, or null.
  returned: success
  type: dict
  sample: null
open:
  description: The actions without an outcome. Those with V(expired) as their C(status) need somebody to look.
  returned: success
  type: list
  elements: dict
  sample:
    - permit: 5e0c1f7a2b9d4c33
      status: running
      action: restart_pod
      target: Deployment/euystacio-ai/euystacio-api
      alert: HighMemory
      incident: ''
      who: alice@bastion
      run: alice@bastion/production/4711-1f0c2b9a
      at: "2026-11-27T03:01:12Z"
      until: "2026-11-27T03:11:12Z"
decisions:
  description: The last decisions, the newest first, 20 of at most 150 that are kept. For O(state=reported) all of them.
  returned: success
  type: list
  elements: dict
  sample:
    - at: "2026-11-27T03:05:12Z"
      first: "2026-11-27T03:04:58Z"
      count: 2
      decision: refused
      rule: cooldown
      reason: >-
        restart_pod was admitted for HighMemory on Deployment/euystacio-ai/euystacio-api 4 min ago; the next one is possible after
        2026-11-27T03:31:12Z
      action: restart_pod
      target: Deployment/euystacio-ai/euystacio-api
      alert: HighMemory
      run: alice@bastion/production/4713-9a1c77e0
approval:
  description: The signed approval.
  returned: O(state=approved)
  type: dict
  sample:
    approval:
      action: scale_up
      approver: bob@laptop
      created: "2026-11-27T03:20:00Z"
      id: 7d1f0b2c9e4a55d1
      plan_sha256: 0f2a0a6c7a0d1f6f4c3a0f4a6f8de5dfb7a3a1f0c7d3c9b5c0a9d9d5b4f3e2d1
      target:
        kind: Deployment
        name: euystacio-api
        namespace: euystacio-ai
        resource_version: "48211"
        uid: 9a4b2f6e-6f0e-4a0b-9b0c-6d1c2f3e4a5b
    signature:
      algorithm: ed25519
      key_id: 1c2f3e4a5b6d7e8f
      value: c2lnbmF0dXJl
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._response import guard_task as task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
