# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daily check on the real cluster: healthy when it is, and each fault told with its status and its reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cluster_lab import NAMESPACE, Lab, Run

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module", autouse=True)
def healthy(lab: Lab) -> Run:
    """Every test starts from a healthy system, so that what it sees is its own fault's."""
    run = lab.health_until(lambda run: run.report is not None and run.report["status"] == "healthy", timeout=120)
    assert run.report is not None, run.output
    assert (run.code, run.report["status"]) == (0, "healthy"), run.output
    return run


@pytest.fixture(scope="module")
def image(lab: Lab) -> str:
    found: str = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


def pod(name: str, image: str, *, memory: str = "32Mi", faults: str = "{}") -> dict[str, Any]:
    """A pod of the stand-in beside the service, that the Service does not select."""
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "FAULTS", "value": faults}],
        "resources": {"limits": {"memory": memory}, "requests": {"cpu": "1m", "memory": "8Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }


def test_the_healthy_system_is_healthy_in_every_part(healthy: Run) -> None:
    assert healthy.report is not None
    statuses = {part["name"]: part["status"] for part in healthy.report["parts"]}
    assert set(statuses) >= {"pods", "workloads", "nodes", "api", "thresholds", "opa", "alerts"}
    assert set(statuses.values()) == {"healthy"}
    assert {metric["name"] for metric in healthy.report["metrics"]} == {"qek", "hvar", "ethisches_ideal", "symbiosis_score"}


def test_a_metric_below_its_limit_is_critical(lab: Lab) -> None:
    with lab.faults(metrics={"qek_value": 0.82}):
        run = lab.health()
    assert run.code != 0
    check = run.check("thresholds", "qek")
    assert check["status"] == "critical"
    assert "0.82" in check["reason"] and "0.85" in check["reason"]


def test_a_metric_between_warning_and_critical_is_a_warning(lab: Lab) -> None:
    with lab.faults(metrics={"hvar_value": 0.09}):
        run = lab.health(parts=["thresholds"])
    assert run.check("thresholds", "hvar")["status"] == "warning"
    assert run.code == 0  # a warning does not fail the run unless fail_on names it


def test_a_missing_metric_is_unknown_and_fails(lab: Lab) -> None:
    with lab.faults(missing=["ethisches_ideal_value"]):
        run = lab.health()
    check = run.check("thresholds", "ethisches_ideal")
    assert check["status"] == "unknown" and check["reason"]
    assert run.part("thresholds")["status"] == "unknown"
    assert run.code != 0


def test_an_api_that_is_down_is_critical_and_hides_nothing_else(lab: Lab) -> None:
    with lab.scaled("deployment/euystacio-api", NAMESPACE, 0, back=3):
        run = lab.health_until(lambda run: run.part("api")["status"] != "healthy")
    assert run.part("api")["status"] == "critical"
    assert run.part("thresholds")["status"] == "unknown"
    assert run.part("nodes")["status"] == "healthy"
    assert run.code != 0


def test_opa_that_is_down_is_told(lab: Lab) -> None:
    with lab.scaled("deployment/opa-peace-bonds", NAMESPACE, 0, back=2):
        run = lab.health_until(lambda run: run.part("opa")["status"] != "healthy")
    assert run.part("opa")["status"] in {"critical", "unknown"}
    assert run.code != 0


def test_opa_that_runs_with_an_undefined_policy_is_not_healthy(lab: Lab, image: str) -> None:
    before = lab.get("configmap", "peace-bonds-policies", "-n", NAMESPACE)
    opa = "deployment/opa-peace-bonds"
    undefined = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "peace-bonds-policies", "namespace": NAMESPACE},
        "data": {"undefined.rego": "package euystacio.peace_bonds\n\nallow if input.nobody_sends_this\n"},
    }
    try:
        lab.kubectl("replace", "-f", "-", given=json.dumps(undefined))
        lab.kubectl("rollout", "restart", opa, "-n", NAMESPACE)
        lab.kubectl("rollout", "status", opa, "-n", NAMESPACE, "--timeout=120s")
        run = lab.health()
    finally:
        for field in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
            before["metadata"].pop(field, None)
        lab.kubectl("replace", "-f", "-", given=json.dumps(before))
        lab.kubectl("rollout", "restart", opa, "-n", NAMESPACE)
        lab.kubectl("rollout", "status", opa, "-n", NAMESPACE, "--timeout=120s")
    assert run.part("opa")["status"] in {"critical", "unknown"}
    assert "undefined" in str(run.part("opa"))
    assert run.part("pods")["status"] == "healthy"  # the pods are Running and Ready: only the question finds it
    assert run.code != 0


