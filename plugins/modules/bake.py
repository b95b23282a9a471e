#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bake
short_description: Watch a change for a window, and judge it against what ran before
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Looks at the pods of a workload's current revision at fixed times. It reads request counters raw, counts failed and slow requests, and
    weighs them against the baseline by an e-process, so that a good change is aborted with a probability of O(alpha) at most, however
    often it is looked at, and a small regression within the limits is still found.
  - To pass, a change needs evidence. There must be enough requests to detect the smallest harm that matters, from every pod and in nearly
    all scrapes. Otherwise the verdict is V(unknown).
  - Some things end it at once. A pod that restarts or can't start, a health endpoint that answers badly, a metric beyond its critical
    threshold, an alert that begins to fire, a decision of OPA that differs from the expected one, a Service without endpoints.
  - At each look requests go through the workload's Service, by the API server's service proxy, which takes the Service's port to the port
    of its EndpointSlices. So a wrong C(targetPort) or selector is found although every pod is healthy. See O(check_journey).
  - Uses Prometheus, or the pods' own metrics if there is no Prometheus. This is weaker, and RV(weak) says so.
  - Requests that fail together are counted as independent ones unless O(variance_ratio) says otherwise.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.delivery
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: partial
    details: In check mode there is no change to watch, so O(state=judged) returns V(unknown) at once.
  diff_mode:
    description: Shows what changed.
    support: none
  idempotent:
    description: A second run changes nothing.
    support: N/A
    details: It watches; it changes nothing but where O(revert_service) or O(revert_route) sends the traffic if the verdict is bad.
