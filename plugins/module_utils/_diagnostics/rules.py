# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that find faults in a bundle: read from YAML, and refused with one sentence that names the file, the rule and the field.

findings:
  - code: workload.rollout-stalled          # stable: tickets and dashboards refer to it
    severity: critical                      # critical, warning, info
    kind: [Deployment]                      # objects of these kinds; or ``file: prometheus/targets.json``
    where:                                  # all of these hold of the object
      - {path: "status.conditions[type=Progressing].reason", is: ProgressDeadlineExceeded}
    each: status.containerStatuses[]        # then ``with`` holds of one of these
    with: [{path: ready, is: false}]
    event: {reason: [Failed], message: "pull access denied", within: 15m}
    log: {has: ["no such host"], matches: "lookup .{1,80}: no such host", within: 15m}
    metric: {name: qek, below: 0.85, for: 5m}
    check: crashing                         # a named function, for what needs arithmetic or other objects; ``args`` are its arguments
    args: {exit: [137]}
    show: [status.replicas]                 # more lines of evidence
    facts: {limit: spec.limit}              # names for the texts, beside {namespace} {kind} {name} {pod} {item} {value}
    unless: [pod.crash.]                    # not reported for what one of these codes (or codes that start so) is found for
    title: ...                              # what it is, what it means, what to do, and where that is described
    meaning: ...
    advice: ...
    link: docs/runbooks/deploy.md

All that a rule has must be true together.  ``event`` and ``log`` alone look at every event and log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.json_values import finite
from .._core.times import parse_duration
from .._manifests.yaml_text import documents
from .paths import parse_path
from .patterns import bounded

SEVERITIES = ("critical", "warning", "info")
RECENT = 900.0  # seconds: what is older is over, where a rule does not say
KNOWN_FACTS = frozenset({"namespace", "kind", "name", "pod", "item", "value"})
FILES = ("opa/", "prometheus/", "alerts/", "helm/", "usage/", "rollouts.json", "index.json")
_CODE = re.compile(r"[a-z0-9]{1,40}(?:[.-][a-z0-9]{1,40}){1,8}")
_FACT = re.compile(r"\{([a-z_]{1,40})\}")
_TEXTS = ("title", "meaning", "advice")
Checks = Mapping[str, tuple[frozenset[str], Mapping[str, type]]]
Path = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Condition:
    """A test of what the paths lead to: of the first that leads anywhere. Or several, of which one must hold."""

    paths: tuple[Path, ...] = ()
    operator: str = ""
    operand: Any = None
    every: bool = False
    one_of: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class EventMatch:
    reasons: frozenset[str] = frozenset()
    message: re.Pattern[str] | None = None
    kinds: frozenset[str] = frozenset()
    within: float = RECENT
    least: int = 1


@dataclass(frozen=True)
class LogMatch:
    """``has``: lines without one of these words, in small letters, are not looked at."""

    has: tuple[bytes, ...]
    pattern: re.Pattern[str] | None = None
    cost: int = 1
    within: float = RECENT
    least: int = 1


@dataclass(frozen=True)
class MetricMatch:
    """``lasting``: seconds before the time of interest in which every sample is beyond the limit."""

    names: tuple[str, ...]
    above: float | None = None
    below: float | None = None
    lasting: float = 0.0
    absent: bool = False


@dataclass(frozen=True)
class FindingRule:
    code: str
    severity: str
    texts: Mapping[str, str]
    link: str
    origin: str
    kinds: tuple[str, ...] = ()
    file: str = ""
    where: tuple[Condition, ...] = ()
    each: Path | None = None
    item: tuple[Condition, ...] = ()
    event: EventMatch | None = None
    log: LogMatch | None = None
    metric: MetricMatch | None = None
    check: str = ""
    args: Mapping[str, Any] = field(default_factory=dict)
    show: tuple[Path, ...] = ()
    facts: Mapping[str, Path] = field(default_factory=dict)
    unless: tuple[str, ...] = ()


