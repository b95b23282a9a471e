# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module bake: its options, and how they become a bake."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._cluster.defaults import PROMETHEUS_URL
from ..._cluster.routes import ARGUMENTS as ROUTES
from ..._cluster.routes import Routes
from ..._cluster.session import Cluster
from ..._core.errors import SalvageError, shown
from ..._core.files import write_whole
from ..._core.options import argument_spec, from_params, option
from ..._core.progress import PROGRESS_ARGUMENTS, Tell, teller
from ..._core.redact import outgoing, redacted
from ..._metrics.model import Profile
from ..._metrics.profile import parse_profile
from ..._opa.client import Opa, data_path
from ..._opa.probe import Probe
from ..._workloads.workload import Object, path_of
from ..blue_green.gates_seen import Settings
from ..blue_green.switch import BlueGreen
from ..blue_green.weighted import Weighted
from ..options import WorkloadOptions
from ..rollout.rollback import Workload
from .bake import Bake, Baseline, Plan, Sources, measure, nothing_before
from .counters import Signals
from .journey import OK, UNKNOWN, ServiceRequest
from .journey_steps import Asked, journey_of, still_there
from .judge import Rule
from .opa_probes import PolicySource
from .service_requests import ServiceSource
from .sources import PodSource, PrometheusSource

SERVICE = re.compile(r"([a-z0-9.-]+(:[a-z0-9-]+)?)?")


@dataclass(frozen=True)
class ProbeOptions:
    name: str = option()
    path: str = option()
    input: dict[str, Any] | None = option(None)
    expect: bool = option(True)


@dataclass(frozen=True)
class RouteOptions:
    traffic: str = option(choices=["httproute", "route"])
    name: str = option()
    backends: dict[str, str] = option()


@dataclass(frozen=True)
class StepOptions:
    path: str = option()
    method: str = option("GET", choices=["GET", "POST", "PUT", "PATCH", "DELETE"])
    headers: dict[str, Any] | None = option(None)
    body: str | None = option(None)
    expect: tuple[int, ...] = option((200,))
    contains: str | None = option(None)
    json: dict[str, Any] | None = option(None)
    healthy: bool = option(False)
    timeout: float = option(5.0)

    @property
    def step(self) -> ServiceRequest:
        """Through a Service that is found out later.  Raises SalvageError(bad_input)."""
        return ServiceRequest(
            "",
            self.method,
            self.path,
            {str(name): str(value) for name, value in (self.headers or {}).items()},
            self.body,
            frozenset(self.expect),
            self.contains or "",
            self.json,
            self.healthy,
            self.timeout,
        )


@dataclass(frozen=True)
class BakeOptions(WorkloadOptions):
    state: str = option("judged", choices=["measured", "judged"])
    baseline: dict[str, Any] | None = option(None)
    without_baseline: bool = option(False)
    window: float = option(900.0)
    interval: float = option(15.0)
    extend: float = option(0.0)
    alpha: float = option(0.01)
    margin: float = option(2.0)
    floor: float = option(0.002)
    harm: float = option(5.0)
    variance_ratio: float = option(1.0)
    source: str = option("auto", choices=["auto", "prometheus", "pods"])
    prometheus_url: str = option(PROMETHEUS_URL)
    metrics_port: str = option("8000")
    metrics_path: str = option("/metrics")
    requests_metric: str = option("http_requests_total")
    durations_metric: str = option("http_request_duration_seconds_bucket")
    code_label: str = option("code")
    error_pattern: str = option("5..")
    path_label: str = option("path")
    exclude_paths: tuple[str, ...] = option(("/health", "/ready", "/metrics"))
    health_path: str = option("/health")
    health_port: str = option("8000")
    thresholds: dict[str, Any] | None = option(None)
    check_thresholds: bool = option(True)
    threshold_looks: int = option(2)
    alert_severities: tuple[str, ...] = option(("critical",))
    opa_url: str | None = option(None)
    opa_probes: tuple[ProbeOptions, ...] = option(())
    check_journey: bool = option(True)
    journey: tuple[StepOptions, ...] = option(())
    journey_service: str = option("")
    revert_service: str | None = option(None)
    revert_route: RouteOptions | None = option(None)
    revert_on_unknown: bool = option(True)
    colour_key: str = option("version", no_log=False)
    run: str = option("")
    record_path: str | None = option(None, type="path")
    fail_on: tuple[str, ...] = option(("failed", "unknown"), choices=["failed", "unknown"])

    @property
    def signals(self) -> Signals:
        return Signals(
            requests=self.requests_metric,
            code_label=self.code_label,
            error_pattern=self.error_pattern,
            path_label=self.path_label,
            exclude=frozenset(self.exclude_paths),
            durations=self.durations_metric,
        )

    def asked(self, before: Mapping[str, str]) -> Asked:
        """Raises SalvageError(bad_input)."""
        if not SERVICE.fullmatch(self.journey_service):
            raise SalvageError(f"journey_service: {shown(self.journey_service)} is not NAME or NAME:PORT of a Service", reason="bad_input")
        steps = tuple(one.step for one in self.journey)
        return Asked(steps, self.journey_service, self.health_path, self.health_port, before)

    @property
    def plan(self) -> Plan:
        return Plan(
            window=self.window,
            interval=self.interval,
            extend=self.extend,
            threshold_looks=self.threshold_looks,
            health_path=self.health_path,
            health_port=self.health_port,
            severities=frozenset(self.alert_severities),
        )


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **ROUTES, **PROGRESS_ARGUMENTS, **argument_spec(BakeOptions)},
    "mutually_exclusive": [("revert_service", "revert_route")],
    "supports_check_mode": True,
}


