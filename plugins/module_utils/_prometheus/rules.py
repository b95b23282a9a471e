# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Prometheus has loaded: rules by their content, targets, and whether its last reload worked.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.json_values import finite
from .._core.times import when

_PART = re.compile(r"(\d+)(ms|[ywdhms])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
HEALTH_OF_RULES = ("ok", "err", "unknown")


@dataclass(frozen=True)
class PrometheusRule:
    """``seconds`` is how long an alert has to be pending; ``health`` is one of ``HEALTH_OF_RULES``, unknown before the first evaluation."""

    name: str
    alert: bool
    query: str
    seconds: float = 0.0
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    health: str = ""
    error: str = ""


@dataclass(frozen=True)
class RuleGroup:
    file: str
    name: str
    rules: tuple[PrometheusRule, ...]


def prometheus_seconds(text: object) -> float | None:
    """Of a duration as Prometheus writes it (``1h30m``, ``0``); None if it is not one."""
    plain = str(text).strip() if isinstance(text, (str, int)) and not isinstance(text, bool) else ""
    if plain == "0":
        return 0.0
    parts = _PART.findall(plain)
    if not parts or "".join(number + unit for number, unit in parts) != plain:
        return None
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)


def wanted_groups(spec: object, where: str) -> list[RuleGroup]:
    """Of the spec of the object, or of a file of rules.  Raises SalvageError(bad_input)."""
    groups = spec.get("groups") if isinstance(spec, Mapping) else None
    if not isinstance(groups, list) or not groups:
        raise _bad(f"{where} has no groups; write spec.groups with name and rules")
    found = [_wanted_group(group, where) for group in groups]
    names = [group.name for group in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _bad(f"{where} has the group {shown(twice[0])} twice; give each group a name of its own")
    return found


def _wanted_group(group: Any, where: str) -> RuleGroup:
    name = group.get("name") if isinstance(group, Mapping) else None
    rules = group.get("rules") if isinstance(group, Mapping) else None
    if not isinstance(name, str) or not name.strip() or not isinstance(rules, list):
        raise _bad(f"{where}: a group has no name or no list of rules")
    return RuleGroup("", name, tuple(_wanted(rule, f"{where}, group {name}") for rule in rules))


def _wanted(rule: Any, where: str) -> PrometheusRule:
    fields = rule if isinstance(rule, Mapping) else {}
    names = [fields[key] for key in ("alert", "record") if fields.get(key)]
    query = fields.get("expr")
    if (
        len(names) != 1
        or not isinstance(names[0], str)
        or isinstance(query, bool)
        or not isinstance(query, (str, int))
        or not str(query).strip()
    ):
        raise _bad(f"{where}: {shown(rule)} is not a rule; write alert or record, and expr")
    seconds = prometheus_seconds(fields.get("for") or "0")
    if seconds is None:
        raise _bad(f"{where}: for of {names[0]} is {shown(fields['for'])}, not a duration such as 10m")
    return PrometheusRule(names[0], "alert" in fields, str(query), seconds, _pairs(fields.get("labels")), _pairs(fields.get("annotations")))


def loaded_groups(data: object) -> list[RuleGroup]:
    """Of the data of ``/api/v1/rules``.  Raises SalvageError(invalid)."""
    groups = data.get("groups") if isinstance(data, Mapping) else None
    if not isinstance(groups, list):
        raise _invalid("/api/v1/rules gives no groups")
    found = []
    for group in groups:
        fields = group if isinstance(group, Mapping) else {}
        name, file, rules = fields.get("name"), fields.get("file"), fields.get("rules")
        if not isinstance(name, str) or not isinstance(file, str) or not isinstance(rules, list):
            raise _invalid("a group of /api/v1/rules lacks name, file or rules")
        found.append(RuleGroup(file, name, tuple(_loaded(rule, name) for rule in rules)))
    return found


def _loaded(rule: Any, group: str) -> PrometheusRule:
    fields = rule if isinstance(rule, Mapping) else {}
    name, query, kind, health = (fields.get(key) for key in ("name", "query", "type", "health"))
    if not isinstance(name, str) or not isinstance(query, str) or kind not in ("alerting", "recording") or health not in HEALTH_OF_RULES:
        raise _invalid(f"a rule of the group {shown(group)} in /api/v1/rules lacks name, query, type or health")
    seconds, _reason = finite(fields.get("duration", 0))
    if seconds is None:
        raise _invalid(f"the duration of the rule {shown(name)} in /api/v1/rules is {shown(fields.get('duration'))}")
    labels, annotations = _pairs(fields.get("labels")), _pairs(fields.get("annotations"))
    return PrometheusRule(name, kind == "alerting", query, seconds, labels, annotations, str(health), str(fields.get("lastError") or ""))


@dataclass(frozen=True)
class ScrapeTarget:
    """``labels`` are those of its samples; ``every`` is its interval, None if Prometheus does not say it; ``last`` is its last scrape."""

    labels: tuple[tuple[str, str], ...]
    every: float | None
    last: float


@dataclass(frozen=True)
class Targets:
    """By pool (the job of a configuration) and URL: all of them, and those that are up."""

    every: frozenset[tuple[str, str]] = frozenset()
    up: frozenset[tuple[str, str]] = frozenset()
    scraped: Mapping[tuple[str, str], ScrapeTarget] = field(default_factory=dict, compare=False)


def active_targets(data: object) -> Targets:
    """Of the data of ``/api/v1/targets``.  Raises SalvageError(invalid)."""
    active = data.get("activeTargets") if isinstance(data, Mapping) else None
    if not isinstance(active, list) or not all(isinstance(one, Mapping) and isinstance(one.get("scrapeUrl"), str) for one in active):
        raise _invalid("/api/v1/targets gives no active targets")
    named = [((str(one.get("scrapePool", "")), one["scrapeUrl"]), one) for one in active]
    scraped = {
        key: ScrapeTarget(
            _pairs(one.get("labels")), prometheus_seconds(one.get("scrapeInterval")) or None, when(one.get("lastScrape")) or 0.0
        )
        for key, one in named
    }
    return Targets(frozenset(scraped), frozenset(key for key, one in named if one.get("health") == "up"), scraped)


@dataclass(frozen=True)
class LastReload:
    """``at``: when a configuration was loaded the last time, as Prometheus writes it."""

    worked: bool
    at: str = ""


def last_reload(data: object) -> LastReload:
    """By the data of ``/api/v1/status/runtimeinfo``.  Raises SalvageError(invalid)."""
    worked = data.get("reloadConfigSuccess") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(worked, bool):
        raise _invalid("/api/v1/status/runtimeinfo does not say whether the last reload worked")
    return LastReload(worked, str(data.get("lastConfigTime") or ""))


def _pairs(found: object) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(name), str(value)) for name, value in found.items())) if isinstance(found, Mapping) else ()


def _bad(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="bad_input")


def _invalid(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="invalid")
