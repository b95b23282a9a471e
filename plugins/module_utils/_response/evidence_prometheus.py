# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of Prometheus and Alertmanager: the history, the request rate, the memory, the targets, and what fires."""

from __future__ import annotations

import json
import re
from functools import partial
from statistics import median
from typing import Any

from .._alerts.alerts import Alert
from .._alerts.sources import read_alerts
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.json_values import as_text
from .._core.redact import excerpt
from .._core.times import parse_duration, when
from .._metrics.decide import merge_series
from .._metrics.profile import METRIC_NAME
from .._prometheus.client import PrometheusApi
from .._prometheus.model import MetricSample
from .._workloads.workload import finished, hash_of_pod
from .evidence_model import Observed
from .evidence_service import metric_profile
from .evidence_site import EvidenceSite
from .evidence_workload import container_limit

_PROBES = "/health|/ready|/metrics"
_DAYS = 7
_POINTS = 120
_MOST_PATHS = 30


def quoted(value: str) -> str:
    """A label's value as PromQL has it."""
    return json.dumps(value, ensure_ascii=False)


def history_seen(site: EvidenceSite) -> Observed:
    metric = metric_profile(site)
    length = site.settings.persists * 1.2
    step = max(5.0, length / 60)
    labels = {"namespace": site.query.namespace, **metric.labels} if METRIC_NAME.fullmatch(metric.query) else {}
    selector = "{" + ",".join(f"{name}={quoted(value)}" for name, value in labels.items()) + "}" if labels else ""
    samples = site.prometheus().query_range(metric.query + selector, start=site.now - length, end=site.now, step=step)
    doubts = tuple(one.doubt for one in samples if one.doubt)
    points = merge_series([one.series for one in samples], metric.aggregate, metric.limits)
    if not points:
        raise SalvageError(f"Prometheus has no sample of {metric.query}", reason="not_found")
    return Observed("history", {"points": [list(one) for one in points], "step": step}, at=site.now, source=metric.query, doubts=doubts)


def request_rate_seen(site: EvidenceSite) -> Observed:
    """Now, and at the same time of the last seven days, by path."""
    prometheus = site.prometheus()
    labels = f"namespace={quoted(site.query.namespace)},service={quoted(site.query.name)},path!~{quoted(_PROBES)}"
    expression = f"sum by (path) (rate(http_requests_total{{{labels}}}[5m]))"
    answers = gather({day: partial(prometheus.query, expression, at=site.now - day * 86400) for day in range(_DAYS + 1)})
    rates = {day: None if isinstance(answer, SalvageError) else _by_path(answer) for day, answer in answers.items()}
    now = rates[0]
    if isinstance(answers[0], SalvageError):
        raise answers[0]
    if not now:
        raise SalvageError(f"Prometheus has no rate of http_requests_total{{{labels}}}", reason="not_found")
    past = [{"days": day, "value": sum(found.values()) if (found := rates[day]) else None} for day in range(1, _DAYS + 1)]
    known = [found for day in range(1, _DAYS + 1) if (found := rates[day])]
    paths = [
        {"path": path, "now": rate, "usual": median([one.get(path, 0.0) for one in known]) if known else None}
        for path, rate in sorted(now.items(), key=lambda one: -one[1])[:_MOST_PATHS]
    ]
    doubts = tuple(str(one) for one in answers.values() if isinstance(one, SalvageError))
    return Observed("request_rate", {"now": sum(now.values()), "past": past, "paths": paths}, at=site.now, source=expression, doubts=doubts)


def _by_path(samples: list[MetricSample]) -> dict[str, float] | None:
    """None where one of the values is not known."""
    if any(one.value is None or one.doubt for one in samples):
        return None
    return {one.labels.get("path", ""): one.value or 0.0 for one in samples}


