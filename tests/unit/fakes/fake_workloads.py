# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Deployment with its ReplicaSets and pods, as the controllers leave them."""

from __future__ import annotations

from typing import Any

import pytest

Object = dict[str, Any]


class Shapes:
    def template(self, image: str = "api:1", **spec: Any) -> Object:
        return {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [{"name": "api", "image": image}], **spec}}

    def deployment(self, template: Object | None = None, *, wanted: int = 2, **status: Any) -> Object:
        return {
            "kind": "Deployment",
            "metadata": {"name": "api", "namespace": "a", "uid": "uid-d", "generation": 1, "annotations": {"team": "ours"}},
            "spec": {
                "replicas": wanted,
                "selector": {"matchLabels": {"app": "api"}},
                "template": template or self.template(),
            },
            "status": {
                "observedGeneration": 1,
                "replicas": wanted,
                "updatedReplicas": wanted,
                "readyReplicas": wanted,
                "availableReplicas": wanted,
                **status,
            },
        }

    def replicaset(self, revision: int, template: Object, *, owner: str = "uid-d") -> Object:
        labels = {**template["metadata"]["labels"], "pod-template-hash": f"h{revision}"}
        annotations = {"deployment.kubernetes.io/revision": str(revision)}
        return {
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"api-h{revision}",
                "namespace": "a",
                "uid": f"uid-rs{revision}",
                "ownerReferences": [{"uid": owner, "controller": True}],
                "annotations": annotations,
                "creationTimestamp": f"2026-11-24T14:0{revision}:00Z",
            },
            "spec": {"template": {**template, "metadata": {**template["metadata"], "labels": labels}}},
        }

    def pod(self, name: str, revision: int, *, ready: bool = True, restarts: int = 0, state: Object | None = None, **status: Any) -> Object:
        return {
            "metadata": {
                "name": name,
                "namespace": "a",
                "uid": f"uid-{name}",
                "labels": {"app": "api", "pod-template-hash": f"h{revision}"},
                "ownerReferences": [{"uid": f"uid-rs{revision}", "controller": True}],
            },
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
                "containerStatuses": [{"name": "api", "ready": ready, "restartCount": restarts, "state": state or {"running": {}}}],
                **status,
            },
        }


@pytest.fixture(scope="session")
def shapes() -> Shapes:
    return Shapes()
