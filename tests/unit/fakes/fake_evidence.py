# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence as it is read: for each response a set from which its action follows; what tests change in it must stop that."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.alerts_in import alerts_in
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.evidence_model import JudgeSettings, evidence_from
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.responses import (
    actions_of,
    response_for,
    verdicts_of,
)

NOW = 1_795_750_000.0
PODS = ("app-1", "app-2", "app-3")
Evidence = dict[str, dict[str, Any]]  # by name, as Observed.to_dict


def ago(seconds: float) -> str:
    return iso(NOW - seconds)


def known(name: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "status": "known", "value": value, "reason": "", "at": NOW - 1, "source": "a test", "doubts": [], **more}


def metric(value: float = 0.82, status: str = "critical", **bounds: Any) -> dict[str, Any]:
    bounds = bounds or {"minimum": 0.85, "maximum": None}
    samples = [{"where": f"pod://a/{pod}", "value": value, "status": status, "reason": "", "at": NOW - 2} for pod in PODS]
    return known("metric", {"title": "QEK", **bounds, "samples": samples})


def history(value: float = 0.82, seconds: int = 1080, step: int = 20) -> dict[str, Any]:
    return known("history", {"points": [[NOW - at, value] for at in range(seconds, 0, -step)], "step": step})


def changes(**more: Any) -> dict[str, Any]:
    target = {"revision": 6, "created": ago(90000), "would_change": ["ConfigMap/euystacio-config (its content of then)"]}
    items = [{"what": "ConfigMap euystacio-config was written", "at": ago(1500), "by": "kubectl"}]
    value = {"items": items, "revisions": [], "target": target, "target_problem": "", "proofs_problem": "", **more}
    return known("changes", value)


def alert(name: str, seconds: float = 1200) -> dict[str, Any]:
    return known("alert", {"name": name, "labels": {"alertname": name}, "starts_at": NOW - seconds})


def red_code() -> dict[str, Any]:
    copies = [{"where": where, "digest": "d1", "problems": []} for where in ("pod://a/app-1", "ConfigMap euystacio-red-code")]
    return known("red_code", {"copies": copies, "known_good": "d1", "known_good_from": "a test"})


def qek_details(quality: float = 0.97) -> dict[str, Any]:
    inputs = [
        {"name": "human_feedback", "quality": quality, "updated_at": ago(30)},
        {"name": "peace_bonds", "quality": 1, "updated_at": ago(9)},
    ]
    return known("qek_details", {"replicas": [{"where": f"pod://a/{pod}", "inputs": inputs} for pod in PODS]})


def usage(cpu: float = 0.24, memory: float = 120e6, at: float = NOW - 10) -> dict[str, Any]:
    pods = [
        {"pod": pod, "cpu": cpu, "cpu_limit": 0.25, "memory": memory, "memory_limit": 128e6, "at": at, "revision": "r2"} for pod in PODS
    ]
    return known("usage", {"pods": pods, "nodes": []})


def autoscaler(**more: Any) -> dict[str, Any]:
    scaler = {
        "name": "app-hpa", "minimum": 2, "maximum": 3, "current": 3, "desired": 3, "managed_by": "",
        "conditions": {"ScalingActive": "True", "AbleToScale": "True"}, "problem": "", **more,
    }  # fmt: skip
    return known("autoscaler", {"replicas": 3, "autoscaler": scaler})


def headroom(**more: Any) -> dict[str, Any]:
    return known("headroom", {"current": 3, "target": 8, "quota": "", "room": 20, "on_demand": False, "nodes": 3, **more})


def request_rate(now: float = 30.0, usual: float = 10.0) -> dict[str, Any]:
    past = [{"days": day, "value": usual + day / 10} for day in range(1, 8)]
    return known("request_rate", {"now": now, "past": past, "paths": [{"path": "/api", "now": now, "usual": usual}]})


def providers(rows: list[tuple[str, int, int, int]] | None = None, score: float | None = 0.3) -> dict[str, Any]:
    rows = rows or [(f"provider-{letter}", 40, 60, 0) for letter in "abcdefgh"]
    listed = [{"provider": name, "now": now, "before": before, "denied": denied, "risk_score": score} for name, now, before, denied in rows]
    return known("providers", {"providers": listed, "window": 900.0, "before_window": 2700.0})


