# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a Prometheus has loaded what is wanted, and lost nothing.  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._core.errors import SalvageError
from .._core.times import when
from .._prometheus.configuration import changed_jobs
from .._prometheus.rules import PrometheusRule, RuleGroup, Targets

Format = Callable[[str], str]
# Of PromQL: a text in quotes, a name, number or duration, and each other character. Between them space means nothing.
_TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`|[\w.:]+|[^\s]""", re.DOTALL)
_INTERVAL = 60.0
_MOMENT = 10.0  # Prometheus hands new targets to the scrapers every five seconds


@dataclass(frozen=True)
class PrometheusState:
    """What one replica shows at a time.  ``config`` and ``rate`` (samples in a second) only where the configuration changes."""

    groups: tuple[RuleGroup, ...]
    targets: Targets
    reloaded: bool
    reloaded_at: str = ""
    config: Any = None
    rate: float = 0.0

    def in_file(self, mark: str) -> list[RuleGroup]:
        """The groups of the file with ``mark`` in its name."""
        return [group for group in self.groups if mark in group.file]

    @property
    def failing(self) -> dict[str, str]:
        """The rules with an evaluation that failed, and why."""
        return failing_in(self.groups)


def failing_in(groups: Iterable[RuleGroup]) -> dict[str, str]:
    """The rules with an evaluation that failed, and why."""
    return {
        f"{group.name}/{rule.name}": rule.error or "no reason given" for group in groups for rule in group.rules if rule.health == "err"
    }


def essence(groups: Iterable[RuleGroup]) -> dict[str, list[PrometheusRule]]:
    """What makes rules the same, by group: not when they were evaluated."""
    return {group.name: [replace(rule, health="", error="") for rule in group.rules] for group in groups}


def same_expression(wanted: str, loaded: str, form: Format) -> bool:
    """Apart from its layout.  ``form`` costs two requests, so it is asked only where more than the space between tokens differs."""
    return _TOKEN.findall(wanted) == _TOKEN.findall(loaded) or form(wanted) == form(loaded)


def group_differences(wanted: Sequence[RuleGroup], loaded: Sequence[RuleGroup], form: Format) -> list[str]:
    """How the loaded groups of a file differ from the wanted ones."""
    want, have = essence(wanted), essence(loaded)
    found = [f"the group {name} is not loaded" for name in want.keys() - have.keys()]
    found += [f"the group {name} is still loaded" for name in have.keys() - want.keys()]
    for name in want.keys() & have.keys():
        if [rule.name for rule in want[name]] != [rule.name for rule in have[name]]:
            found.append(f"the group {name} has other rules")
        else:
            unlike = ((rule.name, _unlike(rule, now, form)) for rule, now in zip(want[name], have[name], strict=True))
            found += [f"the rule {name}/{rule} has another {fields}" for rule, fields in unlike if fields]
    return sorted(found)


def _unlike(rule: PrometheusRule, now: PrometheusRule, form: Format) -> str:
    words: Mapping[str, str] = {"alert": "kind", "seconds": "duration", "labels": "labels", "annotations": "text"}
    found = [word for name, word in words.items() if getattr(rule, name) != getattr(now, name)]
    return ", ".join([*found, *([] if same_expression(rule.query, now.query, form) else ["expression"])])


def not_evaluated(groups: Iterable[RuleGroup]) -> list[str]:
    return [f"{group.name}/{rule.name}" for group in groups for rule in group.rules if rule.health == "unknown"]


def lost(before: PrometheusState, now: PrometheusState, removed: frozenset[str] = frozenset()) -> list[str]:
    """What worked before and does not now; ``removed`` are the jobs that the change takes away."""
    found = [
        f"the target {url} of {pool} was up and is down" for pool, url in sorted(before.targets.up & now.targets.every - now.targets.up)
    ]
    found += lost_pools(pools_up([before]), now, removed)
    known = before.failing
    found += [f"the rule {name} fails: {why}" for name, why in now.failing.items() if name not in known]
    if before.reloaded and not now.reloaded:
        found.append("its last reload failed")
    return found


def pools_up(states: Iterable[PrometheusState]) -> frozenset[str]:
    """The jobs with a target that is up."""
    return frozenset(pool for state in states for pool, _url in state.targets.up)


def lost_pools(before: frozenset[str], now: PrometheusState, removed: frozenset[str] = frozenset()) -> list[str]:
    """A pod that has gone took its target along; a pool without any is a loss."""
    return [f"no target of {pool} is up, and some were" for pool in sorted(before - pools_up([now]) - removed)]


def gone(before: PrometheusState, now: PrometheusState) -> list[str]:
    """The targets that were up and are there no longer."""
    return sorted(f"{pool} {url}" for pool, url in before.targets.up - now.targets.every)


def samples_a_second(targets: Targets, samples: Mapping[tuple[tuple[str, str], ...], float]) -> float:
    """By how many samples each target that is up gave the last time, and how often it is scraped.  Raises SalvageError(invalid)."""
    total = 0.0
    for key in targets.up:
        target = targets.scraped[key]
        if target.every is None:
            raise SalvageError(f"/api/v1/targets does not say how often {key[1]} is scraped", reason="invalid")
        total += samples.get(target.labels, 0.0) / target.every
    return total


def not_scraped(before: PrometheusState, now: PrometheusState) -> list[str]:
    """The targets of changed jobs without a scrape since the change was loaded."""
    # Prometheus cuts the fraction of a second from the time of the reload.
    since, pools = (when(now.reloaded_at) or 0.0) + 1, changed_jobs(before.config, now.config)
    late = sorted(key for key, target in now.targets.scraped.items() if key[0] in pools and target.last < since)
    return [f"the target {url} of {pool} is not scraped yet" for pool, url in late]


def fewer_samples(before: PrometheusState, now: PrometheusState, most: float) -> list[str]:
    """``most`` is the part of the samples that may be lost."""
    if now.rate >= before.rate * (1 - most):
        return []
    return [f"it gets {now.rate:.1f} samples a second, and {before.rate:.1f} before (max_sample_drop is {most:g})"]


def settling(states: Iterable[PrometheusState], seconds: float) -> float:
    """How long after a change is loaded what it broke may still come back: two scrapes of the slowest target, and a moment.

    A replica that has scraped nothing yet, as just after a reload, has Prometheus' default interval.
    """
    slowest = max((target.every or 0.0 for state in states for target in state.targets.scraped.values()), default=_INTERVAL)
    return min(2 * slowest + _MOMENT, seconds)
