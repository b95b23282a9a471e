# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.ready import is_watched, served, unready

HOOK, AGGREGATED = "admissionregistration.k8s.io/v1", "apiregistration.k8s.io/v1"
CRD = "apiextensions.k8s.io/v1"
CONVERTS = {"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"service": {"name": "s", "namespace": "a"}}}}}
INJECTED = {"annotations": {"cert-manager.io/inject-ca-from": "a/c"}}


def make(kind: str, version: str = "apps/v1", **content: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, **content}


def having(kind: str, status: str = "True") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status}]}


@pytest.mark.parametrize(
    ("obj", "lacks"),
    [
        (make("Deployment", spec={"replicas": 2}, status={"availableReplicas": 2}), ""),
        (make("Deployment", spec={"replicas": 2}, status={"availableReplicas": 1}), "1 of 2 replicas are available"),
        (make("Deployment", spec={"replicas": 0}), ""),
        (make("Deployment", spec={"replicas": 1, "paused": True}), "resume it"),
        (make("Deployment", spec={"replicas": 1, "paused": True}, status={"availableReplicas": 1}), ""),
        (make("StatefulSet", spec={}), "0 of 1 replicas are available"),
        (make("StatefulSet", metadata={"name": "x", "generation": 2}, status={"observedGeneration": 1}), "has not seen it yet"),
        (make("DaemonSet", status={"desiredNumberScheduled": 3, "numberAvailable": 3}), ""),
        (make("DaemonSet", status={"desiredNumberScheduled": 3, "numberAvailable": 2}), "2 of 3 replicas are available"),
        (make("ReplicaSet", spec={"replicas": 2}, status={"availableReplicas": 1}), "1 of 2 replicas are available"),
        (make("ReplicationController", "v1", spec={"replicas": 1}, status={"availableReplicas": 1}), ""),
        (make("CustomResourceDefinition", CRD, metadata=INJECTED, spec=CONVERTS), "nobody has filled in its caBundle"),
        (make("CustomResourceDefinition", CRD, metadata=INJECTED, spec={"conversion": {"strategy": "None"}}), ""),
        (make("CustomResourceDefinition", CRD, spec=CONVERTS), ""),
        (make("Pod", "v1", status={"phase": "Running", **having("Ready")}), ""),
        (make("Pod", "v1", status={"phase": "Running", **having("Ready", "False")}), "it is Running and not ready"),
        (make("Pod", "v1", status={"phase": "Succeeded"}), ""),
        (make("Pod", "v1"), "it is not scheduled and not ready"),
        (make("APIService", AGGREGATED, status=having("Available")), ""),
        (make("APIService", AGGREGATED, status=having("Available", "False")), "it is not available"),
        (make("MutatingWebhookConfiguration", HOOK, webhooks=[{"clientConfig": {}}]), ""),
        (
            make("MutatingWebhookConfiguration", HOOK, metadata=INJECTED, webhooks=[{"clientConfig": {}}]),
            "nobody has filled in its caBundle",
        ),
        (make("MutatingWebhookConfiguration", HOOK, metadata=INJECTED, webhooks=[{"clientConfig": {"caBundle": "Q0E="}}]), ""),
    ],
)
def test_what_it_still_lacks_is_said(obj: dict[str, Any], lacks: str) -> None:
    found = unready(obj)
    assert lacks in found
    assert bool(found) == bool(lacks)


def test_only_a_ready_endpoint_of_the_service_itself_serves() -> None:
    def slice_of(service: str, **endpoint: Any) -> dict[str, Any]:
        return {"metadata": {"labels": {"kubernetes.io/service-name": service}}, "endpoints": [endpoint]}

    assert served([slice_of("web", addresses=["10.0.0.1"])], "web")  # who does not say that it is not ready, is
    assert not served([slice_of("web", addresses=["10.0.0.1"], conditions={"ready": False})], "web")
    assert not served([slice_of("web", addresses=[])], "web")
    assert not served([slice_of("other", addresses=["10.0.0.1"]), {"metadata": {}}], "web")


def test_what_takes_a_while_to_serve_is_waited_for() -> None:
    crd = "CustomResourceDefinition.apiextensions.k8s.io"
    for kind in ("Deployment.apps", "ReplicaSet.apps", "ReplicationController", "Pod", "APIService.apiregistration.k8s.io"):
        assert is_watched(kind, dict)
    assert not is_watched("ConfigMap", dict)
    assert is_watched(crd, lambda: make("CustomResourceDefinition", CRD, metadata=INJECTED, spec=CONVERTS))
    assert not is_watched(crd, lambda: make("CustomResourceDefinition", CRD, spec=CONVERTS))
