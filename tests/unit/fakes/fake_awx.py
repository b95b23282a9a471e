# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys and their answers as AWX 24.6 judges them, written from its documented rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXTS = frozenset({"text", "textarea", "password"})
CHOICES = frozenset({"multiplechoice", "multiselect"})
TYPES = TEXTS | CHOICES | {"integer", "float"}
RESERVED = "$encrypted$"


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def choices_of(question: Mapping[str, Any]) -> list[str]:
    given = question.get("choices", [])
    return [line for line in given.splitlines() if line.strip()] if isinstance(given, str) else list(given)


def survey_errors(survey: Any) -> list[str]:
    """Why AWX would refuse the survey."""
    if not isinstance(survey, Mapping):
        return ["the survey is not an object"]
    errors = [f"{key} is not a text" for key in ("name", "description") if not isinstance(survey.get(key), str)]
    spec = survey.get("spec")
    if not isinstance(spec, list) or not spec:
        return [*errors, "spec is not a list with questions"]
    seen: set[str] = set()
    for number, question in enumerate(spec):
        if not isinstance(question, Mapping):
            errors.append(f"{number}: not an object")
            continue
        errors += [f"{question.get('variable', number)}: {error}" for error in _question_errors(question)]
        if question.get("variable") in seen:
            errors.append(f"{question['variable']}: asked twice")
        seen.add(str(question.get("variable")))
    return errors


def _question_errors(question: Mapping[str, Any]) -> list[str]:
    kind = question.get("type")
    if kind not in TYPES:
        return [f"type {kind} does not exist"]
    errors = [f"{key} is not a text" for key in ("question_name", "variable") if not isinstance(question.get(key), str)]
    if not isinstance(question.get("required"), bool):
        errors.append("required is not a boolean")
    errors += [f"{key} is not a whole number" for key in ("min", "max") if key in question and not _is_int(question[key])]
    choices, default = choices_of(question), question.get("default", "")
    if kind in CHOICES and not all(isinstance(choice, str) for choice in choices or [None]):
        errors.append("choices must be texts")
    if default == "":
        return errors
    if kind in TEXTS | CHOICES and not isinstance(default, str):
        errors.append("default is not a text")
    elif kind == "integer" and not _is_int(default):
        errors.append("default is not a whole number")
    elif kind == "float" and not (_is_int(default) or isinstance(default, float)):
        errors.append("default is not a number")
    elif kind == "multiplechoice" and default not in choices:
        errors.append("default is not a choice")
    elif kind == "multiselect" and not set(default.splitlines()) <= set(choices):
        errors.append("default is not among the choices")
    if isinstance(default, str) and default.startswith(RESERVED):
        errors.append(f"{RESERVED} is reserved")
    return errors


def answer_errors(survey: Mapping[str, Any], answers: Mapping[str, Any]) -> list[str]:
    """Why AWX would not launch a job with these answers, where variables are not asked for at launch."""
    known = {question["variable"]: question for question in survey["spec"]}
    errors = [f"{name}: not allowed on launch" for name in answers if name not in known]
    for name, question in known.items():
        if name in answers:
            errors += [f"{name}: {error}" for error in _value_errors(question, answers[name])]
        elif question["required"]:
            errors.append(f"{name}: value missing")
    return errors


def _value_errors(question: Mapping[str, Any], value: Any) -> list[str]:
    kind, low, high = question["type"], question.get("min"), question.get("max")
    if kind in CHOICES:
        given = value if kind == "multiselect" else [value]
        if not isinstance(given, list):
            return ["expected to be a list"]
        return [f"{one} is not a choice" for one in given if one not in choices_of(question)]
    right = isinstance(value, str) if kind in TEXTS else _is_int(value) or (kind == "float" and isinstance(value, float))
    if not right:
        return [f"{value!r} is of another type"]
    size = len(value) if kind in TEXTS else value
    return ["too small"] * (low is not None and size < low) + ["too large"] * (high is not None and size > high)