options:
  state:
    description:
      - V(measured) measures the baseline, before the change.
      - V(judged) watches the change.
    type: str
    choices: [measured, judged]
    default: judged
  baseline:
    description:
      - RV(baseline) of a task with O(state=measured). Without it, or O(without_baseline), nothing can pass.
      - With O(state=measured) an earlier one. A port of a Service that answered then is expected to answer after the change, even if it
        does not now.
    type: dict
  without_baseline:
    description:
      - Nothing ran before, as with a first deployment. Errors are compared with O(floor) alone. Everything else is checked as usual, except
        slow requests, which need a baseline.
      - A new service may have no users yet. It passes with few requests too, if none of them is evidence against it and health, thresholds
        or OPA were looked at; RV(reason) and RV(weak) say so. A critical alert that fires from the start does not count.
    type: bool
    default: false
  window:
    description: Seconds to watch, or for V(measured) to look back.
    type: float
    default: 900
  interval:
    description: Seconds between two looks. Never less than Prometheus' own scrape interval.
    type: float
    default: 15
  extend:
    description: Seconds to watch on if the window is over and too little was seen.
    type: float
    default: 0
  alpha:
    description: The probability at most of aborting a good change.
    type: float
    default: 0.01
  margin:
    description: How many times the baseline's rate of failed (or slow) requests is accepted.
    type: float
    default: 2.0
  floor:
    description:
      - The rate of failed requests that is accepted in any case. For slow ones it is at least 0.01, as slow is beyond the baseline's p99.
    type: float
    default: 0.002
  harm:
    description: The smallest harm that a pass must have been able to see, as a multiple of the accepted rate.
    type: float
    default: 5.0
  variance_ratio:
    description: How much more the counts scatter than those of independent requests.
    type: float
    default: 1.0
  source:
    description: Where samples come from. V(auto) takes the pods themselves if Prometheus does not answer at the start.
    type: str
    choices: [auto, prometheus, pods]
    default: auto
  prometheus_url:
    description:
      - Prometheus, as C(http[s]://host:port[/prefix]), C(service[s]://namespace/service:port[/prefix]), or C(forward[s]://) for C(service[s]://).
    type: str
    default: service://monitoring/prometheus-operator-kube-p-prometheus:9090
  metrics_port:
    description: The port of each pod that serves O(metrics_path), by number or name.
    type: str
    default: "8000"
  metrics_path:
    description: The path at which each pod serves its metrics.
    type: str
    default: /metrics
  requests_metric:
    description: The counter of requests.
    type: str
    default: http_requests_total
  durations_metric:
    description: The buckets of the requests' durations; empty to leave them out.
    type: str
    default: http_request_duration_seconds_bucket
  code_label:
    description: The counter's label with the status code.
    type: str
    default: code
  error_pattern:
    description: A regular expression of the codes that count as failed.
    type: str
    default: 5..
  path_label:
    description: The counter's label with the path.
    type: str
    default: path
  exclude_paths:
    description: Paths that do not count, because probes and scrapes are not users.
    type: list
    elements: str
    default: [/health, /ready, /metrics]
  health_path:
    description: Each pod must answer 200 here at each look and state that it is healthy. Leave it empty to skip the check.
    type: str
    default: /health
  health_port:
    description: The port of the health endpoint in the pod, by number or name.
    type: str
    default: "8000"
  thresholds:
    description: The thresholds' profile, as in M(euystacio.meta_salvage.threshold_info). The default is the runbook's.
    type: dict
  check_thresholds:
    description: Whether the thresholds are part of it.
    type: bool
    default: true
  threshold_looks:
    description: In how many looks running a metric must be beyond its critical threshold.
    type: int
    default: 2
  alert_severities:
    description: An alert of one of these severities that begins to fire ends it. Needs Prometheus.
    type: list
    elements: str
    default: [critical]
  opa_url:
    description:
      - Where OPA answers, for O(opa_probes). An address as in O(prometheus_url).
    type: str
  opa_probes:
    description:
      - Decisions that must have these answers at every look. A different answer ends the bake. No answer, or an undefined one, is a gap.
        With gaps in more than a tenth of the looks, the bake does not pass.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What the reason calls it.
        type: str
        required: true
      path:
        description: The rule, as in C(euystacio/peace_bonds/allow). It must be true or false.
        type: str
        required: true
      input:
        description: The input document.
        type: dict
      expect:
        description: The answer that it must have.
        type: bool
        default: true
  check_journey:
    description:
      - Whether requests go through the Service at each look. They need the permissions to list Services and to C(get) C(services/proxy)
        (C(create), C(update), C(patch) or C(delete) for other methods).
      - Without O(journey) the request is C(GET) of O(health_path) by each TCP port that leads to O(health_port), or that did when
        O(baseline) was measured, of each Service that selects the pods (or of O(journey_service)). The answer must be healthy. A new port
        that leads to no port of the pods must at least be answered. With O(state=measured) the same requests are sent once, and a missing
        permission is an error.
      - No endpoint, no such port and a refused connection end the bake at once, after three tries. So does a step that fails in two looks
        running, and evidence as of user requests if it fails from time to time. No answer, or one of the API server itself, is unknown.
        If more than a tenth of the answers are unknown, the bake does not pass. If no Service fits, RV(reason) and RV(weak) say so.
    type: bool
    default: true
  journey:
    description:
      - Requests through the Service, in this order, at each look, instead of the default one. Redirects are not followed. They are real
        requests, so let them change nothing that matters.
      - Values of headers, the query and the answer are not shown.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path, with a query if needed.
        type: str
        required: true
      method:
        description: The method.
        type: str
        choices: [GET, POST, PUT, PATCH, DELETE]
        default: GET
      headers:
        description:
          - Headers of the request. The API server takes C(Authorization) and a few others for itself, so these are refused.
        type: dict
      body:
        description: The body of the request.
        type: str
      expect:
        description: The status codes that are expected. Empty for any answer of the service.
        type: list
        elements: int
        default: [200]
      contains:
        description: A text that the answer must contain.
        type: str
      json:
        description: What the answer must have as JSON. An object can have more than is expected.
        type: dict
      healthy:
        description: Whether the answer must state that the service is healthy, as at O(health_path).
        type: bool
        default: false
      timeout:
        description: The time limit of the request in seconds.
        type: float
        default: 5.0
  journey_service:
    description:
      - The Service of the requests, as C(NAME) or C(NAME:PORT). By default all that select the pods; for O(journey) it must be one, or
        have the name of the workload. Without a port it is the one that leads to O(health_port).
    type: str
    default: ""
  revert_service:
    description: Switch this Service back (see M(euystacio.meta_salvage.blue_green)) as soon as the verdict is V(failed).
    type: str
  revert_route:
    description: As O(revert_service), for traffic that moves by weights.
    type: dict
    suboptions:
      traffic:
        description: As in M(euystacio.meta_salvage.blue_green).
        type: str
        choices: [httproute, route]
        required: true
      name:
        description: The route's name.
        type: str
        required: true
      backends:
        description: The Service of each of the two colours.
        type: dict
        required: true
  revert_on_unknown:
    description: Switch back too if the verdict is V(unknown) at the end.
    type: bool
    default: true
  colour_key:
    description: The label that distinguishes the colours of that Service.
    type: str
    default: version
  run:
    description: The name of the run, for the record.
    type: str
    default: ""
  record_path:
    description: Where to write the decision record with every look, in JSON, where the module runs.
    type: path
  fail_on:
    description: The verdicts at which the task fails.
    type: list
    elements: str
    choices: [failed, unknown]
    default: [failed, unknown]
seealso:
  - module: euystacio.meta_salvage.rollout
  - module: euystacio.meta_salvage.blue_green
"""

EXAMPLES = r"""
- name: Measure what runs now
  euystacio.meta_salvage.bake:
    name: euystacio-api
    namespace: euystacio-ai
    state: measured
  register: before

- name: Watch the change for a quarter of an hour
  euystacio.meta_salvage.bake:
    name: euystacio-api
    namespace: euystacio-ai
    baseline: "{{ before.baseline }}"
    window: 900
    record_path: /var/lib/meta-salvage/bake-2026-11-24.json
"""

RETURN = r"""
verdict:
  description: V(passed), V(failed), or V(unknown) if too little was seen.
  returned: with O(state=judged)
  type: str
  sample: failed
reason:
  description: Why.
  returned: with O(state=judged)
  type: str
  sample: "errors: 36 of 900 (4.000%), where the baseline allows 0.400%; evidence 2.1e+04 of 100"
evidence:
  description: The evidence against the change. 1 is none; it aborts at 1/alpha.
  returned: with O(state=judged)
  type: float
  sample: 21043.5
looks:
  description: How many looks there were.
  returned: with O(state=judged)
  type: int
  sample: 3
last_look:
  description: The last of them.
  returned: with O(state=judged)
  type: dict
  sample:
    look: 3
    verdict: failed
    counts: {errors: {trials: 300, events: 13}, slow: {trials: 300, events: 2}}
journey:
  description: Of each step through the Service how many requests were answered as expected, failed, and had no answer, and the last reason.
  returned: with O(state=judged)
  type: dict
  sample:
    GET /health through Service euystacio-api:http: {ok: 61, failed: 0, unknown: 0, reason: ""}
weak:
  description: What limits the verdict, if there was no Prometheus or no baseline. It names the address that did not answer, and why.
  returned: with O(state=judged)
  type: str
  sample: ""
baseline:
  description: What ran before.
  returned: always
  type: dict
  sample:
    errors: {trials: 18000, events: 36}
    slow: {trials: 18000, events: 120}
    slow_bound: 0.25
    source: Prometheus, 900 s of 3 pods
    firing: []
    journey: {"euystacio-api:http": ok}
reverted:
  description: How the traffic was switched back, as in M(euystacio.meta_salvage.blue_green).
  returned: when the traffic was switched back
  type: dict
  sample: {changed: true, active: blue, proven: true, proof_ms: 4.2}
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._delivery.bake import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
