#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: health_info
short_description: Check the health of a cluster and of the service on it
version_added: 0.1.0
author:
  - Euystacio Meta Salvage contributors (@euystacio)
description:
  - Checks pods, workloads, nodes, the service, its metrics' thresholds, OPA, alerts, volumes, certificates and the last backup
    in parallel, and returns one report.
  - A part that can't be checked is V(unknown), with the reason. The other parts are still checked. V(unknown) is never V(healthy).
  - The module fails at once only if the cluster can't be reached or rejects the login. An unhealthy cluster does not fail the
    module, unless O(fail_on) says so.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  name:
    description: The cluster's name in the report.
    type: str
    default: cluster
  parts:
    description:
      - The parts to check. The default is all parts, with C(backup) only if O(backup_path) is set.
    type: list
    elements: str
    choices: [pods, workloads, nodes, api, thresholds, opa, alerts, storage, certificates, backup]
  namespaces:
    description: The namespaces in which to check pods, workloads, volumes and certificates.
    type: list
    elements: str
    default: [euystacio-ai, monitoring]
  api_url:
    description:
      - The address of the service, either direct (C(http://euystacio-api:8000)) or in the cluster
        (C(service://euystacio-ai/euystacio-api:8000), through the API server's proxy).
    type: str
    default: service://euystacio-ai/euystacio-api:8000
  health_path:
    description: The path of the service's health endpoint. A healthy service answers with JSON in which C(status) is C(healthy).
    type: str
    default: /health
  health_words:
    description:
      - "The status for each word of the service's health that is its own, such as C({serving: healthy, draining: warning})."
      - The words in common use are known, in upper and lower case. Any other word is V(unknown).
    type: dict
  ignore:
    description:
      - Findings to ignore. They are reported as V(healthy), with the reason and their own status, and RV(report) lists each rule with
        the findings that it ignores.
    type: list
    elements: dict
    suboptions:
      part:
        description: The part that reports the finding.
        type: str
        required: true
        choices: [pods, workloads, nodes, api, thresholds, opa, alerts, storage, certificates, backup]
      name:
        description:
          - A shell pattern for the id of the finding without its part, or for the C(namespace/name) of its object, such as
            C(euystacio-ai/cache-*).
        type: str
        default: "*"
      reason:
        description: Why it is ignored.
        type: str
        required: true
      until:
        description:
          - The last day (C(2026-12-31)), or a time (C(2026-12-31T18:00:00Z)), on which the rule holds.
          - By default it holds without end.
        type: str
  thresholds_url:
    description: The address of the metrics. The default is O(api_url).
    type: str
  thresholds_path:
    description: As O(euystacio.meta_salvage.threshold_info#module:path).
    type: str
  thresholds_format:
    description: As O(euystacio.meta_salvage.threshold_info#module:format).
    type: str
    choices: [auto, api, exposition, promql]
    default: auto
  profile:
    description: As O(euystacio.meta_salvage.threshold_info#module:profile).
    type: dict
  max_age:
    description: As O(euystacio.meta_salvage.threshold_info#module:max_age).
    type: str
    default: 10m
  prometheus_url:
    description: The address of Prometheus, as in O(api_url), for alerts, the metrics' history and volumes. Empty if there is none.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-prometheus:9090
  alertmanager_url:
    description: The address of Alertmanager, as in O(api_url). Empty if there is none.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-alertmanager:9093
  ignore_alerts:
    description: Names of alerts to ignore.
    type: list
    elements: str
    default: [Watchdog, InfoInhibitor]
  alert_severities:
    description:
      - The status for each value of an alert's label C(severity), in any case. A severity that is not listed is V(unknown). An alert
        without a severity is a V(warning).
    type: dict
    default: {critical: critical, page: critical, warning: warning, info: healthy, none: healthy}
  opa_url:
    description: The address of OPA, as in O(api_url).
    type: str
    default: service://euystacio-ai/opa-service:8181
  opa_namespace:
    description: The namespace of OPA's pods.
    type: str
    default: euystacio-ai
  opa_selector:
    description: The labels of OPA's pods. Empty if it does not run in pods of this cluster.
    type: str
    default: app=opa-peace-bonds
  opa_path:
    description: The path of the rule to query.
    type: str
    default: euystacio/peace_bonds
  opa_probes:
    description:
      - Queries to OPA with the expected answers. The default is a trusted provider, which must be allowed, and an untrusted
        provider, which must be denied.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the query.
        type: str
        required: true
      input:
        description: The input document.
        type: dict
        required: true
      expect:
        description: Whether OPA must allow it.
        type: bool
        required: true
  storage_warning:
    description: The share of a volume that may be in use.
    type: float
    default: 0.8
  storage_critical:
    description: The share of a volume in use from which it is V(critical).
    type: float
    default: 0.9
  certificate_warning_days:
    description: A certificate in a Secret of the type kubernetes.io/tls that expires within this many days is a V(warning).
    type: float
    default: 30
  certificate_critical_days:
    description: A certificate that expires within this many days is V(critical).
    type: float
    default: 7
  backup_path:
    description:
      - The repository of the backups of M(euystacio.meta_salvage.backup), a folder where the module runs or C(s3://bucket/prefix) with the
        credentials of the environment.
      - The last backup is the newest one that is C(COMPLETE), with a signed record and an archive of the size in the record.
    type: path
  backup_public_key:
    description: The PEM file with the ed25519 public key of the backups. Without it the part V(backup) is V(unknown).
    type: path
  backup_max_age:
    description: How old the last backup may be. Seconds, or a duration such as C(26h).
    type: str
    default: 26h
  history:
    description: The length of the metrics' history in the report. Seconds, or a duration such as C(1h); V(0) for none.
    type: str
    default: 1h
  previous:
    description:
      - RV(report) of the last run, to find what changed since then. With it, a restarted pod is reported only if it restarted
        since then; without it, if it restarted in the last day.
    type: dict
  timeout:
    description: The time for all checks, in seconds. A part that is not done by then is V(unknown).
    type: float
    default: 20
  request_timeout:
    description: The time for each request, in seconds.
    type: float
    default: 5
  fail_on:
    description: Fail, with the report, when the cluster's status is one of these.
    type: list
    elements: str
    choices: [warning, critical, unknown]
    default: []
requirements:
  - kubernetes >= 24.2.0
  - cryptography (for certificates)
seealso:
  - module: euystacio.meta_salvage.health_report
  - module: euystacio.meta_salvage.threshold_info
  - module: euystacio.meta_salvage.alert_info
"""

EXAMPLES = r"""
- name: Check everything
  euystacio.meta_salvage.health_info:
    context: production
  register: health

- name: Only what a deployment needs to know, and stop if it is not healthy
  euystacio.meta_salvage.health_info:
    parts: [pods, workloads, thresholds]
    namespaces: [euystacio-ai]
    fail_on: [warning, critical, unknown]
"""

RETURN = r"""
msg:
  description: The status, and why if it is not healthy.
  returned: always
  type: str
  sample: "the cluster is critical: workloads: deployment/euystacio-ai/euystacio-api: 3 of 4 replicas are available"
report:
  description: What was found.
  returned: when the cluster could be reached
  type: dict
  contains:
    schema:
      description: The version of this format.
      type: int
      returned: always
      sample: 1
    status:
      description: The worst status of all parts, where V(unknown) is worse than V(warning) and better than V(critical).
      type: str
      returned: always
      sample: critical
    generated_at:
      description: When.
      type: str
      returned: always
      sample: "2026-11-24T14:00:00Z"
    duration_s:
      description: How many seconds it took.
      type: float
      returned: always
      sample: 0.412
    cluster:
      description: The name, the API server's address and its version.
      type: dict
      returned: always
      sample: {"name": "production", "server": "https://10.0.0.1:6443", "version": "v1.34.4"}
    counts:
      description: How many things have each status.
      type: dict
      returned: always
      sample: {"healthy": 31, "warning": 0, "critical": 1, "unknown": 0}
    parts:
      description: Each part that was looked at.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: Which part.
          type: str
          returned: always
          sample: pods
        status:
          description: The worst status of its checks.
          type: str
          returned: always
          sample: critical
        summary:
          description: What was looked at.
          type: str
          returned: always
          sample: 12 pods in euystacio-ai, monitoring
        reason:
          description: Why it is not healthy, empty if it is.
          type: str
          returned: always
          sample: "euystacio-ai/euystacio-api-abc: CrashLoopBackOff: container euystacio-api restarted 5 times, last exit 1 (Error)"
        healthy:
          description: How many healthy things there are that are not listed.
          type: int
          returned: always
          sample: 11
        duration_s:
          description: How many seconds it took.
          type: float
          returned: always
          sample: 0.051
        checks:
          description: What was found, the worst first. Healthy things are listed only where there are few.
          type: list
          elements: dict
          returned: always
          sample:
            - id: pods/euystacio-ai/euystacio-api-8f4fd5696-4g8rz
              status: critical
              reason: "CrashLoopBackOff: container euystacio-api restarted 5 times, last exit 1 (Error)"
              subject: {"kind": "Pod", "namespace": "euystacio-ai", "name": "euystacio-api-8f4fd5696-4g8rz"}
              value: null
              limit: null
              unit: null
              since: "2026-11-24T13:58:10Z"
              evidence: {"container": "euystacio-api"}
    metrics:
      description: Each metric as in RV(euystacio.meta_salvage.threshold_info#module:metrics), with its history and its limits.
      type: list
      elements: dict
      returned: always
      sample:
        - name: qek
          title: QEK
          status: healthy
          value: 0.938
          limits: {"critical_min": 0.85, "warning_min": 0.88, "ideal": 0.938}
          history: [[1763999940.0, 0.938], [1764000000.0, 0.938]]
    restarts:
      description: How often each pod that ever restarted has, for the next run.
      type: dict
      returned: always
      sample: {"euystacio-ai/euystacio-api-8f4fd5696-4g8rz": 5}
    changes:
      description: What has another status than in O(previous).
      type: list
      elements: dict
      returned: always
      sample: [{"id": "pods/euystacio-ai/euystacio-api-8f4fd5696-4g8rz", "from": "healthy", "to": "critical"}]
"""

import time

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._health import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, time.time()))


if __name__ == "__main__":
    main()