def read_rules(texts: Mapping[str, str], checks: Checks) -> list[FindingRule]:
    """The rules in YAML texts, by the names of their files.

    A later file replaces a rule of the same code, and leaves out those with the codes that it lists under ``without``.
    ``checks``: the named functions that there are, with the facts that each gives and the arguments that it takes.
    Raises SalvageError(bad_input).
    """
    rules: dict[str, FindingRule] = {}
    for name, text in texts.items():
        own: set[str] = set()
        for document in documents(text, name):
            _only(document.value, {"findings", "without"}, name)
            for number, raw in enumerate(_sequence(document.value.get("findings"), f"{name}: findings"), 1):
                rule = _rule(raw, name, number, checks)
                if rule.code in own:
                    raise _wrong(f"{name}: rule {rule.code}: code", "is in this file twice; give each rule its own code")
                own.add(rule.code)
                rules[rule.code] = rule
            for code in _sequence(document.value.get("without"), f"{name}: without"):
                if not isinstance(code, str) or code not in rules:
                    raise _wrong(f"{name}: without", f"{shown(code)} is the code of no rule")
                del rules[code]
    return list(rules.values())


def _rule(raw: Any, name: str, number: int, checks: Checks) -> FindingRule:
    code = raw.get("code") if isinstance(raw, dict) else None
    where = f"{name}: rule {code if isinstance(code, str) and _CODE.fullmatch(code) else number}"
    sources = {"kind", "file", "event", "log", "metric", "check"}
    rest = {"code", "severity", *_TEXTS, "link", "where", "each", "with", "args", "show", "facts", "unless"}
    _only(raw, sources | rest, where)
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise _wrong(
            f"{where}: code", f"{shown(code)} is not a code; write small letters, digits, dots and hyphens, such as pod.crash.exit-1"
        )
    if raw.get("severity") not in SEVERITIES:
        raise _wrong(f"{where}: severity", f"{shown(raw.get('severity'))} is not one of {', '.join(SEVERITIES)}")
    if not sources & raw.keys():
        raise _wrong(where, f"has no condition; give one of {', '.join(sorted(sources))}")
    if "event" in raw and "log" in raw and "kind" not in raw:
        raise _wrong(where, "has event and log, and no kind that both are about; give kind: Pod")
    if "kind" in raw and "file" in raw:
        raise _wrong(where, "has both kind and file; give one of them")
    if ("where" in raw or "each" in raw or "with" in raw or "show" in raw or "facts" in raw) and not {"kind", "file"} & raw.keys():
        raise _wrong(where, "has where, each, with, show or facts, and no kind or file that they are about")
    if "with" in raw and "each" not in raw:
        raise _wrong(f"{where}: with", "needs each, the path of what it is about")
    check = raw.get("check", "")
    if "check" in raw and (not isinstance(check, str) or check not in checks):
        raise _wrong(f"{where}: check", f"{shown(check)} is not one of {', '.join(sorted(checks))}")
    given, arguments = checks.get(check, (frozenset(), {}))
    facts = {key: _path(value, f"{where}: facts.{key}") for key, value in _mapping(raw.get("facts"), f"{where}: facts").items()}
    link = raw.get("link", "")
    if not isinstance(link, str) or not re.fullmatch(r"(?:https://|docs/)[^\s<>\"']{1,300}", link):
        raise _wrong(f"{where}: link", f"{shown(link)} is not a page; write https://... or docs/...")
    file = raw.get("file", "")
    if "file" in raw and (not isinstance(file, str) or not file.startswith(FILES)):
        raise _wrong(f"{where}: file", f"{shown(file)} is not a file of a bundle; it starts with one of {', '.join(FILES)}")
    return FindingRule(
        code=code,
        severity=raw["severity"],
        texts={key: _text(raw.get(key), f"{where}: {key}", {*KNOWN_FACTS, *facts, *given}) for key in _TEXTS},
        link=link,
        origin=name,
        kinds=tuple(_words(raw["kind"], f"{where}: kind")) if "kind" in raw else (),
        file=file,
        where=_conditions(raw.get("where"), f"{where}: where"),
        each=_path(raw["each"], f"{where}: each") if "each" in raw else None,
        item=_conditions(raw.get("with"), f"{where}: with"),
        event=_event(raw["event"], f"{where}: event") if "event" in raw else None,
        log=_log(raw["log"], f"{where}: log") if "log" in raw else None,
        metric=_metric(raw["metric"], f"{where}: metric") if "metric" in raw else None,
        check=check,
        args=_args(raw.get("args"), f"{where}: args", arguments),
        show=tuple(_path(one, f"{where}: show") for one in _sequence(raw.get("show"), f"{where}: show")),
        facts=facts,
        unless=tuple(_words(raw["unless"], f"{where}: unless")) if "unless" in raw else (),
    )


