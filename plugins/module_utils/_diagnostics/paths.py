# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths into JSON: ``status.conditions[type=Ready].status``, ``spec.containers[].name``, ``metadata.labels["a/b"]``, ``data.*``.  Pure.

A path gives all values that it leads to, and of what is not there, or is of another type, none.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .._core.redact import clean

Steps = tuple["str | int", ...]
_DECODER = json.JSONDecoder()
_TOKEN = re.compile(
    r'(?:^|\.)(?P<name>[\w$-]+|\*)|(?P<each>\[\])|\[(?P<key>\w+)=(?P<value>[^\]]*)\]|\["(?P<quoted>[^"]+)"\]',
)
_SPACE = re.compile(r"[\s,]*")


def parse_path(text: object) -> tuple[tuple[str, str, str], ...]:
    """The steps of a path.  Raises ValueError with the end of a sentence."""
    if not isinstance(text, str) or not text:
        raise ValueError("is not a path; write one such as status.conditions[type=Ready].status")
    steps, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise ValueError(f"is not a path from its character {at + 1} on; write one such as status.conditions[type=Ready].status")
        at = found.end()
        if found["name"] == "*":
            steps.append(("every", "", ""))
        elif found["name"] or found["quoted"]:
            steps.append(("key", found["name"] or found["quoted"], ""))
        elif found["each"]:
            steps.append(("item", "", ""))
        else:
            steps.append(("where", found["key"], found["value"]))
    return tuple(steps)


def walk(value: Any, path: tuple[tuple[str, str, str], ...]) -> list[tuple[Steps, Any]]:
    """What the path leads to, with the steps that lead there."""
    found: list[tuple[Steps, Any]] = [((), value)]
    for kind, name, wanted in path:
        if kind == "key":
            found = [((*at, name), one[name]) for at, one in found if isinstance(one, dict) and name in one]
        elif kind == "every":
            found = [((*at, key), inner) for at, one in found if isinstance(one, dict) for key, inner in one.items()]
        else:
            found = [
                ((*at, number), inner)
                for at, one in found
                if isinstance(one, list)
                for number, inner in enumerate(one)
                if kind == "item" or (isinstance(inner, dict) and str(inner.get(name)) == wanted)
            ]
        if not found:
            break
    return found


def path_text(steps: Steps) -> str:
    """Steps as a reader writes them: status.containerStatuses[0].ready."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w$-]+", step):
            text += f".{step}"
        else:
            text += f'["{step}"]'
    return text.lstrip(".")


def brief_value(value: Any, limit: int = 300) -> str:
    """A value on one line."""
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (ValueError, TypeError, RecursionError):
            value = f"({type(value).__name__})"
    return clean(value[: 4 * limit], limit=limit)


def offset_of(text: str, steps: Steps, start: int = 0) -> int:
    """Where in a JSON text the value at these steps starts, its key if it has one.  Of what is not there: the nearest value above."""
    at = best = _after_space(text, start)
    for step in steps:
        if at >= len(text):
            break
        try:
            found = _member(text, at, step) if isinstance(step, str) else _element(text, at, step)
        except (ValueError, RecursionError, IndexError):
            break
        if found is None:
            break
        best, at = found
    return best


def elements(text: str, at: int) -> list[tuple[int, Any]]:
    """The items of the list that starts there, each with its offset.  Raises ValueError, IndexError, RecursionError."""
    if text[at] != "[":
        raise ValueError("not a list")
    found, at = [], _after_space(text, at + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        found.append((at, value))
        at = _after_space(text, end)
    return found


def _member(text: str, at: int, name: str) -> tuple[int, int] | None:
    if text[at] != "{":
        return None
    at = _after_space(text, at + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        value_at = _after_space(text, _after_space(text, end) + 1)  # the colon
        if key == name:
            return at, value_at
        _value, end = _DECODER.raw_decode(text, value_at)
        at = _after_space(text, end)
    return None


def _element(text: str, at: int, number: int) -> tuple[int, int] | None:
    if text[at] != "[":
        return None
    at = _after_space(text, at + 1)
    while text[at] != "]":
        if number == 0:
            return at, at
        _value, end = _DECODER.raw_decode(text, at)
        at, number = _after_space(text, end), number - 1
    return None


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
