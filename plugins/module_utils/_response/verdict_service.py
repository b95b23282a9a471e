# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: whether they answer, what is wrong with their pods, whether an alert still fires.  Pure."""

from __future__ import annotations

import re

from .._core.json_values import as_text
from .._core.times import span
from .evidence_model import CaseFile, NotKnown, a_count, a_list, a_number
from .verdict_thresholds import BREACHED, IN_LIMITS, Answer

# Why a pod is in trouble, in the words of Kubernetes, and what kind of trouble that is.  The first that fits counts.
_CAUSES = (
    ("image", re.compile(r"(?i)ErrImage|ImagePull|InvalidImageName|ImageInspect|RegistryUnavailable|SignatureValidation")),
    ("configuration", re.compile(r"CreateContainerConfigError|CreateContainerError|RunContainerError")),
    ("memory", re.compile(r"OOMKilled|exit code 137")),
    ("crash", re.compile(r"CrashLoopBackOff|restart|exit code")),
    ("scheduling", re.compile(r"not scheduled")),
    ("not_ready", re.compile(r"not ready")),
)


def alert_state(case: CaseFile) -> Answer:
    """Whether the alert still fires, for what nothing else measures."""
    value = case.need("firing")
    if value["firing"] is True:
        return BREACHED, "the alert fires", {"value": 1.0}
    if case.doubts("firing"):
        raise NotKnown(f"whether it fires is not known: {case.doubts('firing')[0]}")
    if value["firing"] is not False:
        raise NotKnown("whether it fires is not known")
    return IN_LIMITS, "the alert does not fire any more", {"value": 0.0}


def unknown_alert_state(case: CaseFile) -> Answer:
    """Of an alert that nobody knows: that no source has it does not show that it is over."""
    answer, reason, details = alert_state(case)
    if answer == IN_LIMITS:
        raise NotKnown("neither Prometheus nor Alertmanager has the alert, and nothing else says whether it is over")
    return answer, reason, details


def replicas_state(case: CaseFile) -> Answer:
    """Whether the workload serves with as many pods as are wanted."""
    value = case.need("pods", whole=True)
    desired, available = (
        a_count(value["desired"], "the number of pods that are wanted"),
        a_count(value["available"], "the number that is available"),
    )
    missing = desired - available
    details = {"value": float(max(missing, 0)), "desired": desired, "available": available}
    if desired == 0:
        return BREACHED, "it is scaled to nothing", {**details, "value": 1.0}
    if missing > 0:
        troubles = [f"{as_text(one['pod'])}: {as_text(one['trouble'])}" for one in value["pods"] if one.get("trouble")]
        return BREACHED, f"{available} of {desired} pods are available" + (f"; {'; '.join(troubles[:3])}" if troubles else ""), details
    return IN_LIMITS, f"{available} of {desired} pods are available", details


def service_state(case: CaseFile) -> Answer:
    """Whether the workload serves, and Prometheus reaches it: that is what the alert is about, and a pod calls itself available."""
    answer, reason, details = replicas_state(case)
    if answer != IN_LIMITS:
        return answer, reason, details
    try:
        reached, targets, found = scraped(case)
    except NotKnown as exc:
        if alert_state(case)[0] == IN_LIMITS:
            return IN_LIMITS, f"{reason}, and the alert does not fire any more", details
        raise NotKnown(f"{reason}, the alert fires, and whether Prometheus reaches them is not known: {exc}") from None
    return reached, f"{reason}, and {targets}", {**details, "value": found["value"]}


def pod_trouble_cause(case: CaseFile) -> Answer:
    value = case.need("pods", whole=True)
    troubles = [(as_text(one["pod"]), as_text(one["trouble"])) for one in a_list(value["pods"], "the list of pods") if one.get("trouble")]
    for cause, words in _CAUSES:
        of_it = [f"{pod}: {trouble}" for pod, trouble in troubles if words.search(trouble)]
        if of_it:
            return cause, of_it[0], {"pods": of_it[:20]}
    if troubles:
        raise NotKnown(f"{troubles[0][0]} is in a trouble that is not known: {troubles[0][1]}")
    return "none", "no pod is in trouble", {}


def scraped(case: CaseFile) -> Answer:
    """Whether Prometheus reaches the targets of the alert."""
    targets = a_list(case.need("targets", whole=True)["targets"], "the list of targets")
    down = []
    for one in targets:
        word = one["health"]
        if word not in {"up", "down"}:
            raise NotKnown(f"the target {as_text(one['instance'])} is {as_text(word)}")
        if word == "down":
            down.append(f"{as_text(one['instance'])}: {as_text(one.get('error') or 'no reason given')}")
    details = {"value": float(len(down)), "targets": down[:20]}
    if down:
        return BREACHED, f"{len(down)} of {len(targets)} targets are down; {down[0]}", details
    return IN_LIMITS, f"{len(targets)} of {len(targets)} targets are up", details


def backup_state(case: CaseFile) -> Answer:
    value = case.need("backup")
    age, most = a_number(value["age"], "the age of the newest backup"), case.settings.backup_age
    if age < 0:
        raise NotKnown("the newest backup is from the future; compare the clocks")
    says = f"the newest backup is {span(age)} old"
    if age > most:
        return BREACHED, f"{says}, more than {span(most)}", {"value": age}
    return IN_LIMITS, says, {"value": age}
