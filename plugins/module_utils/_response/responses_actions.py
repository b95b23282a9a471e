# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a response may do: each action with the answers that it needs, and what it would do.  Pure.

An action is ``allowed`` (the guard rails are asked before it is done), ``proposed`` (people do it) or ``refused``, always with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._sealing.hashing import canonical, digest
from .evidence_model import UNKNOWN_ANSWER, JudgeSettings, Verdict
from .verdict_thresholds import BREACHED

ALLOWED_ACTION, PROPOSED_ACTION, REFUSED_ACTION = "allowed", "proposed", "refused"
Verdicts = Mapping[str, Verdict]


@dataclass(frozen=True)
class Made:
    """What an action would do, in words and as parameters; ``problem``: why it would do nothing."""

    does: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    touched: int = 0
    problem: str = ""


Make = Callable[[Verdicts, JudgeSettings], Made]


@dataclass(frozen=True)
class ActionRule:
    """``needs``: by question, the answers that allow it.  Only people do what is not ``automatic``."""

    name: str
    automatic: bool
    needs: Mapping[str, tuple[str, ...]]
    make: Make


@dataclass(frozen=True)
class PlannedAction:
    name: str
    decision: str
    reason: str
    does: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    rests_on: tuple[str, ...] = ()
    touched: int = 0

    def to_dict(self, target: Mapping[str, Any]) -> dict[str, Any]:
        plan = {
            "action": self.name,
            "target": {name: target.get(name, "") for name in ("kind", "namespace", "name")},
            "parameters": self.parameters,
        }
        return {
            "name": self.name,
            "decision": self.decision,
            "reason": self.reason,
            "does": self.does,
            "parameters": dict(self.parameters),
            "rests_on": list(self.rests_on),
            "touched": self.touched,
            "target": dict(target),
            "plan_sha256": digest(canonical(plan)),
        }


def plan_actions(rules: tuple[ActionRule, ...], verdicts: Verdicts, settings: JudgeSettings) -> list[PlannedAction]:
    return [_planned(rule, verdicts, settings) for rule in rules]


def _planned(rule: ActionRule, verdicts: Verdicts, settings: JudgeSettings) -> PlannedAction:
    rests_on = tuple(dict.fromkeys(name for question in rule.needs if question in verdicts for name in verdicts[question].rests_on))
    for question, answers in rule.needs.items():
        verdict = verdicts.get(question)
        if verdict is None or verdict.answer == UNKNOWN_ANSWER or verdict.answer not in answers:
            why = "it was not asked" if verdict is None else f"{verdict.answer}: {verdict.reason}"
            return PlannedAction(rule.name, REFUSED_ACTION, f"{question} has to be {' or '.join(answers)} and is {why}", rests_on=rests_on)
    made = rule.make(verdicts, settings)
    if made.problem:
        return PlannedAction(rule.name, REFUSED_ACTION, made.problem, rests_on=rests_on)
    reason = "; ".join(verdicts[question].reason for question in rule.needs)
    decision = ALLOWED_ACTION if rule.automatic else PROPOSED_ACTION
    return PlannedAction(rule.name, decision, reason, made.does, made.parameters, rests_on, made.touched)


def _scale_up(verdicts: Verdicts, settings: JudgeSettings) -> Made:
    now = verdicts["autoscaling"].details
    current, target = int(now["replicas"]), settings.scale_to
    managed = now.get("managed_by")
    if managed:
        return Made("", problem=f"the autoscaler is managed by {managed}, which sets its bounds back")
    if target <= current:
        return Made("", problem=f"it has {current} replicas already, no fewer than {target}")
    return Made(f"scale from {current} to {target} for a limited time", {"replicas": target, "before": current})


