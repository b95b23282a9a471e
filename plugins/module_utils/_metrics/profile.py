# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook's thresholds as data, and any other profile that a user writes."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.times import parse_duration
from .model import WORST, Limits, MetricProfile, Profile

RUNBOOK: dict[str, dict[str, Any]] = {
    "qek": {
        "title": "QEK",
        "critical_min": 0.85,
        "warning_min": 0.88,
        "ideal": 0.938,
        "query": "qek_value",
        "aliases": ["QEK"],
    },
    "hvar": {
        "title": "H-VAR",
        "critical_max": 0.10,
        "warning_max": 0.08,
        "ideal": 0.043,
        "query": "hvar_value",
        "aliases": ["H_VAR", "H-VAR", "HVAR", "h_var"],
    },
    "ethisches_ideal": {
        "title": "Ethisches Ideal",
        "critical_min": 0.95,
        "warning_min": 0.97,
        "ideal": 1.0,
        "query": "ethisches_ideal_value",
        "aliases": ["ETHISCHES_IDEAL", "Ethisches Ideal"],
    },
    "symbiosis_score": {
        "title": "Symbiosis Score",
        "critical_min": 0.5,
        "warning_min": 0.6,
        "query": "symbiosis_score",
        "aliases": ["SYMBIOSIS_SCORE", "SYMBIOSIS", "Symbiosis Score", "symbiosis"],
    },
}

LIMITS = ("critical_min", "critical_max", "warning_min", "warning_max", "ideal")
AGGREGATES = (WORST, "min", "max", "mean", "sum")
SETTINGS = (*LIMITS, "title", "aliases", "query", "labels", "aggregate", "for")

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def parse_profile(data: object = None) -> Profile:
    """The profile of ``{metric: {setting: value}}``, the runbook's for None.

    Raises SalvageError(bad_input): which key, what is wrong with it, what to do.
    """
    if data is None:
        data = RUNBOOK
    if not isinstance(data, Mapping):
        raise _wrong(f"profile: {shown(data)} is not a mapping of metrics", "write a mapping such as {qek: {critical_min: 0.85}}")
    if not data:
        raise _wrong("profile: it names no metric", "name at least one, or leave the option out for the runbook's")
    metrics = tuple(_metric(key, settings) for key, settings in data.items())
    owner: dict[str, str] = {}
    for metric in metrics:
        for alias in metric.aliases:
            if owner.setdefault(alias, metric.key) != metric.key:
                raise _wrong(f"profile.{metric.key}.aliases: {alias!r} also names {owner[alias]}", "give each name to one metric")
    return Profile(metrics)


def _metric(key: object, settings: object) -> MetricProfile:
    if not isinstance(key, str) or not key or not key.isprintable():
        raise _wrong(f"profile: {shown(key)} is not a name of a metric", "use a string as the key")
    at = f"profile.{key}"
    if not isinstance(settings, Mapping):
        raise _wrong(f"{at}: {shown(settings)} is not a mapping of settings", "write a mapping such as {critical_min: 0.85}")
    for setting in settings:
        if setting not in SETTINGS:
            near = difflib.get_close_matches(shown(setting).strip("'"), SETTINGS, n=1)
            to_do = f"did you mean {near[0]}?" if near else f"use one of {', '.join(SETTINGS)}"
            raise _wrong(f"{at}: {shown(setting)} is not a setting of a metric", to_do)
    limits = Limits(**{name: _number(settings[name], f"{at}.{name}") for name in LIMITS if settings.get(name) is not None})
    _consistent(limits, at)
    query = _text(settings.get("query", key), f"{at}.query")
    labels = _labels(settings.get("labels"), f"{at}.labels")
    plain = METRIC_NAME.fullmatch(query) is not None
    if labels and not plain:
        raise _wrong(f"{at}.labels: the query {query!r} is an expression", "select the labels in the query itself")
    aliases = settings.get("aliases") or []
    if isinstance(aliases, str) or not isinstance(aliases, (list, tuple)):
        raise _wrong(f"{at}.aliases: {shown(aliases)} is not a list", "write a list of names, such as [QEK, qek_value]")
    names = [key, *([query] if plain else []), *(_text(alias, f"{at}.aliases") for alias in aliases)]
    aggregate = settings.get("aggregate") or WORST
    if aggregate not in AGGREGATES:
        raise _wrong(f"{at}.aggregate: {shown(aggregate)} is not an aggregate", f"use one of {', '.join(AGGREGATES)}")
    return MetricProfile(
        key=key,
        title=_text(settings.get("title", key), f"{at}.title"),
        limits=limits,
        aliases=tuple(dict.fromkeys(names)),
        query=query,
        labels=labels,
        aggregate=aggregate,
        for_s=parse_duration(settings["for"], f"{at}.for") if settings.get("for") is not None else 0.0,
    )


def _consistent(limits: Limits, at: str) -> None:
    lows = [x for x in (limits.critical_min, limits.warning_min) if x is not None]
    highs = [x for x in (limits.critical_max, limits.warning_max) if x is not None]
    if not lows and not highs:
        raise _wrong(f"{at}: it has no limit", "set at least one of critical_min, critical_max, warning_min, warning_max")
    if lows != sorted(lows):
        raise _wrong(f"{at}.warning_min: {limits.warning_min} is below critical_min {limits.critical_min}", "a warning has to come first")
    if highs != sorted(highs, reverse=True):
        raise _wrong(f"{at}.warning_max: {limits.warning_max} is above critical_max {limits.critical_max}", "a warning has to come first")
    if lows and highs and max(lows) > min(highs):
        raise _wrong(f"{at}: no value is both at least {max(lows)} and at most {min(highs)}", "correct the limits")
    if limits.ideal is not None and ((lows and limits.ideal < max(lows)) or (highs and limits.ideal > min(highs))):
        raise _wrong(f"{at}.ideal: {limits.ideal} is itself out of the limits", "correct the ideal or the limits")


def _number(value: object, at: str) -> float:
    # A templated variable arrives as text where native types are off, so text that is a number will do here (never in a metric's value).
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise _wrong(f"{at}: {shown(value)} is not a number", "write a number such as 0.85")


def _text(value: object, at: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(f"{at}: {shown(value)} is not text", "write a name")
    return value.strip()


def _labels(value: object, at: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(f"{at}: {shown(value)} is not a mapping", "write a mapping such as {job: euystacio-api}")
    for name, wanted in value.items():
        if not isinstance(name, str) or not _LABEL_NAME.fullmatch(name) or not isinstance(wanted, str):
            raise _wrong(f"{at}: {shown(name)}: {shown(wanted)} is not a label", "names are of letters, digits and _, values are text")
    return dict(value)


def _wrong(what: str, to_do: str) -> SalvageError:
    return SalvageError(f"{what}; {to_do}", reason="bad_input")


DEFAULT_PROFILE = parse_profile()
