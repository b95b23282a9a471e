# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module alert_response_info: reads the evidence side by side, and says what follows from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._alerts.alerts import Alert
from .._cluster import routes
from .._cluster.retry import Retry
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.options import argument_spec, from_params
from .._core.times import iso
from .._prometheus.client import PrometheusApi
from .alerts_in import FIRING, GivenAlert, alerts_in, completed
from .evidence_changes import changes_seen
from .evidence_logs import logs_seen, providers_seen
from .evidence_model import JudgeSettings, Observed, Verdict, evidence_from
from .evidence_options import ResponseQuery, settings_of
from .evidence_prometheus import backup_seen, firing_alerts, history_seen, memory_seen, request_rate_seen, targets_seen
from .evidence_service import metric_seen, qek_details_seen, red_code_seen, risk_events_seen
from .evidence_site import EvidenceSite, WorkloadObjects, read_workload
from .evidence_workload import autoscaler_seen, budget_seen, elsewhere, headroom_seen, pods_seen, usage_seen
from .responses import AlertResponse, actions_of, progress_since, response_for, verdicts_of

MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(ResponseQuery), **routes.ARGUMENTS},
    "supports_check_mode": True,
}
READERS: Mapping[str, Callable[[EvidenceSite], Observed]] = {
    "metric": metric_seen,
    "history": history_seen,
    "changes": changes_seen,
    "logs": logs_seen,
    "pods": pods_seen,
    "qek_details": qek_details_seen,
    "red_code": red_code_seen,
    "request_rate": request_rate_seen,
    "providers": providers_seen,
    "risk_events": risk_events_seen,
    "usage": usage_seen,
    "autoscaler": autoscaler_seen,
    "headroom": headroom_seen,
    "memory": memory_seen,
    "budget": budget_seen,
    "targets": targets_seen,
    "backup": backup_seen,
}
# What reading an answer raises that is not of the form that its API promises.
_UNFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError, ArithmeticError, RecursionError)
Firing = tuple[list[Alert], dict[str, str]]


