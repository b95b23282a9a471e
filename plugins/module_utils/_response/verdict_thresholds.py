# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a metric is out of its limits, and since when.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.times import iso, span
from .evidence_model import CaseFile, NotKnown, a_list, a_number

BREACHED, IN_LIMITS = "breached", "healthy"
_HOLES = 3.5  # steps without a sample that a history may have
Answer = tuple[str, str, Mapping[str, Any]]


def beyond(value: float, bounds: Mapping[str, Any]) -> bool:
    """Whether a value is out of its limits; the limits themselves are in.  Raises NotKnown."""
    low, high = bounds.get("minimum"), bounds.get("maximum")
    if low is None and high is None:
        raise NotKnown("the metric has no limit")
    return (low is not None and value < a_number(low, "the minimum")) or (high is not None and value > a_number(high, "the maximum"))


def metric_state(case: CaseFile) -> Answer:
    """By what each replica says.  One that is out of its limits is enough; a healthy metric needs the word of all."""
    metric = case.need("metric")
    samples = a_list(metric["samples"], "the list of samples")
    bad: list[tuple[float, str]] = []
    unread: list[str] = [*case.doubts("metric")]
    for one in samples:
        where = str(one["where"])
        try:
            value = a_number(one["value"], where)
            case.fresh(where, one["at"])
            is_bad = beyond(value, metric)
        except NotKnown as exc:
            unread.append(str(exc))
            continue
        if one.get("status") == "healthy" and is_bad:
            raise NotKnown(f"{where} contradicts itself: it calls {value:g} healthy, which is out of the limits")
        if is_bad:
            bad.append((value, where))
    if bad:
        worst = (min if metric.get("minimum") is not None else max)(bad)
        return (
            BREACHED,
            f"{metric['title']} is {worst[0]:g} at {worst[1]}, {len(bad)} of {len(samples)} are out of the limit",
            {"value": worst[0]},
        )
    if unread:
        raise NotKnown(unread[0])
    values = [a_number(one["value"], "the value") for one in samples]
    edge = (min if metric.get("minimum") is not None else max)(values)
    return IN_LIMITS, f"{metric['title']} is {edge:g}, in its limits at {len(samples)} of {len(samples)}", {"value": edge}


def persists(case: CaseFile) -> Answer:
    """Whether it is so for longer than the runbook waits: by the history, else by the start of the alert."""
    wait = case.settings.persists
    try:
        since, source = _since_by_history(case), "history"
    except NotKnown as exc:
        since, source = _since_by_alert(case, str(exc)), "alert"
    lasted = case.now - since
    details = {"since": iso(int(since)), "seconds": round(lasted), "by": source}
    says = f"for {span(lasted)} by the {'history' if source == 'history' else 'start of the alert'}"
    if lasted >= wait:
        return "yes", f"{says}, longer than {span(wait)}", details
    return "not_yet", f"{says}, not yet {span(wait)}", details


def _since_by_alert(case: CaseFile, why: str) -> float:
    starts = case.need("alert").get("starts_at")
    if starts is None:
        raise NotKnown(f"{why}; and the alert does not say since when it fires")
    since = a_number(starts, "the start of the alert")
    if since > case.now:
        raise NotKnown("the alert begins in the future; compare the clocks")
    return since


def _since_by_history(case: CaseFile) -> float:
    """When the present breach began; at the latest when the history begins.  Raises NotKnown."""
    history, metric = case.need("history"), case.need("metric")
    step = a_number(history["step"], "the step of the history")
    points = [
        (a_number(at, "a time of the history"), a_number(value, "a value of the history"))
        for at, value in a_list(history["points"], "the history")
    ]
    if points != sorted(points):
        raise NotKnown("the history is not in the order of its times")
    case.fresh("the last sample of the history", points[-1][0])
    return breach_since(points, metric, step)


def breach_since(points: Sequence[tuple[float, float]], bounds: Mapping[str, Any], step: float) -> float:
    """Raises NotKnown where the newest point is in its limits, or the time has holes."""
    since, later = None, None
    for at, value in reversed(points):
        if not beyond(value, bounds):
            break
        if later is not None and later - at > _HOLES * max(step, 1.0):
            raise NotKnown(f"the history has a hole of {span(later - at)}")
        since = later = at
    if since is None:
        raise NotKnown("the history has the metric in its limits")
    return since
