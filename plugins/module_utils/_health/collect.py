# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a cluster: every part side by side in one process, and one part's failure is that part's alone."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from .._alerts.sources import read_alerts
from .._cluster.http import Endpoint
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.gather import for_each, gather
from .._core.status import CRITICAL, UNKNOWN, worst
from .._core.times import iso
from .._metrics.fetch import read_thresholds, with_history
from .._metrics.model import Evaluation, Profile
from .._opa.client import Opa
from .._opa.probe import ask_probe
from .._prometheus.client import PrometheusApi
from .._workloads.service_health import WORDS
from . import cluster, compare, pods, services
from .alerts import alert_check
from .ignore import ignore
from .look import CACHED, Seen, Wanted, check_of, each_namespace, namespace_unknown
from .model import Check, Part, counts, part, unknown_part
from .pods_part import pods_part

_WORKLOADS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
}
_AUTOSCALERS = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"


def check(session: Cluster, wanted: Wanted, *, name: str, previous: Mapping[str, Any] | None, now: float) -> dict[str, Any]:
    """The report of a cluster.

    Raises SalvageError if the cluster can't be reached at all or does not know the login; whatever else fails is in the report.
    """
    started = time.monotonic()
    version = _version(session)
    seen = Seen()
    found = _side_by_side(
        {
            part_name: (lambda look=look: look(session, wanted, previous, now, seen))  # type: ignore[misc]
            for part_name, look in LOOKS.items()
            if part_name in wanted.parts
        },
        started + wanted.timeout,
        wanted.timeout,
    )
    found, ignored = ignore(found, wanted.ignore, now)
    report: dict[str, Any] = {
        "schema": 1,
        "status": worst(one.status for one in found),
        "generated_at": iso(float(int(now))),
        "duration_s": 0.0,
        "cluster": {"name": name, "server": session.server, "version": version},
        "counts": counts(found),
        "parts": [one.to_dict() for one in found],
        "metrics": [_metric(one, wanted.profile) for one in seen.evaluations],
        "ignored": ignored,
        "restarts": seen.restarts if seen.restarts is not None else (compare.restarts(previous) or {}),
    }
    report["changes"] = compare.changes(previous, report)
    report["duration_s"] = round(time.monotonic() - started, 3)
    return report


def _version(session: Cluster) -> str | None:
    """The first contact: a cluster that is not there ends the check here, in one sentence."""
    try:
        return str(session.get_json("/version").get("gitVersion"))
    except SalvageError as exc:
        if exc.reason == "forbidden":
            return None
        raise


def _side_by_side(looks: Mapping[str, Callable[[], Part]], deadline: float, timeout: float) -> list[Part]:
    pool = ThreadPoolExecutor(max_workers=max(1, len(looks)))
    futures: dict[str, Future[Part]] = {name: pool.submit(_timed, name, look) for name, look in looks.items()}
    found = [_outcome(name, future, deadline, timeout) for name, future in futures.items()]
    pool.shutdown(wait=False, cancel_futures=True)
    return found


def _outcome(name: str, future: Future[Part], deadline: float, timeout: float) -> Part:
    try:
        return future.result(timeout=max(0.0, deadline - time.monotonic()))
    except Exception as exc:  # of any kind: no part may take the others with it
        if not future.done():
            return unknown_part(name, f"it was not done within {timeout:g} s")
        return unknown_part(name, f"the check itself failed, which is a defect to report: {type(exc).__name__}: {exc}")


def _timed(name: str, look: Callable[[], Part]) -> Part:
    started = time.monotonic()
    try:
        found = look()
    except SalvageError as exc:
        found = unknown_part(name, str(exc))
    return replace(found, duration_s=time.monotonic() - started)


