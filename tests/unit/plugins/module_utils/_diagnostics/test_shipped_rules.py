# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each shipped rule: once where it holds, once where it nearly does."""

from __future__ import annotations

import base64
import functools
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.analyze import analyze, rules_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.rule_files import shipped_rules
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fake_bundle import NOW, FakeBundle, ago, merged

RULES = rules_of(shipped_rules())


def codes(bundle: FakeBundle) -> set[str]:
    return {finding.code for finding in analyze(bundle.files(), RULES, NOW).findings}


def pulls(reason: str, message: str) -> FakeBundle:
    return FakeBundle().waiting(reason, "Back-off pulling image").event("Failed", f'Failed to pull image "shop/api:9": {message}')


def ended(code: int, reason: str, seconds: float) -> dict[str, object]:
    return {"lastState": {"terminated": {"exitCode": code, "reason": reason, "finishedAt": ago(seconds)}}}


WELL_AGAIN = {"ready": True, "state": {"running": {"startedAt": ago(3600)}, "waiting": None}}
OF_MEMORY = {"spec": {"containers": [{"name": "app", "image": "a", "resources": {"limits": {"memory": "64Mi"}}}]}}
ROWS = [
    *(
        (f"pod.crash.{name}", FakeBundle().crashed(code), FakeBundle().crashed(code, **WELL_AGAIN, **ended(code, "Error", 3600)))
        for name, code in (
            ("exit-1", 1),
            ("exit-2", 2),
            ("not-executable", 126),
            ("not-executable", 127),
            ("killed", 137),
            ("segfault", 139),
            ("terminated", 143),
            ("exit-0", 0),
            ("other", 42),
        )
    ),
    ("pod.crash.killed", FakeBundle().crashed(137), FakeBundle().crashed(137, "OOMKilled")),
    (
        "pod.crash.exit-1",
        FakeBundle().pod(container={"ready": True, "restartCount": 5, **ended(1, "Error", 60)}),
        FakeBundle().pod(container={"ready": True, "restartCount": 1, **ended(1, "Error", 60)}),
    ),
    (
        "pod.out-of-memory",
        FakeBundle().pod(changes=OF_MEMORY, container=ended(137, "OOMKilled", 60)),
        FakeBundle().pod(changes=OF_MEMORY, container=ended(137, "OOMKilled", 7200)),
    ),
    ("pod.image.unauthorized", pulls("ImagePullBackOff", "401 Unauthorized"), pulls("ImagePullBackOff", "manifest unknown")),
    ("pod.image.not-found", pulls("ErrImagePull", "shop/api:9: not found"), pulls("ErrImagePull", "i/o timeout")),
    ("pod.image.unreachable", pulls("ErrImagePull", "dial tcp: i/o timeout"), pulls("ErrImagePull", "shop/api:9: not found")),
    ("pod.image.bad-name", FakeBundle().waiting("InvalidImageName"), FakeBundle().waiting("ContainerCreating")),
    (
        "pod.config-missing",
        FakeBundle().waiting("CreateContainerConfigError", 'configmap "settings" not found'),
        FakeBundle().waiting("ContainerCreating", 'configmap "settings" not found'),
    ),
    (
        "pod.config-missing",
        FakeBundle().waiting("CreateContainerConfigError", 'secret "login" not found'),
        FakeBundle().waiting("CreateContainerConfigError", "couldn't find key a in Secret shop/login"),
    ),
    (
        "pod.config-key-missing",
        FakeBundle().waiting("CreateContainerConfigError", "couldn't find key a in ConfigMap shop/settings"),
        FakeBundle().waiting("CreateContainerConfigError", 'configmap "settings" not found'),
    ),
    (
        "pod.create-error",
        FakeBundle().waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
        FakeBundle().waiting("CreateContainerConfigError", 'configmap "settings" not found'),
    ),
    ("pod.create-error", FakeBundle().waiting("CreateContainerError", "name is in use"), FakeBundle().waiting("PodInitializing")),
    ("pod.run-error", FakeBundle().waiting("RunContainerError", "no such file"), FakeBundle().waiting("ContainerCreating", "no such file")),
    ("pod.run-error", FakeBundle().crashed(128, "StartError"), FakeBundle().crashed(128, "StartError", **WELL_AGAIN)),
]


