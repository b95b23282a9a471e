#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: blue_green
short_description: Switch a Service between two colours of a Deployment, and prove it
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - A colour is a value of one label (O(colour_key)) on the pods behind a Service. The Service's own selector says which colour takes the
    traffic. Any values will do, such as C(blue) and C(green), or C(v1) and C(v2).
  - The switch is one compare-and-swap write that replaces the colour in the selector and notes the run in an annotation of the Service.
    It is made only if all gates pass twice, and it counts only when the Service's EndpointSlices hold ready pods of the new colour and of
    no other; otherwise the Service is switched back.
  - A run that was killed is finished, or undone, by the next one. Of two runs that race, one switches.
  - Limits. Open connections stay with the old pods until these close them, so the pods must stop gracefully. A load balancer outside of
    the cluster follows with its own delay (O(settle)).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: Writes are sent with C(dryRun=All), the gates are looked at once, nothing is waited for.
  diff_mode:
    description: Shows what changed.
    support: full
    details: The Service's selector.
  idempotent:
    description: A second run changes nothing.
    support: full
options:
  state:
    description:
      - V(inspected) returns the colours.
      - V(adopted) gives a Service that does not name O(colour_key) yet its first colour. It labels the pods, waits for them, and
        then narrows the selector to them; no endpoint is lost.
      - V(prepared) makes the Deployment of O(colour), as many replicas as the active one has now, and a preview Service, and waits. A
        colour that takes traffic is not changed. The task fails if that colour differs from what the options ask for.
      - V(promoted) switches to O(colour).
      - V(reverted) switches back. It only needs ready pods of the old colour, and checks no gate, metric or lease.
      - V(retired) waits until the old colour answers no more requests, moves its autoscaler to the new one, and scales it to nothing.
    type: str
    choices: [inspected, adopted, prepared, promoted, reverted, retired]
    default: inspected
  service:
    description: The Service's name.
    type: str
    default: euystacio-api
  namespace:
    description: Its namespace.
    type: str
    default: euystacio-ai
  colour_key:
    description: The label that distinguishes the colours.
    type: str
    default: version
  colour:
    description:
      - The new colour for V(prepared) and V(promoted), the first one for V(adopted) if the pods have none.
      - For V(reverted) the colour to go back to, if no switch is on record.
    type: str
  traffic:
    description:
      - What moves the traffic. V(selector) is the Service's selector, all at once.
      - V(httproute) and V(route) are the weights of a Gateway API HTTPRoute, or of an OpenShift Route, between a Service for each colour
        (O(backends)); both weights and the note of the run are one compare-and-swap write, and count once read again and once the route's
        controller, if one reports, has accepted them.
      - As with the selector each pod's health is asked before every step, and the old colour's autoscaler is held until
        O(state=retired) or O(state=reverted).
      - With weights there is no O(state=adopted), and O(state=prepared) needs O(colour_key) in the old colour's Service; the new one's is
        made if there is none.
    type: str
    choices: [selector, httproute, route]
    default: selector
  route:
    description: The name of the HTTPRoute or Route. The default is the Service's name.
    type: str
  backends:
    description: The Service of each of the two colours, for O(traffic=httproute) and O(traffic=route).
    type: dict
    default: {}
  steps:
    description:
      - The shares of O(colour) in per cent, rising to 100. Each run with O(state=promoted) takes the next step.
      - Every step but the first needs O(verdict=passed) on the one before; with V(unknown) nothing moves, with V(failed) the run fails.
    type: list
    elements: int
    default: [5, 25, 100]
  deployment:
    description: The name of the new colour's Deployment, if there is none yet. The default is the Service's name with the colour.
    type: str
  definition:
    description:
      - The Deployment of the new colour, for V(prepared). Its name, size, and colour are set here; without it the active one is copied.
      - It is not logged.
    type: dict
  images:
    description: The images of the new colour by container, for V(prepared). Init containers too; a container that is not there is refused.
    type: dict
    default: {}
  shared_services:
    description:
      - The names of Services that may send traffic to both colours. Any other Service with a selector that fits the new colour's pods is
        refused by V(prepared), because its traffic would not wait for the gates.
    type: list
    elements: str
    default: []
  verdict:
    description: What the bake found. V(retired) is refused without V(passed), and so is a further one of O(steps).
    type: str
    choices: [passed, failed, unknown]
    default: unknown
  run:
    description: The name of the run, for the record and against a second run. The default is made of the host and the time.
    type: str
  health_path:
    description:
      - Each pod of the new colour must answer 200 here and state that it is healthy, as a C(status) in JSON or as one word of plain text.
      - An answer that states no health does not pass. Leave this empty to skip the check.
    type: str
    default: /health
  health_port:
    description: The pod's port for it, by number or name. The default is the target of the Service's first port.
    type: str
  image:
    description: The image, or its digest, that each pod of the new colour must run.
    type: str
  min_ready:
    description:
      - How many ready pods the new colour needs; V(0) for as many as the active one wants, or with weights as many as the other one has.
      - For V(reverted) at least one.
    type: int
    default: 0
  stability:
    description: Seconds between the two looks at the gates, in which no pod may restart. At least the Deployment's C(minReadySeconds).
    type: float
    default: 10
  proof_timeout:
    description: Seconds in which the endpoints must have followed the switch.
    type: float
    default: 10
  settle:
    description: Seconds that the nodes' proxies are given after the proof; more if a load balancer stands outside.
    type: float
    default: 2
  bake:
    description: Seconds for which another run to another colour is refused after the switch.
    type: float
    default: 900
  allow_no_return:
    description: Switch even if the active colour is not fit to go back to. Use it to deploy a fix for a version that does not work.
    type: bool
    default: false
  drain_timeout:
    description: Seconds that V(retired) waits for the old colour's requests to stop.
    type: float
    default: 300
  drain_interval:
    description: Seconds between two looks at the old pods' request counters; two intervals without a request count as drained.
    type: float
    default: 15
  drain_exclude:
    description: Paths with requests that do not count, because probes and scrapes never stop.
    type: list
    elements: str
    default: [/health, /ready, /metrics]
  remove:
    description: Delete the old Deployment when it is V(retired), instead of scaling it to nothing.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for a rollout.
    type: float
    default: 600
  request_timeout:
    description: Seconds for each request to the API server. Requests that are safe to repeat are repeated if it fails temporarily.
    type: float
    default: 10.0
