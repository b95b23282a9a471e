# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services beside the cluster say: usage, Prometheus, alerts, and OPA's health and decisions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from .._alerts.sources import read_alerts
from .._core.gather import for_each
from .._core.json_values import load_json
from .._metrics.profile import DEFAULT_PROFILE, METRIC_NAME
from .._opa import log_sources
from .._opa.client import Opa
from .._opa.decision_log import decision_of, provider_of, read_records, timestamp
from .._opa.log_lines import Reading
from .._opa.model import ALLOWED
from .._prometheus.client import PrometheusApi
from .collector import TRIES, Collector, Site

T = TypeVar("T")
_ANSWERS = 3
_POINTS = 120  # of each series
_DECISIONS = 20_000  # the newest ones are kept
_LEFT_OUT = ("metrics", "nd_builtin_cache", "msg", "level", "time")
_NO_ADDRESS = "it has no address: the option is empty"


def collect_usage(collector: Collector) -> None:
    """As `kubectl top` has it."""
    cluster, api = collector.site.cluster, "/apis/metrics.k8s.io/v1beta1"
    pods: list[dict[str, Any]] = []
    for namespace in collector.site.namespaces:
        pods += collector.attempt(f"pods of {namespace}", partial(listed, collector.site, f"{api}/namespaces/{namespace}/pods")) or []
    nodes = collector.attempt("nodes", lambda: list(cluster.list(f"{api}/nodes")))
    for name, items in (("pods", pods), ("nodes", nodes or [])):
        if items:
            collector.save_json(f"usage/{name}.json", {"kind": "List", "items": items})


def listed(site: Site, path: str, query: dict[str, str] | None = None) -> list[dict[str, Any]]:
    return list(site.cluster.list(path, query))


def collect_prometheus(collector: Collector) -> None:
    site = collector.site
    endpoint = site.routes.open_if(site.query.prometheus_url)
    if endpoint is None:
        collector.skip(_NO_ADDRESS)
        return
    prometheus = PrometheusApi(endpoint)
    build = collector.attempt("status/buildinfo", lambda: prometheus.data("/api/v1/status/buildinfo"), tries=TRIES)
    if build is None:
        return  # nothing else will answer
    window = site.window
    times = {"start": f"{window.start:.3f}", "end": f"{window.end:.3f}", "step": f"{max(15.0, window.seconds / _POINTS):.3f}"}

    def answer_of(path: str, query: dict[str, str]) -> dict[str, Any]:
        return {"status": "success", "data": prometheus.data(path, query)}

    def status() -> dict[str, Any]:
        rest = {name: prometheus.data(f"/api/v1/status/{name}") for name in ("runtimeinfo", "tsdb")}
        return {"buildinfo": build, **rest}

    works: dict[str, Callable[[], Any]] = {
        "prometheus/targets.json": partial(answer_of, "/api/v1/targets", {"state": "active"}),
        "prometheus/rules.json": partial(answer_of, "/api/v1/rules", {}),
        "prometheus/status.json": status,
    }
    for name, expression in queries(site.namespaces).items():
        works[f"prometheus/range/{name}.json"] = partial(answer_of, "/api/v1/query_range", {"query": expression, **times})

    def save(path: str) -> None:
        collector.attempt(path, lambda: collector.save_json(path, works[path]()), tries=TRIES)

    for_each(save, works)


def queries(namespaces: tuple[str, ...]) -> dict[str, str]:
    """Names and expressions: the metrics of the runbook, and what containers use and suffer."""
    of = f'namespace=~"{"|".join(namespaces)}"'
    by = "sum by (namespace, pod, container)"
    throttled, periods = (f"rate(container_cpu_cfs_{name}_total{{{of}}}[5m])" for name in ("throttled_periods", "periods"))
    runbook = {(metric.query if METRIC_NAME.fullmatch(metric.query) else metric.key): metric.query for metric in DEFAULT_PROFILE.metrics}
    return {
        **runbook,
        "http_requests_total": f"sum by (namespace, job, code, status) (rate(http_requests_total{{{of}}}[5m]))",
        "container_cpu_usage_seconds_total": f'{by} (rate(container_cpu_usage_seconds_total{{{of}, container!=""}}[5m]))',
        "container_memory_working_set_bytes": f'{by} (container_memory_working_set_bytes{{{of}, container!=""}})',
        "container_cpu_cfs_throttled_periods_total": f"{by} ({throttled}) / {by} ({periods})",
        "kube_pod_container_status_restarts_total": f"{by} (kube_pod_container_status_restarts_total{{{of}}})",
        "up": "up",
    }


