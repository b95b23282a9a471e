# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import configs, images, manifests, pki, versions
from lab.common import LabError

VALUES = {images.placeholder(name): f"localhost/{name}:v1" for name in versions.load().images} | {
    "CLUSTER_DNS": "10.212.0.10", "CLUSTER_CA": "Y2E=", "OPERATOR_CERTIFICATE": "Yw==", "OPERATOR_KEY": "aw==", "MONITORING_REPLICAS": "2",
}  # fmt: skip


def documents(part: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(manifests.stream(VALUES, part)) if document]


def test_the_parts_hold_all_that_the_lab_promises() -> None:
    system = {(d["kind"], d["metadata"]["name"]) for d in documents(manifests.SYSTEM)}
    assert {("Deployment", "coredns"), ("Deployment", "metrics-server"), ("Service", "kube-dns")} <= system
    rest = {(d["kind"], d["metadata"]["name"]) for d in documents(manifests.REST)}
    assert {
        ("ConfigMap", "peace-bonds-policies"),
        ("Deployment", "euystacio-api"),
        ("HorizontalPodAutoscaler", "euystacio-api-hpa"),
        ("Deployment", "opa-peace-bonds"),
        ("Service", "opa-service"),
        ("Prometheus", "prometheus-operator-kube-p-prometheus"),
        ("Alertmanager", "prometheus-operator-kube-p-alertmanager"),
    } <= rest
    assert not system & rest


def test_every_container_has_an_image_of_the_lab_and_pulls_none() -> None:
    for document in documents(manifests.SYSTEM) + documents(manifests.REST):
        if document["kind"] == "Deployment":
            for container in document["spec"]["template"]["spec"]["containers"]:
                assert container["image"] in VALUES.values()
                assert container["imagePullPolicy"] in ("Never", "IfNotPresent")


def test_policies_come_before_the_pods_that_mount_them_and_without_their_tests() -> None:
    kinds = [(d["kind"], d["metadata"]["name"]) for d in documents(manifests.REST)]
    policies = kinds.index(("ConfigMap", "peace-bonds-policies"))
    assert policies < kinds.index(("Deployment", "opa-peace-bonds"))
    assert not any(name.endswith("_test.rego") for name in documents(manifests.REST)[policies]["data"])


def test_the_admission_comes_after_the_rules_and_has_the_certificate_that_the_api_server_knows() -> None:
    kinds = [document["kind"] for document in documents(manifests.REST)]
    hook = next(document for document in documents(manifests.REST) if document["kind"] == "ValidatingWebhookConfiguration")
    assert max(index for index, kind in enumerate(kinds) if kind == "PrometheusRule") < kinds.index("ValidatingWebhookConfiguration")
    service = hook["webhooks"][0]["clientConfig"]["service"]
    assert f"{service['name']}.{service['namespace']}.svc" in pki.OPERATOR.names
    assert ("Service", service["name"]) in {(document["kind"], document["metadata"]["name"]) for document in documents(manifests.REST)}


def test_the_replicas_of_the_monitoring_are_those_that_were_asked_for() -> None:
    found = {document["kind"]: document["spec"]["replicas"] for document in documents(manifests.REST) if "spec" in document
             and document["kind"] in ("Prometheus", "Alertmanager")}  # fmt: skip
    assert found == {"Prometheus": 2, "Alertmanager": 2}


def test_a_placeholder_that_nobody_knows_is_an_error_that_names_it() -> None:
    with pytest.raises(LabError, match=r"20-x\.yaml uses \$\{IMAGE_NONE\}"):
        manifests.fill("image: ${IMAGE_NONE}", {"IMAGE_OPA": "x"}, "20-x.yaml")


def test_a_checkout_without_policies_has_no_empty_configmap(tmp_path: Path) -> None:
    assert manifests.policies(tmp_path) == []


def _deployment(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "app", "generation": 2}, "spec": {"replicas": 3}, "status": status}


@pytest.mark.parametrize(
    ("kind", "item", "waiting"),
    [
        ("deployments", _deployment(observedGeneration=2, replicas=3, readyReplicas=3, updatedReplicas=3), []),
        ("deployments", _deployment(observedGeneration=1, replicas=3, readyReplicas=3, updatedReplicas=3), ["deployment app"]),
        ("deployments", _deployment(observedGeneration=2, replicas=4, readyReplicas=3, updatedReplicas=3), ["deployment app"]),
        ("deployments", {"metadata": {"name": "app"}}, ["deployment app"]),
        ("prometheuses", {"metadata": {"name": "p"}, "spec": {"replicas": 1}, "status": {"availableReplicas": 1}}, []),
        ("prometheuses", {"metadata": {"name": "p"}, "spec": {"replicas": 1}}, ["prometheus p"]),
        ("pods", {"metadata": {"name": "job"}, "status": {"phase": "Succeeded"}}, []),
        ("pods", {"metadata": {"name": "x"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}, []),
        (
            "pods",
            {"metadata": {"name": "x"}, "status": {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}},
            ["pod x (CrashLoopBackOff)"],
        ),
        ("nodes", {"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, ["node n"]),
        ("apiservices", {"metadata": {"name": "a"}, "status": {"conditions": [{"type": "Available", "status": "True"}]}}, []),
    ],
)
def test_what_is_not_ready_is_named_with_its_reason(kind: str, item: dict[str, Any], waiting: list[str]) -> None:
    assert manifests.unready({kind: [item]}) == waiting


def test_the_pods_of_the_scale_cluster_fit_its_nodes() -> None:
    deployment = configs.kwok_pods(5000)[1]
    assert deployment["spec"]["replicas"] == 5000
    room = int(configs.kwok_node("kwok-000")["status"]["allocatable"]["pods"])
    assert room * 10 >= 5000
    assert json.loads(json.dumps(deployment)) == deployment
