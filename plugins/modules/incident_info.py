#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_info
short_description: Show incidents, and whether their records are complete
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Lists incidents with their duties and deadlines. All entries are verified. Changed, moved, planted and removed ones are reported.
  - Whether the newest entries are missing is seen by the head that this user last saw, or by O(expected_head) and O(expected_count).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.incidents
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  id:
    description: Only this incident.
    type: str
  statuses:
    description: Only incidents with one of these statuses, and those that are not verified. With O(id) it has no effect.
    type: list
    elements: str
    choices: [open, mitigated, resolved, reviewed, cancelled]
    default: [open, mitigated, resolved, reviewed, cancelled]
  records:
    description: Also return all entries.
    type: bool
    default: false
  reports:
    description: Also return a draft of the post-mortem of each incident, and the metrics as text and as a page.
    type: bool
    default: false
  templates:
    description:
      - Texts for people outside, by name. Each has C(audience) (V(engineers), V(stakeholders) or V(public)) and C(text), a Jinja2 template.
      - All know C(status), C(what) (the O(euystacio.meta_salvage.incident#module:public_text)), C(state_of_work), C(since), C(resolved),
        C(lasted), C(now) and C(update), its number. Those that are not for the public know C(id), C(title), C(severity), C(cluster),
        C(opened_at), C(roles), C(blast_radius) and C(alerts) too.
      - A text for the public with a name from inside, such as a workload, a Service, a provider, an alert or a person, is refused.
    type: dict
    default: {}
  expected_count:
    description: How many entries there were, from the result of an earlier run. Only with O(id).
    type: int
  expected_head:
    description: The hash of the newest entry from the result of an earlier run. Only with O(id).
    type: str
  fail_on_unverified:
    description: Fail if a record is not verified.
    type: bool
    default: false
seealso:
  - module: euystacio.meta_salvage.incident
"""

EXAMPLES = r"""
- name: What is open, and what is due
  euystacio.meta_salvage.incident_info:
    statuses: [open, mitigated, resolved]
  register: incidents

- name: All of one incident
  euystacio.meta_salvage.incident_info:
    id: 20261124-1
    records: true
    fail_on_unverified: true
"""

RETURN = r"""
incidents:
  description: The incidents, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The incident.
      type: str
      returned: always
      sample: 20261124-1
    status:
      description: The status.
      type: str
      returned: always
      sample: open
    severity:
      description: The severity.
      type: str
      returned: always
      sample: P1
    duties:
      description: The checklist, in the order of the deadlines.
      type: list
      elements: dict
      returned: always
      sample: [{id: alert_on_call, title: Alert the on-call team, phase: immediate, deadline: "2026-11-24T15:05:00Z", state: open}]
    due:
      description: What O(euystacio.meta_salvage.incident#module:watch) would record now.
      type: list
      elements: dict
      returned: always
      sample: [{kind: overdue, key: alert_on_call, item: alert_on_call, title: Alert the on-call team, deadline: "2026-11-24T15:05:00Z"}]
    verified:
      description: Whether all entries are as they were written, and complete as far as is known.
      type: bool
      returned: always
      sample: true
    problems:
      description: What is wrong with the record.
      type: list
      elements: str
      returned: always
      sample: []
    head:
      description: The number of entries and the hash of the newest one.
      type: dict
      returned: always
      sample: {count: 2, digest: 0c1d4f3a7be25d3f6f0c2f2b7f1a9b5e8c6d7e0f1a2b3c4d5e6f708192a3b4c5}
    head_known:
      description: Whether this user knew a head of this record before.
      type: bool
      returned: always
      sample: true
    texts:
      description: The texts of O(templates), by their names.
      type: dict
      returned: always
      sample: {status_page: "Logging in fails for some users. We are looking into it."}
    markdown:
      description: The draft of the post-mortem as Markdown. The same record gives the same text.
      type: str
      returned: with O(reports)
      sample: "# Incident 20261124-1: QEKBelowMinimum ..."
    html:
      description: The same as a page that needs nothing else.
      type: str
      returned: with O(reports)
      sample: "<!DOCTYPE html> ..."
    records:
      description: The entries.
      type: list
      elements: dict
      returned: always
      sample: []
metrics:
  description:
    - How many listed incidents there are, how many are not resolved, and the mean times to detect, acknowledge, mitigate and resolve in
      seconds, by severity and of all. Times count from the opening, the time to detect from the start.
  returned: success
  type: dict
  sample:
    severities: {P0: {count: 1, open: 0, mttd: 120.0, mtta: 180.0, mttm: 600.0, mttr: 2400.0}}
    all: {count: 1, open: 0, mttd: 120.0, mtta: 180.0, mttm: 600.0, mttr: 2400.0}
    cancelled: 0
metrics_text:
  description: The metrics for the textfile collector of node_exporter.
  returned: with O(reports)
  type: str
  sample: 'meta_salvage_incidents{severity="P0"} 1'
metrics_html:
  description: The metrics as a page that needs nothing else.
  returned: with O(reports)
  type: str
  sample: "<!DOCTYPE html> ..."
verified:
  description: Whether all listed incidents are verified.
  returned: success
  type: bool
  sample: true
"""

import time

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._incident import info_task


def main() -> None:
    module = SalvageModule(**info_task.MODULE)
    conclude(module, lambda: info_task.run(module.params, time.time()))


if __name__ == "__main__":
    main()
