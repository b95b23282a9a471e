# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole bakes of a fraction of a second, on pods whose counters move when they are read."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http, open_endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.bake import (
    Bake,
    Baseline,
    Plan,
    Sources,
    measure,
    nothing_before,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.counters import Signals
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.journey import ServiceRequest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.judge import Counts, Rule
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.opa_probes import PolicySource
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.service_requests import ServiceSource
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.sources import PodSource, PrometheusSource
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.model import Profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import parse_profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.client import Opa
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.probe import Probe

APPS = "/apis/apps/v1/namespaces/a"
CORE = "/api/v1/namespaces/a"
PROMETHEUS = "/api/v1/namespaces/m/services/prometheus:9090/proxy"
BEFORE = Baseline(Counts(20_000, 20), Counts(20_000, 100), 0.25)
PLAN = Plan(window=0.2, interval=0.02, threshold_looks=2)
PROFILE = parse_profile({"qek": {"critical_min": 0.85, "query": "qek_value"}})


class Pods:
    """Two pods that answer 100 requests between two looks."""

    def __init__(self, api: Any) -> None:
        self.reads = {"p1": 0, "p2": 0}
        self.errors = 0.0
        self.slow = 0.0
        self.qek: str | None = "0.93"
        self.health: dict[str, tuple[int, str, str]] = {}
        for name in self.reads:
            api.answers[f"{CORE}/pods/{name}:8000/proxy/metrics"] = lambda name=name: self.metrics(name)
            api.answers[f"{CORE}/pods/{name}:8000/proxy/health"] = lambda name=name: self.health.get(
                name, (200, "application/json", '{"status": "healthy"}')
            )

    def counters(self, name: str) -> dict[str, float]:
        self.reads[name] += 1
        total = 100 * self.reads[name]
        bad, late = int(total * self.errors), int(total * self.slow)
        return {
            'http_requests_total{code="200",path="/api"}': total - bad,
            'http_requests_total{code="500",path="/api"}': bad,
            'http_request_duration_seconds_bucket{le="0.25",path="/api"}': total - late,
            'http_request_duration_seconds_bucket{le="+Inf",path="/api"}': total,
            **({"qek_value": float(self.qek)} if self.qek else {}),
        }

    def metrics(self, name: str) -> tuple[int, str, str]:
        return 200, "text/plain", "".join(f"{key} {value}\n" for key, value in self.counters(name).items())


@pytest.fixture
def pods(api: Any, shapes: Any) -> Pods:
    template = shapes.template()
    api.put(f"{APPS}/replicasets/api-h1", shapes.replicaset(1, template))
    api.put(f"{APPS}/deployments/api", shapes.deployment(template))
    for name in ("p1", "p2"):
        api.put(f"{CORE}/pods/{name}", {**shapes.pod(name, 1), "spec": {"containers": []}})
    return Pods(api)


def bake(
    api: Any,
    *,
    prometheus: bool = False,
    baseline: Baseline = BEFORE,
    plan: Plan = PLAN,
    emit: Any = None,
    policy: Any = None,
    service: Any = None,
) -> Any:
    source = PrometheusSource(open_endpoint("service://m/prometheus:9090", cluster=api), "a", 1.0) if prometheus else None
    one = Bake(
        Workload(api, "Deployment", "a", "api"),
        Sources(PodSource(api, "8000"), source, policy, service),
        Signals(),
        Rule(),
        plan,
        baseline,
        PROFILE,
    )
    if emit:
        one.emit = emit
    return one.run()


def test_a_good_change_passes_and_every_look_is_on_record(api: Any, pods: Pods) -> None:
    told: list[Any] = []
    verdict, record = bake(api, emit=told.append)
    assert verdict.status == "passed", verdict.reason
    assert told == record["looks"]
    assert len(told) == 10
    assert told[-1]["counts"]["errors"]["trials"] == 200
    assert told[-1]["says"].startswith("0.2/0.2 s, 2,000 requests, 0 errors, E 0.")
    assert "weak" in record
    json.dumps(record)


