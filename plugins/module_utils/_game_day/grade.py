# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a game day showed, held against what was expected.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .._core.json_values import as_mapping, as_text, finite, mappings
from .._core.status import CRITICAL, HEALTHY, UNKNOWN
from .._core.times import when
from .faults import DONE, PROPOSED, REFUSED, GameDayFault

_STEPS = ("detected", "answered", "evidence", "verdict", "action", "verify", "healed")
_GOOD = ("healthy", "better")
_WORDS = {"done": DONE, "proposed": PROPOSED, "refused": REFUSED}


@dataclass(frozen=True)
class GradedStep:
    """``status`` is healthy for what was as expected, critical for what was not, unknown for what nothing shows."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True)
class GameDayGrade:
    status: str
    steps: tuple[GradedStep, ...]
    seconds: Mapping[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        return {"status": self.status, "steps": [asdict(one) for one in self.steps], "seconds": dict(self.seconds)}


def grade(fault: GameDayFault, seen: Mapping[str, Any]) -> GameDayGrade:
    """``seen`` has ``seeded_at`` (Unix seconds), ``alert`` as alert_info returns it, ``incidents`` as incident_info does, with their
    records, and ``healed``: ``left``, ``resolved`` and ``failure``.  ``unanswered``, there and in ``healed``, is why no source of alerts
    answered.
    """
    facts = [as_mapping(as_mapping(one.get("data")).get("facts")) for one in responses(fault, seen)[1]]
    last = facts[-1] if facts else {}
    moments = _moments(fault, seen)
    steps = (
        _detected(fault, seen, moments),
        _said("answered", HEALTHY if facts else UNKNOWN, "the response is in the incident" if facts else "no incident has a response"),
        _evidence(fault, last),
        _verdict(fault, last),
        _action(fault, facts),
        _verify(fault, facts),
        _healed(seen),
    )
    words = {one.status for one in steps}
    status = CRITICAL if CRITICAL in words else UNKNOWN if UNKNOWN in words else HEALTHY
    return GameDayGrade(status, steps, moments)


def responses(fault: GameDayFault, seen: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]]]:
    """The incident, and the entries that responses to the alert wrote into it since the fault was seeded, in order."""
    began = began_at(seen)
    for incident in mappings(seen.get("incidents")):
        found = [one for one in mappings(incident.get("records")) if _is_response(fault, one, began)]
        if found:
            return _text(incident.get("id")), found
    return "", []


def began_at(seen: Mapping[str, Any]) -> float | None:
    """When the fault was seeded; before ansible-core 2.19 a template gives the number as a text."""
    given = seen.get("seeded_at")
    try:
        return finite(float(given) if isinstance(given, str) else given)[0]
    except ValueError:
        return None


def _is_response(fault: GameDayFault, record: Mapping[str, Any], began: float | None) -> bool:
    data, at = as_mapping(record.get("data")), when(record.get("at"))
    if began is None or at is None or at < int(began):  # the entries have whole seconds
        return False
    facts = as_mapping(data.get("facts"))
    return "evidence" in facts and "state" in facts and _text(data.get("title")).startswith(f"{fault.alert}: ")


def _text(value: object) -> str:
    return "" if value is None else as_text(value)


def _said(name: str, status: str, reason: str) -> GradedStep:
    return GradedStep(name, status, reason)


def _moments(fault: GameDayFault, seen: Mapping[str, Any]) -> dict[str, float | None]:
    """Seconds from the seeding to the alert and to the end of the response, and from the alert to the evidence that was judged."""
    began = began_at(seen)
    answered = responses(fault, seen)[1]
    fired = as_mapping(seen.get("alert")).get("starts_at")
    file = _text(as_mapping(as_mapping(answered[0].get("data")).get("facts")).get("evidence")) if answered else ""
    return {
        "detect": _after(began, fired),
        "evidence": _after(_moment(fired), _judged_at(file)),
        "respond": _after(began, answered[0].get("at") if answered else None),
    }


def _judged_at(file: str) -> str:
    """The time in the name of the file that a response keeps its evidence in."""
    found = re.search(r"(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)[^/]*$", file)
    return "{}-{}-{}:{}:{}".format(*found.groups()) if found else ""


def _moment(point: object) -> float | None:
    return finite(point)[0] if isinstance(point, (int, float)) else when(point)


def _after(began: float | None, point: object) -> float | None:
    moment = _moment(point)
    return None if began is None or moment is None else round(moment - began, 1)


def _detected(fault: GameDayFault, seen: Mapping[str, Any], moments: Mapping[str, float | None]) -> GradedStep:
    if not seen.get("alert"):
        if unanswered := _text(seen.get("unanswered")):
            return _said("detected", UNKNOWN, f"nobody knows whether {fault.alert} fires: {unanswered}")
        return _said("detected", CRITICAL, f"{fault.alert} did not fire in time")
    late = moments["detect"]
    if late is None:
        return _said("detected", UNKNOWN, f"{fault.alert} fires, and nothing says since when")
    # The times of alerts are those of Prometheus, which may be another machine.
    if late < -5:
        return _said("detected", CRITICAL, f"{fault.alert} fired {-late:g} s before the fault, so it was not the fault that was detected")
    return _said("detected", HEALTHY, f"{fault.alert} fired after {max(0.0, late):g} s")


def _evidence(fault: GameDayFault, facts: Mapping[str, Any]) -> GradedStep:
    if not facts:
        return _said("evidence", UNKNOWN, "no response was found")
    if "missing" not in facts:
        return _said("evidence", UNKNOWN, "the response does not say what is missing")
    lines = [one for one in _text(facts["missing"]).split("; ") if one]
    missing = [one for one in lines if one.partition(":")[0] not in fault.missing]
    return _said("evidence", CRITICAL, f"missing: {'; '.join(missing)}") if missing else _said("evidence", HEALTHY, "complete")


def _verdict(fault: GameDayFault, facts: Mapping[str, Any]) -> GradedStep:
    if not facts:
        return _said("verdict", UNKNOWN, "no response was found")
    wrong = []
    for question, right in fault.verdicts.items():
        answer = _text(facts.get(question)).partition(":")[0]
        if answer not in _several(right):
            wrong.append(f"{question} is {answer or 'not answered'}, expected {' or '.join(_several(right))}")
    return _said("verdict", CRITICAL, "; ".join(wrong)) if wrong else _said("verdict", HEALTHY, f"{len(fault.verdicts)} as expected")


def _several(right: object) -> Sequence[str]:
    return [str(one) for one in right] if isinstance(right, (list, tuple)) else [str(right)]


def decisions(facts: Iterable[Mapping[str, Any]], action: str) -> list[str]:
    """What became of an action in each response; an action that the evidence speaks against is in none, and is refused."""
    found = []
    for one in facts:
        done = _text(one.get(f"action {action}"))
        word = next((word for said, word in _WORDS.items() if done.startswith(f"{action} is {said}")), "")
        found.append(word or (PROPOSED if f"proposed {action}" in one else REFUSED))
    return found


def _action(fault: GameDayFault, facts: Sequence[Mapping[str, Any]]) -> GradedStep:
    if not facts:
        return _said("action", UNKNOWN, "no response was found")
    wrong, right = [], []
    for action, expected in fault.actions.items():
        was = decisions(facts, action)
        times = was.count(DONE)
        if expected == DONE and times != 1:
            wrong.append(f"{action} was done {times} times, expected once")
        elif expected != DONE and times:
            wrong.append(f"{action} was done, expected {expected}")
        elif expected != DONE and was[-1] != expected:
            wrong.append(f"{action} is {was[-1]}, expected {expected}")
        else:
            right.append(f"{action} is {expected}")
    others = sorted(name[7:] for one in facts for name in one if name.startswith("action ") and name[7:] not in fault.actions)
    wrong += [f"{name} was done, and nothing was expected of it" for name in others if DONE in decisions(facts, name)]
    return _said("action", CRITICAL, "; ".join(wrong)) if wrong else _said("action", HEALTHY, "; ".join(right) or "none, as expected")


def _verify(fault: GameDayFault, facts: Sequence[Mapping[str, Any]]) -> GradedStep:
    if not facts:
        return _said("verify", UNKNOWN, "no response was found")
    # Not from the sentence: what an action does, and why it failed, are texts that may have any word.
    done = [(one, name) for one in facts for name, word in fault.actions.items() if word == DONE and decisions([one], name) == [DONE]]
    outcomes = [_text(one.get(f"outcome {name}")) or "not said" for one, name in done]
    if not outcomes:
        return (
            _said("verify", HEALTHY, "there was nothing to verify")
            if DONE not in fault.actions.values()
            else _said("verify", CRITICAL, "no action was done")
        )
    bad = [one for one in outcomes if one not in _GOOD]
    return (
        _said("verify", CRITICAL, f"after the action the state was {bad[0]}") if bad else _said("verify", HEALTHY, f"proven {outcomes[0]}")
    )


def _healed(seen: Mapping[str, Any]) -> GradedStep:
    healed = as_mapping(seen.get("healed"))
    if failure := _text(healed.get("failure")):
        return _said("healed", CRITICAL, f"the fault was not taken back: {failure}")
    if left := healed.get("left"):
        return _said("healed", CRITICAL, f"others changed what the fault had changed, so this stays: {', '.join(map(str, left))}")
    if unanswered := _text(healed.get("unanswered") or ("" if seen.get("alert") else seen.get("unanswered"))):
        return _said("healed", UNKNOWN, f"the fault is taken back, and nobody knows whether the alert has ended: {unanswered}")
    if not seen.get("alert"):
        return _said("healed", HEALTHY, "the fault is taken back, and there was no alert to end")
    if not healed.get("resolved"):
        return _said("healed", UNKNOWN, "the fault is taken back, and the alert still fires")
    return _said("healed", HEALTHY, "the fault is taken back, and the alert has ended")
