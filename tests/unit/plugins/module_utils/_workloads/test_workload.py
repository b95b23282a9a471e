# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.workload import configs_of, path_of, pods_of, selector_of


def test_pods_of_another_workload_with_the_same_labels_are_not_ours(shapes: Any) -> None:
    keepers = [shapes.replicaset(1, shapes.template()), shapes.replicaset(2, shapes.template(), owner="uid-other")]
    pods = [shapes.pod("mine", 1), shapes.pod("theirs", 2)]
    assert [pod["metadata"]["name"] for pod in pods_of("Deployment", shapes.deployment(), keepers, pods)] == ["mine"]


def test_every_way_to_read_a_config() -> None:
    template = {
        "spec": {
            "initContainers": [{"envFrom": [{"configMapRef": {"name": "init"}}]}],
            "containers": [
                {
                    "envFrom": [{"secretRef": {"name": "env-secret"}}, {"configMapRef": {"name": "init"}}],
                    "env": [
                        {"name": "A", "value": "1"},
                        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "key", "key": "x"}}},
                        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "key-secret", "key": "x"}}},
                    ],
                }
            ],
            "volumes": [
                {"name": "v", "configMap": {"name": "volume"}},
                {"name": "s", "secret": {"secretName": "volume-secret"}},
                {"name": "p", "projected": {"sources": [{"configMap": {"name": "projected"}}, {"secret": {"name": "projected-secret"}}]}},
                {"name": "e", "emptyDir": {}},
            ],
        }
    }
    assert sorted(configs_of(template)) == [
        ("ConfigMap", "init"),
        ("ConfigMap", "key"),
        ("ConfigMap", "projected"),
        ("ConfigMap", "volume"),
        ("Secret", "env-secret"),
        ("Secret", "key-secret"),
        ("Secret", "projected-secret"),
        ("Secret", "volume-secret"),
    ]


def test_selectors_as_queries() -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "DoesNotExist"},
        {"key": "new", "operator": "Exists"},
        {"key": "x", "operator": "NotIn", "values": ["y"]},
    ]
    workload = {"spec": {"selector": {"matchLabels": {"app": "api"}, "matchExpressions": expressions}}}
    assert selector_of(workload) == "app=api,tier in (a,b),!old,new,x notin (y)"


def test_paths() -> None:
    assert path_of("EndpointSlice", "a") == "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices"
    assert path_of("ConfigMap", "a", "c") == "/api/v1/namespaces/a/configmaps/c"
