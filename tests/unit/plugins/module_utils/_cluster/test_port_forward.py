# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarded connections: to which pod they lead, and that the request arrives as it was sent."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import port_forward as forward
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError

SERVICE = {
    "metadata": {"name": "opa"},
    "spec": {"selector": {"app": "opa"}, "ports": [{"name": "web", "port": 80, "targetPort": "http"}, {"port": 9090}]},
}


def pod(name: str, *, ready: bool = True, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"app": "opa"}, **metadata},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8181}]}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


PODS = [pod("z"), pod("b", ready=False), pod("a", deletionTimestamp="2026-11-24T00:00:00Z")]


@pytest.mark.parametrize(("port", "number"), [("80", 8181), ("web", 8181), ("9090", 9090)])
def test_the_ready_pod_and_its_port(port: str, number: int) -> None:
    assert forward.pod_behind(SERVICE, port, PODS) == ("z", number)


def test_what_can_not_be_forwarded_is_said() -> None:
    with pytest.raises(SalvageError, match="has no port 81; it has 80, 9090"):
        forward.pod_behind(SERVICE, "81", PODS)
    with pytest.raises(SalvageError, match="no pod of the Service opa is ready"):
        forward.pod_behind(SERVICE, "80", PODS[1:])
    bare = {**pod("z"), "spec": {"containers": []}}
    with pytest.raises(SalvageError, match="pod z has no port 'http'"):
        forward.pod_behind(SERVICE, "80", [bare])


@pytest.fixture
def routes(api: Any, web: Any, monkeypatch: pytest.MonkeyPatch) -> Routes:
    api.put("/api/v1/namespaces/a/services/opa", SERVICE)
    api.put("/api/v1/namespaces/a/services/outside", {"metadata": {"name": "outside"}, "spec": {"ports": [{"port": 80}]}})
    api.put("/api/v1/namespaces/a/pods/z", pod("z"))
    there = urlsplit(web.url)

    def connection(login: Any, namespace: str, name: str, port: int, seconds: float) -> socket.socket:
        assert (namespace, name, port) == ("a", "z", 8181)
        return socket.create_connection((there.hostname, there.port))

    monkeypatch.setattr(forward, "_connection", connection)
    return Routes({"opa_token": "s3cret", "host": api.server, "api_key": "t"}, 2.0, prefix="opa_", cluster=Cluster(api.server, api.http))


def test_the_token_arrives(routes: Routes, web: Any) -> None:
    web.answers["/v1/health"] = {}
    endpoint = routes.open("forward://a/opa:80/v1")
    assert endpoint.address == "forward://a/opa:80/v1"
    assert endpoint.get("/health").status == 200
    assert web.asked[0].headers["authorization"] == ["Bearer s3cret"]
    assert web.asked[0].headers["host"] == ["opa.a.svc:8181"]


def test_addresses_that_lead_nowhere(routes: Routes) -> None:
    with pytest.raises(SalvageError, match="is not the address of a service; write forward://namespace/name:port"):
        routes.open("forward://a/opa")
    with pytest.raises(SalvageError, match="selects no pods"):
        routes.open("forward://a/outside:80")
    with pytest.raises(SalvageError) as caught:
        routes.open("forward://a/nothing:80")
    assert caught.value.reason == "not_found"
