# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bake's samples come from, and where it sends the traffic back, by what the user gives."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import port_forward as forward
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.options import from_params
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.bake import Sources
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.task import BakeOptions, sources_of, way_back
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.switch import BlueGreen
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.weighted import Weighted

GIVEN: dict[str, Any] = {
    "metrics_port": "8000",
    "metrics_path": "/metrics",
    "request_timeout": 2.0,
    "opa_probes": [],
    "source": "auto",
    "namespace": "a",
    "interval": 1.0,
    "run": "r",
    "colour_key": "version",
    "revert_route": None,
    "revert_service": None,
}


@pytest.fixture
def cluster(web: Any, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Prometheus, which the API server's proxy and a forwarded connection to its pod lead to alike."""
    firing = {"status": "success", "data": {"alerts": [{"state": "firing", "labels": {"alertname": "Low"}}], "result": []}}
    core = "/api/v1/namespaces/m"
    web.answers[f"{core}/services/prometheus"] = {
        "metadata": {"name": "prometheus"},
        "spec": {"selector": {"app": "p"}, "ports": [{"port": 9090}]},
    }
    pod = {"metadata": {"name": "p-0"}, "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    web.answers[f"{core}/pods"] = {"kind": "List", "metadata": {}, "items": [pod]}
    for prefix in ("", f"{core}/services/prometheus:9090/proxy"):
        web.answers[f"{prefix}/api/v1/query"] = web.answers[f"{prefix}/api/v1/alerts"] = firing
    there = urlsplit(web.url)
    monkeypatch.setattr(forward, "_connection", lambda *where: socket.create_connection((there.hostname, there.port)))
    return Cluster(web.url, Http(timeout=2.0))


def sources(given: dict[str, Any], cluster: Cluster) -> Sources:
    return sources_of(from_params(BakeOptions, given), Routes(given, 2.0, cluster=cluster))


@pytest.mark.parametrize("kind", ["http", "service", "forward"])
@pytest.mark.parametrize("source", ["auto", "prometheus"])
def test_prometheus_by_any_address(cluster: Cluster, web: Any, kind: str, source: str) -> None:
    address = web.url if kind == "http" else f"{kind}://m/prometheus:9090"
    found = sources({**GIVEN, "token": "s3cret", "prometheus_url": address, "source": source}, cluster)
    assert found.prometheus is not None
    assert found.prometheus.firing() == [{"alertname": "Low"}]
    # The proxy is the API server's own: a token for the service is none for that.
    assert web.asked[-1].headers.get("authorization") == (None if kind == "service" else ["Bearer s3cret"])


def test_opa_by_a_forwarded_connection(cluster: Cluster, web: Any) -> None:
    web.answers["/v1/data/p/allow"] = {"result": False}
    probes = [{"name": "nobody", "path": "p/allow", "input": {}, "expect": True}]
    asked = {**GIVEN, "opa_probes": probes, "opa_url": "forward://m/prometheus:9090", "prometheus_url": ""}
    policy = sources(asked, cluster).policy
    assert policy is not None
    assert "nobody" in policy.ask().denied[0]
    with pytest.raises(SalvageError, match="is not the path of an OPA rule"):
        sources({**asked, "opa_probes": [{**probes[0], "path": "p//allow"}]}, cluster)


def test_without_prometheus_the_pods_are_asked_but_an_address_that_is_none_is_told(cluster: Cluster, web: Any) -> None:
    web.answers["/api/v1/namespaces/m/pods"] = {"kind": "List", "metadata": {}, "items": []}
    gone = {**GIVEN, "prometheus_url": "forward://m/prometheus:9090"}
    assert sources(gone, cluster).prometheus is None
    weak = sources(gone, cluster).main.weak
    assert weak.startswith("forward://m/prometheus:9090 did not answer at the start: ")
    assert "no pod of the Service prometheus is ready" in weak
    assert "read from the pods themselves" in weak
    with pytest.raises(SalvageError, match="no pod of the Service prometheus is ready"):
        sources({**gone, "source": "prometheus"}, cluster)
    with pytest.raises(SalvageError, match="is not the address of a service"):
        sources({**gone, "prometheus_url": "prometheus"}, cluster)


def test_the_way_back(cluster: Cluster) -> None:
    assert way_back(from_params(BakeOptions, GIVEN), cluster) is None
    assert isinstance(way_back(from_params(BakeOptions, {**GIVEN, "revert_service": "api"}), cluster), BlueGreen)
    route = {"traffic": "route", "name": "api", "backends": {"blue": "b", "green": "g"}}
    assert isinstance(way_back(from_params(BakeOptions, {**GIVEN, "revert_route": route}), cluster), Weighted)
