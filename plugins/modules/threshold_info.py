#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: threshold_info
short_description: Evaluate metrics against thresholds
version_added: 0.1.0
author:
  - Euystacio Meta Salvage contributors (@euystacio)
description:
  - Reads metrics from the API's JSON, from Prometheus exposition text or with PromQL, and compares each with the
    limits in a profile.
  - A value that can't be trusted is V(unknown), with the reason, and never V(healthy). A value can't be trusted if it is missing,
    null, NaN, infinite, a string or a boolean, if it is too old, if several series disagree, or if its source fails.
  - An unhealthy value is a result, not a failure of the task, unless O(fail_on) says so.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.attributes
  - euystacio.meta_salvage.attributes.actiongroup
options:
  url:
    description:
      - The source of the metrics. Either the address of the service, as in C(http://euystacio-api:8000), or its name in the
        cluster, as in C(service://euystacio-ai/euystacio-api:8000), which is reached through the API server with the connection
        options (C(services://) where the service itself speaks TLS).
    type: str
    default: service://euystacio-ai/euystacio-api:8000
  path:
    description:
      - The path of the metrics below O(url). It is not used with O(format=promql).
      - The default is C(/api/metrics/thresholds), and C(/metrics) with O(format=exposition).
    type: str
  format:
    description:
      - The format of the source.
      - V(auto) detects from the content of the answer whether it is the API's JSON, exposition text, or an answer of Prometheus.
      - V(api) is JSON with a number for each metric, or an object that has C(current_value); under C(metrics) or plain.
      - V(exposition) is Prometheus's text format. It needs the Python library prometheus_client.
      - V(promql) asks the Prometheus at O(url) for each metric's query.
    type: str
    choices: [auto, api, exposition, promql]
    default: auto
  profile:
    description:
      - The metrics and their limits. The default is the runbook's four metrics. A mapping of names to settings, all optional
        except for one limit.
      - C(critical_min), C(critical_max), C(warning_min) and C(warning_max) are limits. A value that equals its limit is within it.
        C(ideal) is what RV(metrics[].deviation) is measured from.
      - C(aliases) are further names under which JSON and exposition text may have the metric. C(query) is its PromQL, the
        metric's name by default. C(labels) narrow it to series with these labels.
      - C(aggregate) (C(worst), C(min), C(max), C(mean) or C(sum)) makes one value of several series. The default is C(worst), the value
        with the worst status, and the reason then names the series that disagree.
      - C(for) is a duration such as C(15m) that a breach has to last until it counts. Its evidence is the range at
        O(prometheus_url), or the time series in the API's answer. Every sample of that time must be in breach, and no stretch
        longer than a fifth of it may lack samples. Until then the breach counts as one level lower, critical as V(warning) and warning as
        V(healthy), and RV(metrics[].pending) is true. Where samples are missing, a critical value is V(unknown).
      - C(title) is the name for people.
    type: dict
  max_age:
    description:
      - A value older than this is V(unknown), as is one from the future by more than this. Seconds, or a duration such as
        C(2m).
      - A value without a time counts as taken when the answer came. V(0) or an empty string switches the limit off.
    type: str
    default: 10m
  prometheus_url:
    description:
      - The Prometheus with the history of the metrics, for C(for) in the profile and for O(history). An address as in
        O(url).
      - The default is O(url) with O(format=promql), none otherwise.
    type: str
  history:
    description:
      - Return each metric's values over this duration, such as C(1h), as RV(metrics[].history). It needs a Prometheus.
    type: str
  timeout:
    description:
      - The total time to read the metrics, in seconds.
    type: float
    default: 10
  fail_on:
    description:
      - Fail when the worst status is one of these.
    type: list
    elements: str
    choices: [warning, critical, unknown]
    default: []
requirements:
  - urllib3
  - prometheus_client (for exposition text)
  - kubernetes >= 24.2.0 (for addresses in the cluster)
seealso:
  - plugin: euystacio.meta_salvage.evaluate_thresholds
    plugin_type: filter
    description: The same evaluation, for data that you already have.
  - plugin: euystacio.meta_salvage.healthy
    plugin_type: test
    description: Whether the result is healthy.
"""

EXAMPLES = r"""
- name: Evaluate the runbook's four metrics
  euystacio.meta_salvage.threshold_info:
  register: thresholds

- name: Stop a rollout unless everything is known and within its limits
  euystacio.meta_salvage.threshold_info:
    url: http://euystacio-api.example.com:8000
    fail_on: [warning, critical, unknown]

- name: Ask Prometheus, and count a breach only after 15 minutes
  euystacio.meta_salvage.threshold_info:
    url: service://monitoring/prometheus-operator-kube-p-prometheus:9090
    format: promql
    max_age: 2m
    history: 1h
    profile:
      qek:
        title: QEK
        query: qek_value
        critical_min: 0.85
        warning_min: 0.88
        ideal: 0.938
        for: 15m
      error_ratio:
        query: sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))
        critical_max: 0.05
"""

RETURN = r"""
status:
  description: The worst status of all metrics, where V(unknown) is worse than V(warning) and better than V(critical).
  returned: success, or failure because of O(fail_on)
  type: str
  sample: critical
summary:
  description: One line for people.
  returned: success, or failure because of O(fail_on)
  type: str
  sample: "1 critical, 3 healthy: QEK below minimum threshold: 0.82 < 0.85"
metrics:
  description: Every metric of the profile, in its order.
  returned: success, or failure because of O(fail_on)
  type: list
  elements: dict
  contains:
    name:
      description: The metric's key in the profile.
      type: str
      returned: always
      sample: qek
    title:
      description: Its name for people.
      type: str
      returned: always
      sample: QEK
    status:
      description: One of V(healthy), V(warning), V(critical), V(unknown).
      type: str
      returned: always
      sample: critical
    value:
      description: The value, null if there is none that can be trusted.
      type: float
      returned: always
      sample: 0.82
    ideal:
      description: The ideal of the profile, null without one.
      type: float
      returned: always
      sample: 0.938
    deviation:
      description: How far the value is above its ideal (below, if negative), null without an ideal or a value.
      type: float
      returned: always
      sample: -0.118
    limit:
      description: The limit that decides, which is the exceeded one or else the nearest.
      type: str
      returned: always
      sample: critical_min
    limit_value:
      description: The bound of that limit.
      type: float
      returned: always
      sample: 0.85
    reason:
      description: The reason of the status, empty if it needs none.
      type: str
      returned: always
      sample: "QEK below minimum threshold: 0.82 < 0.85"
    source:
      description: Where the value comes from.
      type: str
      returned: always
      sample: service://euystacio-ai/euystacio-api:8000/api/metrics/thresholds
    timestamp:
      description: When the value was taken, in seconds since 1970, null if the source does not say.
      type: float
      returned: always
      sample: 1764000000.0
    pending:
      description: Whether a limit is broken, but not yet for as long as the profile asks.
      type: bool
      returned: always
      sample: false
    since:
      description: When the present breach began, in seconds since 1970, as far as the history of a metric with C(for) shows.
      type: float
      returned: always
      sample: 1763999100.0
    history:
      description: Pairs of time and value, oldest first. Empty unless O(history) asks for it, or C(for) needed it.
      type: list
      elements: list
      returned: always
      sample: [[1763999940.0, 0.83], [1764000000.0, 0.82]]
"""

import time

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._health import threshold_task


def main() -> None:
    module = SalvageModule(**threshold_task.MODULE)
    conclude(module, lambda: threshold_task.run(module.params, time.time()))


if __name__ == "__main__":
    main()
