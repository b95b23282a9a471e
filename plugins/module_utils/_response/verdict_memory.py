# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory: whether a pod leaks, when it reaches its limit, and whether it may be restarted.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.json_values import as_text
from .._core.times import span, when
from .evidence_model import CaseFile, NotKnown, a_count, a_list, a_number
from .verdict_statistics import theil_sen
from .verdict_thresholds import Answer

_POINTS = 10  # that a fit needs
_GROWTH = 0.03  # of the limit that must have grown in the time that was seen


def growth(case: CaseFile) -> Answer:
    """By pod: a certain trend upwards that reaches the limit soon is a leak."""
    value = case.need("memory")
    leaks: list[dict[str, Any]] = []
    steady: list[dict[str, Any]] = []
    unread = [*case.doubts("memory")]
    for pod in a_list(value["pods"], "the list of pods"):
        try:
            found = _fit(case, pod)
        except NotKnown as exc:
            unread.append(str(exc))
            continue
        (leaks if found["leaks"] else steady).append(found)
    leaks.sort(key=lambda one: one["seconds_to_limit"])
    details = {"leaks": leaks, "steady": steady, "unknown": unread[:10], "revisions": _by_revision(leaks, steady)}
    if leaks:
        first = leaks[0]
        by, left = first["per_hour"] / 2**20, span(first["seconds_to_limit"])
        says = f"{first['pod']} grows by {by:.1f} MiB an hour and reaches its limit in {left}"
        return "leak", f"{says}; {len(leaks)} of {len(leaks) + len(steady) + len(unread)} pods grow so", details
    if unread:
        raise NotKnown(unread[0])
    return "steady", f"none of {len(steady)} pods grows towards its limit", details


def _fit(case: CaseFile, pod: Mapping[str, Any]) -> dict[str, Any]:
    name = as_text(pod["pod"])
    if pod.get("limit") is None:
        raise NotKnown(f"{name} has no memory limit, so nothing says when it is full")
    limit = a_number(pod["limit"], f"the memory limit of {name}")
    points = [
        (a_number(at, "a time"), a_number(value, f"a value of {name}")) for at, value in a_list(pod["points"], f"the memory of {name}")
    ]
    if limit <= 0 or min(value for _at, value in points) < 0:
        raise NotKnown(f"the memory of {name} can't be: below 0, or without a limit above 0")
    covered = points[-1][0] - points[0][0]
    if len(points) < _POINTS or covered < case.settings.growth_span:
        raise NotKnown(f"the memory of {name} is known for {span(max(covered, 0.0))} only ({len(points)} samples)")
    case.fresh(f"the memory of {name}", max(at for at, _value in points))
    try:
        line = theil_sen(points)
    except ValueError as exc:
        raise NotKnown(f"{name}: {exc}") from None
    left = (limit - line.level) / line.slope if line.slope > 0 else float("inf")
    leaks = line.certain and line.slope * covered >= _GROWTH * limit and left <= case.settings.leak_horizon
    return {
        "pod": name,
        "revision": as_text(pod.get("revision") or ""),
        "per_hour": line.slope * 3600,
        "ratio": round(line.level / limit, 3),
        "seconds_to_limit": max(0.0, left) if leaks else None,
        "leaks": leaks,
    }


def _by_revision(leaks: list[dict[str, Any]], steady: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    names = {one["revision"] for one in (*leaks, *steady)}
    return {
        name: {"leaks": sum(one["revision"] == name for one in leaks), "steady": sum(one["revision"] == name for one in steady)}
        for name in sorted(names)
    }


def memory_kills(case: CaseFile) -> Answer:
    """Whether the kernel has ended containers for their memory, within a day."""
    pods = a_list(case.need("pods", whole=True)["pods"], "the list of pods")
    killed = []
    for pod in pods:
        if pod.get("oom_at") is None:
            continue
        at = when(pod["oom_at"])
        if at is None:
            raise NotKnown(f"{as_text(pod['pod'])} does not say when it was out of memory")
        if 0 <= case.now - at <= 86400:
            killed.append((at, f"{as_text(pod['pod'])} {span(case.now - at)} ago"))
    if killed:
        killed.sort(reverse=True)
        return "killed", f"out of memory: {', '.join(text for _at, text in killed[:5])}", {"pods": [text for _at, text in killed]}
    return "none", f"none of {len(pods)} pods was ended for its memory within a day", {}


def disruption(case: CaseFile) -> Answer:
    """Whether one pod may be taken away: others are ready, and each budget allows it."""
    value = case.need("budget", whole=True)
    ready, desired = a_count(value["ready"], "the number of ready pods"), a_count(value["desired"], "the number of pods that are wanted")
    # By uid: which pods they are is as important as how many.
    uids = {as_text(one["pod"]): as_text(one["uid"]) for one in a_list(case.need("pods")["pods"], "the list of pods")}
    details = {"ready": ready, "desired": desired, "budgets": value["budgets"], "uids": uids}
    if ready < 2 or ready < desired:
        return "blocked", f"{ready} of {desired} pods are ready; without one there would be too few", details
    if len(value["budgets"]) > 1:
        return "blocked", "several PodDisruptionBudgets are about these pods, and Kubernetes evicts none of them then", details
    for one in value["budgets"]:
        if a_count(one["allowed"], f"what {one['name']} allows") < 1:
            return "blocked", f"the PodDisruptionBudget {as_text(one['name'])} allows no disruption now", details
    return "allowed", f"{ready} of {desired} pods are ready, and a budget allows that one goes", details
