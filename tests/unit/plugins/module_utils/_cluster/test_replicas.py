# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods behind a Service, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.replicas import replica_endpoints
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError

SERVICE = {"metadata": {"name": "am"}, "spec": {"selector": {"app": "am"}, "ports": [{"name": "web", "port": 9093, "targetPort": "http"}]}}


def pod(name: str, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"app": "am"}, **metadata},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 9094}]}]},
        "status": {"phase": phase},
    }


@pytest.fixture
def cluster(api: Any) -> Cluster:
    api.put("/api/v1/namespaces/m/services/am", SERVICE)
    for one in (pod("am-1"), pod("am-0"), pod("old", "Failed"), pod("going", deletionTimestamp="2026-11-24T00:00:00Z")):
        api.put(f"/api/v1/namespaces/m/pods/{one['metadata']['name']}", one)
    return Cluster(api.server, api.http)


@pytest.mark.parametrize("port", ["9093", "web"])
def test_each_pod_that_runs_has_an_endpoint(cluster: Cluster, api: Any, port: str) -> None:
    found = replica_endpoints(cluster, f"services://m/am:{port}/am/")
    assert [one.address for one in found] == ["pod://m/am-0", "pod://m/am-1"]
    assert found[0].base == f"{api.server}/api/v1/namespaces/m/pods/https:am-0:9094/proxy/am"
    assert replica_endpoints(cluster, f"service://m/am:{port}")[1].base.endswith("/pods/am-1:9094/proxy")


def test_services_without_pods_that_run(cluster: Cluster, api: Any) -> None:
    for name in ("am-0", "am-1"):
        api.remove(f"/api/v1/namespaces/m/pods/{name}")
    with pytest.raises(SalvageError, match="no pod of the Service am in namespace m runs") as caught:
        replica_endpoints(cluster, "service://m/am:9093")
    assert caught.value.reason == "unreachable"
    with pytest.raises(SalvageError, match="has no port 80; it has 9093"):
        replica_endpoints(cluster, "service://m/am:80")
    with pytest.raises(SalvageError, match="is not the address of a service in the cluster"):
        replica_endpoints(cluster, "http://am:9093")