def unscheduled(message: str, seconds: float = 600, reason: str = "Unschedulable") -> FakeBundle:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message, "lastTransitionTime": ago(seconds)}
    return FakeBundle().pod(changes={"status": {"phase": "Pending", "conditions": [condition], "containerStatuses": None}})


def lacking(kind: str, message: str = "", made: int = 0, **event: Any) -> FakeBundle:
    """A controller that wants three pods."""
    counts = {
        "spec": {"replicas": 3},
        "status": {"replicas": made, "readyReplicas": made, "desiredNumberScheduled": 3, "currentNumberScheduled": made},
    }
    bundle = FakeBundle().add(kind, "api-7d9", counts)
    return bundle.event("FailedCreate", message, kind, "api-7d9", **event) if message else bundle


def conditioned(kind: str, name: str, *conditions: dict[str, Any], **body: Any) -> FakeBundle:
    return FakeBundle().add(
        kind, name, merged({"status": {"conditions": [{"lastTransitionTime": ago(600), **one} for one in conditions]}}, body)
    )


def unready(reason: str, message: str, *, ready: bool = False, seconds: float = 60, **status: Any) -> FakeBundle:
    pod = {"status": {"conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": ago(600)}]}}
    return FakeBundle().pod(changes=pod, container={"ready": ready, **status}).event(reason, message, time=ago(seconds))


def service(bundle: FakeBundle, selector: dict[str, str], target: object = 8080, name: str = "api") -> FakeBundle:
    return bundle.add("Service", name, {"spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": target}]}})


def serving(port: int = 8080, **container: Any) -> FakeBundle:
    containers = [{"name": "app", "image": "a", "ports": [{"name": "http", "containerPort": port}]}]
    return FakeBundle().pod(changes={"spec": {"containers": containers}}, container=container)


def logs(line: str, times: int = 5, seconds_ago: float = 60) -> FakeBundle:
    return FakeBundle().pod().log(line, times=times, seconds_ago=seconds_ago)


def ingress(backend: dict[str, Any], *, default: bool = False) -> FakeBundle:
    spec = {"defaultBackend": backend} if default else {"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]}
    return service(serving(), {"app": "api"}).add("Ingress", "site", {"spec": spec})


def backend(name: str, port: int = 80) -> dict[str, Any]:
    return {"service": {"name": name, "port": {"number": port}}}


def webhook(service_name: str, policy: str = "Fail", ready: bool = True, **client: Any) -> FakeBundle:
    bundle = service(serving(ready=ready), {"app": "api"})
    of = {"service": {"namespace": "shop", "name": service_name}, **client}
    return bundle.add(
        "ValidatingWebhookConfiguration",
        "guard",
        {"webhooks": [{"name": "pods.guard.example", "failurePolicy": policy, "clientConfig": of}]},
    )


def pem_of(days: float) -> str:
    return base64.b64encode(certificate_of(days)).decode()


@functools.cache
def certificate_of(days: float) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "guard.shop.svc")])
    ends = NOW + timedelta(days=days)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    signed = builder.not_valid_before(ends - timedelta(days=365)).not_valid_after(ends).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def node(*conditions: dict[str, Any], **body: Any) -> FakeBundle:
    ready = [] if any(one["type"] == "Ready" for one in conditions) else [{"type": "Ready", "status": "True"}]
    return (
        FakeBundle()
        .pod()
        .add(
            "Node", "node-1", merged({"status": {"conditions": [*conditions, *ready], "allocatable": {"cpu": "4", "memory": "8Gi"}}}, body)
        )
    )


def uses(cpu: str, memory: str = "100Mi") -> FakeBundle:
    """Of a limit of one core and 200Mi."""
    limits = {"spec": {"containers": [{"name": "app", "image": "a", "resources": {"limits": {"cpu": "1", "memory": "200Mi"}}}]}}
    usage = {
        "metadata": {"namespace": "shop", "name": "api-7d9-x1"},
        "containers": [{"name": "app", "usage": {"cpu": cpu, "memory": memory}}],
    }
    return FakeBundle().pod(changes=limits).document("usage/pods.json", {"items": [usage]})


