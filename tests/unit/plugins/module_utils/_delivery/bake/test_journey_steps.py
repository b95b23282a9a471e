# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Services lead to the workload."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.journey import ServiceRequest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.journey_steps import (
    NOWHERE,
    SWITCHED_OFF,
    Asked,
    journey_of,
    still_there,
)

HTTP = {"name": "http", "port": 80, "targetPort": "http"}
WORKLOAD: dict[str, Any] = {
    "metadata": {"name": "app"},
    "spec": {
        "template": {
            "metadata": {"labels": {"app": "app", "version": "blue"}},
            "spec": {
                "containers": [{"name": "api", "ports": [{"name": "http", "containerPort": 8000}, {"name": "db", "containerPort": 5432}]}]
            },
        }
    },
}


def service(name: str = "app", *ports: dict[str, Any], selector: Any = "own") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": "app"} if selector == "own" else selector, "ports": list(ports)}}


def default(*services: dict[str, Any], **asked: Any) -> list[tuple[str, bool]]:
    """(through, whether it must be healthy)"""
    return [(step.service, step.healthy) for step in journey_of(Asked(**asked), WORKLOAD, list(services)).steps]


@pytest.mark.parametrize(
    ("port", "steps"),
    [
        (HTTP, [("app:http", True)]),
        ({"port": 8000}, [("app:8000", True)]),
        ({"port": 80, "targetPort": 8000}, [("app:80", True)]),
        ({"port": 80, "targetPort": 8999}, [("app:80", False)]),  # the pods have no such port: it must at least answer
        ({"port": 80, "targetPort": "htttp"}, [("app:80", False)]),
        ({"port": 5432}, []),  # another port of the pods, which speaks what it speaks
        ({"port": 8000, "protocol": "UDP"}, []),
        ({"port": 8000, "protocol": "SCTP"}, []),
    ],
)
def test_the_default_goes_through_the_ports_that_lead_to_the_health_port(port: dict[str, Any], steps: list[tuple[str, bool]]) -> None:
    assert default(service("app", port)) == steps


@pytest.mark.parametrize("selector", [None, {}, {"app": "other"}, {"app": "app", "version": "green"}])
def test_a_service_of_other_pods_is_not_asked(selector: Any) -> None:
    found = journey_of(Asked(), WORKLOAD, [service("app", HTTP, selector=selector)])
    assert found.steps == ()
    assert found.without == NOWHERE


def test_every_service_and_port_that_leads_there_is_asked() -> None:
    dual = [{"name": "udp", "port": 80, "protocol": "UDP"}, HTTP, {"name": "alt", "port": 8080, "targetPort": 8000}]
    assert default(service("app", *dual), service("app-internal", HTTP)) == [
        ("app:http", True), ("app:alt", True), ("app-internal:http", True),
    ]  # fmt: skip


def test_a_port_that_led_there_before_is_asked_wherever_it_leads_now() -> None:
    before = {"app:http": "ok", "app:extra": "any: down"}
    lost = {**HTTP, "targetPort": 5432}
    extra = {"name": "extra", "port": 9000}
    assert default(service("app", lost, extra), before=before) == [("app:http", True)]
    assert default(service("app", HTTP, selector={"app": "nobody"}), before=before) == [("app:http", True)]
    assert default(before=before) == [("app:http", True)]  # the Service is gone
    assert default(before={"app:http": "down"}) == []
    assert still_there(before, WORKLOAD, [service("app", HTTP)]) == {"app:http": "ok"}
    assert still_there(before, WORKLOAD, [service("app", HTTP, selector={"app": "nobody"})]) == {}


def test_a_service_that_selects_other_pods_now_proves_nothing() -> None:
    other = service("app", HTTP, selector={"app": "worker"})
    found = journey_of(Asked(before={"app:http": "ok"}), WORKLOAD, [other])
    assert found.doubt == "the Service app no longer selects the pods of app"
    assert journey_of(Asked(before={"app:http": "ok"}), WORKLOAD, [service("app", HTTP)]).doubt == ""
    assert journey_of(Asked(before={"app:http": "ok"}, service="app"), WORKLOAD, [other]).doubt == ""  # the user says so
    assert journey_of(Asked(before={"app:http": "down"}), WORKLOAD, [other]).doubt == ""


def test_a_named_service_is_the_only_one() -> None:
    both = [service("app", HTTP), service("app-internal", HTTP, {"name": "db", "port": 5432})]
    assert default(*both, service="app-internal", before={"app:http": "ok"}) == [("app-internal:http", True)]
    assert default(*both, service="app-internal:5432") == [("app-internal:db", True)]
    assert default(*both, service="gone") == [("gone:8000", True)]
    assert default(*both, service="gone:web") == [("gone:web", True)]


def test_without_a_health_path_there_is_no_default() -> None:
    assert journey_of(Asked(health_path=""), WORKLOAD, [service("app", HTTP)]).without == SWITCHED_OFF


STEP = ServiceRequest("", path="/api")


@pytest.mark.parametrize(
    ("services", "asked", "through"),
    [
        ([service("app", HTTP)], "", "app:http"),
        ([service("app", {"name": "db", "port": 5432}, HTTP)], "", "app:http"),
        ([service("app", {"name": "db", "port": 5432})], "", "app:db"),
        ([service("a", HTTP), service("app", HTTP)], "", "app:http"),
        ([service("a", HTTP), service("b", HTTP)], "b", "b:http"),
        ([service("a", HTTP, {"name": "db", "port": 5432})], "a:db", "a:db"),
        ([service("x", HTTP, selector={"app": "nobody"})], "x:80", "x:http"),
    ],
)
def test_own_steps_go_through_one_service(services: list[dict[str, Any]], asked: str, through: str) -> None:
    found = journey_of(Asked((STEP, replace(STEP, method="POST")), asked), WORKLOAD, services)
    assert [(step.method, step.path, step.service) for step in found.steps] == [("GET", "/api", through), ("POST", "/api", through)]


@pytest.mark.parametrize(
    ("services", "asked", "words", "reason"),
    [
        ([], "", "no Service selects the pods of app", "not_found"),
        ([service("app", HTTP)], "gone", "there is no Service gone", "not_found"),
        ([service("app", HTTP)], "app:99", "has no TCP port 99", "not_found"),
        ([service("app")], "", "has no TCP port", "not_found"),
        ([service("a", HTTP), service("b", HTTP)], "", "several Services select the same pods \\(a, b\\)", "bad_input"),
    ],
)
def test_own_steps_without_a_service_are_refused(services: list[dict[str, Any]], asked: str, words: str, reason: str) -> None:
    with pytest.raises(SalvageError, match=words) as told:
        journey_of(Asked((STEP,), asked), WORKLOAD, services)
    assert told.value.reason == reason


def test_a_service_that_lost_the_pods_is_still_the_one_of_own_steps() -> None:
    lost = service("app", HTTP, selector={"app": "nobody"})
    assert journey_of(Asked((STEP,), before={"app:http": "ok"}), WORKLOAD, [lost]).steps[0].service == "app:http"


def test_tls_by_what_the_service_says_of_its_port() -> None:
    ports = [{"name": "https-api", "port": 443, "targetPort": 8000}, {"name": "b", "port": 444, "targetPort": 8000, "appProtocol": "https"}]
    assert all(step.tls for step in journey_of(Asked(), WORKLOAD, [service("app", *ports)]).steps)