def _conditions(raw: Any, where: str) -> tuple[Condition, ...]:
    return tuple(_condition(one, f"{where}[{number}]") for number, one in enumerate(_sequence(raw, where), 1))


def _condition(raw: Any, where: str) -> Condition:
    if isinstance(raw, dict) and "any" in raw:
        _only(raw, {"any"}, where)
        return Condition(one_of=_conditions(_sequence(raw["any"], f"{where}.any", empty=False), f"{where}.any"))
    _only(raw, {"path", "every", *_OPERANDS}, where)
    operators = sorted(_OPERANDS.keys() & raw.keys())
    if len(operators) != 1:
        raise _wrong(where, f"has {len(operators) or 'no'} comparisons; give one of {', '.join(_OPERANDS)}")
    every = raw.get("every", False)
    if not isinstance(every, bool):
        raise _wrong(f"{where}.every", f"{shown(every)} is not true or false")
    paths = raw.get("path")
    listed = _sequence(paths, f"{where}.path", empty=False) if isinstance(paths, list) else [paths]
    operand = _OPERANDS[operators[0]](raw[operators[0]], f"{where}.{operators[0]}")
    return Condition(tuple(_path(one, f"{where}.path") for one in listed), operators[0], operand, every)


def _event(raw: Any, where: str) -> EventMatch:
    _only(raw, {"reason", "message", "kind", "within", "least"}, where)
    if not {"reason", "message"} & raw.keys():
        raise _wrong(where, "has no reason and no message; give one of them")
    return EventMatch(
        reasons=frozenset(_words(raw["reason"], f"{where}.reason")) if "reason" in raw else frozenset(),
        message=_pattern(raw["message"], f"{where}.message")[0] if "message" in raw else None,
        kinds=frozenset(_words(raw["kind"], f"{where}.kind")) if "kind" in raw else frozenset(),
        within=parse_duration(raw.get("within", RECENT), f"{where}.within"),
        least=int(_number(raw.get("least", 1), f"{where}.least")),
    )


def _log(raw: Any, where: str) -> LogMatch:
    _only(raw, {"has", "matches", "within", "least"}, where)
    words = _words(raw.get("has"), f"{where}.has")
    if any(len(word) < 4 for word in words):
        raise _wrong(f"{where}.has", "has a word of fewer than four characters; every log line would be looked at")
    pattern, cost = _pattern(raw["matches"], f"{where}.matches") if "matches" in raw else (None, 1)
    within = parse_duration(raw.get("within", RECENT), f"{where}.within")
    has = tuple(word.lower().encode() for word in words)
    return LogMatch(has, pattern, cost, within, int(_number(raw.get("least", 1), f"{where}.least")))


def _metric(raw: Any, where: str) -> MetricMatch:
    _only(raw, {"name", "above", "below", "for", "absent"}, where)
    if len({"above", "below", "absent"} & raw.keys()) != 1 or raw.get("absent", True) is not True:
        raise _wrong(where, "gives not exactly one of above, below and absent: true")
    return MetricMatch(
        names=tuple(_words(raw.get("name"), f"{where}.name")),
        above=_number(raw["above"], f"{where}.above") if "above" in raw else None,
        below=_number(raw["below"], f"{where}.below") if "below" in raw else None,
        lasting=parse_duration(raw.get("for", 0), f"{where}.for"),
        absent="absent" in raw,
    )