def test_errors_fail_it_at_once(api: Any, pods: Pods) -> None:
    pods.errors = 0.1
    verdict, record = bake(api)
    assert (verdict.status, verdict.leading) == ("failed", "errors")
    assert len(record["looks"]) <= 2


def test_slow_answers_fail_it(api: Any, pods: Pods) -> None:
    pods.slow = 0.2
    assert bake(api)[0].leading == "slow"


def test_a_threshold_must_be_broken_twice(api: Any, pods: Pods) -> None:
    pods.qek = "0.5"
    verdict, record = bake(api)
    assert verdict.status == "failed"
    assert "0.5" in verdict.reason
    assert len(record["looks"]) == 2


def test_a_metric_that_is_absent_is_unknown(api: Any, pods: Pods) -> None:
    pods.qek = None
    verdict, _record = bake(api)
    assert verdict.status == "unknown"
    assert "qek was absent in 10 of 10 looks" in verdict.reason


@pytest.mark.parametrize(
    ("answer", "looks", "words"),
    [
        ((500, "text/plain", "broken"), 1, "pod p2: /health answered 500: broken"),
        ((200, "application/json", '{"status": "degraded"}'), 1, "pod p2: /health answered 200, but it says 'degraded'"),
        ((404, "text/plain", ""), 1, "pod p2: /health answered 404"),
        ((200, "text/html", "<html>"), 2, "pod p2: /health answered 200, but its answer (text/html) says nothing of its health"),
        ((200, "application/json", "{"), 2, "pod p2: /health answered 200, but its answer says nothing of its health"),
        ((200, "application/json", "[]"), 2, "says nothing of its health"),
        ((200, "text/plain", "fine"), 2, "says nothing of its health"),
    ],
)
def test_a_pod_that_is_not_well(api: Any, pods: Pods, answer: tuple[int, str, str], looks: int, words: str) -> None:
    pods.health["p2"] = answer
    verdict, record = bake(api)
    assert (verdict.status, len(record["looks"])) == ("failed", looks)
    assert words in verdict.reason


def test_a_restart_between_two_looks(api: Any, pods: Pods, shapes: Any) -> None:
    def emit(look: Any) -> None:
        api.put(f"{CORE}/pods/p1", {**shapes.pod("p1", 1, restarts=1), "spec": {"containers": []}})

    verdict, record = bake(api, emit=emit)
    assert (verdict.status, verdict.reason) == ("failed", "pod p1 was restarted")
    assert len(record["looks"]) <= 3


def test_pods_that_do_not_answer_are_unknown(api: Any, pods: Pods) -> None:
    api.answers[f"{CORE}/pods/p2:8000/proxy/metrics"] = lambda: (503, "text/plain", "")
    verdict, record = bake(api)
    assert verdict.status == "unknown"
    assert "scrapes came" in verdict.reason
    assert record["looks"][0]["gaps"] == ["p2: /metrics answered 503"]
    assert record["looks"][0]["says"].endswith(", gaps: p2: /metrics answered 503")


def test_without_a_baseline_nothing_passes(api: Any, pods: Pods) -> None:
    assert bake(api, baseline=Baseline())[0].status == "unknown"


NONE = nothing_before(Sources(PodSource(None, "8000")))  # type: ignore[arg-type]


def test_a_first_deployment_is_held_against_the_floor(api: Any, pods: Pods) -> None:
    verdict, record = bake(api, baseline=NONE)
    assert (verdict.status, record["baseline"]["source"]) == ("passed", "none: nothing ran before")
    assert "no baseline, but within the floor on errors" in verdict.reason
    assert "without a baseline" in record["weak"]
    pods.errors = 0.03
    assert "the floor allows" in bake(api, baseline=NONE)[0].reason


def test_a_first_deployment_without_users_passes_on_what_else_is_looked_at(api: Any, pods: Pods) -> None:
    for name in pods.reads:
        api.answers[f"{CORE}/pods/{name}:8000/proxy/metrics"] = lambda: (200, "text/plain", "qek_value 0.93\n")
    assert "few trials (errors: 0 of the" in bake(api, baseline=NONE)[0].reason
    blind = Bake(
        Workload(api, "Deployment", "a", "api"),
        Sources(PodSource(api, "8000")),
        Signals(),
        Rule(),
        Plan(window=0.04, interval=0.02, health_path=""),
        NONE,
        Profile(()),
    )
    assert blind.run()[0].status == "unknown"
    for name in pods.reads:
        api.answers[f"{CORE}/pods/{name}:8000/proxy/metrics"] = lambda: (200, "text/plain", "other 1\n")
    assert "qek was absent" in bake(api, baseline=NONE)[0].reason


