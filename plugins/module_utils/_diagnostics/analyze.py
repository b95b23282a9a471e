# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bundle says is wrong: rules in, findings out, each with the lines that show it.  Pure: the clock is passed in.

A rule that found nothing where its part of the bundle is missing is unknown, not clean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .._core.redact import clean
from .._core.times import when
from .checks import CHECKS
from .contents import CLUSTER_KINDS, CheckHit, ClusterEvent, Contents, Evidence, Piece, Where, event_evidence, read_contents
from .log_lines import LogHit, scan
from .paths import Steps, brief_value, walk
from .rules import SEVERITIES, Condition, EventMatch, FindingRule, filled, read_rules
from .series import series_hits
from .timeline import Moment, moments

MAX_EVIDENCE = 8
MAX_FINDINGS = 1000
MAX_ITEMS = 10_000
_DOCS = "https://github.com/euystacio/meta_salvage/blob/main/"


@dataclass(frozen=True)
class Suspect:
    """One finding: a rule that holds for one subject."""

    code: str
    severity: str
    title: str
    meaning: str
    advice: str
    link: str
    subject: Mapping[str, str]
    evidence: tuple[Evidence, ...]

    def plain(self) -> dict[str, Any]:
        evidence = [{"file": one.file, "line": one.line, "text": one.text} for one in self.evidence]
        return {**vars(self), "subject": dict(self.subject), "evidence": evidence}


@dataclass(frozen=True)
class Analysis:
    """``unknown``: why a rule could not be judged, by its code."""

    findings: tuple[Suspect, ...]
    timeline: tuple[Moment, ...]
    judged: tuple[str, ...]
    unknown: Mapping[str, str]
    notes: tuple[str, ...]
    at: float


@dataclass
class _Match:
    subject: tuple[str, str, str]
    facts: dict[str, str]
    evidence: list[Where | Evidence] = field(default_factory=list)
    who: str = ""


def rules_of(texts: Mapping[str, str]) -> list[FindingRule]:
    """The rules in YAML texts, by the names of their files.  Raises SalvageError(bad_input)."""
    return read_rules(texts, {name: (check.facts, check.args) for name, check in CHECKS.items()})


def analyze(files: Mapping[str, bytes], rules: Sequence[FindingRule], now: datetime) -> Analysis:
    """``now`` counts where the bundle does not say when it was collected."""
    contents = read_contents(files, now)
    timeline = moments(contents)
    hits = scan(contents, [rule for rule in rules if rule.log])
    found: list[Suspect] = []
    unknown: dict[str, str] = {}
    for rule in _telling_first(rules):
        matches = _matches(contents, rule, hits.get(rule.code, []), found)
        suspects = _suspects(contents, rule, matches, found)
        found += suspects
        if not suspects and (why := _why_unknown(contents, rule)):
            unknown[rule.code] = why
    for one in found:
        if one.code == "node.clock-skew":
            contents.note(f"{one.title}: the order of the timeline is not to be trusted")
    found.sort(key=lambda one: (SEVERITIES.index(one.severity), one.code, *one.subject.values()))
    if len(found) > MAX_FINDINGS:
        contents.note(f"{len(found) - MAX_FINDINGS} more findings are left out")
    return Analysis(
        findings=tuple(found[:MAX_FINDINGS]),
        timeline=timeline,
        judged=tuple(sorted(rule.code for rule in rules)),
        unknown=dict(sorted(unknown.items())),
        notes=tuple(contents.notes),
        at=contents.at,
    )


def _telling_first(rules: Sequence[FindingRule]) -> list[FindingRule]:
    """Each after the rules that it leaves the word to: the more of them, the later."""
    last = len(rules)
    return sorted(
        rules,
        key=lambda rule: (
            last if rule.check == "first_error" else sum(1 for one in rules if one.code.startswith(rule.unless)) if rule.unless else 0
        ),
    )


def _why_unknown(contents: Contents, rule: FindingRule) -> str:
    needs = ["cluster" if kind in CLUSTER_KINDS else "objects" for kind in rule.kinds]
    needs += [rule.file.partition("/")[0].partition(".")[0]] if rule.file else []
    needs += [room for room, used in (("events", rule.event), ("logs", rule.log), ("prometheus", rule.metric)) if used]
    needs += CHECKS[rule.check].needs if rule.check else ()
    return next((why for one in dict.fromkeys(needs) if (why := contents.why_missing(one))), "")