def memory_seen(site: EvidenceSite) -> Observed:
    """The working set of each pod since its containers started, as the kubelet measures it."""
    _kind, namespace, _name = site.place
    length = parse_duration(site.query.memory_window, "memory_window")
    step = max(5.0, length / _POINTS)
    pods = {pod["metadata"]["name"]: pod for pod in site.pods() if not finished(pod) and not pod["metadata"].get("deletionTimestamp")}
    if not pods:
        raise SalvageError("no pod runs", reason="not_found")
    names = "|".join(re.escape(name).replace("\\-", "-") for name in pods)
    labels = f'namespace={quoted(namespace)},pod=~{quoted(names)},container!="",container!="POD"'
    expression = f"sum by (pod) (container_memory_working_set_bytes{{{labels}}})"
    samples = site.prometheus().query_range(expression, start=site.now - length, end=site.now, step=step)
    doubts = [one.doubt for one in samples if one.doubt]
    series = {one.labels.get("pod", ""): one.series for one in samples}
    listed = []
    for name, pod in pods.items():
        since = _started(pod)
        points = [list(one) for one in series.get(name, ()) if one[0] >= since]
        if not points:
            doubts.append(f"Prometheus has no memory of {name}")
            continue
        listed.append({"pod": name, "revision": hash_of_pod(pod), "limit": container_limit(pod, "memory"), "points": points})
    value = {"pods": listed, "step": step}
    return Observed("memory", value, at=site.now, source="container_memory_working_set_bytes", doubts=tuple(doubts))


def _started(pod: dict[str, Any]) -> float:
    """When the newest of its containers did: what was before the restart is of another process."""
    running = [
        ((one.get("state") or {}).get("running") or {}).get("startedAt") for one in (pod.get("status") or {}).get("containerStatuses") or []
    ]
    return max((moment for one in running if (moment := when(one)) is not None), default=0.0)


def targets_seen(site: EvidenceSite) -> Observed:
    """The targets that have the labels of the alert; of the workload's Service where the alert names none."""
    data = site.prometheus().data("/api/v1/targets", {"state": "active"})
    active = data.get("activeTargets") if isinstance(data, dict) else None
    if not isinstance(active, list):
        raise SalvageError("Prometheus gives no list of targets", reason="invalid")
    wanted = {name: site.alert.labels[name] for name in ("job", "instance", "namespace", "service", "pod") if site.alert.labels.get(name)}
    if not wanted.keys() & {"job", "instance", "service", "pod"}:
        service = "opa-service" if site.response.workload == "opa" else site.query.name
        wanted = {"namespace": site.place[1], "service": service}
    found = [
        {
            "instance": excerpt(as_text(one["labels"].get("instance")), 200),
            "pod": excerpt(as_text(one["labels"].get("pod", "")), 200),
            "health": as_text(one.get("health")),
            "error": excerpt(as_text(one.get("lastError") or ""), 300),
            "at": when(one.get("lastScrape")),
        }
        for one in active
        if isinstance(one, dict) and isinstance(one.get("labels"), dict) and wanted.items() <= one["labels"].items()
    ]
    return Observed("targets", {"targets": found, "labels": wanted}, at=site.now, source="/api/v1/targets")


def backup_seen(site: EvidenceSite) -> Observed:
    """The age of the newest backup, by the metric that the role backup writes."""
    cluster = site.alert.labels.get("cluster")
    expression = "max(meta_salvage_backup_created_timestamp_seconds" + (f"{{cluster={quoted(cluster)}}}" if cluster else "") + ")"
    samples = site.prometheus().query(expression)
    if len(samples) != 1 or samples[0].value is None:
        raise SalvageError("Prometheus does not know when the newest backup was created", reason="not_found")
    doubts = (samples[0].doubt,) if samples[0].doubt else ()
    return Observed("backup", {"age": site.now - samples[0].value}, at=site.now, source=expression, doubts=doubts)


def firing_alerts(site_prometheus: PrometheusApi | None, alertmanager: Any) -> tuple[list[Alert], dict[str, str]]:
    """Raises SalvageError if no source answers."""
    found, problems = read_alerts(site_prometheus, alertmanager)
    asked = [one for one in (site_prometheus, alertmanager) if one is not None]
    if not asked or len(problems) == len(asked):
        raise SalvageError("; ".join(problems.values()) or "there is no source of alerts; set prometheus_url", reason="unreachable")
    return found, problems
