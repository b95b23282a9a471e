# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Monitoring of a test's own: two replicas each of Prometheus and Alertmanager, of the operator or with a ConfigMap, in one namespace."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.replicas import replica_endpoints
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.client import PrometheusApi
from cluster_lab import Lab

LABELS = {"app": "own-prometheus"}
# As the operator has it, but it looks every two seconds: it sees only the first change of a Secret by itself, others after three minutes.
RELOADER = [
    "--listen-address=:8080",
    "--reload-url=http://localhost:9090/-/reload",
    "--config-file=/etc/prometheus/config/prometheus.yaml.gz",
    "--config-envsubst-file=/etc/prometheus/config_out/prometheus.env.yaml",
    "--watched-dir=/etc/prometheus/rules/prometheus-own-rulefiles-0",
    "--watch-interval=2s",
]
# A POST that succeeds, so that it is in the notification log. The watchdog is sent again and again, so its entry expires within seconds;
# that of the other alert stays.
RECEIVED = {
    "route": {
        "receiver": "itself", "group_by": ["from"], "group_wait": "0s", "group_interval": "2s", "repeat_interval": "1s",
        "routes": [{"matchers": ["alertname=OwnLasting"], "repeat_interval": "1h"}],
    },
    "receivers": [{"name": "itself", "webhook_configs": [{"url": "http://localhost:9093/debug/pprof/cmdline"}]}],
}  # fmt: skip
URL = "service://{}/prometheus:9090"
# The Alertmanager of the namespace with the operator's hears from that of the ConfigMap too.
OPERATED, WATCHDOG = "operated-test", "OwnWatchdog"
ALERTMANAGER = f"service://{OPERATED}/alertmanager:9093"
RECEIVERS = [
    {"dns_sd_configs": [{"names": [f"alertmanager-operated.{OPERATED}.svc"], "type": "A", "port": 9093, "refresh_interval": "5s"}]}
]
QUICK = {"startupProbe": {"periodSeconds": 1, "failureThreshold": 120}, "readinessProbe": {"periodSeconds": 1}}


def job(name: str, **more: Any) -> dict[str, Any]:
    """It scrapes the Prometheus that has it."""
    return {"job_name": name, "static_configs": [{"targets": ["localhost:9090"]}], **more}


JOBS = [job("one"), job("two")]
CONFIG = {
    "global": {"scrape_interval": "2s", "evaluation_interval": "2s"}, "scrape_configs": JOBS, "rule_files": ["/etc/prometheus/*.rules"],
    "alerting": {"alertmanagers": RECEIVERS},
}  # fmt: skip


def watchdog(space: str) -> dict[str, Any]:
    """Rules with the alerts that fire always."""
    rules = [{"alert": name, "expr": "vector(1)", "labels": {"from": space}} for name in (WATCHDOG, "OwnLasting")]
    return {"groups": [{"name": "watchdog", "rules": rules}]}


def images(lab: Lab) -> tuple[str, str]:
    found = [
        lab.kubectl("get", kind, "-n", "monitoring", "-o", "jsonpath={.items[0].spec.image}") for kind in ("prometheus", "alertmanager")
    ]
    return found[0], found[1]