def _text(raw: Any, where: str, known: Iterable[str]) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise _wrong(where, "is missing; write a sentence")
    unknown = set(_FACT.findall(raw)) - set(known)
    if unknown:
        raise _wrong(where, f"refers to {{{min(unknown)}}}, which is none of {', '.join(sorted(known))}")
    return " ".join(raw.split())


def filled(text: str, facts: Mapping[str, str]) -> str:
    """A rule's text with its facts; one that the bundle does not have is said to be unknown."""
    return _FACT.sub(lambda found: facts.get(found[1]) or "unknown", text)


def _args(raw: Any, where: str, known: Mapping[str, type]) -> dict[str, Any]:
    args = _mapping(raw, where)
    for name, value in args.items():
        if name not in known:
            raise _wrong(where, f"has the unknown argument {shown(name)}; the check has {', '.join(sorted(known)) or 'none'}")
        if known[name] is float:
            args[name] = _number(value, f"{where}.{name}")
        elif not isinstance(value, known[name]):
            raise _wrong(f"{where}.{name}", f"{shown(value)} is not a {known[name].__name__}")
    return args


def _pattern(raw: Any, where: str) -> tuple[re.Pattern[str], int]:
    try:
        return bounded(raw)
    except ValueError as exc:
        raise _wrong(where, f"{shown(raw)} {exc}") from None


def _path(raw: Any, where: str) -> Path:
    try:
        return parse_path(raw)
    except ValueError as exc:
        raise _wrong(where, f"{shown(raw)} {exc}") from None


def _number(raw: Any, where: str) -> float:
    number, _why = finite(raw)
    if number is None:
        raise _wrong(where, f"{shown(raw)} is not a number")
    return number


def _scalars(raw: Any, where: str) -> tuple[Any, ...]:
    values = raw if isinstance(raw, list) else [raw]
    if not values or any(isinstance(one, (dict, list)) or one is None for one in values):
        raise _wrong(where, f"{shown(raw)} is not a value or a list of values")
    return tuple(values)


def _truth(raw: Any, where: str) -> bool:
    if not isinstance(raw, bool):
        raise _wrong(where, f"{shown(raw)} is not true or false")
    return raw


# The comparisons that there are, and what each may compare with.
_OPERANDS: dict[str, Callable[[Any, str], Any]] = {
    "is": _scalars,
    "not": _scalars,
    "matches": lambda raw, where: _pattern(raw, where)[0],
    "exists": _truth,
    "above": _number,
    "below": _number,
    "older": parse_duration,
    "newer": parse_duration,
}


def _words(raw: Any, where: str) -> list[str]:
    words = raw if isinstance(raw, list) else [raw]
    if not words or not all(isinstance(word, str) and word for word in words):
        raise _wrong(where, f"{shown(raw)} is not a word or a list of words")
    return words


def _sequence(raw: Any, where: str, *, empty: bool = True) -> list[Any]:
    if raw is None and empty:
        return []
    if not isinstance(raw, list) or (not raw and not empty):
        raise _wrong(where, f"{shown(raw)} is not a list")
    return raw


def _mapping(raw: Any, where: str) -> dict[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise _wrong(where, f"{shown(raw)} is not a mapping")
    return raw


def _only(raw: Any, known: set[str], where: str) -> None:
    if not isinstance(raw, dict):
        raise _wrong(where, f"{shown(raw)} is not a mapping")
    unknown = sorted(str(key) for key in raw if key not in known)
    if unknown:
        raise _wrong(where, f"has the unknown field {shown(unknown[0])}; it has {', '.join(sorted(known))}")


def _wrong(where: str, sentence: str) -> SalvageError:
    return SalvageError(f"{where}: {sentence}", reason="bad_input")
