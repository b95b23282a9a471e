# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A post-mortem, and the metrics of all incidents, as pages that need nothing else.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .._report.shell import shell
from .post_mortem import PostMortem, Sentence
from .timeline import entry_text, entry_time, points

_HEIGHT, _MARGIN = 120, 12  # pixels
_STYLE = """
section { margin-top: 1.6rem; } h2 { margin-bottom: .4rem; }
.plot { display: block; width: 100%; margin-top: .6rem; } .plot circle { fill: var(--line); } .plot line { stroke: var(--rule); }
time { white-space: nowrap; font-variant-numeric: tabular-nums; }
"""


def post_mortem_page(made: PostMortem) -> str:
    parts = [f"<main><h1>{escape(made.title)}</h1>"]
    parts += [_section("Summary", _list(made.summary)), _section("Impact", _list(made.impact))]
    rows = [[escape(name), escape(sentence.text), _cites(sentence.cites)] for name, _seconds, sentence in made.times]
    parts += [_section("Times", _table(["Time to", "It took", "Entries"], rows))]
    parts += [_section("What worked", _list(made.worked) or "<p>No duty was done before its deadline.</p>")]
    parts += [_section("What was missed", _list(made.missed) or "<p>No deadline was missed.</p>")]
    parts += [_section("Contributing changes", _list(made.changes) or "<p>No change is in the record.</p>")]
    actions = [
        [escape(str(one[name])) for name in ("title", "owner", "due")] + ["yes" if one.get("done") else "no", _cites([one["number"]])]
        for one in made.actions
    ]
    table = _table(["Action", "Owner", "Due", "Done", "Entry"], actions, named=True) if actions else "<p>No action is in the record.</p>"
    parts += [_section("Action items", table)]
    entries = []
    for one in made.timeline:
        mark = f'<span id="e{int(one["number"])}">#{int(one["number"])}</span>'
        entries.append([mark, f"<time>{escape(entry_time(one))}</time>", escape(str(one.get("by"))), escape(entry_text(one))])
    parts += [_section("Timeline", _plot(made) + _table(["Entry", "Time", "By", "What"], entries)), "</main>"]
    return shell(made.title, "\n".join(parts), style=_STYLE)


def metrics_page(metrics: Mapping[str, Any], title: str) -> str:
    rows = [
        [escape(name), str(one["count"]), str(one["open"]), *(_span(one[key]) for key in ("mttd", "mtta", "mttm", "mttr"))]
        for name, one in metrics["severities"].items()
    ]
    head = ["Severity", "Incidents", "Not resolved", "Mean time to detect", "to acknowledge", "to mitigate", "to resolve"]
    return shell(title, f"<main><h1>{escape(title)}</h1>{_table(head, rows, named=True)}</main>", style=_STYLE)


def _span(seconds: float | None) -> str:
    return "not known" if seconds is None else f"{seconds / 60:.1f} min"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{body}</section>"


def _list(sentences: Iterable[Sentence]) -> str:
    items = "\n".join(f"<li>{escape(one.text)} {_cites(one.cites)}</li>" for one in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _cites(numbers: Iterable[int]) -> str:
    return " ".join(f'<a href="#e{int(number)}">[#{int(number)}]</a>' for number in numbers)


def _table(head: Sequence[str], rows: Iterable[Iterable[str]], *, named: bool = False) -> str:
    """``named``: on a phone each cell says which column it is of."""
    top = "".join(f'<th scope="col">{escape(one)}</th>' for one in head)
    columns = [f' data-column="{escape(one)}"' if named else "" for one in head]
    lines = ("".join(f"<td{column}>{cell}</td>" for column, cell in zip(columns, row, strict=True)) for row in rows)
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<table class="stacked{" named" * named}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def _plot(made: PostMortem) -> str:
    dots = points(made.timeline)
    if not dots:
        return ""
    drawn = []
    for one in dots:
        x, y = f"{2 + one.share * 96:.1f}%", _MARGIN + one.row * (_HEIGHT - 2 * _MARGIN) / 5
        label = f"<title>#{one.number} {escape(one.text)}</title>"
        drawn.append(f'<line x1="{x}" x2="{x}" y1="{y:.1f}" y2="{_HEIGHT}"/><circle cx="{x}" cy="{y:.1f}" r="5">{label}</circle>')
    ends = [escape(entry_time(made.timeline[at])) for at in (0, -1)]
    drawing = f'<svg class="plot" height="{_HEIGHT}" role="img" aria-label="{len(dots)} entries from {" to ".join(ends)}">'
    axis = f'<p class="axis soft"><span>{"</span><span>".join(ends)}</span></p>'
    return f"{drawing}{''.join(drawn)}</svg>{axis}"
