# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form that a piece of evidence has to have before any question is answered from it.  Pure.

What a question computes with it checks itself.  Here is what it would otherwise pass over: a text that is missing reads like one that has
nothing to say, and a name of another kind like a name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._core.errors import shown
from .._core.json_values import finite, is_integer

Form = Callable[[Any], str]  # what is wrong, or nothing


def _a_text(value: Any) -> str:
    return "" if isinstance(value, str) else f"{shown(value)}, not a text"


def _a_name(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() else f"{shown(value)}, not a name"


def _a_flag(value: Any) -> str:
    return "" if isinstance(value, bool) else f"{shown(value)}, not true or false"


def _a_number(value: Any) -> str:
    return finite(value)[1]


def _a_revision(value: Any) -> str:
    return "" if is_integer(value) and value > 0 else f"{shown(value)}, not a revision"


def _maybe(form: Form) -> Form:
    return lambda value: "" if value is None else form(value)


def _items(form: Form, least: int = 0) -> Form:
    def check(value: Any) -> str:
        if not isinstance(value, (list, tuple)):
            return f"{shown(value)}, not a list"
        if len(value) < least:
            return "an empty list"
        return next((f"a list with {wrong}" for one in value if (wrong := form(one))), "")

    return check


def _texts(value: Any) -> str:
    """An object of texts."""
    if not isinstance(value, Mapping):
        return f"{shown(value)}, not an object"
    return next((f"an object with {wrong}" for one in value.values() if (wrong := _a_text(one))), "")


def _fields(**forms: Form) -> Form:
    """An object with these fields, and others that nothing is answered from."""

    def check(value: Any) -> str:
        if not isinstance(value, Mapping):
            return f"{shown(value)}, not an object"
        for name, form in forms.items():
            if name not in value:
                return f"without {name}"
            wrong = form(value[name])
            if wrong:
                return f"of another form: {name} is {wrong}"
        return ""

    return check


_TARGET = _fields(revision=_a_revision, would_change=_items(_a_name, least=1))
_SCALER = _fields(name=_a_name, managed_by=_a_text, problem=_a_text, conditions=_texts)
_FORMS: Mapping[str, Form] = {
    "alert": _fields(name=_a_name),
    "autoscaler": _fields(autoscaler=_maybe(_SCALER)),
    "budget": _fields(budgets=_items(_fields(name=_a_name))),
    "changes": _fields(items=_items(_fields(what=_a_name)), target=_maybe(_TARGET), target_problem=_a_text, proofs_problem=_a_text),
    "headroom": _fields(quota=_a_text, on_demand=_a_flag),
    "memory": _fields(pods=_items(_fields(pod=_a_name))),
    "metric": _fields(title=_a_name, minimum=_maybe(_a_number), maximum=_maybe(_a_number), samples=_items(_fields(where=_a_name))),
    "pods": _fields(pods=_items(_fields(pod=_a_name, uid=_a_name, trouble=_a_text))),
    "providers": _fields(providers=_items(_fields(provider=_a_name, risk_score=_maybe(_a_number)))),
    "risk_events": _fields(events=_items(_fields(provider=_a_text))),
    "usage": _fields(pods=_items(_fields(pod=_a_name))),
}


def form_problem(name: str, value: Any) -> str:
    """Why nothing can be answered from this piece of evidence, or nothing."""
    form = _FORMS.get(name)
    wrong = form(value) if form else ""
    if wrong:
        return f"it is {wrong}"
    return _contradiction(name, value)


def _contradiction(name: str, value: Any) -> str:
    if name == "changes" and value["target"] is not None and value["target_problem"]:
        return f"it names a revision to go back to and says that there is none: {value['target_problem']}"
    scaler = value["autoscaler"] if name == "autoscaler" else None
    if scaler and scaler["conditions"].get("ScalingActive") == "True" and scaler["problem"]:
        return f"it says that the autoscaler scales and that it does not: {scaler['problem']}"
    return ""
