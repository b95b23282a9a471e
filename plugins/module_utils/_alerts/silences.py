# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences of Alertmanager: what an answer says of them, and whether it can be true.  Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.times import iso, when

LIVE = ("active", "pending")
STATES_OF_SILENCE = (*LIVE, "expired")
# How far the clocks of an Alertmanager and of its answer's header may be apart, in seconds.
SKEW = 5.0
_OPERATORS = {"=": (False, True), "!=": (False, False), "=~": (True, True), "!~": (True, False)}  # isRegex, isEqual
_MATCHER = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(\"(?:[^\"\\]|\\[\"\\n])*\"|[^\s{}!=~,\\\"'`]+)\s*")
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, order=True)
class Matcher:
    """One condition on a label: ``operator`` is =, !=, =~ or !~."""

    name: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}{self.operator}{json.dumps(self.value, ensure_ascii=False)}"

    def to_json(self) -> dict[str, Any]:
        """As Alertmanager's API has it."""
        is_regex, is_equal = _OPERATORS[self.operator]
        return {"name": self.name, "value": self.value, "isRegex": is_regex, "isEqual": is_equal}


Matchers = frozenset[Matcher]


@dataclass(frozen=True)
class Silence:
    """A silence as one Alertmanager shows it; times in unix seconds."""

    id: str
    state: str
    matchers: Matchers
    creator: str
    comment: str
    starts_at: float
    ends_at: float
    updated_at: float

    @property
    def live(self) -> bool:
        return self.state in LIVE

    def __str__(self) -> str:
        return f"{self.id} {self.state} until {iso(self.ends_at)} by {self.creator}: {', '.join(map(str, sorted(self.matchers)))}"

    def to_dict(self) -> dict[str, Any]:
        """For a module's result."""
        return {
            "id": self.id,
            "state": self.state,
            "matchers": [str(one) for one in sorted(self.matchers)],
            "creator": self.creator,
            "comment": self.comment,
            "starts_at": iso(self.starts_at),
            "ends_at": iso(self.ends_at),
        }


def parse_matchers(texts: Iterable[str]) -> Matchers:
    """Of ``alertname=QEKBelowMinimum`` or ``severity=~"warning|critical"``.  Raises SalvageError(bad_input)."""
    return frozenset(_matcher(text) for text in texts)


def _matcher(text: str) -> Matcher:
    match = _MATCHER.fullmatch(text)
    if not match:
        sentence = f'matchers: {shown(text)} is none; write label=value, label!=value, label=~"regex" or label!~"regex"'
        raise SalvageError(f"{sentence}, one in each element, and quotes around a value with special characters", reason="bad_input")
    name, operator, value = match.groups()
    if value.startswith('"'):
        value = _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], value[1:-1])
    return Matcher(name, operator, value)


def listed_silences(data: object, now: float, concerns: Callable[[str, str], bool]) -> list[Silence]:
    """Of the answer of ``/api/v2/silences`` those that matter, by their creator and comment; ``now`` is the time of who answers.

    Raises SalvageError(invalid) if one that matters, or may matter, can't be read or can't be true.  Others are not judged.
    """
    if not isinstance(data, list) or not all(isinstance(one, Mapping) for one in data):
        raise _invalid("the answer is not a list of silences")
    found: dict[str, Silence] = {}
    for one in data:
        creator, comment = one.get("createdBy"), one.get("comment")
        if isinstance(creator, str) and isinstance(comment, str) and not concerns(creator, comment):
            continue
        silence = _silence(one, now)
        if silence.id in found:
            raise _invalid(f"the silence {shown(silence.id)} is there twice")
        found[silence.id] = silence
    return list(found.values())


def _silence(one: Mapping[str, Any], now: float) -> Silence:
    name = one.get("id")
    if not isinstance(name, str) or not name.strip():
        raise _invalid("a silence has no id")
    creator, comment = one.get("createdBy"), one.get("comment")
    if not isinstance(creator, str) or not isinstance(comment, str):
        raise _invalid(f"the silence {shown(name)} has no {'comment' if isinstance(creator, str) else 'createdBy'}")
    status = one.get("status")
    state = status.get("state") if isinstance(status, Mapping) else None
    if state not in STATES_OF_SILENCE:
        raise _invalid(f"the silence {shown(name)} has the state {shown(state)}, expected one of {', '.join(STATES_OF_SILENCE)}")
    times = {}
    for field in ("startsAt", "endsAt", "updatedAt"):
        moment = when(one.get(field))
        if moment is None:
            raise _invalid(f"the {field} of the silence {shown(name)} is {shown(one.get(field))}, not a time")
        times[field] = moment
    starts, ends = times["startsAt"], times["endsAt"]
    could = {
        "active": starts <= now + SKEW and ends >= now - SKEW,
        "pending": starts >= now - SKEW and ends >= starts,
        "expired": ends <= now + SKEW,
    }
    if not could[state]:
        raise _invalid(f"the silence {shown(name)} can't be {state} at {iso(now)}: it is from {iso(starts)} to {iso(ends)}")
    return Silence(name, state, _matchers(name, one.get("matchers")), creator, comment, starts, ends, times["updatedAt"])


def _matchers(name: str, listed: object) -> Matchers:
    if not isinstance(listed, list) or not listed:
        raise _invalid(f"the silence {shown(name)} has no matchers")
    operators = {flags: operator for operator, flags in _OPERATORS.items()}
    found = set()
    for one in listed:
        fields = one if isinstance(one, Mapping) else {}
        label, value, is_regex, is_equal = fields.get("name"), fields.get("value"), fields.get("isRegex"), fields.get("isEqual", True)
        if (
            not isinstance(label, str)
            or not label
            or not isinstance(value, str)
            or not isinstance(is_regex, bool)
            or not isinstance(is_equal, bool)
        ):
            raise _invalid(f"a matcher of the silence {shown(name)} lacks name, value, isRegex or isEqual: {shown(one)}")
        found.add(Matcher(label, operators[is_regex, is_equal], value))
    return frozenset(found)


def _invalid(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="invalid")
