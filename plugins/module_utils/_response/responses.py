# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responses: which alerts each answers, what it reads, what it asks of the evidence, and what it may do.  Data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.json_values import finite
from . import responses_actions as act
from .alerts_in import GivenAlert
from .evidence_model import UNKNOWN_ANSWER, CaseFile, Judge, JudgeSettings, Observed, Verdict, verdict_on
from .responses_actions import ActionRule, PlannedAction, plan_actions
from .verdict_changes import input_data, proven_way_back, recent_change, red_code
from .verdict_load import autoscaling, cpu_state, headroom, load_spread, memory_state
from .verdict_memory import disruption, growth, memory_kills
from .verdict_service import alert_state, backup_state, pod_trouble_cause, scraped, service_state, unknown_alert_state
from .verdict_thresholds import BREACHED, IN_LIMITS, metric_state, persists
from .verdict_traffic import cause_of_volatility, origin, risk, traffic, violation

_STATES = (BREACHED, IN_LIMITS)


@dataclass(frozen=True)
class Question:
    """A judge, and the words that it may answer; unknown is always one.

    ``of_workload``: it asks about the workload, and is unknown where the alert is about something else.
    """

    name: str
    judge: Judge
    answers: tuple[str, ...]
    of_workload: bool = False

    def ask(self, case: CaseFile) -> tuple[str, str, Mapping[str, Any]]:
        """Raises NotKnown."""
        if self.of_workload:
            case.about_workload()
        return self.judge(case)


@dataclass(frozen=True)
class AlertResponse:
    """``names`` and ``texts`` say which alerts it answers: the label alertname, or the runbook's text in the annotations.

    The question ``state`` says whether it is so still.  ``severity`` is the incident's; ``better`` says whether less or more of the state's
    value is.
    """

    name: str
    title: str
    names: tuple[str, ...]
    evidence: tuple[str, ...]
    questions: tuple[Question, ...]
    actions: tuple[ActionRule, ...] = ()
    texts: str = ""
    metric: str = ""
    severity: str = "P2"
    better: str = "less"
    noise: float = 0.02  # share of the value by which it moves without a reason
    workload: str = "api"  # the one with the pods that it is about

    @property
    def of_workload(self) -> bool:
        """Whether its state is that of the workload, and not what the labels of the alert name."""
        return any(one.of_workload for one in self.questions)


_PERSISTS = Question("persists", persists, ("yes", "not_yet"))
_METRIC = Question("state", metric_state, _STATES, of_workload=True)
_FIRES = Question("state", alert_state, _STATES)
_SERVES = Question("state", service_state, _STATES, of_workload=True)
_SCRAPED = Question("scraped", scraped, _STATES)
_RED_CODE = Question("red_code", red_code, ("intact", "altered"))
_INPUT_DATA = Question("input_data", input_data, ("good", "poor"))
_CHANGED = Question("recent_change", recent_change, ("changed", "unchanged"))
_WAY_BACK = Question("way_back", proven_way_back, ("proven", "none"))
_TRAFFIC = Question("traffic", traffic, ("spike", "normal", "drop"))
_ORIGIN = Question("origin", origin, ("few", "broad", "none"))
_RISK = Question("risk", risk, ("elevated", "usual"))
_VOLATILITY = Question("cause", cause_of_volatility, ("legitimate", "anomalous", "no_spike"))
_AUTOSCALING = Question("autoscaling", autoscaling, ("none", "at_maximum", "broken", "working"))
_HEADROOM = Question("headroom", headroom, ("enough", "short", "not_needed"))
_TROUBLE = Question("cause", pod_trouble_cause, ("image", "configuration", "memory", "crash", "scheduling", "not_ready", "none"))
_METRIC_EVIDENCE = ("alert", "firing", "metric", "history", "changes", "logs", "pods")

