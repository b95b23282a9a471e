# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routing tree of a configuration of Alertmanager, and which receivers an alert reaches, as Alertmanager decides it.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError, shown
from .silences import Matcher, parse_matchers

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]

LONGEST_CONFIG = 1024 * 1024
_MOST_ROUTES = 10_000
_DEEPEST = 50
# Commas between matchers, not those in quotes.
_PARTS = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
# What Python's regular expressions have and RE2 does not.
_NOT_RE2 = re.compile(r"\(\?(?:=|!|<[=!]|>|\(|P=)|(?<!\\)(?:\\\\)*\\[1-9]")


@dataclass(frozen=True)
class LabelTest:
    """A matcher as a route applies it; a label that is missing is an empty one."""

    matcher: Matcher
    pattern: re.Pattern[str] | None

    def holds(self, labels: Mapping[str, str]) -> bool:
        value, negated = labels.get(self.matcher.name, ""), self.matcher.operator.startswith("!")
        same = self.pattern.fullmatch(value) is not None if self.pattern else value == self.matcher.value
        return same is not negated


@dataclass(frozen=True)
class AlertRoute:
    """``where`` is its place in the tree, such as ``route.routes[2]``."""

    where: str
    receiver: str
    tests: tuple[LabelTest, ...]
    goes_on: bool
    routes: tuple[AlertRoute, ...]

    def reached(self, labels: Mapping[str, str]) -> Iterator[AlertRoute]:
        """The routes that take an alert; this one if it matches and none below it does."""
        if not all(test.holds(labels) for test in self.tests):
            return
        found = False
        for route in self.routes:
            below = list(route.reached(labels))
            yield from below
            found = found or bool(below)
            if below and not route.goes_on:
                break
        if not found:
            yield self


@dataclass(frozen=True)
class RoutingTree:
    root: AlertRoute
    receivers: tuple[str, ...]

    def receivers_of(self, labels: Mapping[str, str]) -> list[str]:
        """In the order of the routes; each once."""
        return list(dict.fromkeys(route.receiver for route in self.root.reached(labels)))


def routing_of(text: str) -> RoutingTree:
    """Of the YAML of a configuration.  Raises SalvageError(invalid) for one that Alertmanager would refuse, and missing_library."""
    if yaml is None:
        raise SalvageError("the Python library yaml is missing where the module runs; install PyYAML", reason="missing_library")
    if len(text) > LONGEST_CONFIG:
        raise _invalid(f"it has {len(text)} characters")
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        said = " ".join(str(getattr(exc, "problem", None) or type(exc).__name__).split())
        mark = getattr(exc, "problem_mark", None)
        raise _invalid(f"it is not YAML: {said}{f' in line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(data, dict) or not isinstance(data.get("route"), dict):
        raise _invalid("it has no route; write one with a receiver")
    names = _names(data, "receivers")
    times = {*_names(data, "time_intervals"), *_names(data, "mute_time_intervals")}
    reader = _Reader(frozenset(names), frozenset(times))
    root = reader.route(data["route"], "route", "", 0)
    if root.tests:
        raise _invalid("the route at the top has matchers, so some alerts would reach nobody; remove them")
    if root.goes_on:
        raise _invalid("the route at the top has continue; remove it")
    return RoutingTree(root, tuple(names))


class _Reader:
    def __init__(self, receivers: frozenset[str], times: frozenset[str]) -> None:
        self._receivers, self._times = receivers, times
        self._count = 0

    def route(self, given: Any, where: str, receiver: str, depth: int) -> AlertRoute:
        self._count += 1
        if self._count > _MOST_ROUTES or depth > _DEEPEST:
            raise _invalid("it has too many routes")
        if not isinstance(given, dict):
            raise _invalid(f"{where} is {shown(given)}, not a route")
        own = given.get("receiver") or receiver
        if not isinstance(own, str) or not own:
            raise _invalid(f"{where} has no receiver; name one")
        if own not in self._receivers:
            raise _invalid(f"{where} names the receiver {shown(own)}, which is not among the receivers; add it, or name another")
        for field in ("mute_time_intervals", "active_time_intervals"):
            missing = [one for one in _listed(given, field, where) if one not in self._times]
            if missing:
                raise _invalid(f"{where} names the time interval {shown(missing[0])}, which is not defined; define it")
        if not isinstance(given.get("continue", False), bool):
            raise _invalid(f"continue of {where} is {shown(given['continue'])}; write true or false")
        inner = enumerate(_listed(given, "routes", where))
        routes = tuple(self.route(one, f"{where}.routes[{index}]", own, depth + 1) for index, one in inner)
        return AlertRoute(where, own, tuple(_tests(given, where)), given.get("continue", False), routes)


def _tests(given: Mapping[str, Any], where: str) -> Iterator[LabelTest]:
    for field, operator in (("match", "="), ("match_re", "=~")):
        pairs = given.get(field) or {}
        if not isinstance(pairs, dict):
            raise _invalid(f"{field} of {where} is {shown(pairs)}; write labels with their values")
        yield from (_test(Matcher(str(name), operator, str(value)), where) for name, value in pairs.items())
    listed = given.get("matchers") or []
    for text in [listed] if isinstance(listed, str) else _listed(given, "matchers", where):
        if not isinstance(text, str):
            raise _invalid(f"a matcher of {where} is {shown(text)}, not text")
        inside = text.strip().removeprefix("{").removesuffix("}")
        try:
            found = parse_matchers(_PARTS.findall(inside))
        except SalvageError as exc:
            raise _invalid(f"{where}: {exc}") from None
        yield from (_test(one, where) for one in sorted(found))


def _test(matcher: Matcher, where: str) -> LabelTest:
    if "~" not in matcher.operator:
        return LabelTest(matcher, None)
    if _NOT_RE2.search(matcher.value):
        raise _invalid(
            f"{where}: {shown(matcher.value)} looks around or back, which Alertmanager's regular expressions can't; write it otherwise"
        )
    try:
        return LabelTest(matcher, re.compile(matcher.value, re.DOTALL))
    except (re.error, RecursionError, OverflowError) as exc:
        raise _invalid(f"{where}: {shown(matcher.value)} is not a regular expression ({exc})") from None


def _names(data: Mapping[str, Any], field: str) -> list[str]:
    names = []
    for one in _listed(data, field, "the configuration"):
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or not name:
            raise _invalid(f"one of {field} has no name; give it one")
        if name in names:
            raise _invalid(f"two of {field} have the name {shown(name)}; rename one")
        names.append(name)
    return names


def _listed(given: Mapping[str, Any], field: str, where: str) -> list[Any]:
    value = given.get(field) or []
    if not isinstance(value, list):
        raise _invalid(f"{field} of {where} is {shown(value)}, not a list")
    return value


def unexpected(tree: RoutingTree, samples: Iterable[tuple[Mapping[str, str], Iterable[str]]]) -> list[str]:
    """Which of the sample alerts reaches others than its receivers."""
    found = []
    for labels, wanted in samples:
        reached = tree.receivers_of(labels)
        if sorted(reached) != sorted(wanted):
            name = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
            found.append(f"the alert {name} reaches {', '.join(reached)}, not {', '.join(wanted)}")
    return found


def _invalid(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="invalid")
