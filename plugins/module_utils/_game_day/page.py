# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A game day as one HTML file.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .._core.redact import clean
from .._core.status import CRITICAL, HEALTHY, UNKNOWN
from .._report.shell import shell

MAX_ROWS = 200  # of a table; all are in the JSON file
_RESULTS = {HEALTHY: "passed", CRITICAL: "failed", UNKNOWN: "unknown"}
_SECONDS = {
    "detect": "from the fault to the alert",
    "evidence": "from the alert to the evidence",
    "respond": "from the fault to the response",
}
_STYLE = "h2 { margin-top: 2rem; border-bottom: 2px solid var(--rule); padding-bottom: .3rem; } .scroll { overflow-x: auto; }"


def game_day_page(report: Mapping[str, Any]) -> str:
    """The report is that of ``task.report_of``, redacted already."""
    status = report["grade"]["status"]
    says = f"{report['fault']['title'] or report['fault']['name']}: {report['fault']['alert']}"
    where = f"cluster {report['cluster']}, {report['environment']}, from {report['seeded_at']} to {report['ended_at']}"
    head = (
        f'<header class="{status}"><h1>Game day</h1>{_badge(status, _RESULTS[status])}'
        f'<p class="says">{_text(says)}</p><p class="soft">{_text(where)}</p></header>'
    )
    steps = [(_text(one["name"]), _badge(one["status"], _RESULTS[one["status"]]), _text(one["reason"])) for one in report["grade"]["steps"]]
    seconds = [
        (_text(_SECONDS[name]), "unknown" if value is None else f"{value:.1f} s") for name, value in report["grade"]["seconds"].items()
    ]
    facts = [(_text(name), _text(value)) for one in report["responses"] for name, value in one.items()]
    body = (
        _section("Grade", ("Step", "Result", "Why"), steps),
        _section("Times", ("What", "How long"), seconds),
        _section(f"Response in the incident {report['incident'] or 'that is missing'}", ("What", "Answer"), facts),
    )
    return shell(f"Game day {report['fault']['name']}: {_RESULTS[status]}", f"<main>{head}{''.join(body)}</main>", style=_STYLE)


def _section(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    more = f'<p class="soft">{len(rows) - MAX_ROWS} more are in the JSON file.</p>' if len(rows) > MAX_ROWS else ""
    return f"<section><h2>{_text(title)}</h2>{_table(title, heads, rows[:MAX_ROWS])}{more}</section>"


def _table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return "<p>Nothing.</p>"
    titles = "".join(f'<th scope="col">{head}</th>' for head in heads)
    table = f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(title)}">{table}</div>'


def _badge(status: str, word: str) -> str:
    icon = f'<svg class="icon {status}" viewBox="0 0 16 16" aria-hidden="true"><use href="#{status}"/></svg>'
    return f'<span class="badge {status}">{icon}{_text(word)}</span>'


def _text(value: object) -> str:
    return escape(clean(str(value)))
