# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as evidence of an incident: texts and numbers, and the hash of the whole record.  Pure."""

from __future__ import annotations

from typing import Any

from .record import PlaybookRun

_LONGEST = 4000


def run_evidence(run: PlaybookRun, link: str, sha256: str) -> dict[str, Any]:
    facts = {
        "result": run.result,
        "seconds": round(run.ended - run.began, 1),
        "job": run.job,
        "who": run.who,
        **{name: count for name, count in sorted(run.counts.items()) if count},
        "decisions": _lines(f"{one.host}: {one.word}, {one.reason}" for one in run.decisions),
        "changes": _lines(f"{one.host}: {one.step}" for one in run.changes),
        "left": _lines(f"{one.host}: {one.what}" for one in run.left),
        "sha256": sha256,
    }
    return {
        "kind": "run_report",
        "title": f"{run.name}: {run.result}",
        "link": link,
        "facts": {name: one for name, one in facts.items() if one},
    }


def _lines(lines: Any) -> str:
    text = "; ".join(lines)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