def test_it_watches_on_while_too_little_was_seen(api: Any, pods: Pods) -> None:
    verdict, record = bake(api, plan=Plan(window=0.04, interval=0.02, extend=0.4))
    assert verdict.status == "passed"
    assert 2 < len(record["looks"]) < 22


def test_the_baseline_of_the_pods_lives(api: Any, pods: Pods) -> None:
    pods.errors = 0.01
    pods.reads = {"p1": 99, "p2": 99}
    baseline = measure(Workload(api, "Deployment", "a", "api"), Sources(PodSource(api, "8000")), Signals(), 900)
    assert baseline.errors == Counts(20_000, 200)
    assert baseline.bound == 0.25
    assert Baseline.from_dict(json.loads(json.dumps(baseline.to_dict()))) == baseline


def test_a_baseline_that_is_none_is_told() -> None:
    with pytest.raises(SalvageError, match="state: measured"):
        Baseline.from_dict({"errors": 3})


# --- what OPA has to say


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ((200, "application/json", '{"result": true}'), "passed", "no harm"),
        ((200, "application/json", '{"result": false}'), "failed", "the probe a good provider is denied and must be allowed"),
        ((200, "application/json", "{}"), "unknown", "OPA's a good provider was absent in 10 of 10 looks"),
        ((200, "application/json", '{"result": "true"}'), "unknown", "OPA's a good provider was absent"),
        ((200, "text/html", "<html>"), "unknown", "OPA's a good provider was absent"),
        ((500, "application/json", '{"code": "conflict"}'), "unknown", "OPA's a good provider was absent"),
    ],
)
def test_a_decision_of_opa_that_must_stay(api: Any, pods: Pods, answer: tuple[int, str, str], status: str, words: str) -> None:
    api.answers["/api/v1/namespaces/a/services/opa:8181/proxy/v1/data/bonds/allow"] = lambda: answer
    probes = (Probe("a good provider", {}, True, "/bonds/allow"),)
    policy = PolicySource(Opa(open_endpoint("service://a/opa:8181", cluster=api)), probes)
    verdict, record = bake(api, policy=policy)
    assert verdict.status == status, verdict.reason
    assert words in verdict.reason or status == "passed"
    assert len(record["looks"]) == (1 if status == "failed" else 10)
    assert bool(record["looks"][0]["gaps"]) == (status == "unknown")


# --- through the Service


THROUGH = f"{CORE}/services/api:http/proxy/health"
STEP = "GET /health through Service api:http"


def refusal(code: int, message: str) -> tuple[int, str, str]:
    return code, "application/json", f'{{"kind":"Status","apiVersion":"v1","message":"{message}","code":{code}}}'


WELL = (200, "application/json", '{"status": "healthy"}')
REFUSED = refusal(503, "error trying to reach service: dial tcp 10.0.0.1:8999: connect: connection refused")
SILENT = refusal(503, "error trying to reach service: dial tcp 10.0.0.1:8000: i/o timeout")
FORBIDDEN = refusal(403, "services is forbidden")


def through(api: Any, **more: Any) -> ServiceSource:
    return ServiceSource(api, "a", (ServiceRequest("api:http", path="/health", healthy=True),), pause=0.0, **more)