def sources_of(given: BakeOptions, routes: Routes) -> Sources:
    """Prometheus if it is wanted and answers, OPA if there are probes, and the pods in any case.  Raises SalvageError."""
    pods = PodSource(routes.cluster, given.metrics_port, given.metrics_path)
    policy = None
    if given.opa_probes:
        if not given.opa_url:
            raise SalvageError("opa_probes needs opa_url; name the address where OPA answers", reason="bad_input")
        probes = tuple(Probe(probe.name, probe.input or {}, probe.expect, probe.path) for probe in given.opa_probes)
        for probe in probes:
            data_path(probe.path)  # a path that is not valid ends the run before the bake, not in it
        policy = PolicySource(Opa(routes.open(given.opa_url)), probes)
    if given.source == "pods" or not given.prometheus_url:
        return Sources(pods, policy=policy)
    try:
        endpoint = routes.open(given.prometheus_url)
        if given.source == "auto":
            endpoint.get("/api/v1/query", query={"query": "vector(1)"})
    except SalvageError as exc:
        if given.source != "auto" or exc.reason == "bad_input":
            raise
        pods.weak = f"{redacted(given.prometheus_url)} did not answer at the start: {exc}; {pods.weak}"
        return Sources(pods, policy=policy)
    return Sources(pods, PrometheusSource(endpoint, given.namespace, 2.5 * given.interval), policy)


def service_of(asked: Asked, workload: Workload) -> ServiceSource:
    """What sends requests through the workload's Service.  Raises SalvageError where steps are given, and no Service for them."""
    cluster, namespace = workload.cluster, workload.namespace
    try:
        services = _services(workload)
    except SalvageError as exc:
        return ServiceSource(cluster, namespace, doubt=f"the Services can't be read, so no request went through one: {exc}")
    found = journey_of(asked, workload.read(), services)
    return ServiceSource(cluster, namespace, found.steps, found.without, found.doubt)


def _services(workload: Workload) -> list[Object]:
    return [one for page in workload.cluster.pages(path_of("Service", workload.namespace)) for one in page.get("items") or []]


def before_change(asked: Asked, workload: Workload) -> dict[str, str]:
    """What comes of the default steps now, by NAME:PORT; a port that answered when ``asked.before`` was recorded is expected to answer.

    Raises SalvageError, so that a missing permission is known before anything is changed.
    """
    services = _services(workload)
    now = workload.read()
    steps = journey_of(replace(asked, steps=(), before={}), now, services).steps
    states: dict[str, str] = {}
    for step, found in zip(steps, ServiceSource(workload.cluster, workload.namespace, steps).ask().values(), strict=True):
        if found.state == UNKNOWN:
            raise SalvageError(f"the Service can't be asked, so a change of it could not be watched: {found.reason}", reason="http_error")
        states[step.service] = found.state if step.healthy else f"any: {found.state}"
    if asked.steps:
        try:
            journey_of(asked, now, services)
        except SalvageError as exc:
            if exc.reason != "not_found":  # the change can bring the Service
                raise
    return states | {key: state for key, state in still_there(asked.before, now, services).items() if state == OK}


