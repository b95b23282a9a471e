# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting decisions, in memory that does not grow with the log.  Pure."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._core.times import iso
from ..._opa.decide import finite_number, lookup
from ..._opa.decision_log import PROVIDER_FIELDS, decision_of, hidden, provider_of, record_path, revision_of, timestamp, touches
from ..._opa.model import ALLOWED, DENIED, UNKNOWN

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?%?")
MAX_PROVIDERS = 20_000
MAX_RULES = 1_000
MAX_REVISIONS = 200
MAX_IDS = 1_000_000
OTHERS = "(others)"
RISK_SCORE = "risk_score"


def rule_of(reason: str) -> str:
    """The rule behind a deny reason: the text without its numbers."""
    return _NUMBER.sub("#", reason)[:200]


@dataclass(frozen=True)
class Limit:
    """A threshold of the policy: a value below ``minimum`` or above ``maximum`` is a reason to deny."""

    minimum: float | None = None
    maximum: float | None = None

    def distance(self, value: float) -> float | None:
        """How far ``value`` is on the wrong side; None where it is on the right one."""
        if self.minimum is not None and value < self.minimum:
            return self.minimum - value
        if self.maximum is not None and value > self.maximum:
            return value - self.maximum
        return None


class DecisionTally:
    """Decisions of one provider (or rule, or hour)."""

    __slots__ = ("first", "last", "revisions", "rules", "scores", "statuses")

    def __init__(self) -> None:
        self.statuses = {ALLOWED: 0, DENIED: 0, UNKNOWN: 0}
        self.first: float | None = None
        self.last: float | None = None
        self.rules: Counter[str] = Counter()
        self.scores: list[float] | None = None  # lowest, highest, last
        self.revisions: dict[str, list[int]] = {}

    def seen(self, when: float | None) -> None:
        if when is not None:
            if self.first is None or when < self.first:
                self.first = when
            if self.last is None or when > self.last:
                self.last = when


@dataclass
class NearMiss:
    """Denies of a provider where every threshold that its input breaks is broken by no more than the margin."""

    count: int = 0
    closest: dict[str, dict[str, float]] = field(default_factory=dict)