def run(params: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    query = from_params(ResponseQuery, params)
    settings = settings_of(query.judge)
    if not 0 < query.deadline <= 600 or not 0 < query.request_timeout <= 600:
        raise SalvageError("deadline, request_timeout: write seconds above 0, up to 600", reason="bad_input")
    alerts = alerts_in(query.alert)
    if query.evidence is not None:
        at = now if query.now is None else query.now
        return _result(alerts, [_answer(one, response_for(one), evidence_from(query.evidence), at, query, settings) for one in alerts])
    addresses = routes.Routes(params, query.request_timeout, retry=Retry(seconds=query.deadline / 2))
    firing = _firing(query, addresses)
    answers = []
    for given in alerts:
        alert = completed(given, firing[0]) if isinstance(firing, tuple) else given
        response = response_for(alert)
        site = EvidenceSite(query, addresses, alert, response, settings, now)
        answers.append(_answer(alert, response, gathered(site, firing), time.time(), query, settings, site))
    return _result(alerts, answers)


def _firing(query: ResponseQuery, addresses: routes.Routes) -> Firing | SalvageError:
    """What fires, or why that is not known.  Raises SalvageError(bad_input, missing_library): then nothing else can be read either."""
    try:
        prometheus = addresses.open_if(query.prometheus_url)
        return firing_alerts(PrometheusApi(prometheus) if prometheus else None, addresses.open_if(query.alertmanager_url))
    except SalvageError as exc:
        if exc.reason in {"bad_input", "missing_library"}:
            raise
        return exc


def gathered(site: EvidenceSite, firing: Firing | SalvageError) -> dict[str, Observed]:
    """Each piece of evidence of the response, read side by side; one that can't be read hides no other."""
    needed = [name for name in site.response.evidence if name in READERS]
    if needed and set(needed) - {"targets", "backup"}:
        site.objects = read_workload(site)
    found = {"alert": _given(site), "firing": _fires(site, firing)}
    calls = {name: partial(_one, name, site) for name in needed}
    for name, answer in gather(calls).items():
        found[name] = answer if isinstance(answer, Observed) else Observed(name, reason=str(answer), at=site.now)
    return {name: found[name] for name in site.response.evidence if name in found}


def _given(site: EvidenceSite) -> Observed:
    """The alert, and what it is about where that is something else than the workload."""
    try:
        other = elsewhere(site) if site.response.of_workload else ""
    except SalvageError as exc:
        other = f"whether the alert is about {site.place[2]} is not known: {exc}"
    except _UNFORMED as exc:
        other = f"whether the alert is about {site.place[2]} is not known ({type(exc).__name__})"
    return Observed("alert", {**site.alert.to_dict(), "elsewhere": other}, at=site.now, source="as given")


def _one(name: str, site: EvidenceSite) -> Observed:
    began = time.monotonic()
    try:
        found = READERS[name](site)
    except SalvageError as exc:
        found = Observed(name, reason=str(exc), at=site.now)
    except _UNFORMED as exc:
        found = Observed(name, reason=f"the answer has another form than its API promises ({type(exc).__name__}: {exc})", at=site.now)
    return Observed(name, found.value, found.reason, found.at, found.source, found.doubts, time.monotonic() - began)


def _fires(site: EvidenceSite, firing: Firing | SalvageError) -> Observed:
    """Whether an alert of this name, with the labels that are given, fires now."""
    if isinstance(firing, SalvageError):
        return Observed("firing", reason=str(firing), at=site.now)
    alerts, problems = firing
    mine = site.alert.labels.items()
    # Prometheus itself does not know the external labels that Alertmanager has.
    same = [one for one in alerts if one.name == site.alert.name and (mine <= one.labels.items() or one.labels.items() <= mine)]
    states = sorted({one.state for one in same})
    value = {"firing": bool(same), "states": states}
    return Observed("firing", value, at=site.now, source="Prometheus and Alertmanager", doubts=tuple(problems.values()))


def _answer(
    alert: GivenAlert,
    response: AlertResponse,
    evidence: dict[str, Observed],
    now: float,
    query: ResponseQuery,
    settings: JudgeSettings,
    site: EvidenceSite | None = None,
) -> dict[str, Any]:
    verdicts = verdicts_of(response, evidence, now, settings)
    target = _target(query, site)
    actions = [one.to_dict(target) for one in actions_of(response, verdicts, settings)]
    state = verdicts["state"]
    outcome = progress_since(response, query.before, state) if query.before else ("", "")
    return {
        "alert": {**alert.to_dict(), "started_at": _started(alert)},
        "response": response.name,
        "title": response.title,
        "severity": response.severity,
        "state": state.answer,
        "complete": all(one.known and not one.doubts for one in evidence.values()),
        "missing": [f"{one.name}: {one.reason or one.doubts[0]}" for one in evidence.values() if not one.known or one.doubts],
        "evidence": [one.to_dict() for one in evidence.values()],
        "verdicts": {name: one.to_dict() for name, one in verdicts.items()},
        "actions": actions,
        "target": target,
        "outcome": outcome[0],
        "outcome_reason": outcome[1],
        "summary": summary_of(alert, response, verdicts, actions),
        "judged_at": iso(int(now)),
    }


def _started(alert: GivenAlert) -> str:
    """As every record of the alert has it: the time belongs to its identity."""
    return "" if alert.starts_at is None else iso(round(alert.starts_at, 3))


def _target(query: ResponseQuery, site: EvidenceSite | None) -> dict[str, Any]:
    """What actions change, as the guard rails need to know it."""
    kind, namespace, name = site.place if site else (query.kind, query.namespace, query.name)
    found = site.objects if site else None
    if not isinstance(found, WorkloadObjects):
        return {"kind": kind, "namespace": namespace, "name": name, "uid": "", "resource_version": "", "replicas": None}
    metadata, replicas = found.workload["metadata"], found.workload["spec"].get("replicas", 1)
    version = metadata.get("resourceVersion", "")
    return {"kind": kind, "namespace": namespace, "name": name, "uid": metadata["uid"], "resource_version": version, "replicas": replicas}


def summary_of(alert: GivenAlert, response: AlertResponse, verdicts: Mapping[str, Verdict], actions: list[dict[str, Any]]) -> list[str]:
    lines = [f"{alert.name}: {response.title} is {verdicts['state'].answer}"]
    lines += [f"{one.question}: {one.answer} ({one.reason}) [{', '.join(one.rests_on)}]" for one in verdicts.values()]
    lines += [
        f"action {one['name']}: {one['decision']}, {one['does'] + ', ' if one['does'] else ''}because {one['reason']}" for one in actions
    ]
    return lines


def _result(alerts: list[GivenAlert], answers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "changed": False,
        "answers": [one for given, one in zip(alerts, answers, strict=True) if given.state == FIRING],
        "not_answered": [{**one.to_dict(), "starts_at": _started(one)} for one in alerts if one.state != FIRING],
    }