def _raise_max(verdicts: Verdicts, settings: JudgeSettings) -> Made:
    now, room = verdicts["autoscaling"].details, verdicts["headroom"]
    most = int(now["maximum"])
    to = max(settings.scale_to, most + max(2, most // 4))
    shown = f"headroom is {room.answer}: {room.reason}"
    return Made(f"raise the autoscaler's maximum from {most} to {to}; {shown}", {"hpa_max": to, "before": most, "headroom": shown})


def _restart_pods(verdicts: Verdicts, settings: JudgeSettings) -> Made:
    leaks = [one["pod"] for one in verdicts["growth"].details["leaks"]]
    hot = set(verdicts["state"].details["pods"])
    ready = int(verdicts["disruption"].details["ready"])
    most = max(1, int(ready * settings.restart_share))
    chosen = [name for name in leaks if name in hot][:most]
    if not chosen:
        return Made("", problem="the pods that grow are not those that are near their limit")
    uids = verdicts["disruption"].details["uids"]
    if not all(uids.get(name) for name in chosen):
        return Made("", problem="which pods these are now is not known")
    says = f"restart {', '.join(chosen)}, one at a time, each proven ready before the next (at most {most} of {ready})"
    return Made(says, {"pods": [{"name": name, "uid": uids[name]} for name in chosen]}, touched=1)


def _raise_memory(verdicts: Verdicts, settings: JudgeSettings) -> Made:
    growing = verdicts["growth"]
    if growing.answer == "leak":
        return Made(
            "find the leak in the application; a higher limit only delays the end",
            {"leaks": [one["pod"] for one in growing.details["leaks"]]},
        )
    to = f"{int(verdicts['state'].details['most'] * 1.5 / 2**20) + 1}Mi"
    return Made(f"set the memory limit to {to}, half more than what is used at most", {"memory_limit": to})


def _roll_back(verdicts: Verdicts, settings: JudgeSettings) -> Made:
    back, change = verdicts["way_back"].details, verdicts["recent_change"].details
    would = list(back["would_change"])
    says = f"roll back to revision {back['revision']}, which would change: {'; '.join(would) or 'nothing but the revision'}"
    parameters = {"revision": back["revision"], "current": back["current"], "would_change": would, "changes": list(change["changes"])}
    return Made(says, parameters, touched=1)


def _restrict(verdicts: Verdicts, settings: JudgeSettings) -> Made:
    providers = list(verdicts["cause"].details["providers"])
    if not providers:
        return Made("", problem="no provider is named")
    return Made(
        f"restrict {', '.join(providers)} by Peace Bonds for a limited time (playbook peace_bonds_respond)", {"providers": providers}
    )


def _review_provider(verdicts: Verdicts, settings: JudgeSettings) -> Made:
    providers = list(verdicts["violation"].details["providers"])
    says = f"decide about {providers[0]} with the playbook peace_bonds_respond: keep the block, restrict it, or adjust the threshold"
    return Made(says, {"providers": providers})


def _repair_red_code(verdicts: Verdicts, settings: JudgeSettings) -> Made:
    where = list(verdicts["red_code"].details.get("where", ()))
    return Made(f"give red_code.json its last known good content at {', '.join(where)}, and find out who changed it", {"where": where})


def _check_inputs(verdicts: Verdicts, settings: JudgeSettings) -> Made:
    return Made("repair the input data", {"poor": list(verdicts["input_data"].details["poor"])})


def _say(does: str) -> Make:
    return lambda verdicts, settings: Made(does)


_IS_BREACHED = {"state": (BREACHED,)}
_MAY_GROW = {"autoscaling": ("none", "at_maximum", "broken"), "headroom": ("enough",)}
_CHANGE_TO_TAKE_BACK = {"recent_change": ("changed",), "way_back": ("proven",)}
_OF_A_CHANGE = ("crash", "image", "configuration", "memory", "not_ready")
SCALE_UP = ActionRule("scale_up", True, {**_IS_BREACHED, "load": ("broad",), **_MAY_GROW}, _scale_up)
SCALE_UP_FOR_TRAFFIC = ActionRule("scale_up", True, {**_IS_BREACHED, "cause": ("legitimate",), **_MAY_GROW}, _scale_up)
RAISE_MAX_REPLICAS = ActionRule("raise_max_replicas", False, {**_IS_BREACHED, "autoscaling": ("at_maximum",)}, _raise_max)
RESTART_POD = ActionRule("restart_pod", True, {**_IS_BREACHED, "growth": ("leak",), "disruption": ("allowed",)}, _restart_pods)
RAISE_MEMORY_LIMIT = ActionRule("raise_memory_limit", False, {**_IS_BREACHED, "growth": ("leak", "steady")}, _raise_memory)
ROLL_BACK = ActionRule("roll_back", True, {**_IS_BREACHED, "persists": ("yes",), **_CHANGE_TO_TAKE_BACK}, _roll_back)
ROLL_BACK_BROKEN = ActionRule("roll_back", True, {**_IS_BREACHED, "cause": _OF_A_CHANGE, **_CHANGE_TO_TAKE_BACK}, _roll_back)
REPAIR_RED_CODE = ActionRule("repair_red_code", False, {"red_code": ("altered",)}, _repair_red_code)
REPAIR_INPUT_DATA = ActionRule("repair_input_data", False, {**_IS_BREACHED, "input_data": ("poor",)}, _check_inputs)
RESTRICT_PROVIDER = ActionRule("restrict_provider", False, {**_IS_BREACHED, "cause": ("anomalous",)}, _restrict)
REVIEW_PROVIDER = ActionRule("review_provider", False, {"violation": ("threat", "denied")}, _review_provider)
BACK_UP = ActionRule(
    "back_up", False, {**_IS_BREACHED}, _say("create a backup with the playbook backup, and find out why the last one is missing")
)
REPAIR_TARGET = ActionRule(
    "repair_target", False, {**_IS_BREACHED}, _say("make the target answer Prometheus again; its alerts can't fire meanwhile")
)
REPAIR_OPA = ActionRule(
    "repair_opa", False, {**_IS_BREACHED}, _say("make OPA answer again; until then Peace Bonds decides nothing (playbook health_check)")
)
