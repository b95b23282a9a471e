# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of logs that match: found by words first, so that a pattern sees only what may match; bounded in work, not in time.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._core.redact import clean
from .._core.times import rfc3339
from .contents import LONGEST_LINE, Contents, Evidence
from .rules import FindingRule, LogMatch

WINDOW = 1000  # characters of a line that a pattern sees, around the word
MAX_HITS = 20  # of a rule in a file
_WORK = 100_000_000  # characters times cost, for one rule in all files
_FILE = re.compile(r"logs/([^/]+)/([^/]+)/([^/]+?)(?:\.previous)?\.log")


@dataclass(frozen=True)
class LogHit:
    namespace: str
    pod: str
    container: str
    at: float | None
    evidence: Evidence


def scan(contents: Contents, rules: Sequence[FindingRule]) -> dict[str, list[LogHit]]:
    """What each rule's ``log`` finds, by the rule's code."""
    found: dict[str, list[LogHit]] = {rule.code: [] for rule in rules}
    work = {rule.code: _WORK for rule in rules}
    for path in sorted(contents.paths):
        place = _FILE.fullmatch(path)
        if not place:
            continue
        data = contents.files[path]
        low = data.lower()
        present = {word for word in {word for rule in rules if rule.log for word in rule.log.has} if word in low}
        for rule in rules:
            if rule.log is None or present.isdisjoint(rule.log.has):
                continue
            for at, line, text in _matches(rule.log, data, low, contents, work, rule.code):
                found[rule.code].append(LogHit(place[1], place[2], place[3], at, Evidence(path, line, text)))
    for code, left in work.items():
        if left <= 0:
            contents.note(f"rule {code} looked at so many log lines that it stopped before the last one")
    return found


def _matches(
    log: LogMatch, data: bytes, low: bytes, contents: Contents, work: dict[str, int], code: str
) -> Iterator[tuple[float | None, int, str]]:
    hits = newlines = counted = 0
    for start, end, at in _candidates(log.has, low):
        moment = time_of(data[start : start + 40])
        if not contents.recent(moment, log.within):
            continue
        first = max(start, at - WINDOW // 2)
        text = data[first : min(end, first + WINDOW)].decode(errors="replace")
        work[code] -= len(text) * log.cost
        if work[code] <= 0:
            return
        if log.pattern is None or log.pattern.search(text):
            newlines, counted = newlines + data.count(b"\n", counted, start), start
            yield moment, newlines + 1, clean(text, limit=LONGEST_LINE)
            hits += 1
            if hits >= MAX_HITS:
                return


def _candidates(words: Sequence[bytes], low: bytes) -> Iterator[tuple[int, int, int]]:
    """(start of the line, its end, where the word is) of each line with one of the words, once, in order."""
    following = {word: low.find(word) for word in words}
    while True:
        following = {word: at for word, at in following.items() if at >= 0}
        if not following:
            return
        at = min(following.values())
        start = low.rfind(b"\n", 0, at) + 1
        end = low.find(b"\n", at)
        end = len(low) if end < 0 else end
        yield start, end, at
        following = {word: one if one > end else low.find(word, end) for word, one in following.items()}


def time_of(line: bytes) -> float | None:
    """The time that a line of a log starts with, as the API server writes it."""
    moment = rfc3339(line.split(b" ", 1)[0].decode(errors="replace"))
    return None if moment is None else moment / 10**9
