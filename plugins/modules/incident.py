#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: incident
short_description: Open an incident, add to its record, and end it
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - The record of an incident only grows. Each entry contains the hash of the one before, and is signed where a key is given. The number
    of entries and the hash of the newest one are kept in the state folder of the user (C(meta-salvage/heads)), so that missing newest
    entries are noticed.
  - Many may write at the same time. What is acknowledged is in the record, also if the process is killed afterwards.
  - Nothing is added to a record with entries that were changed, moved or removed.
  - A second run with the same options adds nothing, except the note in O(text).
  - Credentials in texts are hidden before they are recorded.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.incidents
  - euystacio.meta_salvage.attributes.actiongroup
attributes:
  check_mode:
    description: Can run in check mode and return the expected changes without making them.
    support: full
  diff_mode:
    description: Shows what changed.
    support: full
    details: The entries that are added.
  idempotent:
    description: Running it again changes nothing.
    support: partial
    details: A note is added each time.
options:
  state:
    description:
      - V(opened) opens an incident. An alert that is in the record of an incident already opens no other one. New alerts join the newest
        incident that is open or mitigated, so that a storm of alerts is one incident. Without alerts an open incident with the same
        O(title) is the same one. With O(id) a mitigated or resolved incident is opened again.
      - V(updated) adds to the record.
      - V(mitigated), V(resolved), V(reviewed) and V(cancelled) move it on. An incident is reviewed after it was resolved, when none of its
        duties is open. Nothing is added to a reviewed or cancelled incident.
    type: str
    choices: [opened, updated, mitigated, resolved, reviewed, cancelled]
    default: updated
  id:
    description: The incident. Without it, the only one that O(state) fits.
    type: str
  title:
    description: What is wrong, in a few words. The default is the name of the first alert.
    type: str
  severity:
    description:
      - The severity that a person sets. By default an incident opens with the severity that the facts propose
        (O(health), O(alerts), O(error_rate), O(failed_journeys), O(data_loss), O(security_breach)).
      - V(P0) is a system that is down, data loss or a security breach; V(P1) a significant degradation or several alerts;
        V(P2) a partial degradation; V(P3) has no impact on users.
    type: str
    choices: [P0, P1, P2, P3]
  who:
    description: Who adds the entries. The default is the user that runs the module.
    type: str
  why:
    description: The reason for the change of state or severity.
    type: str
  text:
    description: A note for the record.
    type: str
  public_text:
    description: What users notice, in their words. Only this text, the times and the status are in messages for the public.
    type: str
  cluster_name:
    description: The cluster that the incident is in. New alerts do not join an incident of another cluster.
    type: str
  started_at:
    description: When the trouble began. The default is the start of the first alert.
    type: str
  acknowledged:
    description: A person is at work. An incident that was opened without alerts is acknowledged when it is opened.
    type: bool
    default: false
  alerts:
    description:
      - Alerts as M(euystacio.meta_salvage.alert_info) lists them, or as Alertmanager's webhook sends them. Firing ones are recorded once,
        resolved ones end what is recorded. Silenced, inhibited and muted ones are left out.
    type: list
    elements: dict
    default: []
  health:
    description: The report of M(euystacio.meta_salvage.health_info), for the severity and the blast radius.
    type: dict
  error_rate:
    description: The share of requests that fail, from 0 to 1.
    type: float
  failed_journeys:
    description: The user journeys that fail.
    type: list
    elements: str
    default: []
  journeys:
    description: How many user journeys were tried.
    type: int
  data_loss:
    description: Whether data is lost.
    type: bool
    default: false
  security_breach:
    description: Whether there is a security breach.
    type: bool
    default: false
  providers:
    description: The providers that are affected, for the blast radius.
    type: list
    elements: str
    default: []
  find_services:
    description: Read from the cluster which Services select the pods of the workloads that O(health) does not call healthy.
    type: bool
    default: false
  roles:
    description: Who has the roles C(commander), C(scribe) and C(communications). A hand-over is recorded.
    type: dict
    default: {}
  done:
    description: The ids of duties that are done.
    type: list
    elements: str
    default: []
  skipped:
    description: Duties that are not to be done.
    type: list
    elements: dict
    default: []
    suboptions:
      item:
        description: The id of the duty.
        type: str
        required: true
      why:
        description: The reason.
        type: str
        required: true
  evidence:
    description: What belongs to the incident, such as diagnostics bundles, deployments, rollbacks and policy changes.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: What it is, such as C(deploy), C(rollback), C(diagnostics), C(policy) or C(report).
        type: str
        required: true
      title:
        description: What was done or found.
        type: str
        required: true
      link:
        description: Where it is.
        type: str
        default: ""
      facts:
        description: Texts and numbers by name.
        type: dict
        default: {}
  actions:
    description: What is to be done so that it does not happen again. The same title is the same action.
    type: list
    elements: dict
    default: []
    suboptions:
      title:
        description: What is to be done.
        type: str
        required: true
      owner:
        description: Who does it.
        type: str
        required: true
      due:
        description: The date until which it is done, such as C(2026-12-01).
        type: str
        required: true
      done:
        description: Whether it is done.
        type: bool
        default: false
  stakeholder_update:
    description: An update for people outside that was sent.
    type: dict
    suboptions:
      audience:
        description: For whom.
        type: str
        choices: [engineers, stakeholders, public]
        required: true
      text:
        description: The text.
        type: str
        required: true
      channel:
        description: Where it was sent.
        type: str
        default: ""
  watch:
    description:
      - Record what the clock says, each of it once. Reminders before a deadline, missed deadlines, escalations, and that the next update
        of the stakeholders is due. RV(messages) has them.
      - Severities with business hours are looked at in business hours only.
    type: bool
    default: false
  plan:
    description:
      - The duties with their deadlines by severity, as the role C(incident) has them. The incident keeps the plan that it was opened with.
      - Without it an incident has no duties.
    type: dict
