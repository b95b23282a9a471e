# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load: which pods use too much processor time, what the autoscaler does about it, and whether more pods have room.  Pure."""

from __future__ import annotations

from typing import Any

from .._core.json_values import as_text, finite
from .evidence_model import CaseFile, NotKnown, a_count, a_list, a_number
from .verdict_thresholds import BREACHED, IN_LIMITS, Answer

_TOP = 10  # consumers that are listed


def usage_ratios(case: CaseFile, what: str) -> tuple[list[tuple[float, str]], list[str]]:
    """How much of its limit each pod uses, most first, and why others are not known.  ``what`` is cpu or memory.  Raises NotKnown."""
    found, unread = [], [*case.doubts("usage")]
    for pod in a_list(case.need("usage")["pods"], "the list of pods"):
        name = as_text(pod["pod"])
        try:
            case.fresh(f"the usage of {name}", pod["at"])
            used = a_number(pod[what], f"the {what} of {name}")
            if pod.get(f"{what}_limit") is None:
                raise NotKnown(f"{name} has no {what} limit")
            most = a_number(pod[f"{what}_limit"], f"the {what} limit of {name}")
            if most <= 0 or used < 0:
                raise NotKnown(f"the {what} of {name} is {used:g} of {most:g}")
        except NotKnown as exc:
            unread.append(str(exc))
            continue
        found.append((used / most, name))
        # A container without a limit beside one that has room.
        unread += [f"{as_text(one)} of {name} has no {what} limit" for one in pod.get(f"{what}_unlimited") or ()]
    return sorted(found, reverse=True), unread


def _usage_state(case: CaseFile, what: str, bound: float) -> Answer:
    ratios, unread = usage_ratios(case, what)
    hot = [name for ratio, name in ratios if ratio > bound]
    mean = sum(ratio for ratio, _name in ratios) / len(ratios) if ratios else 0.0  # one pod more or less moves it little
    used = [finite(pod[what])[0] or 0.0 for pod in case.need("usage")["pods"]]
    details: dict[str, Any] = {"most": max(used), "top": [{"pod": name, "ratio": round(ratio, 3)} for ratio, name in ratios[:_TOP]]}
    if hot:
        ratio, name = ratios[0]
        says = f"{name} uses {ratio:.0%} of its {what} limit, {len(hot)} of {len(used)} pods are above {bound:.0%}"
        return BREACHED, says, {**details, "value": mean, "pods": hot}
    if unread:
        raise NotKnown(unread[0])
    return IN_LIMITS, f"{ratios[0][1]} uses most, {ratios[0][0]:.0%} of its {what} limit", {**details, "value": mean, "pods": []}


def cpu_state(case: CaseFile) -> Answer:
    return _usage_state(case, "cpu", case.settings.cpu_limit)


def memory_state(case: CaseFile) -> Answer:
    return _usage_state(case, "memory", case.settings.memory_limit)


def load_spread(case: CaseFile) -> Answer:
    """Whether more pods would help: they do if most are busy, and not if one is."""
    ratios, unread = usage_ratios(case, "cpu")
    if unread:
        raise NotKnown(unread[0])
    hot = [name for ratio, name in ratios if ratio > case.settings.cpu_limit]
    if 2 * len(hot) >= len(ratios):
        return "broad", f"{len(hot)} of {len(ratios)} pods are busy", {"pods": hot}
    return (
        "single",
        f"only {len(hot)} of {len(ratios)} pods are busy: {', '.join(hot[:3]) or 'none'}; more pods take nothing from them",
        {"pods": hot},
    )


def autoscaling(case: CaseFile) -> Answer:
    """What the autoscaler can still do."""
    value = case.need("autoscaler", whole=True)
    replicas = a_count(value["replicas"], "the number of replicas")
    scaler = value["autoscaler"]
    if scaler is None:
        return "none", f"no autoscaler scales it; it has {replicas} replicas", {"replicas": replicas}
    name = as_text(scaler["name"])
    low, high = a_count(scaler["minimum"], "the minimum"), a_count(scaler["maximum"], "the maximum")
    current, desired = a_count(scaler["current"], "the current size"), a_count(scaler["desired"], "the desired size")
    if low > high:
        raise NotKnown(f"the bounds of {name} contradict each other: {low} to {high}")
    details = {
        "replicas": replicas,
        "minimum": low,
        "maximum": high,
        "current": current,
        "desired": desired,
        "managed_by": scaler.get("managed_by") or "",
    }
    active = scaler["conditions"].get("ScalingActive")
    if active == "False":
        return "broken", f"{name} does not scale: {as_text(scaler.get('problem') or 'it gives no reason')}", details
    if active != "True":
        raise NotKnown(f"{name} does not say whether it scales")
    if max(current, replicas) >= high:
        return "at_maximum", f"{name} is at its maximum of {high}", details
    return "working", f"{name} scales: {current} now, {desired} wanted, up to {high}", details


def headroom(case: CaseFile) -> Answer:
    """Whether the quotas and the nodes have room for the pods of a temporary size."""
    value = case.need("headroom", whole=True)
    target, current = a_count(value["target"], "the size to scale to"), a_count(value["current"], "the present size")
    more, details = target - current, {"target": target, "current": current, "room": value.get("room"), "quota": value.get("quota") or ""}
    if more <= 0:
        return "not_needed", f"it has {current} replicas already, no fewer than {target}", details
    if value.get("quota"):
        return "short", as_text(value["quota"]), details
    if value.get("on_demand") is True:
        return "enough", f"nodes are added on demand; {more} more pods break no quota", details
    room = a_count(value["room"], "the room on the nodes")
    if room < more:
        return "short", f"{more} more pods are wanted and the nodes have room for {room}", details
    return "enough", f"the nodes have room for {room} more pods, {more} are wanted", details
