# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import (
    Selection,
    is_plain_service,
    made_by_service,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.discovery import Resource
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError

FOUND = [
    Resource("", "configmaps", "v1", "ConfigMap", True),
    Resource("", "events", "v1", "Event", True),
    Resource("", "namespaces", "v1", "Namespace", False),
    Resource("", "nodes", "v1", "Node", False),
    Resource("", "secrets", "v1", "Secret", True),
    Resource("apps", "deployments", "v1", "Deployment", True, ("all",)),
    Resource("metrics.k8s.io", "pods", "v1beta1", "PodMetrics", True),
]
SILENT = {"broken.io/v1": "it answered 503", "metrics.k8s.io/v1beta1": "it answered 503"}


def names(selection: Selection) -> list[str]:
    return [resource.full_name for resource in selection.of_found(FOUND, {})[0]]


def test_a_selection_takes_what_it_says() -> None:
    assert names(Selection()) == ["configmaps", "namespaces", "nodes", "secrets", "deployments.apps"]
    assert names(Selection("config")) == ["deployments.apps"]
    assert names(Selection("configmaps")) == ["configmaps"]
    assert names(Selection(include=("secrets", "deployments.apps"))) == ["secrets", "deployments.apps"]
    assert names(Selection(exclude=("nodes", "namespaces"))) == ["configmaps", "secrets", "deployments.apps"]
    assert names(Selection(namespaces=("a",))) == ["configmaps", "namespaces", "secrets", "deployments.apps"]


def test_an_api_version_can_be_excluded_as_a_whole() -> None:
    assert names(Selection(exclude=("apps/v1",))) == ["configmaps", "namespaces", "nodes", "secrets"]
    with pytest.raises(SalvageError, match="neither a kind nor an API version apps/v2"):
        Selection(exclude=("apps/v2",)).of_found(FOUND, SILENT)


def test_what_is_not_there_or_leaves_nothing_is_refused() -> None:
    for selection in [Selection(include=("widgets.example.org",)), Selection(exclude=("widgets",))]:
        with pytest.raises(SalvageError, match="the cluster has no kind widgets"):
            selection.of_found(FOUND, SILENT)
    with pytest.raises(SalvageError, match="nothing is selected"):
        Selection("secrets", exclude=("secrets",)).of_found(FOUND, SILENT)


def test_an_api_that_does_not_answer_is_a_hole_where_it_may_have_what_is_wanted() -> None:
    def holes(selection: Selection) -> list[str]:
        return list(selection.of_found(FOUND, SILENT)[1])

    assert holes(Selection()) == ["broken.io/v1"]
    assert holes(Selection("config")) == ["broken.io/v1"]
    assert holes(Selection(include=("widgets.broken.io", "secrets"))) == ["broken.io/v1"]
    assert holes(Selection(exclude=("widgets.broken.io",))) == ["broken.io/v1"]  # it may have other kinds
    assert holes(Selection(exclude=("broken.io/v1",))) == []
    assert holes(Selection(include=("secrets",))) == []
    assert holes(Selection("secrets")) == []


def test_only_endpoints_that_a_service_makes_anew_are_left_out() -> None:
    slices = Resource("discovery.k8s.io", "endpointslices", "v1", "EndpointSlice", True)
    endpoints = Resource("", "endpoints", "v1", "Endpoints", True)
    managed = "endpointslice.kubernetes.io/managed-by"
    for controller in ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"):
        assert made_by_service(slices, {"metadata": {"labels": {managed: controller}, "ownerReferences": [{"kind": "Service"}]}})
    by_hand = {"labels": {"kubernetes.io/service-name": "db", managed: "network-team"}, "ownerReferences": [{"kind": "Service"}]}
    assert not made_by_service(slices, {"metadata": by_hand})  # its Service has no selector: nobody makes it again
    assert made_by_service(endpoints, {"metadata": {"labels": {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}}})
    assert not made_by_service(endpoints, {"metadata": {"name": "by-hand"}})
    assert not made_by_service(FOUND[0], {"metadata": {"labels": {managed: "endpointslice-controller.k8s.io"}}})


def test_endpoints_of_a_service_that_has_lost_its_selector_are_in_the_backup() -> None:
    slices = Resource("discovery.k8s.io", "endpointslices", "v1", "EndpointSlice", True)
    endpoints, services = Resource("", "endpoints", "v1", "Endpoints", True), Resource("", "services", "v1", "Service", True)
    plain = {("a", "db")}

    def of(name: str, controller: str) -> dict[str, Any]:
        labels = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": f"{controller}.k8s.io"}
        return {"metadata": {"name": f"{name}-1", "namespace": "a", "labels": labels}}

    left = {"metadata": {"name": "db", "namespace": "a", "labels": {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}}}
    assert made_by_service(endpoints, left) and not made_by_service(endpoints, left, plain)
    assert not made_by_service(slices, of("db", "endpointslice-controller"), plain)
    assert made_by_service(slices, of("db", "endpointslicemirroring-controller"), plain)  # of the Endpoints, which are there
    assert made_by_service(slices, of("web", "endpointslice-controller"), plain)
    assert is_plain_service(services, {"spec": {}}) and not is_plain_service(services, {"spec": {"selector": {"app": "x"}}})
    assert not is_plain_service(endpoints, {"spec": {}})