RESPONSES: tuple[AlertResponse, ...] = (
    AlertResponse(
        name="qek_below_minimum",
        title="QEK below minimum",
        names=("QEKBelowMinimum", "QEKBelowMinimumPersists", "QEKBelowWarning"),
        texts=r"QEK (is )?below (minimum|warning) threshold",
        evidence=(*_METRIC_EVIDENCE, "qek_details", "red_code"),
        questions=(_METRIC, _PERSISTS, _RED_CODE, _INPUT_DATA, _CHANGED, _WAY_BACK),
        actions=(act.ROLL_BACK, act.REPAIR_RED_CODE, act.REPAIR_INPUT_DATA),
        metric="qek",
        severity="P1",
        better="more",
    ),
    AlertResponse(
        name="hvar_above_maximum",
        title="H-VAR above maximum",
        names=("HVARExceededMaximum", "HVARExceededWarning"),
        texts=r"H-?VAR (is )?(exceeded|above) (maximum|warning) threshold",
        evidence=(*_METRIC_EVIDENCE, "request_rate", "providers", "risk_events", "usage", "autoscaler", "headroom"),
        questions=(_METRIC, _PERSISTS, _TRAFFIC, _ORIGIN, _RISK, _VOLATILITY, _AUTOSCALING, _HEADROOM, _CHANGED, _WAY_BACK),
        actions=(act.SCALE_UP_FOR_TRAFFIC, act.RESTRICT_PROVIDER),
        metric="hvar",
        severity="P1",
    ),
    AlertResponse(
        name="symbiosis_below_minimum",
        title="Symbiosis below minimum",
        names=("SymbiosisScoreBelowMinimum", "SymbiosisScoreBelowWarning"),
        texts=r"Symbiosis score (is )?below (minimum|warning) threshold",
        evidence=(*_METRIC_EVIDENCE, "red_code"),
        questions=(_METRIC, _PERSISTS, _RED_CODE, _CHANGED, _WAY_BACK),
        actions=(act.ROLL_BACK, act.REPAIR_RED_CODE),
        metric="symbiosis_score",
        severity="P1",
        better="more",
    ),
    AlertResponse(
        name="ethisches_ideal_below_minimum",
        title="Ethisches Ideal below minimum",
        names=("EthischesIdealBelowMinimum", "EthischesIdealBelowWarning"),
        texts=r"Ethisches Ideal (is )?below (minimum|warning) threshold",
        evidence=(*_METRIC_EVIDENCE, "red_code"),
        questions=(_METRIC, _PERSISTS, _RED_CODE, _CHANGED, _WAY_BACK),
        actions=(act.ROLL_BACK, act.REPAIR_RED_CODE),
        metric="ethisches_ideal",
        severity="P1",
        better="more",
    ),
    AlertResponse(
        name="peace_bonds_violation",
        title="Peace Bonds violation",
        names=("PeaceBondsPolicyViolation",),
        texts=r"High risk provider detected",
        evidence=("alert", "firing", "providers", "risk_events", "pods"),
        questions=(_FIRES, Question("violation", violation, ("threat", "denied", "none")), _RISK),
        actions=(act.REVIEW_PROVIDER,),
        severity="P1",
    ),
    AlertResponse(
        name="high_cpu",
        title="High CPU usage",
        names=("HighCPUUsage",),
        texts=r"CPU usage is above",
        evidence=("alert", "firing", "usage", "autoscaler", "headroom", "pods", "request_rate", "changes"),
        questions=(
            Question("state", cpu_state, _STATES, of_workload=True),
            Question("load", load_spread, ("broad", "single")),
            _AUTOSCALING,
            _HEADROOM,
            _TRAFFIC,
            _CHANGED,
        ),
        actions=(act.SCALE_UP, act.RAISE_MAX_REPLICAS),
        noise=0.15,
    ),
    AlertResponse(
        name="high_memory",
        title="High memory usage",
        names=("HighMemoryUsage",),
        texts=r"Memory usage is above",
        evidence=("alert", "firing", "usage", "memory", "pods", "budget", "logs", "changes"),
        questions=(
            Question("state", memory_state, _STATES, of_workload=True),
            Question("growth", growth, ("leak", "steady")),
            Question("out_of_memory", memory_kills, ("killed", "none")),
            Question("disruption", disruption, ("allowed", "blocked")),
            _CHANGED,
        ),
        actions=(act.RESTART_POD, act.RAISE_MEMORY_LIMIT),
        noise=0.15,
    ),
    AlertResponse(
        name="api_down",
        title="The service is down",
        names=("EuystacioApiDown",),
        evidence=("alert", "firing", "pods", "changes", "logs", "targets"),
        questions=(_SERVES, _TROUBLE, _CHANGED, _WAY_BACK, _SCRAPED),
        actions=(act.ROLL_BACK_BROKEN,),
        severity="P0",
    ),
    AlertResponse(
        name="opa_down",
        title="OPA is down",
        names=("OPADown",),
        evidence=("alert", "firing", "pods", "logs", "targets"),
        questions=(_SERVES, _TROUBLE, _SCRAPED),
        actions=(act.REPAIR_OPA,),
        severity="P1",
        workload="opa",
    ),
    AlertResponse(
        name="target_down",
        title="Prometheus can't scrape a target",
        names=("PrometheusTargetDown", "TargetDown"),
        evidence=("alert", "firing", "targets"),
        questions=(Question("state", scraped, _STATES),),
        actions=(act.REPAIR_TARGET,),
    ),
    AlertResponse(
        name="backup_too_old",
        title="The newest backup is too old",
        names=("BackupTooOld",),
        evidence=("alert", "firing", "backup"),
        questions=(Question("state", backup_state, _STATES),),
        actions=(act.BACK_UP,),
    ),
)
OTHER = AlertResponse(
    name="unknown_alert",
    title="An alert without a response of its own",
    names=(),
    evidence=("alert", "firing", "pods", "changes", "logs"),
    questions=(Question("state", unknown_alert_state, _STATES), _TROUBLE, _CHANGED),
    severity="P1",
)


