# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the guard rails as a document: written, read strictly, and bounded.  Pure."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

from .._core.errors import SalvageError, shown
from .._core.json_values import finite, is_integer, load_json
from .._sealing.hashing import canonical
from .guard_model import OUTCOMES, ActionEntry, AskedEntry, DecisionEntry, GuardState, PauseEntry

VERSION = 1
KEEP = 7 * 86400.0  # seconds that an action is remembered; no limit counts over a longer time
MOST_ACTIONS = 500
MOST_ASKED = 250
MOST_DECISIONS = 150
LARGEST = 1_000_000  # bytes; a ConfigMap holds 1 MiB
_LONGEST = 1000  # characters of one text
_LAST = 253402300799.0  # the last second of the year 9999

T = TypeVar("T")
_LISTS: dict[str, Any] = {"actions": ActionEntry, "asked": AskedEntry, "decisions": DecisionEntry}


def state_text(state: GuardState, uid: str) -> str:
    """``uid`` is that of the ConfigMap: a copy of it, such as one from a backup, does not know what was done since.

    Raises SalvageError(too_large).
    """
    decisions = state.decisions
    while True:
        data = canonical({"version": VERSION, "uid": uid, **asdict(replace(state, decisions=decisions))})
        if len(data) <= LARGEST:
            return data.decode()
        if not decisions:
            raise SalvageError(f"the state of the guard rails has {len(data)} bytes, at most {LARGEST} are kept", reason="too_large")
        decisions = decisions[: len(decisions) // 2]  # runs keep their own record of them; an outcome must always fit in


def read_state(text: str, uid: str) -> GuardState:
    """Raises SalvageError(invalid) for anything that was not written by ``state_text`` for this ConfigMap."""
    document = load_json(text, strict=True)
    if not isinstance(document, Mapping) or not is_integer(document.get("version")):
        raise _wrong("it is not a state of the guard rails")
    if document["version"] != VERSION:
        raise _wrong(f"it has version {shown(document['version'])}, and this release reads {VERSION}")
    if set(document) != {"version", "uid", "pause", *_LISTS}:
        raise _wrong("it does not have the fields of a state")
    if document["uid"] != uid:
        raise _wrong("it was written for another ConfigMap, so what was done since is not known")
    lists: dict[str, Any] = {name: _entries(name, cls, document[name]) for name, cls in _LISTS.items()}
    for one in lists["actions"]:
        if one.outcome not in {"", *OUTCOMES}:
            raise _wrong(f"the outcome {shown(one.outcome)} is not known")
    pause = None if document["pause"] is None else _entry("pause", PauseEntry, document["pause"])
    return GuardState(pause=pause, **lists)


def _entries(name: str, cls: type[T], found: object) -> tuple[T, ...]:
    if not isinstance(found, list):
        raise _wrong(f"{name} is not a list")
    return tuple(_entry(f"{name}[{number}]", cls, one) for number, one in enumerate(found))


def _entry(where: str, cls: type[T], found: object) -> T:
    types = _types(typing.cast(type, cls))
    if not isinstance(found, Mapping) or set(found) != set(types):
        raise _wrong(f"{where} does not have the fields of an entry")
    return cls(**{name: _value(f"{where}.{name}", kind, found[name]) for name, kind in types.items()})


def _value(where: str, kind: Any, value: object) -> Any:
    if kind is str and isinstance(value, str) and len(value) <= _LONGEST:
        return value
    if kind is int and is_integer(value):
        return value
    if kind is float and (number := finite(value)[0]) is not None and 0 <= number <= _LAST:  # each of them is a time
        return number
    raise _wrong(f"{where} is {shown(value)}")


@functools.lru_cache
def _types(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _wrong(what: str) -> SalvageError:
    return SalvageError(f"the state of the guard rails can't be trusted: {what}", reason="invalid")


def pruned(state: GuardState, now: float) -> GuardState:
    """Without what no limit counts any more.  An action without an outcome stays until somebody says how it ended."""
    asked = sorted((one for one in state.asked if _last(one) > now - KEEP), key=_last, reverse=True)
    return replace(
        state,
        pause=state.pause if state.pause and state.pause.until > now else None,
        actions=tuple(one for one in state.actions if one.at > now - KEEP or not one.outcome),
        asked=tuple(asked[:MOST_ASKED]),
        decisions=state.decisions[:MOST_DECISIONS],
    )


def _last(one: AskedEntry) -> float:
    return max(one.at, one.flapping_until)


def noted(state: GuardState, entry: DecisionEntry) -> GuardState:
    """The decision as the first of the list; the same one again only counts up."""
    same = next((one for one in state.decisions if _sameness(one) == _sameness(entry)), None)
    others = [one for one in state.decisions if one is not same]
    first = replace(entry, count=entry.count + same.count, first=same.first) if same else entry
    return replace(state, decisions=(first, *others)[:MOST_DECISIONS])


def _sameness(one: DecisionEntry) -> tuple[object, ...]:
    """The reason of a pause is part of it; those of answers differ by the times in them."""
    reason = "" if one.action else one.reason
    return (one.decision, one.rule, one.alert, one.fingerprint, one.started_at, one.action, one.target, one.run, reason)