seealso:
  - module: euystacio.meta_salvage.rollout
"""

EXAMPLES = r"""
- name: Give the Service its first colour
  euystacio.meta_salvage.blue_green:
    service: euystacio-api
    namespace: euystacio-ai
    state: adopted
    colour: blue

- name: Bring up green beside blue
  euystacio.meta_salvage.blue_green:
    service: euystacio-api
    namespace: euystacio-ai
    state: prepared
    colour: green
    images:
      euystacio-api: registry.example.org/euystacio-api:1.5.0

- name: Switch the traffic
  euystacio.meta_salvage.blue_green:
    service: euystacio-api
    namespace: euystacio-ai
    state: promoted
    colour: green

- name: Switch back, at once
  euystacio.meta_salvage.blue_green:
    service: euystacio-api
    namespace: euystacio-ai
    state: reverted

- name: Give green 5 %, and with each verdict that passed 25 % and 100 %
  euystacio.meta_salvage.blue_green:
    traffic: httproute
    route: euystacio-api
    namespace: euystacio-ai
    backends:
      blue: euystacio-api-blue
      green: euystacio-api-green
    steps: [5, 25, 100]
    state: promoted
    colour: green
    verdict: "{{ bake.verdict | default('unknown') }}"
"""

RETURN = r"""
active:
  description: The colour that takes the traffic, with weights the one that has more than half. V(null) if neither.
  returned: except with O(state=promoted) by weights
  type: str
  sample: green
colours:
  description: The Deployments by colour.
  returned: with O(state=inspected)
  type: dict
  sample:
    blue: {deployment: euystacio-api, replicas: 3, available: 3}
    green: {deployment: euystacio-api-green, replicas: 3, available: 3}
gates:
  description: The checks before the switch. V(null) is a check without a result, which does not pass.
  returned: with O(state=promoted)
  type: list
  elements: dict
  sample:
    - {gate: endpoints, passed: true, reason: 3 ready}
    - {gate: health, passed: true, reason: 3 pods answer}
proven:
  description: Whether the endpoints hold the new colour alone.
  returned: after a switch
  type: bool
  sample: true
weight:
  description: The share of O(colour) in per cent.
  returned: with O(state=promoted) by weights
  type: float
  sample: 25
finished:
  description: Whether all steps are taken.
  returned: with O(state=promoted) by weights
  type: bool
  sample: false
weights:
  description: The share of each colour in per cent; V(null) where the rules of the route differ.
  returned: with O(state=inspected) by weights
  type: dict
  sample: {blue: 75, green: 25}
proof:
  description: What the route's controllers said.
  returned: after a step by weights
  type: str
  sample: Accepted and ResolvedRefs by 1
proof_ms:
  description: Milliseconds from the write's answer to the proof.
  returned: after a switch of the selector
  type: float
  sample: 6.1
journal:
  description: The note on the Service.
  returned: when there is one
  type: dict
  sample: {run: r-20261124, from: blue, to: green, phase: settled, at: "2026-11-24T14:52:09Z", until: 1795531991.7}
deployment:
  description: The new colour's Deployment.
  returned: with O(state=prepared)
  type: str
  sample: euystacio-api-green
size:
  description: How many replicas it has.
  returned: with O(state=prepared)
  type: int
  sample: 3
rollout:
  description: How far it is, as in M(euystacio.meta_salvage.rollout).
  returned: with O(state=prepared), if it was waited for
  type: dict
  sample: {status: complete, reason: "3 of 3 available, all of revision 1"}
retired:
  description: The colour that was retired.
  returned: with O(state=retired)
  type: str
  sample: blue
drain:
  description: How the old colour's requests ran out.
  returned: with O(state=retired), if there was anything to wait for
  type: dict
  sample: {drained: true, seconds: 30.1, reason: no request in two intervals}
hpa_moved:
  description: The autoscalers that now scale the new colour.
  returned: with O(state=retired), if there was anything to retire
  type: list
  elements: str
  sample: [euystacio-api-hpa]
hpa_left:
  description: The autoscalers that an operator manages. They still scale the old colour, and are to be changed there.
  returned: with O(state=retired), if there was anything to retire
  type: list
  elements: str
  sample: ["keda-hpa-euystacio-api: managed by ScaledObject euystacio-api"]
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._delivery.blue_green import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    module.show_words_of(module.params["definition"])
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
