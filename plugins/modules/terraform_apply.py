#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: terraform_apply
short_description: Apply a Terraform or OpenTofu root module without deleting anything
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Runs C(init), writes the plan to a file, refuses a plan that deletes or replaces anything, and applies exactly that plan.
  - Shows each step while it runs, because creating a cluster takes minutes. It shows addresses and actions. It never shows what
    provisioners print, because this can contain secrets such as a join token.
  - If the module is killed, Terraform completes the current command and holds its lock until then. The next run waits for that lock.
extends_documentation_fragment:
  - euystacio.meta_salvage.progress
attributes:
  check_mode:
    description: Runs in check mode and reports what it would do, without changing anything.
    support: full
    details: The module only plans. The root must be initialized (C(init)) before.
  diff_mode:
    description: Shows what changed.
    support: full
    details: The addresses of the resources by action, without their values, which may be secret.
  idempotent:
    description: Running it again changes nothing.
    support: full
requirements:
  - Terraform or OpenTofu
options:
  root:
    description: The folder with the C(.tf) files of the root.
    type: path
    required: true
  work_dir:
    description:
      - A folder of its own for the plan, which contains secrets. The module creates it and deletes it after the run.
      - An empty folder is made private, used, and left empty. A folder that is not empty is refused, except what a killed run of this
        module left. Two runs cannot use one folder at the same time.
    type: path
    required: true
  binary:
    description: The program, C(terraform) or C(tofu).
    type: path
    default: terraform
  arguments:
    description:
      - Additional arguments of C(plan), such as C(-var-file=production.tfvars).
      - Only C(-var-file), C(-target), C(-target-file), C(-exclude), C(-exclude-file), C(-parallelism), C(-refresh) and C(-state), each as
        C(-NAME=VALUE), and C(-compact-warnings) and C(-refresh-only). Set values of variables in O(variables).
    type: list
    elements: str
    default: []
  variables:
    description:
      - Values of variables of the root. They reach the program in its environment as C(TF_VAR_NAME), not in its arguments.
      - Ansible treats each value as a secret and masks it in all results, also as a part of other words. Set values that are not secret
        in a file, and name the file in O(arguments).
    type: dict
    default: {}
  backend:
    description:
      - Settings of the backend that the root leaves open, as C(-backend-config) takes them. They reach the program in a file of their own.
      - Ansible treats each value as a secret, as in O(variables).
    type: dict
    default: {}
  lock_timeout:
    description: How many seconds to wait for the lock of the state.
    type: int
    default: 1800
"""

EXAMPLES = r"""
- name: Provision the cluster
  euystacio.meta_salvage.terraform_apply:
    root: infrastructure/terraform/cluster
    arguments: [-var-file=production.tfvars]
    variables:
      join_token: "{{ vault_join_token }}"
    work_dir: /var/lib/meta-salvage/production.terraform
"""

RETURN = r"""
warnings:
  description: What the program warned of, such as a C(check) block that does not hold.
  returned: success
  type: list
  elements: str
  sample: ["Check block assertion failed (main.tf line 12): the address does not answer"]
plan:
  description: The addresses of the resources by planned action.
  returned: success
  type: dict
  sample: {create: [terraform_data.cluster]}
"""

from ..module_utils._core.commands import literal
from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._terraform import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, literal(module.run_command), module.get_bin_path, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