def response_for(alert: GivenAlert) -> AlertResponse:
    """The one that answers the alert: by its name, else by the runbook's text in its annotations, else the one for other alerts."""
    for one in RESPONSES:
        if alert.name in one.names:
            return one
    texts = " ".join((alert.name, *alert.annotations.values()))
    for one in RESPONSES:
        if one.texts and re.search(one.texts, texts, re.IGNORECASE):
            return one
    return OTHER


def verdicts_of(response: AlertResponse, evidence: Mapping[str, Observed], now: float, settings: JudgeSettings) -> dict[str, Verdict]:
    return {one.name: verdict_on(one.name, one.ask, one.answers, evidence, now, settings) for one in response.questions}


def actions_of(response: AlertResponse, verdicts: Mapping[str, Verdict], settings: JudgeSettings) -> list[PlannedAction]:
    return plan_actions(response.actions, verdicts, settings)


def progress_since(response: AlertResponse, before: Mapping[str, Any], after: Verdict) -> tuple[str, str]:
    """What an action did by the state before and after it: ``healthy``, ``better``, ``same``, ``worse`` or ``unknown``, and why.

    ``before`` is ``Verdict.to_dict`` of the state.  What can't be seen is not taken for an improvement.
    """
    if after.answer == IN_LIMITS:
        return "healthy", after.reason
    if after.answer == UNKNOWN_ANSWER:
        return "unknown", after.reason
    details = before.get("details")
    was, now = finite(details.get("value") if isinstance(details, Mapping) else None)[0], finite(after.details.get("value"))[0]
    if was is None or now is None:
        return "unknown", "there is no value to compare with"
    change = (now - was) if response.better == "more" else (was - now)
    if abs(change) <= response.noise * max(abs(was), abs(now), 1e-9):
        return "same", f"{was:g} before, {now:g} now"
    return ("better" if change > 0 else "worse"), f"{was:g} before, {now:g} now"
