# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace full of what reaches outside, and its isolated copy on a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from backups import Backups
from cluster_lab import NAMESPACE, Lab

pytestmark = pytest.mark.lab

SPACE, COPY = "outward-test", "outward-test-copy"
CLASS = "outward-test-manual"
PORT = 18437


def deployment(name: str, image: str, *, replicas: int = 0, container: dict[str, Any] | None = None, **pod: Any) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "labels": {"argocd.argoproj.io/instance": "production"}},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": {**labels, "team": "x"}, "annotations": {"k8s.v1.cni.cncf.io/networks": "production"}},
                "spec": {"containers": [{"name": "app", "image": image, "imagePullPolicy": "IfNotPresent", **(container or {})}], **pod},
            },
        },
    }  # fmt: skip


def volume(name: str) -> dict[str, Any]:
    spec = {
        "storageClassName": CLASS, "capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": f"/var/tmp/{name}"},  # on the node, and never mounted
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": {"outward-test": name}}, "spec": spec}


def objects(image: str) -> list[dict[str, Any]]:
    mount = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    claim = {
        "storageClassName": CLASS, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}},
        "selector": {"matchExpressions": [{"key": "outward-test", "operator": "Exists"}]},
    }  # fmt: skip
    notes = {"tailscale.com/expose": "true", "cloud.google.com/neg": "{}", "external-dns.alpha.kubernetes.io/hostname": "x.example.org"}
    ports = {"ports": [{"name": "http", "containerPort": 8000, "hostPort": PORT}]}
    outward = [
        deployment("port", image, replicas=1, container=ports, priorityClassName="system-cluster-critical"),
        deployment("nfs", image, container=mount, volumes=[{"name": "data", "nfs": {"server": "192.0.2.1", "path": "/production"}}]),
        deployment("csi", image, container=mount, volumes=[{"name": "data", "csi": {"driver": "x.csi.example.org", "readOnly": True}}]),
        deployment("static", image, container=mount, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "static"}}]),
        deployment("privileged", image, container={"securityContext": {"privileged": True}}),
        deployment("capable", image, container={"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}),
        deployment("node", image, volumes=[{"name": "data", "hostPath": {"path": "/"}}]),
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "static"}, "spec": claim},
        {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "port", "annotations": notes, "labels": {"team": "x"}},
            "spec": {"type": "NodePort", "selector": {"app": "port"}, "externalIPs": ["192.0.2.7"], "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "way-in"},
            "spec": {"defaultBackend": {"service": {"name": "port", "port": {"number": 80}}}},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "edit"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": SPACE}],
        },
    ]  # fmt: skip
    for one in outward:
        one["metadata"]["namespace"] = SPACE
    return outward


@pytest.fixture(scope="module")
def backups(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backups]:
    def clear() -> None:
        lab.kubectl("delete", "namespace", SPACE, COPY, "--ignore-not-found", "--wait=true")
        lab.kubectl("delete", "persistentvolume", "outward-test-used", "outward-test-free", "--ignore-not-found", "--wait=false")

    clear()
    made = Backups(str(lab.kubeconfig), tmp_path_factory.mktemp("outward"))
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)
    image = standin["spec"]["template"]["spec"]["containers"][0]["image"]
    lab.kubectl("create", "namespace", SPACE)
    content = {"apiVersion": "v1", "kind": "List", "items": [volume("outward-test-used"), *objects(image)]}
    lab.kubectl("apply", "-f", "-", given=json.dumps(content))
    lab.kubectl("wait", "pvc/static", "-n", SPACE, "--for=jsonpath={.status.phase}=Bound", "--timeout=60s")
    lab.kubectl("rollout", "status", "deployment/port", "-n", SPACE, "--timeout=120s")
    # Anything that asks for this class may take it.
    lab.kubectl("apply", "-f", "-", given=json.dumps(volume("outward-test-free")))
    yield made
    clear()


def test_a_copy_of_what_reaches_outside_runs_and_reaches_nothing(backups: Backups, lab: Lab) -> None:
    name = backups.back_up(SPACE)
    outcome = backups.restore(name, selection=Choice(mapping={SPACE: COPY}, isolated=True))
    assert outcome.status == "PASS", outcome.report

    found = {one["metadata"]["name"]: one for one in lab.get("deployments", "-n", COPY)["items"]}
    assert set(found) == {"port", "nfs", "csi", "static"}
    for one in ("nfs", "csi", "static"):
        assert found[one]["spec"]["template"]["spec"]["volumes"] == [{"name": "data", "emptyDir": {}}]
    # The original has the port of the only node, and its copy runs beside it.
    assert found["port"]["status"]["availableReplicas"] == 1
    pod = lab.get("pods", "-n", COPY, "-l", "app=port")["items"][0]
    assert "hostPort" not in json.dumps(pod["spec"]) and pod["spec"].get("priority", 0) == 0
    assert "annotations" not in pod["metadata"] and "team" not in pod["metadata"]["labels"]
    assert "labels" not in found["port"]["metadata"]

    service = lab.get("service", "port", "-n", COPY)
    assert service["spec"]["type"] == "ClusterIP" and "externalIPs" not in service["spec"]
    assert not {"annotations", "labels"} & set(service["metadata"])
    for kind in ("ingress", "persistentvolumeclaim", "rolebinding"):
        assert lab.get(kind, "-n", COPY)["items"] == []
    assert lab.get("persistentvolume", "outward-test-free")["status"]["phase"] == "Available"

    skipped = {name for row in outcome.report["skipped"] for name in row["objects"]}
    assert {f"Deployment.apps {SPACE}/{one}" for one in ("privileged", "capable", "node")} <= skipped
    assert f"PersistentVolumeClaim {SPACE}/static" in skipped
    stripped = {row["field"]: row["objects"] for row in outcome.report["stripped"]}
    assert stripped[".spec.template.spec.volumes[data].nfs"] == [f"Deployment.apps {COPY}/nfs"]
    assert stripped[".metadata.annotations[tailscale.com/expose]"] == [f"Service {COPY}/port"]
    assert ".spec.template.spec.containers[app].ports[http].hostPort" in stripped


def test_the_copy_admits_no_pod_that_uses_its_node(backups: Backups, lab: Lab) -> None:
    backups.restore(backups.back_up(SPACE), selection=Choice(mapping={SPACE: COPY}, isolated=True))
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "own", "namespace": COPY},
        "spec": {"containers": [{"name": "c", "image": "none", "securityContext": {"privileged": True}}]},
    }  # fmt: skip
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        lab.kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(pod))