@pytest.mark.parametrize(
    ("answer", "status", "looks", "words"),
    [
        (WELL, "passed", 10, "no worse than the baseline on errors, slow, journey"),
        (REFUSED, "failed", 1, f"{STEP}: error trying to reach service"),  # before the first interval
        (refusal(503, "no endpoints available for service"), "failed", 1, "no endpoints available"),
        (refusal(404, "services not found"), "failed", 1, "not found"),
        ((500, "text/plain", "x"), "failed", 1, f"{STEP}: answered 500, expected 200"),
        (SILENT, "failed", 2, "i/o timeout"),
        (FORBIDDEN, "unknown", 10, f"{STEP} had an answer in 0 of 11 requests: the API server answered 403"),
        (refusal(500, "etcd"), "unknown", 10, "had an answer in 0 of 11 requests"),
    ],
)
def test_a_service_that_is_asked(api: Any, pods: Pods, answer: tuple[int, str, str], status: str, looks: int, words: str) -> None:
    api.answers[THROUGH] = lambda: answer
    verdict, record = bake(api, service=through(api))
    assert (verdict.status, len(record["looks"])) == (status, looks), verdict.reason
    assert words in verdict.reason
    assert bool(record["looks"][0]["gaps"]) == (status == "unknown" or answer in (SILENT, (500, "text/plain", "x")))
    assert record["journey"][STEP]["ok"] == (11 if status == "passed" else 0)


def test_a_service_that_fails_now_and_then_is_found_by_evidence(api: Any, pods: Pods) -> None:
    asked = iter(range(10_000))
    api.answers[THROUGH] = lambda: WELL if next(asked) % 2 else (500, "text/plain", "")
    verdict, record = bake(api, service=through(api), plan=Plan(window=0.4, interval=0.02))
    assert (verdict.status, verdict.leading) == ("failed", "journey"), verdict.reason
    assert len(record["looks"]) < 15


def test_one_failure_of_many_passes_and_is_on_record(api: Any, pods: Pods) -> None:
    asked = iter(range(10_000))
    api.answers[THROUGH] = lambda: (500, "text/plain", "") if next(asked) == 3 else WELL
    verdict, record = bake(api, service=through(api))
    assert verdict.status == "passed", verdict.reason
    assert record["journey"][STEP] == {"ok": 10, "failed": 1, "unknown": 0, "reason": "answered 500, expected 200"}
    assert "11 through the Service, 1 failed" in record["looks"][-1]["says"]


@pytest.mark.parametrize("answer", [REFUSED, refusal(500, "etcd")])
def test_what_lasts_a_moment_is_asked_again(api: Any, pods: Pods, answer: tuple[int, str, str]) -> None:
    asked = iter(range(10_000))
    api.answers[THROUGH] = lambda: WELL if next(asked) % 3 else answer
    verdict, record = bake(api, service=through(api))
    assert (verdict.status, record["journey"][STEP]["ok"]) == ("passed", 11), verdict.reason


def test_a_post_that_may_have_arrived_is_not_sent_again(api: Any) -> None:
    api.answers[THROUGH] = lambda: refusal(500, "etcd")
    for method, requests in (("POST", 1), ("GET", 3)):
        api.requests.clear()
        ServiceSource(api, "a", (ServiceRequest("api:http", method, "/health"),), pause=0.0).ask()
        assert api.requests == [(method, THROUGH)] * requests


def test_no_service_is_told(api: Any, pods: Pods) -> None:
    verdict, record = bake(api, service=ServiceSource(api, "a", without="no Service"))
    assert (verdict.status, record["weak"].endswith("; no Service")) == ("passed", True)
    assert verdict.reason.endswith("; no Service")
    assert bake(api, service=ServiceSource(api, "a", doubt="the Services can't be read"))[0].status == "unknown"


def test_each_step_is_sent_as_it_is(web: Any, pods: Pods) -> None:
    own = Cluster(web.url, Http(timeout=2.0))
    web.answers["/api/v1/namespaces/a/services/api:http/proxy/api"] = {}
    web.answers["/api/v1/namespaces/a/services/https:api:tls/proxy/api"] = {}
    steps = (
        ServiceRequest("api:http", "POST", "/api?a=1", {"X-Key": "planted"}, "{}"),
        ServiceRequest("api:http", "POST", "/api"),
        ServiceRequest("api:tls", path="/api", tls=True),
    )
    found = ServiceSource(own, "a", steps).ask()
    assert list(found) == [
        "POST /api through Service api:http", "POST /api through Service api:http (step 2)", "GET /api through Service api:tls",
    ]  # fmt: skip
    assert web.asked[-3].headers["x-key"] == ["planted"]


