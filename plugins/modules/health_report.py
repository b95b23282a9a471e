#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: health_report
short_description: Write the health of a fleet as JSON and as one HTML page
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Takes what M(euystacio.meta_salvage.health_info) returned for each cluster, also for those where it failed, and writes
    a JSON file for each cluster, C(fleet.json) with the status of all, and C(health.html), a self-contained page.
  - A cluster without a report, because it was unreachable or its check failed, is in all of them as V(unknown) with the reason.
  - Shows a summary of at most 25 lines, the worst first.
  - Files are replaced in one step, so that a reader never sees half of one.
  - Only the owner can read the files, since they quote the messages of pods and alerts. A folder that the module creates has mode 0700.
  - The files are written at each run. The task is C(changed) when the findings differ from those of the report before,
    or when there is no report before, so that a handler can notify people.
options:
  results:
    description:
      - The result of M(euystacio.meta_salvage.health_info) for each cluster, by the cluster's name.
      - A cluster with an empty result counts as not checked.
    type: dict
    required: true
  path:
    description: The folder for the files, on the controller. The module creates it if it is missing.
    type: path
    required: true
  show:
    description:
      - Whether to print the summary.
      - Nothing is printed where the output of the run is JSON.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and say what it would change without writing.
    support: full
  diff_mode:
    description: Shows the findings that went and came.
    support: full
  action:
    description: Runs on the controller.
    support: full
  idempotent:
    description: Running it twice with the same findings reports no change the second time.
    support: full
seealso:
  - module: euystacio.meta_salvage.health_info
"""

EXAMPLES = r"""
- name: Check each cluster
  euystacio.meta_salvage.health_info:
    previous: "{{ lookup('euystacio.meta_salvage.health_report', inventory_hostname, path='~/health') }}"
  register: health
  failed_when: false

- name: Write one report for all of them
  euystacio.meta_salvage.health_report:
    results: >-
      {{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars) | map(attribute='health', default={}))) }}
    path: ~/health
  run_once: true
"""

RETURN = r"""
status:
  description: The worst status of the fleet.
  returned: success
  type: str
  sample: critical
clusters:
  description: For each cluster its status, the sentence that says why, and its JSON file.
  returned: success
  type: dict
  sample:
    production-eu:
      status: critical
      says: "Metric qek: 0.823 is below the critical limit 0.85"
      json: /home/oncall/health/production-eu.json
html:
  description: The page. Empty in check mode if there is none of an earlier run.
  returned: success
  type: str
  sample: /home/oncall/health/health.html
json:
  description: The file with the status of all clusters. Empty in check mode if there is none of an earlier run.
  returned: success
  type: str
  sample: /home/oncall/health/fleet.json
summary:
  description: The lines of the summary.
  returned: success
  type: list
  elements: str
  sample:
    - "CRITICAL  production-eu  https://10.90.0.1:6443, v1.34.4, 2026-11-24 14:00 UTC, in 0.41 s"
    - "  critical  Metric qek: 0.823 is below the critical limit 0.85"
"""
