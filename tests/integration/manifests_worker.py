# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies a set of manifests in a process of its own, so that a test can end it by signal 9: KUBECONFIG NAMESPACE FILE."""

from __future__ import annotations

import sys

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests import task

if __name__ == "__main__":
    kubeconfig, namespace, file = sys.argv[1:]
    defaults = {name: spec.get("default") for name, spec in task.MODULE["argument_spec"].items()}
    kept = {"inventory": "set", "prune": True, "journal": "before"}
    given = {"kubeconfig": kubeconfig, "namespace": namespace, "files": [file], "workers": 2, **kept}
    print("begins", flush=True)
    found = task.run({**defaults, **given}, check_mode=False, show=False)
    sys.exit(found.get("msg"))
