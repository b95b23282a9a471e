#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_config
short_description: Change the rules and the configuration of Prometheus, and prove that they are loaded
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Finds out how a Prometheus is configured and changes it there. With the Prometheus Operator these are PrometheusRules and the Secret of
    C(additionalScrapeConfigs), otherwise the ConfigMap or Secret that is mounted in its pod. A file of the pod is only reported.
  - A change is checked before anything is written, by C(promtool) if there is one, otherwise by lists of the fields that are known. Rules
    are also checked by a dry run on the API server and against the selectors of Prometheus.
  - Then the module waits until each replica has loaded the change by its content, and until nothing is lost that worked before (targets,
    rules, the last reload, samples in a second). If nothing in the pod watches for changes, the module reloads the replicas one by one,
    each only after the one before is proven.
  - Otherwise the change is taken back, and the module proves that Prometheus has the rules and the configuration of before.
  - The next run takes back what a killed run left unfinished. A second run at the same time fails, and says who holds the lock.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.routes
  - euystacio.meta_salvage.monitoring
  - euystacio.meta_salvage.progress
  - euystacio.meta_salvage.run_identity
  - euystacio.meta_salvage.attributes.actiongroup
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: It checks the change and plans it by a dry run on the API server.
  diff_mode:
    description: Shows what changed.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
  action:
    description: Has a part that runs on the controller.
    support: full
    details: It finds out who runs Ansible, for O(holder).
options:
  state:
    description:
      - V(loaded) applies the change and proves that it is loaded.
      - V(verified) only reads, and reports whether the last reload worked and whether each rule is evaluated without an error.
    type: str
    choices: [loaded, verified]
    default: loaded
  files:
    description: Files, folders and URLs with PrometheusRules, as M(euystacio.meta_salvage.manifests) reads them.
    type: list
    elements: str
    default: []
  definitions:
    description: PrometheusRules as text, an object, or a list of either.
    type: raw
  config:
    description:
      - The configuration, as text, an object or a list. Of a Prometheus of the operator it is the list of its additional scrape configs,
        otherwise the whole C(prometheus.yml).
      - A change that only removes fields with their defaults looks the same when it is loaded; then a reload after the change is the proof.
    type: raw
  rule_files:
    description:
      - The files of rules that are beside O(config) in the ConfigMap or Secret, each by its key there. Other files in it stay as they are.
      - The operator takes PrometheusRules instead.
    type: dict
    default: {}
  rule_tests:
    description: Files for C(promtool test rules). If a test fails, nothing is changed.
    type: list
    elements: str
    default: []
  max_sample_drop:
    description:
      - Which part of the samples in a second a change of O(config) may cost, from V(0) to V(1). If it costs more, it is taken back.
      - Samples are counted by the last scrape of each target and how often it is scraped.
    type: float
    default: 0.3
  namespace:
    description: The namespace of Prometheus, and of rules without a namespace.
    type: str
    default: monitoring
  prometheus:
    description: The name of the C(Prometheus) of the operator. The default is the only one in the namespace.
    type: str
  prometheus_url:
    description:
      - The address of Prometheus, either direct (C(http://prometheus:9090)) or in the cluster (C(service://monitoring/prometheus:9090)).
      - In the cluster, each pod of the Service is read.
    type: str
    default: service://monitoring/prometheus-operator-kube-p-prometheus:9090
  replicas:
    description: The addresses of the replicas, in the place of O(prometheus_url).
    type: list
    elements: str
    default: []
  promtool:
    description: The path of C(promtool). The default is the one in the C(PATH), if there is one.
    type: path
  wait:
    description:
      - How many seconds Prometheus may take to load a change.
      - The kubelet writes a change into the pod, at the latest after some two minutes. The reloader of the operator then sees the first
        change of the scrape configs at once, and later ones when it looks again, every three minutes.
    type: float
    default: 300
requirements:
  - urllib3
  - kubernetes >= 24.2.0
seealso:
  - module: euystacio.meta_salvage.alert_silence
  - module: euystacio.meta_salvage.manifests
"""

EXAMPLES = r"""
- name: Install the rules that the collection ships
  euystacio.meta_salvage.prometheus_config:
    files: ["{{ playbook_dir }}/../extensions/monitoring/rules"]

- name: Change the scrape configs of the operator's Prometheus, or the prometheus.yml of another one
  euystacio.meta_salvage.prometheus_config:
    config: "{{ lookup('ansible.builtin.file', 'scrape_configs.yaml') }}"

- name: Change the configuration and the rules of a Prometheus that gets a ConfigMap
  euystacio.meta_salvage.prometheus_config:
    prometheus_url: service://metrics/prometheus:9090
    namespace: metrics
    config: "{{ lookup('ansible.builtin.file', 'prometheus.yml') }}"
    rule_files:
      alerts.yml: "{{ lookup('ansible.builtin.file', 'alerts.yml') }}"

- name: Check that Prometheus runs with its newest configuration
  euystacio.meta_salvage.prometheus_config:
    state: verified
  register: prometheus
  failed_when: prometheus.status != 'healthy'
"""

RETURN = r"""
configured_by:
  description: Where the configuration comes from.
  returned: success
  type: dict
  sample:
    kind: operator
    namespace: monitoring
    name: prometheus-operator-kube-p-prometheus
    key: ""
    scrape_configs: more-jobs/jobs.yaml
    fixed: ""
    reloader: true
replicas:
  description: What each replica has loaded.
  returned: success
  type: list
  elements: dict
  sample:
    - address: pod://monitoring/prometheus-prometheus-operator-kube-p-prometheus-0
      reloaded: true
      targets_up: 8
      rules: 9
      failing: {}
problems:
  description: The replicas that did not answer, and why.
  returned: success
  type: dict
  sample: {}
status:
  description: V(healthy), or V(critical) with the reasons in RV(found).
  returned: O(state=verified)
  type: str
  sample: healthy
found:
  description: What is wrong.
  returned: O(state=verified)
  type: list
  elements: str
  sample: []
objects:
  description: What became of each object, as in M(euystacio.meta_salvage.manifests).
  returned: O(state=loaded)
  type: list
  elements: dict
counts:
  description: How many objects were created, changed, unchanged and removed.
  returned: O(state=loaded)
  type: dict
  sample: {"created": 1, "changed": 0, "unchanged": 4, "removed": 0}
targets_gone:
  description: The targets that were up before and are not there any more, for example because their pods were replaced meanwhile.
  returned: O(state=loaded), not in check mode
  type: list
  elements: str
  sample: []
notes:
  description: What else is worth knowing, such as that the change of a killed run was taken back.
  returned: O(state=loaded)
  type: list
  elements: str
  sample: []
checked_by:
  description:
    - What checked the change before it was written.
    - Without C(promtool) and the admission of the operator nobody has read the expressions of rules until Prometheus loads them.
  returned: O(state=loaded)
  type: list
  elements: str
  sample: [promtool, the admission of the Prometheus Operator, the API server]
"""

from ..module_utils._core.commands import literal
from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._monitoring import config_task as task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    for name in ("definitions", "config"):
        module.show_words_of(module.params[name])
    conclude(
        module,
        lambda: task.run(module.params, literal(module.run_command), find=module.get_bin_path, check_mode=module.check_mode),
    )


if __name__ == "__main__":
    main()