seealso:
  - module: euystacio.meta_salvage.incident_info
"""

EXAMPLES = r"""
- name: Open an incident by the firing alerts
  euystacio.meta_salvage.incident:
    state: opened
    alerts: "{{ firing.alerts }}"
    plan: "{{ incident_plan }}"
  register: opened

- name: Hand over, and say what was found
  euystacio.meta_salvage.incident:
    id: "{{ opened.incident.id }}"
    roles: {commander: alice}
    done: [find_cause]
    text: The new version leaks connections

- name: End it
  euystacio.meta_salvage.incident:
    id: "{{ opened.incident.id }}"
    state: resolved
    why: rolled back to 1.4.2
"""

RETURN = r"""
incident:
  description: The incident after the change. Empty if the alerts that ended belong to no incident.
  returned: success
  type: dict
  sample:
    id: 20261124-1
    title: QEKBelowMinimum
    status: open
    severity: P1
    severity_by: proposal
    proposed: P1
    proposed_why: "2 alerts at once: HVARExceeded, QEKBelowMinimum"
    opened_at: "2026-11-24T15:00:00Z"
    roles: {commander: alice}
    duties: [{id: alert_on_call, title: Alert the on-call team, phase: immediate, deadline: "2026-11-24T15:05:00Z", state: open}]
new:
  description: The entries that were added.
  returned: success
  type: list
  elements: dict
  sample:
    - number: 2
      chain: 20261124-1
      previous: 0c1d4f3a7be25d3f6f0c2f2b7f1a9b5e8c6d7e0f1a2b3c4d5e6f708192a3b4c5
      run: 5f2c8a1e9d7b6043
      at: "2026-11-24T15:00:00Z"
      by: on-call
      kind: acknowledged
      data: {}
messages:
  description:
    - What the people have to know of the new entries, for the module C(notification).
    - What opened, mitigated, resolved or cancelled the incident is in them again if it is asked for once more, because the run
      that recorded it may have been killed before it sent them. C(notification) sends each once.
  returned: success
  type: list
  elements: dict
  sample:
    - title: "P1 incident 20261124-1: QEKBelowMinimum"
      severity: P1
      summary: The incident was opened
      facts: {incident: 20261124-1, status: open}
      links: {}
      dedup_key: incident-20261124-1
      audience: engineers
      action: trigger
      kind: incident_opened
head:
  description: The number of entries and the hash of the newest one. Keep it elsewhere too, to compare it later.
  returned: success
  type: dict
  sample: {count: 2, digest: 0c1d4f3a7be25d3f6f0c2f2b7f1a9b5e8c6d7e0f1a2b3c4d5e6f708192a3b4c5}
place:
  description: The options that lead to the incident once more, without credentials.
  returned: if there is an incident
  type: dict
  sample: {namespace: euystacio-ai, heads: /home/ops/.local/state/meta-salvage/heads}
head_file:
  description: The file that holds the head on this host.
  returned: if there is an incident
  type: str
  sample: /home/ops/.local/state/meta-salvage/heads/5f2c8a1e9d7b6043.json
"""

import time

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._incident import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, time.time(), check_mode=module.check_mode))


if __name__ == "__main__":
    main()
