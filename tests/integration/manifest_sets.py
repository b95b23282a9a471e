# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of manifests as the tests apply them."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests import task
from cluster_lab import Lab


class Set:
    """The module's task on the lab."""

    def __init__(self, lab: Lab, space: str) -> None:
        self.lab, self.space = lab, space
        self.cluster = Cluster.connect({"kubeconfig": str(lab.kubeconfig)}, timeout=10)

    def run(self, *objects: Any, check: bool = False, **options: Any) -> dict[str, Any]:
        defaults = {name: spec.get("default") for name, spec in task.MODULE["argument_spec"].items()}
        params = {**defaults, "kubeconfig": str(self.lab.kubeconfig), "namespace": self.space, "definitions": list(objects), **options}
        result = task.run(params, check_mode=check, show=True)
        assert "Status" not in json.dumps(result.get("msg"))
        return result

    def ok(self, *objects: Any, **options: Any) -> dict[str, Any]:
        result = self.run(*objects, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def back(self, **options: Any) -> dict[str, Any]:
        """With the journal `before`."""
        return self.ok(definitions=None, journal="before", **options)

    def refused(self, *objects: Any, **options: Any) -> str:
        result = self.run(*objects, **options)
        assert result.get("failed"), result
        return str(result["msg"])

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return self.lab.get(kind, name, "-n", self.space)


def obj(kind: str, name: str, api_version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **more.pop("metadata", {})}, **more}


def deployment(name: str, *containers: str, image: str = "localhost/none:1", replicas: int | None = 0) -> dict[str, Any]:
    labels = {"app": name}
    pod = {"containers": [{"name": one, "image": image} for one in containers or ("api",)]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return obj("Deployment", name, "apps/v1", spec={**spec, **({} if replicas is None else {"replicas": replicas})})