def _workloads(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    lists = [(kind, path.format(namespace), namespace) for namespace in wanted.namespaces for kind, path in _WORKLOADS.items()]
    lists += [("HorizontalPodAutoscaler", _AUTOSCALERS.format(namespace), namespace) for namespace in wanted.namespaces]

    def look(one: tuple[str, str, str]) -> tuple[list[Check], int]:
        kind, path, namespace = one
        try:
            objects = list(session.list(path, CACHED))
        except SalvageError as exc:
            return [namespace_unknown(f"workloads/{kind.lower()}", namespace, exc)], 0
        judge = cluster.autoscaler if kind == "HorizontalPodAutoscaler" else functools.partial(cluster.workload, kind)
        found = [check_of(judge, f"workloads/{kind.lower()}", obj) for obj in objects]
        bad = [check for check in found if check is not None]
        return bad, len(objects) - len(bad)

    looked = for_each(look, lists)
    checks, healthy = [check for bad, dummy in looked for check in bad], sum(good for dummy, good in looked)
    summary = f"{healthy + len(checks)} workloads and autoscalers"
    return part("workloads", checks, healthy=healthy, summary=summary, nothing="there is no workload in these namespaces")


def _nodes(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    found = [check_of(cluster.node, "nodes", obj) for obj in session.list("/api/v1/nodes", CACHED)]
    bad = [one for one in found if one is not None]
    return part("nodes", bad, healthy=len(found) - len(bad), summary=f"{len(found)} nodes", nothing="the cluster has no nodes")


def _api(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    if wanted.api is None:
        return unknown_part("api", "no address was given")
    address = wanted.api.address + wanted.health_path
    try:
        answer = wanted.api.request("GET", wanted.health_path)
    except SalvageError as exc:
        return part("api", [Check("api/health", CRITICAL, str(exc), {"kind": "Service", "name": address})])
    found = services.api(answer, address, {**WORDS, **wanted.health_words})
    return part("api", [found], summary=f"version {found.evidence.get('version') or 'not reported'}")


def _thresholds(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    if wanted.thresholds is None:
        return unknown_part("thresholds", "no address was given")
    evaluations = read_thresholds(
        wanted.thresholds,
        profile=wanted.profile,
        fmt=wanted.thresholds_format,
        path=wanted.thresholds_path,
        max_age=wanted.max_age,
        now=now,
        timeout=wanted.timeout / 2,
        prometheus=wanted.prometheus,
    )
    if wanted.prometheus is not None and wanted.history:
        # The history is for the eye; without it the judgement stands.
        evaluations = with_history(
            evaluations, wanted.prometheus, profile=wanted.profile, start=now - wanted.history, end=now, timeout=wanted.timeout / 2
        )
    seen.evaluations = evaluations
    return services.thresholds(evaluations)


def _opa(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    if wanted.opa is None:
        return unknown_part("opa", "no address was given")
    checks = []
    if wanted.opa_selector:
        try:
            rows = session.table(f"/api/v1/namespaces/{wanted.opa_namespace}/pods", {**CACHED, "labelSelector": wanted.opa_selector})
            ready = sum(map(pods.serves, rows))
            checks.append(services.opa_pods(ready, len(rows), wanted.opa_selector))
        except SalvageError as exc:
            checks.append(namespace_unknown("opa/pods", wanted.opa_namespace, exc))
    opa = Opa(wanted.opa)
    checks += [services.probe_check(ask_probe(opa, one, wanted.opa_path)) for one in wanted.probes]
    if not wanted.probes:
        checks.append(Check("opa/probe", UNKNOWN, "no probe was given: that its pods run does not say that it decides"))
    return part("opa", checks, summary=f"{len(wanted.probes)} probe decisions")


def _alerts(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    if wanted.prometheus is None and wanted.alertmanager is None:
        return unknown_part("alerts", "no address was given")
    answered, problems = read_alerts(PrometheusApi(wanted.prometheus) if wanted.prometheus else None, wanted.alertmanager)
    firing = [one for one in answered if one.name not in wanted.ignored_alerts]
    checks = [alert_check(one, wanted.severities, now) for one in firing]
    checks += [Check(f"alerts/{source}", UNKNOWN, reason, {"kind": "Service", "name": source}) for source, reason in problems.items()]
    quiet = sum(one.state not in {"active", "unknown"} for one in firing)
    summary = f"{len(firing)} alerts fire" + (f", {quiet} of them silenced, inhibited or muted" if quiet else "")
    # Nobody fires: healthy if everybody who was asked says so.
    return part("alerts", checks, healthy=0 if checks else 1, summary=summary)


def _storage(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    claims: list[Mapping[str, Any]] = []
    refused = []
    for namespace, answer in each_namespace(
        wanted.namespaces, lambda ns: list(session.list(f"/api/v1/namespaces/{ns}/persistentvolumeclaims", CACHED))
    ):
        if isinstance(answer, SalvageError):
            refused.append(namespace_unknown("storage", namespace, answer))
        else:
            claims += answer
    usage: dict[services.Claim, float] | str = {}
    unmounted: set[services.Claim] = set()
    if claims:
        usage = _volume_usage(wanted.prometheus)
        if isinstance(usage, dict):
            unmounted = _unmounted(session, {services.claim_of(one) for one in claims} - usage.keys())
    found = services.storage(claims, usage, wanted.storage_warning, wanted.storage_critical, unmounted)
    return part("storage", [*refused, *found.checks], healthy=found.healthy or int(not refused and not claims), summary=found.summary)


def _unmounted(session: Cluster, claims: set[services.Claim]) -> set[services.Claim]:
    """Those of the claims that no pod has as a volume; where the pods can't be listed, none is known to be so."""

    def mounted(namespace: str) -> set[services.Claim]:
        pods_there = session.list(f"/api/v1/namespaces/{namespace}/pods")
        return {claim for pod in pods_there for claim in services.claims_of_pod(pod)}

    namespaces = {namespace for namespace, _name in claims}
    answers = gather({namespace: functools.partial(mounted, namespace) for namespace in namespaces})
    known = {namespace: answer for namespace, answer in answers.items() if not isinstance(answer, SalvageError)}
    return {one for one in claims if one[0] in known and one not in known[one[0]]}


def _volume_usage(prometheus: Endpoint | None) -> dict[services.Claim, float] | str:
    if prometheus is None:
        return "no address of a Prometheus was given"
    query = "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes)"
    try:
        samples = PrometheusApi(prometheus).query(query)
    except SalvageError as exc:
        return str(exc)
    doubt = next((one.doubt for one in samples if one.doubt), "")
    if doubt:
        return doubt
    usage: dict[services.Claim, float] = {}
    for one in samples:
        claim = (one.labels.get("namespace", ""), one.labels.get("persistentvolumeclaim", ""))
        used = math.nan if one.value is None or one.value < 0 else one.value
        other = usage.get(claim, used)
        usage[claim] = math.nan if math.isnan(used + other) else max(used, other)
    return usage


def _certificates(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    secrets: list[Mapping[str, Any]] = []
    refused = []
    query = {"fieldSelector": "type=kubernetes.io/tls"}
    for namespace, answer in each_namespace(
        wanted.namespaces, lambda ns: list(session.list(f"/api/v1/namespaces/{ns}/secrets", query, limit=50))
    ):
        if isinstance(answer, SalvageError):
            refused.append(namespace_unknown("certificates", namespace, answer))
        else:
            secrets += answer
    found = services.certificates(secrets, now, wanted.certificate_warning_days, wanted.certificate_critical_days)
    if not refused:
        return found
    return part("certificates", [*refused, *found.checks], healthy=found.healthy, summary=found.summary)


def _backup(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    from .last_backup import read_last_backup  # noqa: PLC0415 - cryptography is slow to import, and this part is off by default

    return read_last_backup(session, wanted.backup_path, wanted.backup_public_key, now, wanted.backup_max_age)


def _metric(one: Evaluation, profile: Profile) -> dict[str, Any]:
    limits = next((metric.limits for metric in profile.metrics if metric.key == one.name), None)
    names = ("critical_min", "critical_max", "warning_min", "warning_max", "ideal")
    return {**one.to_dict(), "limits": {name: value for name in names if (value := getattr(limits, name, None)) is not None}}


Look = Callable[[Cluster, Wanted, "Mapping[str, Any] | None", float, Seen], Part]
LOOKS: dict[str, Look] = {
    "pods": pods_part,
    "workloads": _workloads,
    "nodes": _nodes,
    "api": _api,
    "thresholds": _thresholds,
    "opa": _opa,
    "alerts": _alerts,
    "storage": _storage,
    "certificates": _certificates,
    "backup": _backup,
}