def risk_events(severity: str = "low", provider: str = "provider-a", count: int = 2) -> dict[str, Any]:
    events = [{"severity": severity, "provider": provider, "at": ago(60 * number + 60)} for number in range(count)]
    return known("risk_events", {"events": events, "total": count})


def memory(growth: float = 20e6, names: tuple[str, ...] = ("app-1",)) -> dict[str, Any]:
    """The named pods grow by so much in the hour that is seen, up to 120 MB of 128."""
    pods = []
    for pod in PODS:
        grown = growth if pod in names else 0.0
        points = [[NOW - at, 120e6 - grown * at / 3600 + (at % 7) * 1000] for at in range(3600, 0, -60)]
        pods.append({"pod": pod, "revision": "r2", "limit": 128e6, "points": points})
    return known("memory", {"pods": pods, "step": 60})


def pods(trouble: str = "", available: int = 3, oom_at: str | None = None) -> dict[str, Any]:
    listed = [
        {"pod": pod, "uid": pod, "ready": not trouble, "restarts": 0, "trouble": trouble, "oom_at": oom_at, "revision": "r2"}
        for pod in PODS
    ]
    return known("pods", {"pods": listed, "desired": 3, "available": available})


def budget(allowed: int = 1, ready: int = 3) -> dict[str, Any]:
    return known("budget", {"ready": ready, "desired": 3, "budgets": [{"name": "app-pdb", "allowed": allowed}]})


def firing(fires: bool = True) -> dict[str, Any]:
    return known("firing", {"firing": fires, "states": ["active"]})


def logs() -> dict[str, Any]:
    return known("logs", {"logs": []})


def by_name(*found: dict[str, Any]) -> Evidence:
    return {one["name"]: one for one in found}


def hvar(**more: Any) -> Evidence:
    of_metric = metric(0.12, "critical", minimum=None, maximum=0.10)
    of_service = by_name(alert("HVARExceededMaximum"), firing(), of_metric, history(0.12), changes(), logs(), pods())
    of_load = by_name(request_rate(), providers(), risk_events(), usage(), autoscaler(), headroom())
    return {**of_service, **of_load, **more}


ATTACK = [("provider-x", 500, 30, 450), *((f"provider-{letter}", 20, 60, 0) for letter in "abcdefgh")]
# The alert, the action that follows from it, and the evidence.
SETS: Mapping[str, tuple[str, str, Evidence]] = {
    "qek": (
        "QEKBelowMinimum",
        "roll_back",
        by_name(alert("QEKBelowMinimum"), firing(), metric(), history(), changes(), logs(), pods(), qek_details(), red_code()),
    ),
    "cpu": (
        "HighCPUUsage",
        "scale_up",
        by_name(alert("HighCPUUsage"), firing(), usage(), autoscaler(), headroom(), pods(), request_rate(), changes()),
    ),
    "memory": (
        "HighMemoryUsage",
        "restart_pod",
        by_name(alert("HighMemoryUsage"), firing(), usage(), memory(), pods(), budget(), logs(), changes()),
    ),
    "hvar": ("HVARExceededMaximum", "scale_up", hvar()),
    "attack": (
        "HVARExceededMaximum",
        "restrict_provider",
        hvar(providers=providers(ATTACK, 0.9), risk_events=risk_events("critical", "provider-x")),
    ),
    "down": (
        "EuystacioApiDown",
        "roll_back",
        by_name(alert("EuystacioApiDown"), firing(), pods("CrashLoopBackOff, last exit code 1 (Error)", 0), changes(), logs()),
    ),
}


def evidence_set(name: str) -> tuple[str, str, Evidence]:
    """One of ``SETS``, to be changed freely."""
    alert_name, action, evidence = SETS[name]
    return alert_name, action, copy.deepcopy(evidence)


def judged(alert_name: str, evidence: Evidence, settings: JudgeSettings | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Verdicts by question, actions by name."""
    settings = settings or JudgeSettings()
    response = response_for(alerts_in(alert_name)[0])
    found = evidence_from(list(evidence.values()))
    verdicts = verdicts_of(response, found, NOW, settings)
    return dict(verdicts), {one.name: one for one in actions_of(response, verdicts, settings)}
