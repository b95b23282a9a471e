# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as one HTML file: what is left to do first, then decisions, changes and steps.  Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from .._core.redact import clean
from .._core.status import CRITICAL, HEALTHY, UNKNOWN, WARNING
from .._core.times import iso
from .._report.shell import shell

MAX_ROWS = 500  # of a table; all are in the JSON file
# A word that a module said, as a status of the page; any other word is shown without a colour.
_WORDS = {
    HEALTHY: HEALTHY, "passed": HEALTHY, "complete": HEALTHY, "COMPLETE": HEALTHY, "PASS": HEALTHY, "True": HEALTHY,
    WARNING: WARNING, "PARTIAL": WARNING, CRITICAL: CRITICAL, "failed": CRITICAL, "FAIL": CRITICAL, UNKNOWN: UNKNOWN, "False": WARNING,
}  # fmt: skip
_STEPS = {"failed": CRITICAL, "unreachable": CRITICAL, "rescued": WARNING, "ignored": WARNING}
_RESULTS = {"done": HEALTHY, "planned": WARNING, "failed": CRITICAL}
_STYLE = """h2 { margin-top: 2rem; border-bottom: 2px solid var(--rule); padding-bottom: .3rem; }
.scroll { overflow-x: auto; } time { white-space: nowrap; font-variant-numeric: tabular-nums; }
:focus-visible { outline: 3px solid var(--line); outline-offset: 2px; }
"""


def run_page(run: Mapping[str, Any]) -> str:
    status = _RESULTS[run["result"]]
    facts = [
        f"{len(run['hosts'])} hosts",
        f"{run['ended'] - run['began']:.1f} s",
        *(f"{count} {name}" for name, count in run["counts"].items()),
    ]
    if run["who"]:
        facts.append(f"by {run['who']}")
    if run["job"]:
        facts.append(f"job {run['job']}")
    head = (
        f'<header class="{status}"><h1>{_text(run["name"])}</h1>{_badge(status, run["result"])}'
        f'<p class="says">{_text(", ".join(facts))}</p><p class="soft">from {_time(run["began"])} to {_time(run["ended"])}</p></header>'
    )
    parts = [
        head,
        _section("Left to do", run, "left", ("Host", "Step", "What"), lambda one: (one["host"], one["step"], one["what"]), "Nothing."),
        _decisions(run),
        _section(
            "Changes", run, "changes", ("Host", "Step", "What"), lambda one: (one["host"], one["step"], one["what"]), "Nothing was changed."
        ),
        _steps(run),
    ]
    return shell(f"{run['name']}: {run['result']}", f"<main>{''.join(parts)}</main>", style=_STYLE)


def _decisions(run: Mapping[str, Any]) -> str:
    rows = []
    for one in run["decisions"][:MAX_ROWS]:
        evidence = json.dumps(one["evidence"], indent=1, ensure_ascii=False, default=str) if one["evidence"] else ""
        details = f"<details><summary>Evidence</summary><pre>{_text(evidence, keep=chr(10))}</pre></details>" if evidence else ""
        rows.append((_text(one["host"]), _text(one["step"]), _word(one["word"]), _text(one["reason"]) + details))
    return _titled(
        "Decisions", _table("Decisions", ("Host", "Step", "Decision", "Why"), rows, "Nothing was decided.") + _rest(run, "decisions")
    )


def _steps(run: Mapping[str, Any]) -> str:
    rows = [
        (_time(one["began"]), _text(one["host"]), _text(one["name"]), _badge(_STEPS.get(one["status"], ""), one["status"]),
         f"{one['seconds']:.1f} s", _text(one["reason"]))
        for one in run["steps"][:MAX_ROWS]
    ]  # fmt: skip
    return _titled(
        "Steps", _table("Steps", ("Began", "Host", "Step", "Result", "Took", "Reason"), rows, "There was no step.") + _rest(run, "steps")
    )


def _section(title: str, run: Mapping[str, Any], kind: str, heads: tuple[str, ...], cells: Any, nothing: str) -> str:
    rows = [tuple(_text(cell) for cell in cells(one)) for one in run[kind][:MAX_ROWS]]
    return _titled(title, _table(title, heads, rows, nothing) + _rest(run, kind))


def _titled(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def _rest(run: Mapping[str, Any], kind: str) -> str:
    more = max(0, len(run[kind]) - MAX_ROWS)
    beyond = run["not_listed"].get(kind, 0)
    said = [f"{more} more are in the JSON file."] * bool(more) + [f"{beyond} more were counted and not listed."] * bool(beyond)
    return f'<p class="soft">{" ".join(said)}</p>' if said else ""


def _table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], nothing: str) -> str:
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return f"<p>{nothing}</p>"
    titles = "".join(f'<th scope="col">{head}</th>' for head in heads)
    table = f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">{table}</div>'


def _word(word: str) -> str:
    return _badge(_WORDS.get(word, ""), word)


def _badge(status: str, word: str) -> str:
    if not status:
        return _text(word)
    icon = f'<svg class="icon {status}" viewBox="0 0 16 16" aria-hidden="true"><use href="#{status}"/></svg>'
    return f'<span class="badge {status}">{icon}{_text(word)}</span>'


def _time(seconds: float) -> str:
    return f"<time>{iso(round(seconds))}</time>"


def _text(value: object, keep: str = "") -> str:
    return escape(clean(str(value), keep=keep))
