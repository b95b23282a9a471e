# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of all kinds at once, in namespaces of their own, and the one bundle that must name each of them."""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import NAMESPACE, Lab
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

pytestmark = pytest.mark.lab

SPACES = SPACE, GUARDED, QUOTA, HOOKED, WELL = "faults-test", "faults-guarded", "faults-quota", "faults-hooked", "faults-none"
Object = dict[str, Any]


def made(kind: str, name: str, body: Object, version: str = "v1", namespace: str = SPACE) -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": {**metadata, **body.pop("metadata", {})}, **body}


def probe(path: str) -> Object:
    return {"httpGet": {"path": path, "port": 8000}, "periodSeconds": 1, "failureThreshold": 2}


def expired() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web.example")])
    ends = datetime.now(timezone.utc) - timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = builder.not_valid_before(ends - timedelta(days=9)).not_valid_after(ends).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


class Seeds:
    """Objects with faults, and the code that each must be found under."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.objects: list[Object] = []
        self.wanted: set[tuple[str, str]] = set()

    def add(self, code: str, one: Object) -> None:
        self.wanted.add((code, one["metadata"]["name"]))
        self.objects.append(one)

    def spec(self, faults: Object | None = None, spec: Object | None = None, **container: Any) -> Object:
        main = {
            "name": "main",
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "env": [{"name": "FAULTS", "value": json.dumps(faults or {})}],
            "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "64Mi"}},
        }
        return {"terminationGracePeriodSeconds": 1, "containers": [{**main, **container}], **(spec or {})}

    def pod(self, code: str, name: str, faults: Object | None = None, spec: Object | None = None, **container: Any) -> None:
        self.add(code, made("Pod", name, {"metadata": {"labels": {"app": name}}, "spec": self.spec(faults, spec, **container)}))

    def deployment(self, code: str, name: str, namespace: str = SPACE, more: Object | None = None, **template: Any) -> None:
        labels = {"app": name}
        pods = {"metadata": {"labels": labels}, "spec": self.spec(**template)}
        self.add(
            code,
            made(
                "Deployment", name, {"spec": {"selector": {"matchLabels": labels}, "template": pods, **(more or {})}}, "apps/v1", namespace
            ),
        )


def seeds_of(image: str) -> Seeds:
    seeds = Seeds(image)
    for name, code in (("exit-1", 1), ("exit-2", 2), ("not-executable", 127), ("killed", 137), ("segfault", 139), ("terminated", 143)):
        seeds.pod(f"pod.crash.{name}", f"crash-{code}", {"crash": code})
    seeds.pod("pod.out-of-memory", "leak", {"leak_mb_per_second": 400})
    seeds.pod("pod.image.not-found", "never-pulled", image="localhost/nothing:v1", imagePullPolicy="Never")
    seeds.pod("pod.image.bad-name", "bad-name", image="UPPER/case:1:2")
    seeds.pod("pod.image.unreachable", "unreachable", image="localhost:1/nothing:v1")
    source = {"configMapKeyRef": {"name": "nowhere", "key": "a"}}
    seeds.pod("pod.config-missing", "config-missing", env=[{"name": "A", "valueFrom": source}])
    source = {"configMapKeyRef": {"name": "kube-root-ca.crt", "key": "a"}}
    seeds.pod("pod.config-key-missing", "key-missing", env=[{"name": "A", "valueFrom": source}])
    seeds.pod("pod.create-error", "as-root", securityContext={"runAsNonRoot": True, "runAsUser": 0})
    seeds.pod("pod.run-error", "no-command", command=["/nothing"])
    seeds.pod("pod.pending.resources", "too-large", resources={"requests": {"cpu": "900"}})
    seeds.pod("pod.pending.affinity", "nowhere-to-run", spec={"nodeSelector": {"disk": "of-glass"}})
    seeds.add("volume.claim-pending", made("PersistentVolumeClaim", "claim", {
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Mi"}}},
    }))  # fmt: skip
    seeds.pod("pod.pending.volume", "unbound", spec={"volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "claim"}}]})
    for name in ("port-a", "port-b"):  # one of them has it
        seeds.pod("pod.pending.host-port", name, ports=[{"containerPort": 8000, "hostPort": 29871}])
    seeds.wanted.discard(("pod.pending.host-port", "port-a"))
    mounts = [{"name": "a", "mountPath": "/a"}]
    seeds.pod(
        "volume.config-missing", "mount-missing", spec={"volumes": [{"name": "a", "configMap": {"name": "nowhere"}}]}, volumeMounts=mounts
    )
    seeds.pod("pod.probe.liveness", "not-alive", {"unhealthy": True}, livenessProbe=probe("/health"))
    seeds.pod("pod.probe.startup", "slow-start", {"slow_start_seconds": 900}, startupProbe={**probe("/ready"), "failureThreshold": 900})
    slow = {"progressDeadlineSeconds": 5}
    seeds.deployment("workload.rollout-stalled", "unready", SPACE, slow, faults={"not_ready": True}, readinessProbe=probe("/ready"))
    seeds.wanted.add(("pod.probe.readiness", "unready"))
    port = {"name": "http", "port": 80, "targetPort": 8000}
    seeds.add("service.no-endpoints", made("Service", "no-endpoints", {"spec": {"selector": {"app": "unready"}, "ports": [port]}}))
    seeds.add("service.selects-nothing", made("Service", "for-nobody", {"spec": {"selector": {"app": "nobody"}, "ports": [port]}}))
    named = {**port, "targetPort": "web"}
    seeds.add("service.port-missing", made("Service", "no-port", {"spec": {"selector": {"app": "logs"}, "ports": [named]}}))
    rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "gone", "port": {"number": 80}}}}]}}
    seeds.add("ingress.service-missing", made("Ingress", "to-nowhere", {"spec": {"rules": [rule]}}, "networking.k8s.io/v1"))
    job = {"spec": {"backoffLimit": 0, "template": {"spec": seeds.spec({"crash": 1}, {"restartPolicy": "Never"})}}}
    seeds.add("workload.job-failed", made("Job", "fails", job, "batch/v1"))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "gone"}
    seeds.add(
        "hpa.target-missing",
        made("HorizontalPodAutoscaler", "of-nothing", {"spec": {"scaleTargetRef": target, "maxReplicas": 2}}, "autoscaling/v2"),
    )
    lines = [
        *["dial tcp: lookup db.nowhere.svc on 10.0.0.10:53: no such host"] * 2,
        "write /data/wal: no space left on device",
        *["tls: failed to verify certificate: x509: certificate has expired or is not yet valid"] * 2,
        "leaderelection.go:1] leaderelection lost",
        "level=error msg='Loading configuration file failed'",
    ]
    seeds.pod("dns.lookup-failed", "logs", {"log": lines})
    for code in ("storage.full", "certificate.rejected", "controlplane.leader-lost", "config.reload-failed"):
        seeds.wanted.add((code, "logs"))
    seeds.add("certificate.secret-expired", made("Secret", "tls", {"stringData": {"tls.crt": expired()}}))
    budget = {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "logs"}}}}
    seeds.add("pdb.blocks-drains", made("PodDisruptionBudget", "blocks", budget, "policy/v1"))
    seeds.deployment("workload.create-refused", "no-account", spec={"serviceAccountName": "nobody"})
    seeds.add("quota.used-up", made("ResourceQuota", "full", {"spec": {"hard": {"pods": "1"}}}, namespace=QUOTA))
    seeds.deployment("workload.quota-exceeded", "over", QUOTA, {"replicas": 2})
    seeds.deployment("workload.policy-denied", "denied", GUARDED)
    hook = {
        "name": "pods.faults.example",
        "clientConfig": {"service": {"namespace": SPACE, "name": "gone"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": HOOKED}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    kind = "ValidatingWebhookConfiguration"
    seeds.add("webhook.unserved", made(kind, "faults-test", {"webhooks": [hook]}, "admissionregistration.k8s.io/v1", ""))
    seeds.deployment("webhook.refused", "hooked", HOOKED)
    seeds.deployment("rollout.first-error", "rolled")
    return seeds


def healthy(image: str) -> list[Object]:
    """What no rule may name: pods that are ready, a Job that is done, a Deployment that is paused."""
    seeds = Seeds(image)
    for name, more in (("fine", {"replicas": 2}), ("paused", None)):
        seeds.deployment("", name, WELL, more, readinessProbe=probe("/ready"), livenessProbe=probe("/health"))
    port = {"name": "http", "port": 80, "targetPort": 8000}
    seeds.add("", made("Service", "fine", {"spec": {"selector": {"app": "fine"}, "ports": [port]}}, namespace=WELL))
    budget = {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "fine"}}}}
    seeds.add("", made("PodDisruptionBudget", "fine", budget, "policy/v1", WELL))
    job = {"spec": {"template": {"spec": seeds.spec({"crash": 0}, {"restartPolicy": "Never"})}}}
    seeds.add("", made("Job", "done", job, "batch/v1", WELL))
    return seeds.objects


def namespaces() -> list[Object]:
    labels = {GUARDED: {"pod-security.kubernetes.io/enforce": "restricted"}}
    return [made("Namespace", name, {"metadata": {"labels": labels.get(name, {})}}, namespace="") for name in SPACES]


@pytest.fixture(scope="module")
def seeds(lab: Lab) -> Iterator[Seeds]:
    image = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    seeds = seeds_of(image)
    with lab.applied(*namespaces()):
        lab.kubectl("wait", "serviceaccount/default", "-n", SPACE, "--for=create", "--timeout=30s")
        with lab.applied(*seeds.objects, *healthy(image)):
            lab.kubectl("rollout", "status", "deployment/rolled", "-n", SPACE, "--timeout=60s")
            lab.kubectl("set", "env", "deployment/rolled", "-n", SPACE, f"FAULTS={json.dumps({'crash': 3})}")
            lab.kubectl("rollout", "pause", "deployment/paused", "-n", WELL)
            yield seeds


def collected(lab: Lab, path: Path) -> dict[str, bytes]:
    given = {"path": str(path), "namespaces": SPACES, "since": "15m", "only": ["objects", "cluster", "events", "logs", "usage", "rollouts"]}
    run = lab.play("diagnostics", {f"diagnostics_{name}": value for name, value in given.items()})
    assert run.code == 0, run.output
    with tarfile.open(path) as archive:
        return {entry.name.partition("/")[2]: content.read() for entry in archive if (content := archive.extractfile(entry))}


def test_each_seeded_fault_has_its_code_and_its_evidence(lab: Lab, seeds: Seeds, tmp_path: Path) -> None:
    deadline = time.monotonic() + 90
    missing = seeds.wanted
    while missing and time.monotonic() < deadline:
        files = collected(lab, tmp_path / f"{time.monotonic_ns()}.tar.gz")
        findings = json.loads(files["findings.json"])
        missing = seeds.wanted - {(one["code"], one["subject"]["name"]) for one in findings}
    assert missing == set()
    assert len(seeds.wanted) >= 40
    for finding in findings:
        assert finding["evidence"], finding
        for line in finding["evidence"]:
            text = files[line["file"]].decode().split("\n")[line["line"] - 1]
            shown = line["text"].rpartition(": ")[2].strip('"')[:30]
            assert shown in text or json.dumps(shown)[1:-1] in text, line
    assert [one for one in findings if one["subject"]["namespace"] == WELL] == []
    assert "webhook.timeout" not in {one["code"] for one in findings}
    first = next(one for one in findings if one["code"] == "rollout.first-error")
    assert "after revision 2, which changed env FAULTS of main" in first["title"]
