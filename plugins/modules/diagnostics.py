#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnostics
short_description: Collect the diagnostics of a cluster as one redacted bundle
version_added: 0.1.0
author:
  - Euystacio Meta Salvage contributors (@euystacio)
description:
  - Collects objects, events, the logs of all containers (also of those that ended), usage, rollouts, the decisions and the health of OPA,
    metrics, alerts and Helm releases side by side, and writes them as one archive that can be attached to a ticket.
  - The archive also has findings. Rules of the collection, and your own, produce them and quote the lines that show the problem. They are
    there as a page (C(report.html)), as JSON and as JUnit, beside a timeline.
  - Everything is redacted before it is written. The values of the Secrets that the login may read are looked for in all of it. After
    that, all files are searched for these values again, and if one is found no bundle is written.
  - Each collector has its own time limit. What could not be collected is listed with its reason in C(index.json) and in RV(collectors),
    and does not stop the others.
  - The archive gets its name when it is complete, and only its owner can read it. The same files give the same archive.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.attributes.actiongroup
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Runs in check mode and reports what it would do, without changing anything.
    support: full
    details: Only the version of the API server is read, and nothing is written.
  diff_mode:
    description: Shows what changed.
    support: none
  idempotent:
    description: Running it again changes nothing.
    support: none
    details: Each run writes a bundle of that moment.
requirements:
  - kubernetes
  - PyYAML
  - pyrage (with O(recipients))
  - openshift-client, and the program C(oc) (for the collector V(openshift))
  - zstandard (with O(format=tar.zst), before Python 3.14)
