# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service with monitoring of its own in one namespace. Alertmanager posts to a port of this machine."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import yaml
from alert_source import TOKEN
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout import task as rollout
from cluster_lab import CHECKOUT, NAMESPACE, Lab
from own_prometheus import images

API, OPA, FILES = "euystacio-api", "opa-peace-bonds", "textfiles"
RULES = {
    "QEKBelowMinimum": ("min by (namespace) (qek_value) < 0.85", "2s"),
    "HVARExceededMaximum": ("max by (namespace) (hvar_value) > 0.10", "2s"),
    "SymbiosisScoreBelowMinimum": ("min by (namespace) (symbiosis_score) < 0.5", "2s"),
    "EthischesIdealBelowMinimum": ("min by (namespace) (ethisches_ideal_value) < 0.95", "2s"),
    "PeaceBondsPolicyViolation": ("max by (namespace) (peace_bonds_violations_total) > 5", "0s"),
    "EuystacioApiDown": (f'max by (namespace, service) (up{{service="{API}"}}) == 0', "5s"),
    "OPADown": ('absent(up{service="opa-service"} == 1)', "5s"),
    "PrometheusTargetDown": (f'up{{service!~"{API}|opa-service"}} == 0', "2s"),
    "BackupTooOld": ("time() - max by (cluster) (meta_salvage_backup_created_timestamp_seconds) > 93600", "0s"),
    "HighCPUUsage": ("max by (namespace, pod) (rate(process_cpu_seconds_total[20s])) / 0.05 > 0.8", "5s"),
    # Higher than the limit of the response: a process counts more memory as its own than its container does, and the kubelet counts later.
    "HighMemoryUsage": ("max by (namespace, pod) (process_resident_memory_bytes) / (64 * 1024 ^ 2) > 0.95", "0s"),
}


def this_machine(lab: Lab) -> str:
    """Its address as the pods of the lab reach it."""
    server = urlsplit(json.loads(lab.kubectl("config", "view", "--raw", "-o", "json"))["clusters"][0]["cluster"]["server"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((str(server.hostname), server.port or 443))
        return str(probe.getsockname()[0])


def rules(space: str) -> dict[str, Any]:
    listed = [
        {
            "alert": name, "expr": expr, "for": hold, "labels": {"severity": "critical", "namespace": space, "cluster": "lab"},
            "annotations": {"summary": f"{name}: {{{{ $value }}}}"},
        }
        for name, (expr, hold) in RULES.items()
    ]  # fmt: skip
    return {"groups": [{"name": "game-day", "interval": "1s", "rules": listed}]}


def monitoring(space: str, federate: str) -> dict[str, Any]:
    relabel = [
        {"source_labels": ["__meta_kubernetes_pod_label_scrape"], "regex": "yes", "action": "keep"},
        {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": "http|metrics", "action": "keep"},
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
        {"source_labels": ["__meta_kubernetes_pod_label_service"], "target_label": "service"},
    ]
    pods = {
        "job_name": "pods", "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [space]}}], "relabel_configs": relabel,
    }  # fmt: skip
    kubelet = {
        "job_name": "kubelet", "metrics_path": "/federate", "honor_labels": True, "scrape_interval": "5s",
        "params": {"match[]": [f'{{__name__=~"container_.*",namespace="{space}"}}']},
        "static_configs": [{"targets": [federate], "labels": {"service": API}}],
    }  # fmt: skip
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]},
        "scrape_configs": [pods, kubelet],
    }


def receivers(url: str) -> dict[str, Any]:
    """As it is shipped, with the address and the token of the test."""
    config: dict[str, Any] = yaml.safe_load((CHECKOUT / "extensions/eda/alertmanager.yaml").read_text())
    config["route"]["routes"][0]["group_interval"] = "2s"
    (webhook,) = config["receivers"][1]["webhook_configs"]
    webhook["url"] = f"{url}/alerts"
    webhook["http_config"] = {"follow_redirects": False, "authorization": {"type": "Bearer", "credentials": TOKEN}}
    return config


