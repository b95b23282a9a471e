# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic: whether there is more of it than at this time on other days, and who makes it.  Pure."""

from __future__ import annotations

from statistics import median
from typing import Any

from .._core.errors import shown
from .._core.json_values import as_text, finite
from .._core.times import span, when
from .evidence_model import CaseFile, NotKnown, a_count, a_list, a_number
from .verdict_statistics import robust_score
from .verdict_thresholds import Answer

_DAYS = 5  # of seven that must be known
_FEW = 3  # providers that are few
_LEAST = 0.1  # requests a second; below, a rate says nothing
_SEVERITIES = ("low", "medium", "high", "critical")
_NAMELESS = ("(masked)", "(not named)")


def traffic(case: CaseFile) -> Answer:
    """The request rate against the same time of the last seven days."""
    value = case.need("request_rate")
    now = a_number(value["now"], "the request rate")
    past = [found for one in a_list(value["past"], "the past") if (found := finite(one["value"])[0]) is not None and found >= 0]
    if now < 0:
        raise NotKnown(f"the request rate is {now:g}")
    if len(past) < _DAYS:
        raise NotKnown(f"the request rate is known of {len(past)} of the last 7 days at this time; {_DAYS} are needed")
    usual, score = median(past), robust_score(now, past)
    details = {"now": now, "usual": usual, "score": round(score, 1), "days": len(past), "paths": _paths(value)}
    says = f"{now:.2f} requests a second, usually {usual:.2f} at this time (z = {score:.1f} of {len(past)} days)"
    if now < _LEAST and usual < _LEAST:
        return "normal", f"there is hardly any traffic: {says}", details
    if score >= case.settings.spike and now >= usual * case.settings.spike_ratio:
        return "spike", says, details
    if score <= -case.settings.spike and now * case.settings.spike_ratio <= usual:
        return "drop", says, details
    return "normal", says, details


def _paths(value: Any) -> list[dict[str, Any]]:
    """The paths that have more than usual, most first; what is not a number is left out."""
    found: list[dict[str, Any]] = []
    for one in value.get("paths") or ():
        now, usual = finite(one.get("now"))[0], finite(one.get("usual"))[0]
        if now is not None and usual is not None:
            found.append({"path": as_text(one.get("path")), "now": now, "usual": usual, "more": now - usual})
    return sorted(found, key=lambda one: -one["more"])[:10]


def origin(case: CaseFile) -> Answer:
    """Whether few providers explain what is more than before, by the decisions of OPA."""
    value = case.need("providers", whole=True)
    window, before = a_number(value["window"], "the window"), a_number(value["before_window"], "the window before")
    if min(window, before) <= 0:
        raise NotKnown(f"the windows are {window:g} and {before:g} s, and have to be above 0")
    share = window / before
    more: dict[str, float] = {}
    rows: dict[str, Any] = {}
    for one in a_list(value["providers"], "the list of providers"):
        name = as_text(one["provider"])
        if name in rows:
            raise NotKnown(f"{name} is listed twice")
        now, earlier, denied = (a_count(one[key], f"{key} of {name}") for key in ("now", "before", "denied"))
        if denied > now:
            raise NotKnown(f"{name} has {denied} denied of {now} decisions, which contradicts itself")
        rows[name] = one
        more[name] = now - earlier * share
    grown = sorted(((by, name) for name, by in more.items() if by > 0), reverse=True)
    total = sum(by for by, _name in grown)
    if total <= 0:
        return "none", "no provider asks more than before", {"providers": []}
    if sum(by for by, name in grown if name in _NAMELESS) / total > 1 - case.settings.share:
        raise NotKnown("most of what is more is of providers that the decision log does not name")
    few: list[str] = []
    for _by, name in grown[:_FEW]:
        few.append(name)
        if sum(more[one] for one in few) / total >= case.settings.share:
            break
    explained = sum(more[one] for one in few) / total
    denied_share = sum(rows[one]["denied"] for one in few) / max(1, sum(rows[one]["now"] for one in few))
    details = {"providers": few, "explained": round(explained, 2), "denied_share": round(denied_share, 2), "grown": len(grown)}
    # Where there are hardly more than a few, few explain it in any case.
    if explained >= case.settings.share and (len(grown) > 2 * len(few) or denied_share >= 0.5):
        return "few", f"{', '.join(few)} explain {explained:.0%} of it, {denied_share:.0%} of that was denied", details
    return "broad", f"it is spread: the {len(few)} that grew most explain {explained:.0%}, {denied_share:.0%} of that was denied", details


