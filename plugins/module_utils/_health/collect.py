# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a cluster: every part side by side in one process, and one part's failure is that part's alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from .._alerts.sources import read_alerts
from .._cluster.http import Endpoint
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.gather import for_each, gather
from .._core.status import CRITICAL, HEALTHY, UNKNOWN, worst
from .._core.times import iso
from .._metrics.fetch import API_PATH, read_thresholds, with_history
from .._metrics.model import Evaluation, Profile
from .._metrics.profile import DEFAULT_PROFILE
from .._opa.client import Opa
from .._opa.probe import Probe, ask_probe
from .._prometheus.client import PrometheusApi
from . import cluster, compare, pods, services
from .alerts import DEFAULT_SEVERITIES, alert_check
from .last_backup import read_last_backup
from .model import Check, Part, counts, part, unknown_part

# A snapshot of now is asked for, and the API server's watch cache is one (some milliseconds old at most, and the same in every list of a
# kind). It spares etcd a quorum read of every object, which at 5,000 pods is most of the time.
CACHED = {"resourceVersion": "0"}
WHOLE_PODS = 100  # suspicious pods that are fetched whole; of more, the row of the table has to do
_WORKLOADS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
}
_AUTOSCALERS = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"


@dataclass(frozen=True)
class Wanted:
    """What to look at, under which names, by which limits.  Times in seconds, shares from 0 to 1."""

    parts: Sequence[str]
    namespaces: Sequence[str]
    api: Endpoint | None = None
    health_path: str = "/health"
    thresholds: Endpoint | None = None
    thresholds_format: str = "auto"
    thresholds_path: str | None = API_PATH
    profile: Profile = DEFAULT_PROFILE
    max_age: float | None = None
    prometheus: Endpoint | None = None
    alertmanager: Endpoint | None = None
    opa: Endpoint | None = None
    opa_namespace: str = ""
    opa_selector: str = ""
    opa_path: str = ""
    probes: Sequence[Probe] = ()
    ignored_alerts: frozenset[str] = frozenset()
    severities: Mapping[str, str] = field(default_factory=lambda: DEFAULT_SEVERITIES)
    storage_warning: float = 0.8
    storage_critical: float = 0.9
    certificate_warning_days: float = 30.0
    certificate_critical_days: float = 7.0
    backup_path: str = ""
    backup_public_key: str = ""
    backup_max_age: float = 26 * 3600.0
    history: float = 3600.0
    timeout: float = 20.0


