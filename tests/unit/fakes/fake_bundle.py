# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnostics bundle, built of as little as a rule needs: everything in it is healthy until a test says otherwise."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from typing import Any

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=timezone.utc)
NAMESPACE = "shop"
_FILES = {
    "Pod": "pods", "Node": "nodes", "Service": "services", "ConfigMap": "configmaps", "PersistentVolumeClaim": "persistentvolumeclaims",
    "ResourceQuota": "resourcequotas", "Deployment": "deployments.apps", "StatefulSet": "statefulsets.apps", "DaemonSet": "daemonsets.apps",
    "ReplicaSet": "replicasets.apps", "Job": "jobs.batch", "HorizontalPodAutoscaler": "horizontalpodautoscalers.autoscaling",
    "PodDisruptionBudget": "poddisruptionbudgets.policy", "Ingress": "ingresses.networking.k8s.io",
    "EndpointSlice": "endpointslices.discovery.k8s.io",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations.admissionregistration.k8s.io", "Secret": "secrets",
    "Certificate": "certificates.cert-manager.io", "Namespace": "namespaces", "PersistentVolume": "persistentvolumes",
    "APIService": "apiservices.apiregistration.k8s.io", "ClusterOperator": "clusteroperators.config.openshift.io",
}  # fmt: skip
_CLUSTER = frozenset({"Node", "ValidatingWebhookConfiguration", "Namespace", "PersistentVolume", "APIService", "ClusterOperator"})
ROOMS = ("objects", "cluster", "events", "logs", "usage", "rollouts", "opa", "prometheus", "alerts", "helm")