def _matches(contents: Contents, rule: FindingRule, hits: list[LogHit], found: Sequence[Suspect]) -> list[_Match]:
    if rule.kinds or rule.file:
        return [match for part in _parts(contents, rule) for match in _of_part(contents, rule, part, hits)]
    if rule.event:
        return [_of_event(contents, event) for event in _events(contents, rule.event, contents.events)]
    if rule.log:
        by_pod: dict[tuple[str, str], list[LogHit]] = {}
        for hit in hits:
            by_pod.setdefault((hit.namespace, hit.pod), []).append(hit)
        return [_of_log(contents, of_pod) for of_pod in by_pod.values() if len(of_pod) >= rule.log.least]
    if rule.metric:
        return [_of_check(contents, None, hit) for hit in series_hits(contents, rule.metric)]
    return [_of_check(contents, None, hit) for hit in _checked(contents, rule, None, None, found)]


def _parts(contents: Contents, rule: FindingRule) -> Iterator[Piece]:
    for kind in rule.kinds:
        yield from contents.objects.get(kind, ())
    if rule.file.endswith(".jsonl"):
        for line, body in contents.lines(rule.file):
            yield Piece(rule.file, (line,), "", "", "", body)
    elif rule.file and (document := contents.json(rule.file)) is not None:
        yield Piece(rule.file, (), "", "", "", document)


def _of_part(contents: Contents, rule: FindingRule, part: Piece, hits: list[LogHit]) -> Iterator[_Match]:
    shown = _holds(contents, part, (), part.body, rule.where)
    if shown is None:
        return
    items: list[tuple[Steps, Any]] = [((), part.body)]
    if rule.each is not None:
        items = walk(part.body, rule.each)[:MAX_ITEMS]
    evidence: list[Where | Evidence] = []
    if rule.event:
        events = list(_events(contents, rule.event, contents.events_of(part)))
        if not events:
            return
        evidence += [event_evidence(event) for event in events[-2:]]
    if rule.log:
        of_pod = [hit for hit in hits if (hit.namespace, hit.pod) == (part.namespace, part.name)]
        if len(of_pod) < rule.log.least:
            return
        evidence += [hit.evidence for hit in of_pod[:3]]
    more = [Where(part, steps, value) for path in rule.show for steps, value in walk(part.body, path)]
    for steps, item in items:
        of_item = _holds(contents, part, steps, item, rule.item) if rule.each is not None else []
        if of_item is None:
            continue
        found = _checked(contents, rule, part, (steps, item), ()) if rule.check else [CheckHit({}, [])]
        if not found:
            continue
        wheres = [*shown, *of_item] or ([Where(part, steps, item)] if rule.each is not None and not rule.check else [])
        facts = _facts(contents, rule, part, item, wheres)
        subject = _subject(contents, rule, part, facts)
        for hit in found:
            yield _Match(hit.subject or subject, {**facts, **hit.facts}, [*hit.evidence, *wheres, *more, *evidence], part.name)


def _checked(contents: Contents, rule: FindingRule, part: Piece | None, item: Any, found: Sequence[Suspect]) -> list[CheckHit]:
    subjects = {tuple(one.subject[key] for key in ("kind", "namespace", "name")): one.code for one in found}
    return list(CHECKS[rule.check].find(contents, part, item, {**rule.args, "found": subjects}))


def _of_check(contents: Contents, part: Piece | None, hit: CheckHit) -> _Match:
    kind, namespace, name = hit.subject or (part.key if part else ("Cluster", "", ""))
    return _Match((kind, namespace, name), {"kind": kind, "namespace": namespace, "name": name, **hit.facts}, list(hit.evidence), name)


def _of_event(contents: Contents, event: ClusterEvent) -> _Match:
    kind, namespace, name = subject = contents.owner((event.kind, event.namespace, event.name))
    facts = {"kind": kind, "namespace": namespace, "name": name, "pod": event.name, "value": clean(event.message, limit=300)}
    return _Match(subject, facts, [event_evidence(event)], event.name)


def _of_log(contents: Contents, hits: list[LogHit]) -> _Match:
    kind, namespace, name = subject = contents.owner(("Pod", hits[0].namespace, hits[0].pod))
    facts = {"kind": kind, "namespace": namespace, "name": name, "pod": hits[0].pod, "item": hits[0].container}
    return _Match(subject, {**facts, "value": hits[0].evidence.text}, [hit.evidence for hit in hits[:3]], hits[0].pod)


def _subject(contents: Contents, rule: FindingRule, part: Piece, facts: Mapping[str, str]) -> tuple[str, str, str]:
    if not rule.file:
        return contents.owner(part.key)
    return facts.get("kind") or "Cluster", facts.get("namespace", ""), facts.get("name", "")