@dataclass
class Seen:
    """What parts bring beside their findings."""

    restarts: dict[str, int] | None = None
    evaluations: list[Evaluation] = field(default_factory=list)


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
    report: dict[str, Any] = {
        "schema": 1,
        "status": worst(one.status for one in found),
        "generated_at": iso(float(int(now))),
        "duration_s": 0.0,
        "cluster": {"name": name, "server": session.server, "version": version},
        "counts": counts(found),
        "parts": [one.to_dict() for one in found],
        "metrics": [_metric(one, wanted.profile) for one in seen.evaluations],
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


def _pods(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    before = compare.restarts(previous)
    checks: list[Check] = []
    suspicious: list[tuple[str, Mapping[str, Any]]] = []
    restarts: dict[str, int] = {}
    total = 0
    for namespace, answer in _each_namespace(wanted.namespaces, lambda ns: session.table(f"/api/v1/namespaces/{ns}/pods", CACHED)):
        if isinstance(answer, SalvageError):
            checks.append(_refused("pods", namespace, answer))
            # what the last run knew of it stays known
            restarts.update({key: n for key, n in (before or {}).items() if key.startswith(f"{namespace}/")})
            continue
        if not answer:
            checks.append(_empty(session, "pods", namespace))
        total += len(answer)
        for row in answer:
            if count := pods.restarts_in_row(row):
                restarts[pods.key(namespace, str(row["Name"]))] = count
            if pods.is_suspicious(namespace, row, before):
                suspicious.append((namespace, row))
    seen.restarts = restarts

    def examine(one: tuple[str, Mapping[str, Any]]) -> Check | None:
        namespace, row = one
        try:
            whole = session.get_json(f"/api/v1/namespaces/{namespace}/pods/{row['Name']}")
        except SalvageError as exc:
            return None if exc.reason == "not_found" else pods.from_row(namespace, row, str(exc))
        return pods.examine(whole, before, now)

    # Those that do not run come first: for the others, only the restarts need a report.
    suspicious.sort(key=lambda one: one[1].get("Status") == "Running")
    looked_at, rest = suspicious[:WHOLE_PODS], suspicious[WHOLE_PODS:]
    examined = for_each(examine, looked_at)
    examined += [pods.from_row(namespace, row, f"one of {len(rest)} that were not looked at one by one") for namespace, row in rest]
    bad = [one for one in examined if one is not None]
    where = ", ".join(wanted.namespaces)
    summary = f"{total} pods in {where}" + ("" if bad or any(one.status != HEALTHY for one in checks) else ", all well")
    return part("pods", [*checks, *bad], healthy=total - len(bad), summary=summary, nothing="no namespaces were given")


def _workloads(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    lists = [(kind, path.format(namespace), namespace) for namespace in wanted.namespaces for kind, path in _WORKLOADS.items()]
    lists += [("HorizontalPodAutoscaler", _AUTOSCALERS.format(namespace), namespace) for namespace in wanted.namespaces]

    def look(one: tuple[str, str, str]) -> tuple[list[Check], int]:
        kind, path, namespace = one
        try:
            objects = list(session.list(path, CACHED))
        except SalvageError as exc:
            return [_refused(f"workloads/{kind.lower()}", namespace, exc)], 0
        found = [cluster.autoscaler(obj) if kind == "HorizontalPodAutoscaler" else cluster.workload(kind, obj) for obj in objects]
        bad = [check for check in found if check is not None]
        return bad, len(objects) - len(bad)

    looked = for_each(look, lists)
    checks, healthy = [check for bad, dummy in looked for check in bad], sum(good for dummy, good in looked)
    summary = f"{healthy + len(checks)} workloads and autoscalers"
    return part("workloads", checks, healthy=healthy, summary=summary, nothing="there is no workload in these namespaces")


def _nodes(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    found = [cluster.node(obj) for obj in session.list("/api/v1/nodes", CACHED)]
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
    found = services.api(answer, address)
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
            ready = sum(not pods.is_suspicious(wanted.opa_namespace, {**row, "Restarts": "0"}, None) for row in rows)
            checks.append(services.opa_pods(ready, len(rows), wanted.opa_selector))
        except SalvageError as exc:
            checks.append(_refused("opa/pods", wanted.opa_namespace, exc))
    opa = Opa(wanted.opa)
    checks += [services.probe_check(ask_probe(opa, one, wanted.opa_path)) for one in wanted.probes]
    if not wanted.probes:
        checks.append(Check("opa/probe", UNKNOWN, "no probe was given: that its pods run does not say that it decides"))
    return part("opa", checks, summary=f"{len(wanted.probes)} probe decisions")


def _alerts(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    if wanted.prometheus is None and wanted.alertmanager is None:
        return unknown_part("alerts", "no address was given")
    answered, problems = read_alerts(wanted.prometheus, wanted.alertmanager)
    firing = [one for one in answered if one.name not in wanted.ignored_alerts]
    checks = [alert_check(one, wanted.severities, now) for one in firing]
    checks += [Check(f"alerts/{source}", UNKNOWN, reason, {"kind": "Service", "name": source}) for source, reason in problems.items()]
    quiet = sum(one.state != "active" for one in firing)
    summary = f"{len(firing)} alerts fire" + (f", {quiet} of them silenced or inhibited" if quiet else "")
    # Nobody fires: healthy if everybody who was asked says so.
    return part("alerts", checks, healthy=0 if checks else 1, summary=summary)


def _storage(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    claims: list[Mapping[str, Any]] = []
    refused = []
    for namespace, answer in _each_namespace(
        wanted.namespaces, lambda ns: list(session.list(f"/api/v1/namespaces/{ns}/persistentvolumeclaims", CACHED))
    ):
        if isinstance(answer, SalvageError):
            refused.append(_refused("storage", namespace, answer))
        else:
            claims += answer
    usage: dict[tuple[str, str], float] | str = {}
    if claims:
        usage = _volume_usage(wanted.prometheus)
    found = services.storage(claims, usage, wanted.storage_warning, wanted.storage_critical)
    return part("storage", [*refused, *found.checks], healthy=found.healthy or int(not refused and not claims), summary=found.summary)


def _volume_usage(prometheus: Endpoint | None) -> dict[tuple[str, str], float] | str:
    if prometheus is None:
        return "no address of a Prometheus was given"
    query = "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes)"
    try:
        samples = PrometheusApi(prometheus).query(query)
    except SalvageError as exc:
        return str(exc)
    return {
        (one.labels.get("namespace", ""), one.labels.get("persistentvolumeclaim", "")): one.value
        for one in samples
        if one.value is not None
    }


def _certificates(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    secrets: list[Mapping[str, Any]] = []
    refused = []
    query = {"fieldSelector": "type=kubernetes.io/tls"}
    for namespace, answer in _each_namespace(
        wanted.namespaces, lambda ns: list(session.list(f"/api/v1/namespaces/{ns}/secrets", query, limit=50))
    ):
        if isinstance(answer, SalvageError):
            refused.append(_refused("certificates", namespace, answer))
        else:
            secrets += answer
    found = services.certificates(secrets, now, wanted.certificate_warning_days, wanted.certificate_critical_days)
    if not refused:
        return found
    return part("certificates", [*refused, *found.checks], healthy=found.healthy, summary=found.summary)


def _backup(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    return read_last_backup(wanted.backup_path, wanted.backup_public_key, now, wanted.backup_max_age)


def _each_namespace(
    namespaces: Sequence[str], ask: Callable[[str], list[dict[str, Any]]]
) -> Iterable[tuple[str, list[dict[str, Any]] | SalvageError]]:
    return gather({namespace: lambda namespace=namespace: ask(namespace) for namespace in namespaces}).items()  # type: ignore[misc]


def _refused(what: str, namespace: str, exc: SalvageError) -> Check:
    return Check(f"{what}/{namespace}", UNKNOWN, str(exc), {"kind": "Namespace", "name": namespace})


def _empty(session: Cluster, what: str, namespace: str) -> Check:
    """A namespace without pods: not there, or empty, and neither is healthy."""
    subject = {"kind": "Namespace", "name": namespace}
    try:
        session.get_json(f"/api/v1/namespaces/{namespace}")
    except SalvageError as exc:
        if exc.reason == "not_found":
            return Check(f"{what}/{namespace}", CRITICAL, f"there is no namespace {namespace}", subject)
    return Check(f"{what}/{namespace}", UNKNOWN, f"there are no pods in the namespace {namespace}", subject)


def _metric(one: Evaluation, profile: Profile) -> dict[str, Any]:
    limits = next((metric.limits for metric in profile.metrics if metric.key == one.name), None)
    names = ("critical_min", "critical_max", "warning_min", "warning_max", "ideal")
    return {**one.to_dict(), "limits": {name: value for name in names if (value := getattr(limits, name, None)) is not None}}


Look = Callable[[Cluster, Wanted, "Mapping[str, Any] | None", float, Seen], Part]
LOOKS: dict[str, Look] = {
    "pods": _pods,
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
