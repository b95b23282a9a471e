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
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake import task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.bake import Sources
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.journey import ServiceRequest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.journey_steps import Asked
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.task import (
    BakeOptions,
    before_change,
    service_of,
    sources_of,
    way_back,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.switch import BlueGreen
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.weighted import Weighted
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload

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


CORE = "/api/v1/namespaces/a"
THROUGH = f"{CORE}/services/api:http/proxy/health"


@pytest.fixture
def workload(api: Any, shapes: Any) -> Workload:
    template = shapes.template()
    template["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 8000}]
    api.put("/apis/apps/v1/namespaces/a/deployments/api", shapes.deployment(template))
    port = {"name": "http", "port": 80, "targetPort": "http"}
    api.put(f"{CORE}/services/api", {"spec": {"selector": {"app": "api"}, "ports": [port]}})
    api.answers[THROUGH] = lambda: (200, "application/json", '{"status": "healthy"}')
    return Workload(api, "Deployment", "a", "api")


def down() -> tuple[int, str, str]:
    return 503, "application/json", '{"kind":"Status","message":"no endpoints available for service"}'


def test_before_a_change_its_service_is_asked_and_a_missing_permission_is_an_error(workload: Workload, api: Any) -> None:
    assert before_change(Asked(), workload) == {"api:http": "ok"}
    api.answers[THROUGH] = down
    assert before_change(Asked(), workload) == {"api:http": "down"}
    assert before_change(Asked(before={"api:http": "ok", "gone:http": "ok"}), workload) == {"api:http": "ok"}
    api.answers[THROUGH] = lambda: (403, "application/json", '{"kind":"Status","message":"services is forbidden"}')
    with pytest.raises(SalvageError, match="can't be asked, so a change of it could not be watched: the API server answered 403"):
        before_change(Asked(), workload)
    api.answers[f"{CORE}/services"] = api.answers[THROUGH]
    with pytest.raises(SalvageError, match="answered 403"):
        before_change(Asked(), workload)
    assert "can't be read" in service_of(Asked(), workload).doubt


def test_own_steps_may_go_through_a_service_that_the_change_brings(workload: Workload, api: Any) -> None:
    api.remove(f"{CORE}/services/api")
    step = ServiceRequest("", "POST", "/api")
    assert before_change(Asked((step,)), workload) == {}
    with pytest.raises(SalvageError, match="no Service selects the pods of api"):
        service_of(Asked((step,)), workload)
    assert api.writes == []


@pytest.mark.parametrize("name", ["App", "a:b:c", "a:", ":80", "a b", "https://a", "service://a/b:80"])
def test_a_service_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(SalvageError, match="is not NAME or NAME:PORT of a Service"):
        from_params(BakeOptions, {**GIVEN, "journey_service": name}).asked({})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"thresholds": {}}, "thresholds|metric"),
        ({"journey": [{"path": "no-slash"}]}, "no-slash"),
        ({"journey_service": "UPPER case"}, "journey_service"),
    ],
)
def test_check_mode_refuses_settings_that_would_end_the_watch_of_a_change(web: Any, wrong: dict[str, Any], words: str) -> None:
    params = {**GIVEN, "name": "app", "host": web.url, "api_key": "login", "prometheus_url": "", "progress_path": None}
    assert task.run(params, check_mode=True)["verdict"] == "unknown"
    with pytest.raises(SalvageError, match=words) as caught:
        task.run({**params, **wrong}, check_mode=True)
    assert caught.value.reason == "bad_input"


def test_a_step_by_its_options() -> None:
    given = {"path": "/api", "method": "POST", "headers": {"X-Count": 1}, "expect": [201, 202], "contains": "x", "timeout": 2.0}
    asked = from_params(BakeOptions, {**GIVEN, "journey": [given], "journey_service": "app:http"}).asked({})
    wanted = ServiceRequest("", "POST", "/api", {"X-Count": "1"}, expect=frozenset({201, 202}), contains="x", timeout=2.0)
    assert asked == Asked((wanted,), "app:http")