def of_operator(lab: Lab, space: str) -> list[dict[str, Any]]:
    """A Prometheus and an Alertmanager of the operator, with the scrape configs in a Secret."""
    prometheus, alertmanager = images(lab)
    both = {"replicas": 2, "imagePullPolicy": "Never", "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 2000}}
    small = {"resources": {"requests": {"cpu": "5m", "memory": "32Mi"}}}
    return [
        {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "more", "namespace": space},
            "stringData": {"jobs.yaml": json.dumps(JOBS)},
        },
        {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alertmanager-own", "namespace": space},
            "stringData": {"alertmanager.yaml": json.dumps(RECEIVED)},
        },
        {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alertmanagers", "namespace": space},
            "stringData": {"all.yaml": json.dumps(RECEIVERS)},
        },
        {
            "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "watchdog", "namespace": space},
            "spec": watchdog(space),
        },
        {
            "apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "metadata": {"name": "own", "namespace": space},
            "spec": {
                **both, **small, "image": prometheus, "version": "v3.5.0", "scrapeInterval": "2s", "evaluationInterval": "2s",
                "ruleSelector": {}, "serviceMonitorSelector": {"matchLabels": {"app": "nobody"}},
                "additionalScrapeConfigs": {"name": "more", "key": "jobs.yaml"},
                "additionalAlertManagerConfigs": {"name": "alertmanagers", "key": "all.yaml"},
                "additionalArgs": [{"name": "rules.alert.resend-delay", "value": "2s"}],
                "containers": [{"name": "prometheus", **QUICK}, {"name": "config-reloader", "args": RELOADER}],
            },
        },
        {
            "apiVersion": "monitoring.coreos.com/v1", "kind": "Alertmanager", "metadata": {"name": "own", "namespace": space},
            "spec": {**both, **small, "image": alertmanager, "version": "v0.25.0",
                     "containers": [{"name": "alertmanager", "readinessProbe": {"initialDelaySeconds": 1, "periodSeconds": 1}}]},
        },
        _service("prometheus", space, {"operator.prometheus.io/name": "own"}, 9090),
        _service("alertmanager", space, {"alertmanager": "own"}, 9093),
    ]  # fmt: skip


def with_config_map(lab: Lab, space: str) -> list[dict[str, Any]]:
    """A StatefulSet of Prometheus as somebody writes it by hand."""
    container = {
        "name": "prometheus", "image": images(lab)[0], "imagePullPolicy": "Never", **QUICK,
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus", "--web.enable-lifecycle",
                 "--rules.alert.resend-delay=2s"],
        "ports": [{"name": "web", "containerPort": 9090}],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/prometheus"}, {"name": "data", "mountPath": "/prometheus"}],
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}},
    }  # fmt: skip
    for probe in ("startupProbe", "readinessProbe"):
        container[probe] = {**QUICK[probe], "httpGet": {"path": "/-/ready", "port": "web"}}
    volumes = [{"name": "config", "configMap": {"name": "prometheus"}}, {"name": "data", "emptyDir": {}}]
    spec = {"containers": [container], "volumes": volumes, "terminationGracePeriodSeconds": 10}
    return [
        {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prometheus", "namespace": space},
            "data": {"prometheus.yml": json.dumps(CONFIG), "watchdog.rules": json.dumps(watchdog(space))},
        },
        {
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "own", "namespace": space},
            "spec": {
                "replicas": 2, "serviceName": "prometheus", "podManagementPolicy": "Parallel", "selector": {"matchLabels": LABELS},
                "template": {"metadata": {"labels": LABELS}, "spec": spec},
            },
        },
        _service("prometheus", space, LABELS, 9090),
    ]  # fmt: skip


def _service(name: str, space: str, selector: dict[str, str], port: int) -> dict[str, Any]:
    spec = {"selector": selector, "ports": [{"name": "web", "port": port, "targetPort": "web"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": space}, "spec": spec}


@contextmanager
def running(lab: Lab, space: str, objects: list[dict[str, Any]]) -> Iterator[Lab]:
    lab.kubectl("delete", "namespace", space, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", space)
    lab.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    services = [one for one in objects if one["kind"] == "Service"]
    deadline = time.monotonic() + 120
    for service in services:
        selector = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
        while lab.kubectl("get", "pods", "-n", space, "-l", selector, "-o", "name").count("pod/") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        lab.kubectl("wait", "pods", "-n", space, "-l", selector, "--for=condition=Ready", "--timeout=120s")
    for one in replicas(lab, space):
        while len(one.query("up == 1")) < len(JOBS):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    yield lab
    lab.kubectl("delete", "namespace", space, "--wait=false")


def replicas(lab: Lab, space: str) -> list[PrometheusApi]:
    routes = Routes({"kubeconfig": str(lab.kubeconfig)}, 5.0)
    return [PrometheusApi(one) for one in replica_endpoints(routes.cluster, URL.format(space))]


def longest_gap(lab: Lab, space: str, since: float) -> float:
    """The longest time since then (unix seconds) in which no replica had a target that was up."""
    times = [since, time.time()]
    for one in replicas(lab, space):
        for series in one.query("up[30m]"):
            times += [at for at, value in series.series if value == 1 and at > since]
    times.sort()
    return max(later - earlier for earlier, later in pairwise(times))