def test_a_firing_alert_is_told_by_its_name(lab: Lab) -> None:
    with lab.faults(metrics={"qek_value": 0.82}):
        run = lab.health_until(lambda run: run.part("alerts")["status"] == "critical")
    check = run.check("alerts", "QEKBelowMinimum")
    assert check["status"] == "critical"


def test_a_crash_loop_is_critical_with_its_exit_code(lab: Lab, image: str) -> None:
    with lab.applied(pod("fault-crash", image, faults='{"crash": 3}')):
        run = lab.health_until(lambda run: "CrashLoopBackOff" in str(run.part("pods")))
    check = run.check("pods", "fault-crash")
    assert check["status"] == "critical"
    assert "CrashLoopBackOff" in check["reason"] and "3" in check["reason"]


def test_an_image_that_cannot_be_pulled_is_critical(lab: Lab) -> None:
    with lab.applied(pod("fault-image", "registry.invalid/nothing:1")):
        run = lab.health_until(lambda run: "ImagePull" in str(run.part("pods")) or "ErrImage" in str(run.part("pods")))
    check = run.check("pods", "fault-image")
    assert check["status"] == "critical"
    assert "registry.invalid/nothing:1" in str(check)


def test_an_oom_kill_is_told_though_the_pod_runs_again(lab: Lab, image: str) -> None:
    with lab.applied(pod("fault-oom", image, faults='{"leak_mb_per_second": 60}')):
        run = lab.health_until(lambda run: "OOMKilled" in str(run.part("pods")))
    assert run.check("pods", "fault-oom")["status"] in {"warning", "critical"}
    assert "OOMKilled" in run.check("pods", "fault-oom")["reason"]


def test_a_pod_that_no_node_can_hold_is_told_with_why(lab: Lab, image: str) -> None:
    huge = pod("fault-pending", image)
    huge["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000"}}
    with lab.applied(huge):
        run = lab.health_until(lambda run: "Insufficient cpu" in str(run.part("pods")))
    assert run.check("pods", "fault-pending")["status"] in {"warning", "critical"}
    assert "Insufficient cpu" in run.check("pods", "fault-pending")["reason"]


def test_a_node_that_is_not_ready_is_critical(lab: Lab) -> None:
    lab.lab("fault", lab.name, "kubelet-stop")
    try:
        run = lab.health_until(lambda run: run.part("nodes")["status"] != "healthy")
    finally:
        lab.lab("fault", lab.name, "kubelet-start")
        lab.kubectl("wait", "node", "--all", "--for=condition=Ready", "--timeout=120s")
        lab.kubectl("wait", "pod", "--all", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=120s")
        lab.kubectl("wait", "pod", "--all", "-n", "monitoring", "--for=condition=Ready", "--timeout=120s")
    assert run.part("nodes")["status"] == "critical"
    assert "Ready" in str(run.part("nodes")["checks"])


def test_prometheus_that_is_down_leaves_alerts_unknown_and_never_green(lab: Lab) -> None:
    prometheus = "prometheus/prometheus-operator-kube-p-prometheus"
    lab.kubectl("patch", prometheus, "-n", "monitoring", "--type=merge", "-p", '{"spec":{"replicas":0}}')
    try:
        run = lab.health_until(lambda run: run.part("alerts")["status"] != "healthy")
    finally:
        lab.kubectl("patch", prometheus, "-n", "monitoring", "--type=merge", "-p", '{"spec":{"replicas":1}}')
        lab.health_until(lambda run: run.code == 0, timeout=120)
    assert run.part("alerts")["status"] in {"unknown", "critical"}
    assert run.code != 0