def objects(lab: Lab, space: str, url: str) -> list[dict[str, Any]]:
    prometheus, alertmanager = images(lab)
    standin = str(lab.get("deployment", API, "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"])
    red_code = (CHECKOUT / "lab/standin/red_code.json").read_text()

    def made(kind: str, version: str, name: str, **rest: Any) -> dict[str, Any]:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": space, "labels": {"app": name}}, **rest}

    def pods(
        name: str,
        image: str,
        port: int,
        *,
        replicas: int | None = 1,
        volumes: Any = (),
        service: str = "",
        account: str = "",
        called: str = "",
        **container: Any,
    ) -> dict[str, Any]:
        labels = {"app": name, **({"scrape": "yes", "service": service} if service else {})}
        inside = {
            "name": called or name, "image": image, "imagePullPolicy": "Never", "ports": [{"name": "http", "containerPort": port}],
            "volumeMounts": [{"name": one["name"], "mountPath": f"/{one['name']}"} for one in volumes],
            "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}}, **container,
        }  # fmt: skip
        spec = {"terminationGracePeriodSeconds": 1, "containers": [inside], "volumes": list(volumes)}
        if account:
            spec |= {"serviceAccountName": account}
        return made("Deployment", "apps/v1", name, spec={
            **({} if replicas is None else {"replicas": replicas}), "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        })  # fmt: skip

    def service(name: str, app: str, port: int) -> dict[str, Any]:
        return made("Service", "v1", name, spec={"selector": {"app": app}, "ports": [{"name": "http", "port": port, "targetPort": "http"}]})

    def config(called: str, texts: dict[str, str]) -> dict[str, Any]:
        return made("ConfigMap", "v1", called, data=texts)

    ready = {"readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1}}
    waiting = {"readinessProbe": {"httpGet": {"path": "/-/ready", "port": "http"}, "periodSeconds": 1}}
    up = {"limits": {"cpu": "50m", "memory": "64Mi"}, "requests": {"cpu": "5m", "memory": "16Mi"}}
    faults = {"name": "faults", "configMap": {"name": "euystacio-faults", "optional": True}}
    federate = "prometheus-operator-kube-p-prometheus.monitoring:9090"
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 5000}}}
    role = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]}
    uid = lab.get("namespace", "kube-system")["metadata"]["uid"]
    return [
        config("meta-salvage-cluster", {"name": "game-day-lab", "environment": "lab", "uid": uid}),
        config("euystacio-red-code", {"red_code.json": red_code}),
        config("prometheus", {"prometheus.yml": json.dumps(monitoring(space, federate)), "rules.yml": json.dumps(rules(space))}),
        config("alertmanager", {"alertmanager.yml": json.dumps(receivers(url))}),
        made("ServiceAccount", "v1", "prometheus"),
        made("Role", "rbac.authorization.k8s.io/v1", "prometheus", **role),
        made("RoleBinding", "rbac.authorization.k8s.io/v1", "prometheus",
             roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "prometheus"},
             subjects=[{"kind": "ServiceAccount", "name": "prometheus", "namespace": space}]),
        pods(API, standin, 8000, replicas=2, service=API, resources=up, **ready,
             volumes=[{"name": "config", "configMap": {"name": "euystacio-red-code"}}, faults],
             env=[{"name": "RED_CODE", "value": "/config/red_code.json"}, {"name": "FAULTS_FILE", "value": "/faults/faults.json"}]),
        pods(OPA, standin, 8000, replicas=None, service="opa-service", called="opa", resources=up, **ready),
        pods(FILES, standin, 9100, service=FILES, args=["textfile"],
             volumes=[{"name": "textfiles", "configMap": {"name": "textfiles", "optional": True}}]),
        pods("prometheus", prometheus, 9090, account="prometheus", volumes=[{"name": "config", "configMap": {"name": "prometheus"}}],
             args=["--config.file=/config/prometheus.yml", "--storage.tsdb.path=/tmp/data"], **waiting),
        pods("alertmanager", alertmanager, 9093, volumes=[{"name": "config", "configMap": {"name": "alertmanager"}}],
             args=["--config.file=/config/alertmanager.yml", "--storage.path=/tmp", "--cluster.listen-address="], **waiting),
        service(API, API, 8000), service("opa-service", OPA, 8181), service("prometheus", "prometheus", 9090),
        service("alertmanager", "alertmanager", 9093),
        made("PodDisruptionBudget", "policy/v1", API, spec={"minAvailable": 1, "selector": {"matchLabels": {"app": API}}}),
        made("HorizontalPodAutoscaler", "autoscaling/v2", API, spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": API},
            "minReplicas": 2, "maxReplicas": 2, "metrics": [cpu]}),
    ]  # fmt: skip


@contextmanager
def game_day_site(lab: Lab, space: str, url: str) -> Iterator[None]:
    lab.kubectl("delete", "namespace", space, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", space)
    items = objects(lab, space, url)
    # Without validation, for which kubectl would read the whole schema of the cluster first.
    lab.kubectl("apply", "--validate=false", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    for one in items:
        if one["kind"] == "Deployment":
            lab.kubectl("rollout", "status", f"deployment/{one['metadata']['name']}", "-n", space, "--timeout=180s")
    options = {"kubeconfig": str(lab.kubeconfig), "name": API, "namespace": space, "progress_path": None}
    proven = rollout.run({**options, "state": "complete", "record": "passed", "run": space}, check_mode=False)
    assert proven["changed"], proven
    yield
    lab.kubectl("delete", "namespace", space, "--wait=false")