def collect_alerts(collector: Collector) -> None:
    """The alerts that fire, and the silences that are in force or to come."""
    site = collector.site
    prometheus, alertmanager = (site.routes.open_if(url) for url in (site.query.prometheus_url, site.query.alertmanager_url))
    if prometheus is None and alertmanager is None:
        collector.skip(_NO_ADDRESS)
        return
    api = PrometheusApi(prometheus) if prometheus else None
    found, problems = _again(lambda: read_alerts(api, alertmanager), lambda it: not it[1])
    for source, why in problems.items():
        collector.miss(source, why)
    if len(problems) < (prometheus is not None) + (alertmanager is not None):
        collector.save_json("alerts/alerts.json", [{**alert.to_dict(), "startsAt": alert.starts_at} for alert in found])
    if alertmanager is not None and "alertmanager" not in problems:

        def silences() -> None:
            all_of_them = load_json(alertmanager.get("/api/v2/silences").body)
            collector.save_json("alerts/silences.json", [one for one in all_of_them if one["status"]["state"] != "expired"])

        collector.attempt("silences", silences, tries=TRIES)


def collect_opa(collector: Collector) -> None:
    """Its own word on its health, and the decisions that did not allow."""
    site = collector.site
    endpoint = site.routes.open_if(site.query.opa_url)
    if endpoint is None:
        collector.skip(_NO_ADDRESS)
        return
    health = _again(lambda: Opa(endpoint).health(), lambda it: it.healthy)
    collector.save_json("opa/health.json", asdict(health))
    query = site.query
    since = max(1.0, time.time() - site.window.start)
    sources = log_sources.pods(site.cluster, query.opa_namespace, query.opa_selector, query.opa_container, since=since)
    found: list[dict[str, Any]] = []
    for name, open_source in sources:
        of_source: list[dict[str, Any]] = []
        collector.attempt(name, partial(_read_decisions, collector, name, open_source, of_source), tries=TRIES)
        found += of_source
    found.sort(key=lambda one: str(one.get("timestamp")))
    if len(found) > _DECISIONS:
        collector.note(f"of {len(found)} decisions that did not allow the newest {_DECISIONS} are here")
    collector.save_lines("opa/decisions.jsonl", found[-_DECISIONS:])


def _again(ask: Callable[[], T], is_good: Callable[[T], bool]) -> T:
    """The first good answer of a few, else the last one."""
    answer = ask()
    for _try in range(_ANSWERS - 1):
        if is_good(answer):
            break
        answer = ask()
    return answer


def _read_decisions(collector: Collector, name: str, open_source: Callable[[], Any], found: list[dict[str, Any]]) -> None:
    """Those of one log that did not allow; what was found before the log broke off stays."""
    window, reading = collector.site.window, Reading()
    found.clear()
    for record in read_records(open_source(), reading):
        collector.check_time()
        moment = timestamp(record.get("timestamp"))
        if moment is not None and not window.start <= moment <= window.end:
            continue
        decision = decision_of(record)
        if decision.status != ALLOWED:
            kept = {key: value for key, value in record.items() if key not in _LEFT_OUT}
            found.append({"status": decision.status, "reason": decision.reason, "provider": provider_of(record), **kept})
            if len(found) > 2 * _DECISIONS:
                del found[:_DECISIONS]
    for problem in reading.problems:
        collector.miss(name, problem)