options:
  path:
    description:
      - The file to write, which replaces one that exists. Or a folder, in which the file gets a name of its own, with the name of the
        cluster and the time. A path that ends with C(/) is a folder, which is created if it does not exist.
    type: path
    required: true
  name:
    description: The cluster's name in the bundle.
    type: str
    default: cluster
  namespaces:
    description: The namespaces to collect.
    type: list
    elements: str
    default: [euystacio-ai, monitoring]
  since:
    description:
      - How far back to look for logs, metrics and decisions, before now or before O(around). With O(around) also that long after it.
      - Of a pod in trouble the last lines of the logs are collected, however old they are.
    type: str
    default: 1h
  around:
    description: The time of interest, such as the C(startsAt) of an alert. The default is now.
    type: str
  only:
    description:
      - The collectors to run. The default is all.
      - V(objects) are those of the namespaces, V(cluster) are nodes, volumes, webhooks and what else has no namespace.
      - V(openshift) runs C(oc adm inspect), on OpenShift and where C(oc) is found. Its own kinds, such as Routes, are in V(objects) and
        V(cluster).
    type: list
    elements: str
    choices: [objects, cluster, events, logs, usage, rollouts, opa, prometheus, alerts, helm, openshift]
    default: []
  exclude:
    description: The collectors not to run.
    type: list
    elements: str
    choices: [objects, cluster, events, logs, usage, rollouts, opa, prometheus, alerts, helm, openshift]
    default: []
  max_size:
    description:
      - The maximum size of all files together, before they are packed. The oldest lines of the logs are left out to get there, those of
        pods in trouble last. RV(collectors) says so.
    type: bytes
    default: 200MB
  max_log_size:
    description: The maximum size of one log. Its newest lines are collected, or those around O(around).
    type: bytes
    default: 2MB
  log_lines:
    description: The maximum number of lines of one log.
    type: int
    default: 10000
  format:
    description: The format of the archive.
    type: str
    choices: [tar.gz, tar.zst]
    default: tar.gz
  recipients:
    description: The age public keys that can decrypt the bundle. Without them it is not encrypted.
    type: list
    elements: str
    default: []
  redact_names:
    description: More names of what is secret, such as the name of a variable or of a field. Their values are redacted.
    type: list
    elements: str
    default: []
  redact:
    description:
      - A bundle, another archive, or a folder to redact, instead of collecting anything. O(path) is the redacted bundle.
      - The Secrets of O(namespaces) are read for it if the cluster answers. RV(complete) is V(false) if they were not.
    type: path
  analyze:
    description:
      - A bundle to look for findings in again, with other rules, instead of collecting anything. O(path) is the new bundle. It needs no
        cluster.
      - Mutually exclusive with O(redact).
    type: path
  compare:
    description:
      - An earlier bundle to compare this one with. RV(difference) has the findings that are new and gone, and the objects that changed.
      - It is looked at with the same rules as this one.
    type: path
  rules:
    description:
      - Files with rules of your own, or folders with such files (C(*.yml)), on the controller. A rule replaces one of the collection that
        has the same code.
    type: list
    elements: path
    default: []
  rule_texts:
    description: The texts of the rules by the names of their files. The action plugin sets it.
    type: dict
  fail_on:
    description: Fail if there is a finding of one of these severities. The bundle is written all the same.
    type: list
    elements: str
    choices: [critical, warning, info]
    default: []
  prometheus_url:
    description:
      - The address of Prometheus, either direct (C(http://prometheus:9090)) or in the cluster (C(service://monitoring/prometheus:9090),
        through the API server's proxy). Empty if there is none.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-prometheus:9090
  alertmanager_url:
    description: The address of Alertmanager, as in O(prometheus_url). Empty if there is none.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-alertmanager:9093
  opa_url:
    description: The address of OPA, as in O(prometheus_url). Empty if there is none.
    type: str
    default: service://euystacio-ai/opa-service:8181
  opa_namespace:
    description: The namespace of OPA's pods, of which the decisions are read.
    type: str
    default: euystacio-ai
  opa_selector:
    description: The labels of OPA's pods.
    type: str
    default: app=opa-peace-bonds
  opa_container:
    description: The container of OPA in its pods.
    type: str
    default: opa
  collector_timeout:
    description: How long each collector may take in seconds. What it has by then is in the bundle.
    type: float
    default: 60
  request_timeout:
    description: The timeout of one request in seconds. A request that fails temporarily is repeated.
    type: float
    default: 10
seealso:
  - module: euystacio.meta_salvage.health_info
  - module: euystacio.meta_salvage.peace_bonds_decision_info
"""

EXAMPLES = r"""
- name: Collect what an engineer needs to see
  euystacio.meta_salvage.diagnostics:
    path: /var/tmp/diagnostics/

- name: Collect the half hour around an alert, for a ticket outside of the company
  euystacio.meta_salvage.diagnostics:
    path: /var/tmp/diagnostics/
    around: "{{ alert.startsAt }}"
    since: 30m
    exclude: [opa]
    recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]

- name: Look into a bundle again, with a rule of your own
  euystacio.meta_salvage.diagnostics:
    analyze: /var/tmp/diagnostics/bundle.tar.gz
    path: /var/tmp/diagnostics/bundle-2.tar.gz
    rules: [files/rules.yml]
    fail_on: [critical]

- name: What is different from before the change
  euystacio.meta_salvage.diagnostics:
    path: /var/tmp/diagnostics/
    compare: /var/tmp/diagnostics/before.tar.gz
  register: diagnosed

- name: Redact what somebody else collected
  euystacio.meta_salvage.diagnostics:
    redact: /var/tmp/support-bundle.tar.gz
    path: /var/tmp/support-bundle-redacted.tar.gz
"""

RETURN = r"""
summary:
  description:
    - At most five lines on the bundle, which are in its C(summary.txt) too. The first one counts the findings, the last one says what could
      not be judged.
    - Empty in check mode.
  returned: success
  type: list
  elements: str
  sample:
    - "production at 2026-11-26T14:00:00Z: 1 critical, 107 rules"
    - "CRITICAL Deployment euystacio-ai/web: Container web of Pod web-7d9f-x2 ends again and again with exit code 1 [pod.crash.exit-1]"
    - every rule could be judged
findings:
  description: What the rules found, the worst first. The bundle has the lines that show it, in C(findings.json) and C(report.html).
  returned: success
  type: list
  elements: dict
  sample:
    - code: pod.crash.exit-1
      severity: critical
      title: Container web of Pod web-7d9f-x2 ends again and again with exit code 1 (4 restarts)
      advice: Read the log of the container before its last end.
      subject: {namespace: euystacio-ai, kind: Deployment, name: web}
path:
  description: The bundle. In check mode, the file that would be written; in a folder, the name differs each time.
  returned: success
  type: str
  sample: /var/tmp/diagnostics/diagnostics-production-20261126T140000Z-3a37.tar.gz
size:
  description: The size of the file in bytes.
  returned: success, but not in check mode
  type: int
  sample: 118091
sha256:
  description: The SHA-256 hash of the file.
  returned: success, but not in check mode
  type: str
  sample: fe79650ca8ef03aa5952c818b016d0d889082cc32a61c2ee17a3e03257508955
collectors:
  description:
    - What each collector did. C(status) is V(complete), V(partial), V(failed) or V(skipped), C(reason) says why it is not V(complete).
    - V(secrets) reads the Secrets, to know what must not be in the bundle.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: secrets, status: complete, reason: "", seconds: 0.03}
    - {name: logs, status: partial, reason: "a/web-0/web.log: the pod is gone", seconds: 0.69}
redacted:
  description: How many values were replaced.
  returned: success, but not in check mode
  type: int
  sample: 31
difference:
  description:
    - What is different from the bundle in O(compare). C(new), C(gone) and C(still) are findings, with their lines; C(changes) are the
      objects that came, went or changed, and C(more_changes) is the number of those that are left out.
    - A finding of a rule that could not be judged in one of the two is neither new nor gone.
  returned: with O(compare), but not in check mode
  type: dict
  sample:
    new: []
    gone: []
    still: []
    changes:
      - object: Deployment euystacio-ai/web
        path: spec.template.spec.containers[0].image
        before: registry.example/web:1
        after: registry.example/web:2
    more_changes: 0
complete:
  description: Whether each collector is V(complete) or V(skipped).
  returned: success
  type: bool
  sample: false
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._diagnostics import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