def way_back(given: BakeOptions, cluster: Cluster) -> BlueGreen | Weighted | None:
    """What can switch the traffic back."""
    settings, route = Settings(run=given.run), given.revert_route
    if route:
        return Weighted(cluster, given.namespace, route.traffic, route.name, route.backends, settings)
    return BlueGreen(cluster, given.namespace, given.revert_service, given.colour_key, settings) if given.revert_service else None


def _baseline_of(given: BakeOptions, sources: Sources) -> Baseline:
    if given.without_baseline:
        if given.baseline:
            raise SalvageError("baseline and without_baseline contradict each other; give one of them", reason="bad_input")
        return nothing_before(sources)
    return Baseline.from_dict(given.baseline) if given.baseline else Baseline()


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(BakeOptions, params)
    cluster = Cluster.connect(params, timeout=given.request_timeout)
    workload = Workload(cluster, given.kind, given.namespace, given.name)
    sources = sources_of(given, Routes(params, given.request_timeout, cluster=cluster))
    if given.state == "measured":
        baseline = measure(workload, sources, given.signals, given.window)
        if given.check_journey:
            known = Baseline.from_dict(given.baseline).journey if given.baseline else {}
            baseline = replace(baseline, journey=before_change(given.asked(known), workload))
        return {"changed": False, "baseline": baseline.to_dict()}
    if check_mode:
        criteria_of(given)  # what is wrong with them is known before anything is changed
        given.asked({})
        return {"changed": False, "verdict": "unknown", "reason": "in check mode there is no change to watch", "evidence": 1.0, "looks": 0}
    return judged(given, workload, sources, way_back(given, cluster), teller(params["progress_path"]))


def criteria_of(given: BakeOptions) -> tuple[Rule, Profile]:
    """What is judged by.  Raises SalvageError(bad_input)."""
    rule = Rule(given.alpha, given.margin, given.floor, given.harm, given.variance_ratio)
    return rule, parse_profile(given.thresholds) if given.check_thresholds else Profile(())


def judged(given: BakeOptions, workload: Workload, sources: Sources, back: BlueGreen | Weighted | None, tell: Tell) -> dict[str, Any]:
    """The bake, and the switch back if it is needed.  Raises SalvageError if the bake can't be done."""
    rule, profile = criteria_of(given)
    baseline = _baseline_of(given, sources)
    if given.check_journey:
        sources = replace(sources, service=service_of(given.asked(baseline.journey), workload))
    bake = Bake(workload, sources, given.signals, rule, given.plan, baseline, profile, tell)
    verdict, record = bake.run()
    result = {
        "changed": False,
        "verdict": verdict.status,
        "reason": verdict.reason,
        "evidence": verdict.evidence,
        "looks": len(record["looks"]),
        "last_look": record["looks"][-1] if record["looks"] else None,
        "weak": record["weak"],
        "journey": record["journey"],
        "baseline": record["baseline"],
    }
    if back and (verdict.status == "failed" or (verdict.status == "unknown" and given.revert_on_unknown)):
        try:
            reverted = back.revert()
        except SalvageError as exc:
            return {**result, "failed": True, "msg": f"{verdict.reason}; and it could not be switched back: {exc}"}
        result |= {"reverted": reverted, "changed": reverted["changed"]}
        record["reverted"] = reverted
    if given.record_path:
        try:
            write_whole(Path(given.record_path), json.dumps(outgoing({"run": given.run, **record}), indent=1).encode())
        except OSError as exc:
            return {**result, "failed": True, "msg": f"the record could not be written: {exc}"}
    if verdict.status in given.fail_on:
        result |= {"failed": True, "msg": f"the bake's verdict is {verdict.status}: {verdict.reason}"}
    return result