def node_uses(cpu: str, memory: str) -> FakeBundle:
    return node().document("usage/nodes.json", {"items": [{"metadata": {"name": "node-1"}, "usage": {"cpu": cpu, "memory": memory}}]})


def decision(**fields: Any) -> FakeBundle:
    line = {
        "status": "denied",
        "reason": "risk",
        "provider": "p-1",
        "decision_id": "1",
        "path": "euystacio/allow",
        "timestamp": ago(60),
        "result": {},
    }
    return FakeBundle().document("opa/decisions.jsonl", [{key: value for key, value in {**line, **fields}.items() if value is not None}])


def alert(severity: str, state: str) -> FakeBundle:
    labels = {"alertname": "ApiDown", "severity": severity}
    return FakeBundle().document("alerts/alerts.json", [{"name": "ApiDown", "state": state, "labels": labels, "starts_at": ago(600)}])


def rolled(log_seconds_ago: float, *earlier: float, crashed: bool = True) -> FakeBundle:
    """A revision ten minutes ago."""
    bundle = FakeBundle().crashed(1, **ended(1, "Error", 500)) if crashed else FakeBundle().pod()
    for seconds in sorted([log_seconds_ago, *earlier], reverse=True):
        bundle.log("level=error msg=broken", seconds_ago=seconds)
    changes = [
        {"path": "spec.containers[app].image", "before": "a:1", "after": "a:2"},
        {"path": "spec.containers[app].env[MODE].value", "before": "x", "after": "y"},
    ]
    revisions = [
        {"revision": 11, "created": ago(90000), "current": False, "changes": []},
        {"revision": 12, "created": ago(600), "current": True, "changes": changes},
    ]
    return bundle.document("rollouts.json", [{"namespace": "shop", "kind": "Deployment", "name": "api", "revisions": revisions}])


def of_certificate(days: float) -> dict[str, Any]:
    """As the collector writes a Secret: not the certificate, but when it ends."""
    return {"certificates": [{"key": "tls.crt", "notAfter": ago(-86400 * days)}]}


def unplaced(seconds: float) -> FakeBundle:
    status = {"phase": "Pending", "startTime": None, "conditions": None, "containerStatuses": None}
    return FakeBundle().pod(changes={"metadata": {"creationTimestamp": ago(seconds)}, "spec": {"nodeName": None}, "status": status})


def generation(wanted: int, seen: int, seconds: float = 600) -> FakeBundle:
    fields = [{"manager": "kubectl", "time": ago(seconds)}, {"manager": "kube-controller-manager", "subresource": "status", "time": ago(1)}]
    body = {"metadata": {"generation": wanted, "managedFields": fields}, "spec": {"replicas": 0}, "status": {"observedGeneration": seen}}
    return FakeBundle().add("Deployment", "api", body)


def served(well: float, badly: float) -> FakeBundle:
    bundle = FakeBundle().series("http_requests_total", well, labels={"job": "api", "code": "200"})
    bundle._documents["prometheus/range/http_requests_total.json"]["data"]["result"] += (
        FakeBundle().series("a", badly, labels={"job": "api", "code": "503"})._documents["prometheus/range/a.json"]["data"]["result"]
    )
    return bundle


def quota(used: str, hard: str = "10") -> FakeBundle:
    return FakeBundle().add("ResourceQuota", "main", {"status": {"hard": {"pods": hard}, "used": {"pods": used}}})


def budget(allowed: int, expected: int, well: int) -> FakeBundle:
    return FakeBundle().add(
        "PodDisruptionBudget", "api", {"status": {"disruptionsAllowed": allowed, "expectedPods": expected, "currentHealthy": well}}
    )


def claim(phase: str, seconds: float = 600) -> FakeBundle:
    return FakeBundle().add("PersistentVolumeClaim", "data", {"metadata": {"creationTimestamp": ago(seconds)}, "status": {"phase": phase}})


def pending(reason: str, message: str, phase: str = "Pending") -> FakeBundle:
    return FakeBundle().waiting("ContainerCreating", changes={"status": {"phase": phase}}).event(reason, message)


def managed(version: str) -> FakeBundle:
    return FakeBundle().add(
        "Ingress", "site", {"metadata": {"managedFields": [{"manager": "helm", "apiVersion": version, "time": ago(600)}]}}
    )