class Summary:
    """Feed it records with ``add``; ``to_dict`` at any time."""

    def __init__(
        self,
        *,
        package: str = "euystacio/peace_bonds",
        provider_fields: Iterable[str] = PROVIDER_FIELDS,
        providers: Iterable[str] = (),
        limits: Mapping[str, Limit] | None = None,
        margin: float = 0.02,
        revisions: Iterable[tuple[float, str]] = (),
        bucket: float = 3600,
        since: float | None = None,
        until: float | None = None,
    ) -> None:
        self.package = package.strip("/")
        self.fields = tuple(provider_fields)
        self.only = frozenset(providers)
        self.limits = dict(limits or {})
        self.margin = margin
        self.known_revisions = sorted(revisions)
        self.bucket = bucket
        self.since, self.until = since, until
        self.total = DecisionTally()
        self.providers: dict[str, DecisionTally] = {}
        self.rules: dict[str, DecisionTally] = {}
        self.buckets: dict[int, DecisionTally] = {}
        self.revisions: dict[str, DecisionTally] = {}
        self.unknown_reasons: Counter[str] = Counter()
        self.near: dict[str, NearMiss] = {}
        self.hidden_fields: Counter[str] = Counter()
        self.other_paths = self.outside = self.undated = self.repeated = self.deny_alone = 0
        self._ids: tuple[set[int], set[int]] = (set(), set())  # of the latest records; ids as hashes, a set full after the other

    def add(self, record: dict[str, Any]) -> None:
        path = record_path(record)
        if not (path == self.package or path.startswith(self.package + "/")):
            self.other_paths += 1
            return
        if path.rpartition("/")[2] in {"deny", "violations"} and record.get("result") == [] and not hidden(record):
            self.deny_alone += 1  # half a decision: the question for allow is another record
            return
        when = timestamp(record.get("timestamp"))
        if when is None:
            self.undated += 1
        elif (self.since is not None and when < self.since) or (self.until is not None and when > self.until):
            self.outside += 1
            return
        pointers = hidden(record)
        provider = provider_of(record, self.fields, pointers)
        if self._is_known((record["decision_id"], when, path, provider)):
            self.repeated += 1
            return
        if self.only and provider not in self.only:
            self.outside += 1
            return
        for pointer in pointers:
            _count(self.hidden_fields, pointer[:200])
        decision = decision_of(record)
        status = decision.status
        revision = revision_of(record) or self._revision_at(when)
        tallies = [
            self.total,
            _entry(self.providers, provider, MAX_PROVIDERS),
            _entry(self.revisions, revision or "(not named)", MAX_REVISIONS),
        ]
        if when is not None:
            tallies.append(_entry(self.buckets, int(when // self.bucket), 100_000))
        rules = {rule_of(reason) for reason in decision.deny}
        tallies += [_entry(self.rules, rule, MAX_RULES) for rule in rules]
        for tally in tallies:
            tally.statuses[status] += 1
            tally.seen(when)
        mine = tallies[1]
        for rule in rules:
            _count(mine.rules, rule, 50)
        if decision.risk_score is not None:
            score = decision.risk_score
            mine.scores = [min(mine.scores[0], score), max(mine.scores[1], score), score] if mine.scores else [score, score, score]
        per = mine.revisions.get(revision)
        if per is None and len(mine.revisions) < MAX_REVISIONS:
            per = mine.revisions[revision] = [0, 0]
        if per is not None and status != UNKNOWN:
            per[status == DENIED] += 1
        if status == UNKNOWN:
            _count(self.unknown_reasons, rule_of(decision.reason))
        elif status == DENIED and self.limits:
            self._near_miss(provider, record.get("input"), pointers, decision.risk_score)

    def _is_known(self, identity: tuple[object, ...]) -> bool:
        """Whether the record came before: a rotated file that was copied, an upload that was sent again."""
        number = hash(identity)
        earlier, latest = self._ids
        if number in earlier or number in latest:
            return True
        latest.add(number)
        if len(latest) >= MAX_IDS:
            self._ids = (latest, set())
        return False

    def _revision_at(self, when: float | None) -> str:
        name = ""
        if when is not None:
            for since, revision in self.known_revisions:
                if since > when:
                    break
                name = revision
        return name

    def _near_miss(self, provider: str, document: object, pointers: tuple[str, ...], risk_score: float | None) -> None:
        broken: dict[str, dict[str, float]] = {}
        for name, limit in self.limits.items():
            value = risk_score if name == RISK_SCORE else finite_number(lookup(document, name))
            if pointers and touches(pointers, name):
                value = None
            distance = limit.distance(value) if value is not None else None
            if value is None or distance is None:
                continue
            if distance > self.margin + 1e-12:
                return
            bound = limit.minimum if limit.minimum is not None and value < limit.minimum else limit.maximum
            broken[name] = {"value": value, "limit": bound or 0.0, "distance": round(distance, 9)}
        if not broken or (provider not in self.near and len(self.near) >= MAX_PROVIDERS):
            return
        near = self.near.setdefault(provider, NearMiss())
        near.count += 1
        for name, numbers in broken.items():
            if name not in near.closest or numbers["distance"] < near.closest[name]["distance"]:
                near.closest[name] = numbers

    def began_with(self) -> list[dict[str, Any]]:
        """Providers allowed and never denied under one revision, denied and never allowed under the next one they met."""
        order = {name: tally.first for name, tally in self.revisions.items() if tally.first is not None}
        found: list[dict[str, Any]] = []
        for provider, tally in self.providers.items():
            met = sorted((name for name in tally.revisions if name in order), key=lambda name: order[name])
            for before, after in itertools.pairwise(met):
                allowed_before, denied_before = tally.revisions[before]
                allowed_after, denied_after = tally.revisions[after]
                if allowed_before and not denied_before and denied_after and not allowed_after:
                    found.append(
                        {
                            "provider": provider,
                            "revision": after,
                            "previous_revision": before,
                            "allowed_before": allowed_before,
                            "denied_since": denied_after,
                        }
                    )
        return sorted(found, key=lambda item: (-item["denied_since"], item["provider"]))

    def to_dict(self, *, limit: int = 100) -> dict[str, Any]:
        """The numbers; at most ``limit`` providers and rules, those with most denies first."""
        providers = sorted(self.providers.items(), key=lambda kv: (-kv[1].statuses[DENIED], -kv[1].statuses[UNKNOWN], kv[0]))
        near = sorted(self.near.items(), key=lambda kv: (-kv[1].count, kv[0]))
        began = self.began_with()
        return {
            "decisions": sum(self.total.statuses.values()),
            "counts": dict(self.total.statuses),
            "first_seen": _second(self.total.first),
            "last_seen": _second(self.total.last),
            "provider_count": len(self.providers),
            "providers": [
                {
                    "provider": name,
                    **_plain(tally),
                    "rules": dict(tally.rules.most_common(20)),
                    "risk_score": dict(zip(("lowest", "highest", "last"), tally.scores)) if tally.scores else None,  # noqa: B905
                }
                for name, tally in providers[:limit]
            ],
            "rules": [
                {"rule": name, "count": tally.statuses[DENIED] + tally.statuses[UNKNOWN], **_plain(tally)}
                for name, tally in sorted(self.rules.items(), key=lambda kv: (-kv[1].statuses[DENIED], kv[0]))[:limit]
            ],
            "over_time": [
                {"from": _second(key * self.bucket), **self.buckets[key].statuses}
                for key in sorted(k for k in self.buckets if isinstance(k, int))
            ],
            "revisions": [
                {"revision": name, **_plain(tally)} for name, tally in sorted(self.revisions.items(), key=lambda kv: kv[1].first or 0)
            ],
            "unknown_reasons": dict(self.unknown_reasons.most_common(20)),
            "hidden_fields": dict(self.hidden_fields.most_common(50)),
            "other_paths": self.other_paths,
            "outside_selection": self.outside,
            "undated": self.undated,
            "repeated": self.repeated,
            "deny_alone": self.deny_alone,
            "likely_false_positives": {
                "near_threshold": [
                    {"provider": name, "denied": self._denied(name), "within_margin": miss.count, "closest": miss.closest}
                    for name, miss in near[:limit]
                ],
                "began_with_revision": began[:limit],
            },
        }

    def _denied(self, provider: str) -> int:
        tally = self.providers.get(provider)
        return tally.statuses[DENIED] if tally else 0


def _second(moment: float | None) -> str | None:
    return None if moment is None else iso(math.floor(moment))


def _plain(tally: DecisionTally) -> dict[str, Any]:
    return {**tally.statuses, "first_seen": _second(tally.first), "last_seen": _second(tally.last)}


def _entry(table: dict[Any, DecisionTally], key: Any, maximum: int) -> DecisionTally:
    """The tally of ``key``; a table that is full counts newcomers together."""
    found = table.get(key)
    if found is None:
        if len(table) >= maximum and key != OTHERS:
            return _entry(table, OTHERS, maximum + 1)
        found = table[key] = DecisionTally()
    return found


def _count(counter: Counter[str], key: str, maximum: int = 1000) -> None:
    counter[key if key in counter or len(counter) < maximum else OTHERS] += 1