def ago(seconds: float = 0) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def merged(base: Any, changes: Any) -> Any:
    """``base`` with ``changes`` in its mappings; a list or a scalar replaces what was there, None takes it away."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return copy.deepcopy(changes)
    new = {**base, **{key: merged(base.get(key), value) for key, value in changes.items()}}
    return {key: value for key, value in new.items() if value is not None}


class FakeBundle:
    def __init__(self, **index: Any) -> None:
        self._objects: dict[str, list[dict[str, Any]]] = {}
        self._events: list[dict[str, Any]] = []
        self._logs: dict[str, list[str]] = {}
        self._documents: dict[str, Any] = {}
        collectors = [{"name": name, "status": "complete", "reason": "", "seconds": 0.1, "files": []} for name in ROOMS]
        start = {"format": 1, "cluster": "dev", "collected_at": ago(), "around": None, "since_seconds": 3600, "namespaces": [NAMESPACE]}
        self.index = {**start, "collectors": collectors, "files": {}, **index}

    def add(self, kind: str, name: str, body: dict[str, Any] | None = None, *, namespace: str = NAMESPACE) -> FakeBundle:
        place = "_cluster" if kind in _CLUSTER else namespace
        metadata = {"name": name, "creationTimestamp": ago(86400), **({} if kind in _CLUSTER else {"namespace": namespace})}
        self._objects.setdefault(f"objects/{place}/{_FILES[kind]}.json", []).append(merged({"metadata": metadata}, body or {}))
        return self

    def pod(
        self,
        name: str = "api-7d9-x1",
        changes: dict[str, Any] | None = None,
        *,
        container: dict[str, Any] | None = None,
        owner: str = "api",
    ) -> FakeBundle:
        """A Pod that runs and is ready; ``container`` changes the status of its container ``app``."""
        status = merged(
            {"name": "app", "ready": True, "started": True, "restartCount": 0, "state": {"running": {"startedAt": ago(7200)}}},
            container or {},
        )
        ready = "True" if status["ready"] else "False"
        owned = [{"kind": "ReplicaSet", "name": f"{owner}-7d9", "controller": True}] if owner else []
        body = {
            "metadata": {"labels": {"app": owner or name}, "ownerReferences": owned},
            "spec": {"nodeName": "node-1", "restartPolicy": "Always", "containers": [{"name": "app", "image": "shop/api:1"}]},
            "status": {
                "phase": "Running",
                "startTime": ago(7200),
                "conditions": [
                    {"type": "PodScheduled", "status": "True", "lastTransitionTime": ago(7200)},
                    {"type": "Ready", "status": ready, "lastTransitionTime": ago(7200)},
                ],
                "containerStatuses": [status],
            },
        }
        if owner and (owner, "ReplicaSet") not in {
            (one["metadata"]["name"][:-4], "ReplicaSet")
            for one in self._objects.get(f"objects/{NAMESPACE}/{_FILES['ReplicaSet']}.json", [])
        }:
            self.add(
                "ReplicaSet",
                f"{owner}-7d9",
                {
                    "metadata": {"ownerReferences": [{"kind": "Deployment", "name": owner, "controller": True}]},
                    "spec": {"replicas": 1},
                    "status": {"replicas": 1, "readyReplicas": 1},
                },
            )
        return self.add("Pod", name, merged(body, changes or {}))

    def crashed(self, code: int, reason: str = "Error", **changes: Any) -> FakeBundle:
        """A Pod in a crash loop."""
        ended = {"exitCode": code, "reason": reason, "startedAt": ago(95), "finishedAt": ago(90)}
        container = {
            "ready": False, "restartCount": 4, "lastState": {"terminated": ended},
            "state": {"running": None, "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        }  # fmt: skip
        return self.pod(container=merged(container, changes))

    def waiting(self, reason: str, message: str = "", changes: dict[str, Any] | None = None) -> FakeBundle:
        state = {"running": None, "waiting": {"reason": reason, "message": message}}
        return self.pod(
            changes={"status": {"phase": "Pending"}, **(changes or {})}, container={"ready": False, "started": False, "state": state}
        )

    def event(self, reason: str, message: str, kind: str = "Pod", name: str = "api-7d9-x1", **changes: Any) -> FakeBundle:
        event = {
            "time": ago(60), "first": ago(300), "count": 3, "type": "Warning", "reason": reason, "namespace": NAMESPACE, "kind": kind,
            "name": name, "message": message, "source": "kubelet",
        }  # fmt: skip
        self._events.append({**event, **changes})
        return self

    def log(self, line: str, pod: str = "api-7d9-x1", *, seconds_ago: float = 60, previous: bool = False, times: int = 1) -> FakeBundle:
        path = f"logs/{NAMESPACE}/{pod}/app{'.previous' if previous else ''}.log"
        self._logs.setdefault(path, []).extend([f"{ago(seconds_ago)} {line}"] * times)
        return self

    def document(self, path: str, value: Any) -> FakeBundle:
        self._documents[path] = value
        return self

    def series(self, name: str, *samples: float, labels: dict[str, str] | None = None, step: float = 60) -> FakeBundle:
        """The last of the samples is of now."""
        values = [[NOW.timestamp() - step * (len(samples) - 1 - number), str(value)] for number, value in enumerate(samples)]
        result = [{"metric": {"__name__": name, **(labels or {})}, "values": values}] if samples else []
        return self.document(f"prometheus/range/{name}.json", {"status": "success", "data": {"resultType": "matrix", "result": result}})

    def without(self, room: str, status: str = "failed", reason: str = "nobody answered") -> FakeBundle:
        for collector in self.index["collectors"]:
            if collector["name"] == room:
                collector.update(status=status, reason=reason)
        return self

    def documents(self) -> dict[str, Any]:
        """The JSON files."""
        lists = {path: {"kind": "List", "items": items} for path, items in self._objects.items()}
        return {"index.json": self.index, **lists, **self._documents}

    def files(self) -> dict[str, bytes]:
        files = {path: _spread(value) if path.startswith("objects/") else _json(path, value) for path, value in self.documents().items()}
        files["events.jsonl"] = b"".join(json.dumps(event).encode() + b"\n" for event in self._events)
        return {**files, **{path: "".join(f"{line}\n" for line in lines).encode() for path, lines in self._logs.items()}}


def _json(path: str, value: Any) -> bytes:
    if path.endswith(".jsonl"):
        return b"".join(json.dumps(one).encode() + b"\n" for one in value)
    return json.dumps(value).encode()


def _spread(value: dict[str, Any]) -> bytes:
    """A list of objects as the collector writes it: an object a line."""
    return b'{"kind": "List", "items": [\n' + b",\n".join(json.dumps(item).encode() for item in value["items"]) + b"\n]}\n"