NO_ROOM = "0/3 nodes are available: 3 Insufficient cpu."
TAINTS = "0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: db}."
QUOTA = 'pods "api-7d9-" is forbidden: exceeded quota: main, requested: pods=1, used: pods=10, limited: pods=10'
DENIED = 'admission webhook "policy.example" denied the request: no'
HOOK = 'Internal error occurred: failed calling webhook "g.example": failed to call webhook: Post "https://g.shop.svc:443/?timeout=10s": '
SPEC = {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api"}}}
ROWS += [
    (
        "pod.crash.init",
        FakeBundle().pod(
            changes={
                "status": {
                    "initContainerStatuses": [
                        {
                            "name": "init",
                            "restartCount": 3,
                            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                            "lastState": {"terminated": {"exitCode": 1}},
                        }
                    ]
                }
            }
        ),
        FakeBundle().pod(
            changes={
                "status": {
                    "initContainerStatuses": [
                        {"name": "init", "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
                    ]
                }
            }
        ),
    ),
    ("pod.pending.resources", unscheduled(NO_ROOM), unscheduled(NO_ROOM, 5)),
    (
        "pod.pending.affinity",
        unscheduled("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
        unscheduled(NO_ROOM),
    ),
    ("pod.pending.volume", unscheduled('0/1 nodes are available: persistentvolumeclaim "data" not found.'), unscheduled(TAINTS)),
    ("pod.pending.volume", unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."), FakeBundle().pod()),
    (
        "pod.pending.host-port",
        unscheduled("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."),
        unscheduled(NO_ROOM),
    ),
    (
        "pod.pending.unschedulable-nodes",
        unscheduled("0/1 nodes are available: 1 node(s) were unschedulable."),
        unscheduled("0/2 nodes are available: 1 node(s) were unschedulable, 1 Insufficient cpu."),
    ),
    ("pod.pending.taints", unscheduled(TAINTS), unscheduled(f"{TAINTS} 1 Insufficient memory.")),
    ("pod.pending.other", unscheduled("waiting for gates", reason="SchedulingGated"), unscheduled(NO_ROOM)),
    ("workload.quota-exceeded", lacking("ReplicaSet", QUOTA), lacking("ReplicaSet", QUOTA, made=3)),
    ("workload.quota-exceeded", lacking("DaemonSet", QUOTA), lacking("DaemonSet", QUOTA, time=ago(7200))),
    ("workload.policy-denied", lacking("StatefulSet", DENIED), lacking("StatefulSet", DENIED, made=3)),
    (
        "workload.policy-denied",
        lacking("ReplicaSet", 'pods "a" is forbidden: violates PodSecurity "restricted:latest"'),
        lacking("ReplicaSet", QUOTA),
    ),
    (
        "workload.create-refused",
        lacking("ReplicaSet", 'pods "a" is forbidden: error looking up service account shop/web'),
        lacking("ReplicaSet", QUOTA),
    ),
    (
        "pod.evicted",
        FakeBundle().pod(changes={"status": {"phase": "Failed", "reason": "Evicted", "startTime": ago(1800)}}),
        FakeBundle().pod(changes={"status": {"phase": "Failed", "reason": "Evicted", "startTime": ago(90000)}}),
    ),
    (
        "pod.stuck-terminating",
        FakeBundle().pod(changes={"metadata": {"deletionTimestamp": ago(900), "finalizers": ["a/b"]}}),
        FakeBundle().pod(changes={"metadata": {"deletionTimestamp": ago(10)}}),
    ),
    (
        "object.stuck-terminating",
        FakeBundle().add("ConfigMap", "a", {"metadata": {"deletionTimestamp": ago(900), "finalizers": ["a/b"]}}),
        FakeBundle().add("ConfigMap", "a", {"metadata": {"finalizers": ["a/b"]}}),
    ),
    (
        "pod.sandbox-failed",
        pending("FailedCreatePodSandBox", "plugin type=bridge failed"),
        pending("FailedCreatePodSandBox", "x", phase="Running"),
    ),
    ("pod.stuck-starting", FakeBundle().waiting("ContainerCreating"), pending("FailedMount", "timed out")),
    (
        "pod.probe.liveness",
        unready("Unhealthy", "Liveness probe failed: HTTP probe failed"),
        unready("Unhealthy", "Liveness probe failed: HTTP probe failed", ready=True),
    ),
    (
        "pod.probe.readiness",
        unready("Unhealthy", "Readiness probe failed: 503"),
        unready("Unhealthy", "Readiness probe failed: 503", ready=True),
    ),
    (
        "pod.probe.startup",
        unready("Unhealthy", "Startup probe failed: 503", started=False),
        unready("Unhealthy", "Startup probe failed: 503", started=True),
    ),
    (
        "pod.probe.readiness",
        unready("Unhealthy", "Readiness probe failed: 503"),
        unready("Unhealthy", "Readiness probe failed: 503", seconds=3600),
    ),
    (
        "workload.rollout-stalled",
        conditioned("Deployment", "api", {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}),
        conditioned("Deployment", "api", {"type": "Progressing", "status": "Unknown", "reason": "DeploymentPaused"}),
    ),
    ("workload.replicas-unavailable", lacking("StatefulSet", made=1), lacking("StatefulSet", made=3)),
    (
        "workload.job-failed",
        conditioned("Job", "load", {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}),
        conditioned("Job", "load", {"type": "Complete", "status": "True"}),
    ),
    (
        "workload.job-failed",
        conditioned("Job", "load", {"type": "Failed", "status": "True"}),
        conditioned("Job", "load", {"type": "Failed", "status": "True", "lastTransitionTime": ago(200000)}),
    ),
    (
        "hpa.no-metrics",
        conditioned("HorizontalPodAutoscaler", "api", {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}),
        conditioned("HorizontalPodAutoscaler", "api", {"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled"}),
    ),
    (
        "hpa.at-maximum",
        conditioned("HorizontalPodAutoscaler", "api", {"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}),
        conditioned("HorizontalPodAutoscaler", "api", {"type": "ScalingLimited", "status": "True", "reason": "TooFewReplicas"}),
    ),
    (
        "hpa.target-missing",
        FakeBundle().add("HorizontalPodAutoscaler", "api", SPEC),
        FakeBundle().add("HorizontalPodAutoscaler", "api", SPEC).add("Deployment", "api"),
    ),
    ("pdb.blocks-drains", budget(0, 2, 2), budget(0, 2, 1)),
    ("pdb.blocks-drains", budget(0, 1, 1), budget(1, 2, 2)),
    ("quota.used-up", quota("10"), quota("9")),
    ("quota.used-up", quota("2Gi", "2048Mi"), quota("0", "0")),
    ("container.cpu-at-limit", uses("980m"), uses("500m")),
    ("container.memory-near-limit", uses("1m", "195Mi"), uses("1m", "100Mi")),
    (
        "container.cpu-throttled",
        FakeBundle().series("container_cpu_cfs_throttled_periods_total", *[0.8] * 8),
        FakeBundle().series("container_cpu_cfs_throttled_periods_total", *[0.8] * 4, 0.1, 0.8),
    ),
    ("rollout.first-error", rolled(560), rolled(560, 1000)),
    ("rollout.first-error", rolled(560), rolled(560, crashed=False)),
    ("api.deprecated", managed("networking.k8s.io/v1beta1"), managed("networking.k8s.io/v1")),
    (
        "api.deprecated-client",
        logs("W1 warnings.go:70] policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+"),
        logs("Warning: v1 Endpoints is deprecated in v1.33+"),
    ),
    (
        "volume.claim-pending",
        claim("Pending").event("ProvisioningFailed", 'storageclass "fast" not found', "PersistentVolumeClaim", "data"),
        claim("Pending").event("WaitForFirstConsumer", "waiting", "PersistentVolumeClaim", "data"),
    ),
    ("volume.claim-lost", claim("Lost"), claim("Bound")),
    (
        "volume.failed",
        FakeBundle().add("PersistentVolume", "pv-1", {"status": {"phase": "Failed"}}),
        FakeBundle().add("PersistentVolume", "pv-1", {"status": {"phase": "Released"}}),
    ),
    (
        "volume.config-missing",
        pending("FailedMount", 'MountVolume.SetUp failed for volume "a" : configmap "settings" not found'),
        pending("FailedMount", "timed out"),
    ),
    (
        "volume.mount-failed",
        pending("FailedAttachVolume", "Multi-Attach error for volume"),
        pending("FailedAttachVolume", "Multi-Attach error", phase="Running"),
    ),
    ("storage.full", logs("write /data/x: no space left on device"), logs("write /data/x: no space left on device", seconds_ago=3000)),
    ("storage.read-only", logs("open /x: read-only file system"), logs("open /x: read-only file system", times=1)),
    ("service.selects-nothing", service(FakeBundle().pod(), {"app": "web"}), service(FakeBundle().pod(), {"app": "api"})),
    (
        "service.selects-nothing",
        service(FakeBundle().pod(), {"app": "web"}),
        service(FakeBundle(), {"app": "web"}).add(
            "Deployment", "web", {"spec": {"replicas": 0, "template": {"metadata": {"labels": {"app": "web"}}}}}
        ),
    ),
    ("service.no-endpoints", service(serving(ready=False), {"app": "api"}), service(serving(), {"app": "api"})),
    ("service.port-missing", service(serving(), {"app": "api"}, "web"), service(serving(), {"app": "api"}, "http")),
    ("service.port-missing", service(serving(), {"app": "api"}, 9000), service(FakeBundle().pod(), {"app": "api"}, 9000)),
    ("ingress.service-missing", ingress(backend("web")), ingress(backend("api"))),
    ("ingress.service-missing", ingress(backend("api", 81)), ingress({"resource": {"kind": "Bucket", "name": "a"}})),
    ("ingress.default-missing", ingress(backend("web"), default=True), ingress(backend("api"), default=True)),
    (
        "dns.lookup-failed",
        logs("dial tcp: lookup db.shop.svc on 10.0.0.10:53: no such host"),
        logs("lookup db.shop.svc: no such host", times=1),
    ),
    (
        "dns.lookup-failed",
        logs("socket.gaierror: [Errno -3] Temporary failure in name resolution"),
        logs("found it: bad addresses are refused", times=0),
    ),
    *(
        ("dns.lookup-failed", logs(words), logs(other))
        for words, other in (
            ("Error: getaddrinfo EAI_AGAIN db", "getaddrinfo is called"),
            ("Error: getaddrinfo ENOTFOUND db.shop.svc", "the module getaddrinfo is loaded"),
            ("java.net.UnknownHostException: db.shop.svc", "catch UnknownHostException and go on"),
            ("error: failed to lookup address information: Try again", "to lookup address information, press F1"),
            ("System.Net.Sockets.SocketException (11001): No such host is known.", "no host is known"),
        )
    ),
    (
        "dns.server-failing",
        logs("[ERROR] plugin/errors: 2 db.shop. A: read udp: i/o timeout"),
        logs("[INFO] plugin/reload: done plugin/errors"),
    ),
    ("network.refused", logs("dial tcp 10.0.0.1:5432: connect: connection refused"), logs("connect: connection refused", times=2)),
    (
        "certificate.expired",
        FakeBundle().add("Certificate", "web", {"status": {"notAfter": ago(60)}}),
        FakeBundle().add("Certificate", "web", {"status": {"notAfter": ago(-86400 * 30)}}),
    ),
    (
        "certificate.ends-soon",
        FakeBundle().add("Certificate", "web", {"status": {"notAfter": ago(-86400)}}),
        FakeBundle().add("Certificate", "web", {"status": {"notAfter": ago(60)}}),
    ),
    ("certificate.ca-expired", webhook("api", caBundle=pem_of(-1)), webhook("api", caBundle=pem_of(90))),
    ("certificate.ca-ends-soon", webhook("api", caBundle=pem_of(3)), webhook("api", caBundle=pem_of(90))),
    (
        "certificate.config-expired",
        FakeBundle().add("ConfigMap", "ca", {"data": {"ca.crt": certificate_of(-1).decode()}}),
        FakeBundle().add("ConfigMap", "ca", {"data": {"ca.crt": certificate_of(90).decode()}}),
    ),
    *(
        (code, FakeBundle().add("Secret", "tls", of_certificate(bad)), FakeBundle().add("Secret", "tls", of_certificate(good)))
        for code, bad, good in (("certificate.secret-expired", -1, 3), ("certificate.secret-ends-soon", 3, 90))
    ),
    ("controlplane.scheduler-silent", unplaced(120), unplaced(20)),
    ("controlplane.scheduler-silent", unplaced(120), unscheduled(NO_ROOM)),
    ("controlplane.controller-silent", generation(5, 4), generation(5, 5)),
    ("controlplane.controller-silent", generation(5, 4), generation(5, 4, 20)),
    ("http.errors", served(10, 2), served(10, 0.1)),
    ("metric.missing", FakeBundle().series("hvar_value", 0.04, *[float("nan")] * 9), FakeBundle().series("hvar_value", 0.04)),
    (
        "certificate.rejected",
        logs("tls: failed to verify certificate: x509: certificate signed by unknown authority"),
        logs("x509: certificate loaded"),
    ),
    (
        "webhook.timeout",
        lacking("ReplicaSet", f"{HOOK}context deadline exceeded"),
        lacking("ReplicaSet", f"{HOOK}dial tcp: connect: connection refused"),
    ),
    (
        "webhook.refused",
        lacking("ReplicaSet", f"{HOOK}dial tcp: connect: connection refused"),
        lacking("ReplicaSet", f"{HOOK}connection refused", time=ago(3000)),
    ),
    ("webhook.unserved", webhook("gone"), webhook("api")),
    ("webhook.unserved", webhook("api", ready=False), webhook("gone", policy="Ignore")),
    (
        "api.aggregated-unavailable",
        conditioned("APIService", "v1beta1.metrics.k8s.io", {"type": "Available", "status": "False", "reason": "MissingEndpoints"}),
        conditioned("APIService", "v1beta1.metrics.k8s.io", {"type": "Available", "status": "True"}),
    ),
    ("node.not-ready", node({"type": "Ready", "status": "False", "message": "kubelet not healthy"}), node()),
    (
        "node.kubelet-silent",
        node({"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}),
        node({"type": "Ready", "status": "False"}),
    ),
    (
        "node.runtime",
        node({"type": "Ready", "status": "False", "message": "container runtime is down"}),
        node({"type": "Ready", "status": "True", "message": "container runtime is up"}),
    ),
    *(
        (f"node.{code}", node({"type": kind, "status": "True"}), node({"type": kind, "status": "False"}))
        for code, kind in (
            ("memory-pressure", "MemoryPressure"),
            ("disk-pressure", "DiskPressure"),
            ("pid-pressure", "PIDPressure"),
            ("network-unavailable", "NetworkUnavailable"),
        )
    ),
    ("node.unschedulable", node(spec={"unschedulable": True}), node(spec={"unschedulable": False})),
    (
        "node.system-trouble",
        node().event("SystemOOM", "victim process: app", "Node", "node-1", namespace=""),
        node().event("SystemOOM", "victim", "Node", "node-1", count=1),
    ),
    ("node.memory-busy", node_uses("1", "7900Mi"), node_uses("1", "4Gi")),
    (
        "node.clock-skew",
        node().pod("late-1", {"status": {"startTime": ago(-300)}}),
        node().pod("late-1", {"status": {"startTime": ago(-3)}}),
    ),
    ("node.clock-skew", node().pod("early-1", {"metadata": {"creationTimestamp": ago(600)}, "status": {"startTime": ago(900)}}), node()),
    ("controlplane.leader-lost", logs("E1 leaderelection.go:1] leaderelection lost", times=1), logs("successfully acquired lease shop/op")),
    ("controlplane.etcd-slow", logs('{"msg":"apply request took too long"}'), logs('{"msg":"apply request took too long"}', times=2)),
    (
        "controlplane.client-throttled",
        logs("Waited for 1.2s due to client-side throttling", times=12),
        logs("Waited due to client-side throttling", times=3),
    ),
    (
        "openshift.operator-degraded",
        conditioned("ClusterOperator", "dns", {"type": "Degraded", "status": "True"}),
        conditioned("ClusterOperator", "dns", {"type": "Degraded", "status": "False"}, {"type": "Available", "status": "True"}),
    ),
    (
        "opa.not-ready",
        FakeBundle().document("opa/health.json", {"healthy": False, "reason": "bundles"}),
        FakeBundle().document("opa/health.json", {"healthy": True, "reason": ""}),
    ),
    (
        "opa.conflict",
        decision(
            status="unknown",
            result=None,
            error={"code": "internal_error", "message": "eval_conflict_error: complete rules must not produce multiple outputs"},
        ),
        decision(),
    ),
    ("opa.conflict", decision(status="unknown", result=None, error="eval_conflict_error"), decision(status="unknown", result=None)),
    ("opa.undefined", decision(status="unknown", result=None), decision()),
    ("opa.denied", decision(), decision(timestamp=ago(7200))),
    (
        "opa.bundle-failed",
        logs('{"level":"error","msg":"Bundle load failed: request failed"}', times=1),
        logs('{"msg":"Bundle loaded and activated successfully"}'),
    ),
    (
        "prometheus.target-down",
        FakeBundle().document(
            "prometheus/targets.json",
            {
                "data": {
                    "activeTargets": [{"health": "down", "labels": {"job": "api"}, "lastError": "refused", "scrapeUrl": "http://a/metrics"}]
                }
            },
        ),
        FakeBundle().document("prometheus/targets.json", {"data": {"activeTargets": [{"health": "up", "labels": {"job": "api"}}]}}),
    ),
    (
        "prometheus.rule-failing",
        FakeBundle().document(
            "prometheus/rules.json", {"data": {"groups": [{"rules": [{"name": "A", "health": "err", "lastError": "many-to-many"}]}]}}
        ),
        FakeBundle().document("prometheus/rules.json", {"data": {"groups": [{"rules": [{"name": "A", "health": "ok"}]}]}}),
    ),
    (
        "prometheus.reload-failed",
        FakeBundle().document("prometheus/status.json", {"runtimeinfo": {"reloadConfigSuccess": False}}),
        FakeBundle().document("prometheus/status.json", {"runtimeinfo": {"reloadConfigSuccess": True}}),
    ),
    (
        "config.reload-failed",
        logs("level=error msg='Loading configuration file failed'", times=1),
        logs("Completed loading of configuration file"),
    ),
    ("alertmanager.notify-failed", logs('msg="Notify for alerts failed" num_alerts=1'), logs('msg="Notify for alerts failed"', times=1)),
    ("alert.critical-firing", alert("critical", "active"), alert("critical", "silenced")),
    ("alert.critical-firing", alert("page", "active"), alert("none", "active")),
    ("metric.qek-low", FakeBundle().series("qek_value", 0.9, 0.82), FakeBundle().series("qek_value", 0.82, 0.9)),
    ("metric.hvar-high", FakeBundle().series("hvar_value", 0.12), FakeBundle().series("hvar_value", 0.10)),
    ("metric.ethisches-ideal-low", FakeBundle().series("ethisches_ideal_value", 0.9), FakeBundle().series("ethisches_ideal_value", 0.95)),
    ("metric.symbiosis-low", FakeBundle().series("symbiosis_score", 0.4), FakeBundle().series("symbiosis_score", 0.5)),
    ("metric.missing", FakeBundle().series("qek_value"), FakeBundle().series("qek_value", 0.9)),
    ("bundle.service-unreachable", FakeBundle().without("prometheus"), FakeBundle().without("prometheus", "skipped", "it has no address")),
]


def test_every_shipped_rule_has_a_row() -> None:
    assert {rule.code for rule in RULES} - {row[0] for row in ROWS} == set()
    assert len(RULES) >= 40


@pytest.mark.parametrize(("code", "bad", "near"), ROWS, ids=[f"{number}-{row[0]}" for number, row in enumerate(ROWS)])
def test_a_rule_holds_where_it_should_and_only_there(code: str, bad: FakeBundle, near: FakeBundle) -> None:
    assert code in codes(bad)
    assert code not in codes(near)


def test_a_healthy_pod_and_a_finished_one_are_no_finding() -> None:
    done = {"status": {"phase": "Succeeded"}, "spec": {"restartPolicy": "Never"}}
    ended_well = {"ready": False, "state": {"running": None, "terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": ago(60)}}}
    bundle = FakeBundle().pod().pod("migrate-x2", done, container=ended_well, owner="")
    assert codes(bundle) == set()