# --- with Prometheus


@pytest.fixture
def prometheus(api: Any, pods: Pods) -> dict[str, Any]:
    state: dict[str, Any] = {"alerts": [], "frozen": False}

    def query() -> tuple[int, str, str]:
        at = 1000.0 if state["frozen"] else time.time()
        result = []
        for name in pods.reads:
            for key, value in pods.counters(name).items():
                metric, _brace, labels = key.partition("{")
                pairs = dict(pair.split("=") for pair in labels.rstrip("}").split(",")) if labels else {}
                clean = {k: v.strip('"') for k, v in pairs.items()}
                values = [[at - 0.02, str(value - 100)], [at, str(value)]]
                result.append({"metric": {"__name__": metric, "pod": name, "namespace": "a", "job": "x", **clean}, "values": values})
        return 200, "application/json", json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})

    def alerts() -> tuple[int, str, str]:
        return 200, "application/json", json.dumps({"status": "success", "data": {"alerts": state["alerts"]}})

    api.answers[f"{PROMETHEUS}/api/v1/query"] = query
    api.answers[f"{PROMETHEUS}/api/v1/alerts"] = alerts
    return state


def test_prometheus_passes_a_good_change(api: Any, prometheus: Any) -> None:
    verdict, record = bake(api, prometheus=True)
    assert verdict.status == "passed", verdict.reason
    assert record["weak"] == ""


def test_prometheus_gone_in_the_middle_is_unknown(api: Any, prometheus: Any) -> None:
    def emit(look: Any) -> None:
        if look["look"] == 5:
            api.answers[f"{PROMETHEUS}/api/v1/query"] = lambda: (503, "text/plain", "no endpoints")

    verdict, _record = bake(api, prometheus=True, emit=emit)
    assert verdict.status == "unknown"


def test_old_samples_of_dead_pods_are_no_scrapes(api: Any, prometheus: Any) -> None:
    """Prometheus answers with the last value for five minutes after the pod died."""
    prometheus["frozen"] = True
    verdict, record = bake(api, prometheus=True)
    assert verdict.status == "unknown"
    assert "no new sample in Prometheus" in record["looks"][-1]["gaps"][0]


def test_an_alert_that_begins_to_fire_ends_it_and_one_that_fired_before_does_not(api: Any, prometheus: Any) -> None:
    labels = {"alertname": "HighRisk", "severity": "critical"}
    prometheus["alerts"] = [{"state": "firing", "labels": labels}, {"state": "pending", "labels": {"severity": "critical"}}]
    assert bake(api, prometheus=True)[0].reason == "alert HighRisk fires"
    known = Baseline(BEFORE.errors, BEFORE.slow, BEFORE.bound, firing=(tuple(sorted(labels.items())),))
    assert bake(api, prometheus=True, baseline=known)[0].status == "passed"
    source = PrometheusSource(open_endpoint("service://m/prometheus:9090", cluster=api), "a", 1.0)
    assert bake(api, prometheus=True, baseline=nothing_before(Sources(PodSource(api, "8000"), source)))[0].status == "passed"


def test_the_baseline_of_prometheus(api: Any, prometheus: Any, pods: Pods) -> None:
    source = PrometheusSource(open_endpoint("service://m/prometheus:9090", cluster=api), "a", 1.0)
    baseline = measure(Workload(api, "Deployment", "a", "api"), Sources(PodSource(api, "8000"), source), Signals(), 900)
    assert baseline.errors.trials == 400  # both series of both pods rose by 100 in the fixture's last two samples
    assert "Prometheus, 900 s of 2 pods" in baseline.source


def test_something_else_at_prometheus_address_is_told(api: Any, prometheus: Any) -> None:
    api.answers[f"{PROMETHEUS}/api/v1/query"] = lambda: (200, "application/json", '{"hello": 1}')
    source = PrometheusSource(open_endpoint("service://m/prometheus:9090", cluster=api), "a", 1.0)
    with pytest.raises(SalvageError, match="the answer is not Prometheus's"):
        measure(Workload(api, "Deployment", "a", "api"), Sources(PodSource(api, "8000"), source), Signals(), 900)
