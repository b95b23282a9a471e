# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.discovery import Resource
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.model import Item, Manifest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.whole_set import items_of

KINDS = {
    ("v1", "Namespace"): Resource("", "namespaces", "v1", "Namespace", namespaced=False),
    **{
        ("v1", kind): Resource("", f"{kind.lower()}s", "v1", kind, namespaced=True)
        for kind in ("ConfigMap", "Secret", "ServiceAccount", "Service", "Pod")
    },
    ("apps/v1", "Deployment"): Resource("apps", "deployments", "v1", "Deployment", namespaced=True),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): Resource(
        "apiextensions.k8s.io", "customresourcedefinitions", "v1", "CustomResourceDefinition", namespaced=False
    ),
}
WIDGETS = {"group": "example.org", "names": {"kind": "Widget", "plural": "widgets"}, "scope": "Namespaced"}


def manifest(kind: str, name: str = "a", api_version: str = "v1", **more: Any) -> Manifest:
    metadata = {"name": name, **more.pop("metadata", {})}
    return Manifest({"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}, f"{kind}.yaml, line 1")


def items(*manifests: Manifest) -> list[Item]:
    return items_of(manifests, KINDS, "here")


def test_the_order_is_the_one_of_helm_with_definitions_first() -> None:
    found = items(
        manifest("Widget", api_version="example.org/v1"),
        manifest("Deployment", api_version="apps/v1"),
        manifest("Pod"),
        manifest("Service"),
        manifest("ConfigMap"),
        manifest("Secret"),
        manifest("ServiceAccount"),
        manifest("CustomResourceDefinition", "widgets.example.org", "apiextensions.k8s.io/v1", spec=WIDGETS),
        manifest("Namespace"),
    )
    assert [item.id.kind for item in found] == [
        *("Namespace", "CustomResourceDefinition", "ServiceAccount", "ConfigMap", "Secret", "Service", "Deployment", "Pod", "Widget"),
    ]


def test_objects_of_one_rank_stay_in_their_order() -> None:
    assert [item.id.name for item in items(*(manifest("ConfigMap", name) for name in "cab"))] == ["c", "a", "b"]


def test_objects_without_a_namespace_get_the_default_one_and_cluster_wide_ones_none() -> None:
    found = items(
        manifest("ConfigMap"), manifest("ConfigMap", metadata={"namespace": "there"}), manifest("Namespace", metadata={"namespace": "x"})
    )
    assert [item.id.namespace for item in found] == ["", "here", "there"]
    assert [item.document["metadata"].get("namespace") for item in found] == [None, "here", "there"]


def test_an_object_that_stands_twice_is_refused_with_both_places() -> None:
    twice = (manifest("ConfigMap"), manifest("Secret"), manifest("ConfigMap", metadata={"namespace": "here"}))
    with pytest.raises(SalvageError, match=r"ConfigMap here/a is in the manifests twice, in ConfigMap.yaml, line 1 and in ConfigMap.yaml"):
        items(*twice)


def test_a_kind_that_nobody_has_is_refused_and_one_that_the_set_defines_is_not() -> None:
    with pytest.raises(SalvageError, match=r"the cluster has no kind Widget in example\.org/v1") as error:
        items(manifest("Widget", api_version="example.org/v1"))
    assert error.value.reason == "not_found"
    definition = manifest("CustomResourceDefinition", "widgets.example.org", "apiextensions.k8s.io/v1", spec=WIDGETS)
    found = items(manifest("Widget", api_version="example.org/v1"), definition)
    assert (found[1].resource, found[1].id.namespace) == (None, "here")
    cluster_wide = manifest("CustomResourceDefinition", "w", "apiextensions.k8s.io/v1", spec={**WIDGETS, "scope": "Cluster"})
    assert items(manifest("Widget", api_version="example.org/v1"), cluster_wide)[1].id.namespace == ""
