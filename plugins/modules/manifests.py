#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: manifests
short_description: Apply a set of manifests, and prove that the cluster holds it
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Reads all manifests as C(kubectl) does and checks them, then plans the whole set with a dry run on the API server. If one object would
    be refused, nothing is written.
  - Applies the changes by server-side apply in the order of Helm, with namespaces and definitions first, and stops at the first failure.
    The message then names what was written.
  - Reads every object again and compares it with its manifest.
  - A field that another manager owns is not overwritten, unless O(force_conflicts) is set. The number of replicas of a workload that has an
    autoscaler stays as it is.
  - Objects that C(kubectl apply) or M(kubernetes.core.k8s) applied before are taken over, so a field that is no longer in the manifest is
    removed.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - euystacio.meta_salvage.attributes.actiongroup
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Runs in check mode and reports what it would do, without changing anything.
    support: full
    details:
      - The module only plans. Objects that need a namespace, a definition or an account of the same set are not sent; they are planned as
        new, and RV(objects) says why in C(deferred).
  diff_mode:
    description: Shows what changed.
    support: full
    details: The values of Secrets are never shown. At most 100 objects are.
  idempotent:
    description: Running it again changes nothing.
    support: full
options:
  state:
    description:
      - V(applied) applies the manifests.
      - V(reverted) takes back what was changed since O(journal) was opened. New objects are deleted, deleted ones are created again, and in
        changed ones the fields of the set get the values from before. Fields and objects that others changed since then stay as they are,
        and RV(left) names them. New Namespaces, definitions and volumes stay too. The journal is deleted when everything else is back.
      - V(settled) deletes O(journal), because the change is good.
    type: str
    choices: [applied, reverted, settled]
    default: applied
  files:
    description:
      - Files, folders and URLs with manifests, in YAML or JSON. Of a folder all files with the ending C(.yaml), C(.yml) or C(.json) are
        read, sorted by name.
      - Each of them is read once.
    type: list
    elements: str
    default: []
  definitions:
    description: Manifests as text, as an object, or as a list of these. They are not logged.
    type: raw
  namespace:
    description: The namespace of objects that do not name one. C(default) if it is not set.
    type: str
  sha256:
    description:
      - The SHA-256 digest that is expected of a file, of a URL, or of C(definitions). If one differs, nothing is written.
      - With the digests in RV(sources) of a run in check mode exactly what was planned is applied.
    type: dict
    default: {}
  allow_http:
    description: Allow URLs that start with C(http://), which others on the network can change.
    type: bool
    default: false
  field_manager:
    description: The name under which the API server records which fields were applied.
    type: str
    default: euystacio-manifests
  force_conflicts:
    description: Take over fields that another manager owns.
    type: bool
    default: false
  inventory:
    description:
      - The name of a ConfigMap in O(namespace) that keeps which objects were applied. The module creates it.
      - Each set needs an inventory of its own.
    type: str
  prune:
    description:
      - Delete the objects that are in O(inventory) and no longer in the manifests, after everything else is applied and proven.
      - Only objects that were applied under O(field_manager) are deleted. Namespaces, definitions and volumes always stay.
    type: bool
    default: false
  journal:
    description:
      - The name of a Secret in O(namespace) that keeps the previous state of the objects, until O(state=reverted) or O(state=settled). It
        is signed,
        and written before the first object is.
      - A run that finds it adds to it. A revert restores each object to its state before the first of these runs.
      - A set that changes nothing writes no journal.
    type: str
  run:
    description:
      - With O(state=applied) the name of the run that is written into O(journal).
      - With O(state=settled) the journal is only deleted if this run was the last one that wrote it.
    type: str
  proof_key:
    description:
      - The file with the key that signs O(journal), as O(euystacio.meta_salvage.rollout#module:proof_key).
      - By default the key is in the Secret C(meta-salvage-proof-key) in O(namespace), which the first journal creates.
    type: path
  restore_secrets:
    description: With O(state=reverted) take back Secrets too. This undoes a rotation of passwords and keys by the manifests.
    type: bool
    default: true
  workers:
    description: How many requests are sent at the same time.
    type: int
    default: 16
  wait_timeout:
    description: How many seconds to wait until a definition is established.
    type: float
    default: 60
  request_timeout:
    description: The time limit of one request in seconds.
    type: float
    default: 30
  diff_values:
    description:
      - Whether the diff shows the values of ConfigMaps, environment variables, headers and arguments, and the texts of custom resources.
      - By default it shows only that they changed, because any of them can be a credential. What looks like one is hidden anyway, and what
        a Secret holds always is.
    type: bool
    default: false
seealso:
  - module: kubernetes.core.k8s
  - module: euystacio.meta_salvage.rollout
"""

EXAMPLES = r"""
- name: Show what would change
  euystacio.meta_salvage.manifests:
    files: [infrastructure/kubernetes]
    namespace: euystacio-ai
  check_mode: true
  diff: true
  register: planned

- name: Apply exactly that
  euystacio.meta_salvage.manifests:
    files: [infrastructure/kubernetes]
    namespace: euystacio-ai
    sha256: "{{ planned.sources | items2dict(key_name='source', value_name='sha256') }}"

- name: Delete what is no longer in the manifests
  euystacio.meta_salvage.manifests:
    files: [infrastructure/kubernetes]
    namespace: euystacio-ai
    inventory: euystacio-manifests
    prune: true

- name: Apply a change that can be taken back
  euystacio.meta_salvage.manifests:
    files: [infrastructure/kubernetes]
    namespace: euystacio-ai
    journal: before-the-change

- name: Take it back
  euystacio.meta_salvage.manifests:
    state: reverted
    namespace: euystacio-ai
    journal: before-the-change

- name: Apply a published manifest, if it is the expected one
  euystacio.meta_salvage.manifests:
    files: ["https://manifests.example.org/app/v1.4.2.yaml"]
    sha256:
      "https://manifests.example.org/app/v1.4.2.yaml": 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
"""

RETURN = r"""
objects:
  description: The objects in the order of writing.
  returned: when the set could be read
  type: list
  elements: dict
  contains:
    api_version:
      description: Its apiVersion.
      type: str
      returned: always
    kind:
      description: Its kind.
      type: str
      returned: always
    namespace:
      description: Its namespace; empty if it has none.
      type: str
      returned: always
    name:
      description: Its name.
      type: str
      returned: always
    source:
      description: The file and the line that it comes from.
      type: str
      returned: always
    action:
      description: C(created), C(changed), C(unchanged) or C(removed); empty if it was not planned because of a problem.
      type: str
      returned: always
    fields:
      description: The fields that change in an object that exists.
      type: list
      elements: str
      returned: always
    written:
      description: Whether it was written.
      type: bool
      returned: always
    deferred:
      description: Why it could not be planned before other objects of the set are written; otherwise empty.
      type: str
      returned: always
  sample:
    - api_version: apps/v1
      kind: Deployment
      namespace: euystacio-ai
      name: euystacio-api
      source: infrastructure/kubernetes/api.yaml, line 12
      action: changed
      fields: [".spec.template.spec.containers[0].image"]
      written: true
      deferred: ""
counts:
  description: The number of objects by action.
  returned: when the set could be read
  type: dict
  sample: {created: 0, changed: 1, unchanged: 6, removed: 0}
notes:
  description: What differs from the manifests without being an error, such as the parts of an export that were left out.
  returned: when the set could be read
  type: list
  elements: str
  sample: ["api.yaml, line 12: Deployment euystacio-ai/euystacio-api keeps its number of replicas, because an autoscaler sets it"]
sources:
  description: What was read.
  returned: with O(state=applied), when the set could be read
  type: list
  elements: dict
  contains:
    source:
      description: The file, the URL, or C(definitions).
      type: str
      returned: always
    sha256:
      description: The SHA-256 digest of its text.
      type: str
      returned: always
  sample: [{source: api.yaml, sha256: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03}]
resumed:
  description: Whether an earlier run has left O(journal) open, so that its changes are not proven either.
  returned: with O(state=applied), when the set could be read
  type: bool
  sample: false
restored:
  description: The objects that were put back as they were.
  returned: with O(state=reverted)
  type: list
  elements: str
  sample: ["Service euystacio-ai/euystacio-api"]
removed:
  description: The new objects that were deleted.
  returned: with O(state=reverted)
  type: list
  elements: str
  sample: ["ConfigMap euystacio-ai/overrides"]
left:
  description: The objects and fields that stay as they are, each with the reason.
  returned: with O(state=reverted)
  type: list
  elements: str
  sample: ["Service euystacio-ai/euystacio-api: .spec.type (kubectl-edit)"]
closed:
  description: Whether there was a journal that was deleted, or would be.
  returned: with O(state=settled)
  type: bool
  sample: true
problems:
  description: Every object that would be refused or was not written, with the reason.
  returned: failure
  type: list
  elements: str
  sample: ["Deployment euystacio-ai/euystacio-api (api.yaml, line 12): spec.selector cannot be changed once the object exists"]
reason:
  description: One word for the first problem, such as C(conflict), C(invalid) or C(forbidden).
  returned: failure
  type: str
  sample: conflict
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._manifests import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    module.show_words_of(module.params["definitions"])
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode, show=module._diff))


if __name__ == "__main__":
    main()
