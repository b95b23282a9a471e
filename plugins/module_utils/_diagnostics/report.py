# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that are made of an analysis: findings, timeline, a summary of five lines, JUnit, and the page.  Pure.

The same bundle and rules give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.redact import clean
from .._core.times import iso
from .analyze import Analysis, Suspect
from .junit import junit_of
from .page import page_of
from .rules import SEVERITIES

WIDTH = 160


def pages(files: Mapping[str, bytes], analysis: Analysis) -> dict[str, bytes]:
    """The made files of a bundle, by path."""
    index = _index(files)
    return {
        "findings.json": _json([one.plain() for one in analysis.findings]),
        "timeline.jsonl": b"".join(_line(one.plain()) for one in analysis.timeline),
        "summary.txt": "".join(f"{line}\n" for line in summary_lines(analysis, index)).encode(errors="replace"),
        "junit.xml": junit_of(analysis),
        "report.html": page_of(analysis, index).encode(errors="replace"),
    }


def summary_lines(analysis: Analysis, index: Mapping[str, Any]) -> list[str]:
    """Five lines: what was looked at, the three worst findings, and what nobody knows."""
    count = {severity: sum(1 for one in analysis.findings if one.severity == severity) for severity in SEVERITIES}
    said = ", ".join(f"{number} {severity}" for severity, number in count.items() if number) or "no findings"
    lines = [f"{clean(str(index.get('cluster') or 'cluster'))} at {iso(analysis.at)}: {said}, {len(analysis.judged)} rules"]
    lines += [f"{one.severity.upper()} {place_of(one)}: {one.title} [{one.code}]" for one in analysis.findings[:3]]
    lines.append(_unknown(analysis))
    return [clean(line, limit=WIDTH) for line in lines]


def place_of(suspect: Suspect) -> str:
    """What a finding is about, as a person says it."""
    place = "/".join(filter(None, (suspect.subject["namespace"], suspect.subject["name"])))
    return f"{suspect.subject['kind']} {place}".strip()


def _unknown(analysis: Analysis) -> str:
    more = len(analysis.findings) - 3
    rest = f"{more} more findings; " if more > 0 else ""
    if not analysis.unknown:
        return f"{rest}every rule could be judged"
    reasons = list(dict.fromkeys(analysis.unknown.values()))
    others = f" (and {len(reasons) - 1} more reasons)" if len(reasons) > 1 else ""
    return f"{rest}{len(analysis.unknown)} rules could not be judged: {reasons[0]}{others}"


def _index(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    try:
        index = json.loads(files.get("index.json", b""))
    except (ValueError, RecursionError):
        return {}
    return index if isinstance(index, dict) else {}


def _json(value: Sequence[Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode(errors="replace")


def _line(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode(errors="replace")