def risk(case: CaseFile) -> Answer:
    """Whether there are risk events above the usual, within the last hour."""
    value = case.need("risk_events", whole=True)
    if not isinstance(value["events"], list):
        raise NotKnown(f"the events are {shown(value['events'])}, not a list")
    counts: dict[str, int] = dict.fromkeys(_SEVERITIES, 0)
    by: dict[str, int] = {}
    for one in value["events"]:
        severity = as_text(one["severity"]).lower()
        if severity not in counts:
            raise NotKnown(f"{shown(one['severity'])} is not a severity of a risk event")
        at = when(one["at"])
        if at is None or at > case.now + 300:
            raise NotKnown("a risk event has no time, or one of the future")
        if case.now - at <= 3600:
            counts[severity] += 1
            if severity in ("high", "critical"):
                by[as_text(one["provider"])] = by.get(as_text(one["provider"]), 0) + 1
    details = {"counts": counts, "providers": sorted(by, key=lambda name: -by[name])}
    says = ", ".join(f"{number} {name}" for name, number in counts.items())
    if counts["critical"] >= 1 or counts["high"] >= 3:
        return "elevated", f"risk events of the last hour: {says}", details
    return "usual", f"risk events of the last hour: {says}", details


def cause_of_volatility(case: CaseFile) -> Answer:
    """Legitimate traffic, anomalous behaviour, or neither is clear."""
    flow, why, details = traffic(case)
    from_whom, whom, source = origin(case)
    events, of_events, risky = risk(case)
    why = f"{why}; {whom}; {of_events}"
    suspects = [name for name in source["providers"] if name in risky["providers"]]
    denied = source.get("denied_share", 0.0)
    if from_whom == "few" and (denied >= 0.5 or suspects):
        named = suspects if denied < 0.5 else source["providers"]
        return "anomalous", why, {"providers": named, **details}
    if flow == "spike" and from_whom == "broad" and events == "usual" and denied < 0.2:
        return "legitimate", why, {"providers": [], **details}
    if flow != "spike" and events == "usual" and from_whom in {"none", "broad"}:
        return "no_spike", f"neither traffic nor risk events are unusual: {why}", {"providers": [], **details}
    raise NotKnown(f"the signs do not agree: {why}")


def violation(case: CaseFile) -> Answer:
    """Which provider was denied, and whether it looks like a threat; what to do about it is for people, by the role peace_bonds."""
    value = case.need("providers", whole=True)
    denied = [
        (a_count(one["denied"], "denied"), as_text(one["provider"]), one) for one in a_list(value["providers"], "the list of providers")
    ]
    denied = [one for one in denied if one[0] > 0]
    if not denied:
        return "none", f"no decision of the last {span(a_number(value['window'], 'the window'))} denied anybody", {"providers": []}
    denied.sort(key=lambda one: (-one[0], one[1]))
    count, name, row = denied[0]
    if name in _NAMELESS:
        raise NotKnown(f"{count} decisions denied somebody, and the decision log does not name whom")
    score = finite(row.get("risk_score"))[0]
    details = {"providers": [one[1] for one in denied[:10]], "risk_score": score, "denied": count}
    says = f"{name} was denied {count} times of {a_count(row['now'], 'decisions')}" + ("" if score is None else f", risk score {score:g}")
    if score is not None and score >= 0.8:
        return "threat", says, details
    return "denied", f"{says}; the score does not show a threat, so a false positive is possible", details