def _facts(contents: Contents, rule: FindingRule, part: Piece, item: Any, wheres: Sequence[Where]) -> dict[str, str]:
    facts = {"pod": part.name, "value": brief_value(wheres[-1].value) if wheres else ""}
    if not rule.file:
        facts.update(zip(("kind", "namespace", "name"), contents.owner(part.key), strict=True))
    if isinstance(item, dict):
        facts["item"] = next((brief_value(item[key]) for key in ("name", "type") if isinstance(item.get(key), str)), "")
    for name, path in rule.facts.items():
        leads = walk(item, path) or walk(part.body, path)
        if leads:
            facts[name] = brief_value(leads[0][1])
    return facts


def _events(contents: Contents, wanted: EventMatch, events: Sequence[ClusterEvent]) -> Iterator[ClusterEvent]:
    for event in events:
        named = (not wanted.reasons or event.reason in wanted.reasons) and (not wanted.kinds or event.kind in wanted.kinds)
        if not named or event.count < wanted.least or not contents.recent(event.at, wanted.within):
            continue
        if wanted.message is None or wanted.message.search(event.message[:1000]):
            yield event


def _holds(contents: Contents, part: Piece, at: Steps, value: Any, conditions: Sequence[Condition]) -> list[Where] | None:
    """What shows that all conditions hold of the value at these steps of an object; None if one does not."""
    found: list[Where] = []
    for condition in conditions:
        if condition.one_of:
            shown = next((one for each in condition.one_of if (one := _holds(contents, part, at, value, (each,))) is not None), None)
        else:
            shown = _shown(contents, part, at, value, condition)
        if shown is None:
            return None
        found += shown
    return found


def _shown(contents: Contents, part: Piece, at: Steps, value: Any, condition: Condition) -> list[Where] | None:
    leads = next((leads for path in condition.paths if (leads := walk(value, path))), [])
    if condition.operator == "exists":
        leads = [one for one in leads if one[1] is not None]
        return None if bool(leads) != condition.operand else [Where(part, (*at, *steps), one) for steps, one in leads[:1]]
    true = [(steps, one) for steps, one in leads if _compares(contents, condition, one)]
    if not true or (condition.every and len(true) < len(leads)):
        return None
    return [Where(part, (*at, *steps), one) for steps, one in true[:2]]


def _compares(contents: Contents, condition: Condition, value: Any) -> bool:
    operator, operand = condition.operator, condition.operand
    if operator in {"is", "not"}:
        among = any(type(one) is type(value) and one == value for one in operand)
        return among if operator == "is" else not among
    if operator == "matches":
        return isinstance(value, str) and operand.search(value[:1000]) is not None
    if operator in {"older", "newer"}:
        moment = when(value) if isinstance(value, str) else None
        return moment is not None and ((contents.at - moment > operand) if operator == "older" else (contents.at - moment <= operand))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return bool(value > operand) if operator == "above" else bool(value < operand)


def _suspects(contents: Contents, rule: FindingRule, matches: Sequence[_Match], found: Sequence[Suspect]) -> list[Suspect]:
    """One for each subject; what a more telling rule has found for the same subject is left out."""
    groups: dict[tuple[str, str, str], list[_Match]] = {}
    for match in matches:
        groups.setdefault(match.subject, []).append(match)
    explained = (
        {tuple(one.subject[key] for key in ("kind", "namespace", "name")) for one in found if one.code.startswith(rule.unless)}
        if rule.unless
        else set()
    )
    suspects = []
    for subject, group in groups.items():
        if subject in explained:
            continue
        texts = {key: filled(text, group[0].facts) for key, text in rule.texts.items()}
        alike = len({match.who for match in group})
        if alike > 1:
            texts["title"] += f" (and {alike - 1} more like it)"
        named = dict(zip(("namespace", "kind", "name"), (subject[1], subject[0], subject[2]), strict=True))
        evidence = _evidence(contents, group)
        link = rule.link if rule.link.startswith("https://") else _DOCS + rule.link
        suspects.append(Suspect(rule.code, rule.severity, texts["title"], texts["meaning"], texts["advice"], link, named, evidence))
    return suspects


def _evidence(contents: Contents, group: Sequence[_Match]) -> tuple[Evidence, ...]:
    """The lines of the first match, then the first lines of the others."""
    chosen = group[0].evidence[:MAX_EVIDENCE] + [match.evidence[0] for match in group[1:MAX_EVIDENCE] if match.evidence]
    lines = [contents.evidence(one.part, one.steps, one.value) if isinstance(one, Where) else one for one in chosen[: MAX_EVIDENCE * 2]]
    return tuple(dict.fromkeys(lines))[:MAX_EVIDENCE]
