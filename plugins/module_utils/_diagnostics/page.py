# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a bundle: findings first, then what nobody knows, the timeline, and what was collected.  Pure.

Everything that is not of this file is escaped: names and messages were written by whoever can create a pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from .._core.redact import clean
from .._core.status import CRITICAL, HEALTHY, UNKNOWN, WARNING
from .._core.times import iso
from .._report.shell import shell
from .analyze import Analysis, Suspect
from .contents import list_of
from .timeline import Moment

MAX_SHOWN = 300  # findings; all are in findings.json
MAX_ROWS = 1500  # of the timeline, the newest; all are in timeline.jsonl
_WIDE = 1000  # units of a lane
_SLOTS = 250  # of a lane, each drawn once
_COLLECTED = {"complete": HEALTHY, "partial": WARNING, "failed": CRITICAL}

_STYLE = """h2 { margin-top: 2rem; border-bottom: 2px solid var(--rule); padding-bottom: .3rem; }
.finding.info { border-left-color: var(--line); } .badge.info { color: var(--line); }
.finding p { margin-top: .3rem; }
html { scroll-padding-top: 5rem; }
code { font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.evidence { list-style: none; padding: 0; } .evidence li { margin-top: .35rem; }
.evidence code { display: block; white-space: pre-wrap; }
.search { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: center;
  margin-top: 1rem; padding: .6rem 0; background: var(--paper); }
.search input { flex: 1 1 14rem; font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--soft); border-radius: 6px;
  padding: .45rem .7rem; }
.lane { display: grid; grid-template-columns: 7.5rem 1fr; align-items: center; }
.lane svg { width: 100%; height: 1.7rem; display: block; border-bottom: 1px solid var(--rule); }
.lane line { stroke: var(--line); stroke-width: 3px; vector-effect: non-scaling-stroke; }
.lane.warning line, .lane.end line { stroke: var(--warning); } .lane.alert line, .lane.finding line { stroke: var(--critical); }
.lane.rollout line, .lane.deploy line, .lane.policy line, .lane.scaling line { stroke: var(--unknown); }
.axis { padding-left: 7.5rem; }
time { white-space: nowrap; font-variant-numeric: tabular-nums; }
[hidden] { display: none !important; }
@media (max-width: 34rem) {
  .lane { grid-template-columns: 5.2rem 1fr; } .axis { padding-left: 5.2rem; } .axis span:nth-child(2) { display: none; }
}
@media print { .search { display: none; } }
"""
_SCRIPT = """
const box = document.getElementById("search"), said = document.getElementById("found");
const rows = [...document.querySelectorAll("[data-search]")].map(row => [row, row.textContent.toLowerCase()]);
box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let found = 0;
  for (const [row, text] of rows) { row.hidden = !words.every(word => text.includes(word)); found += row.hidden ? 0 : 1; }
  said.textContent = words.length ? found + " of " + rows.length + " entries" : "";
});
document.addEventListener("keydown", event => {
  if (event.key === "/" && event.target !== box) { event.preventDefault(); box.focus(); }
  if (event.key === "Escape" && event.target === box) { box.value = ""; box.dispatchEvent(new Event("input")); }
});
"""


def page_of(analysis: Analysis, index: Mapping[str, Any]) -> str:
    cluster = clean(str(index.get("cluster") or "cluster"), limit=200)
    worst = _worst(analysis)
    count = len(analysis.findings)
    found = f"{count} {'finding' if count == 1 else 'findings'} by {len(analysis.judged)} rules"
    says = f"{found}; {len(analysis.unknown)} rules could not be judged."
    around = f", around {_text(str(index['around']))}" if index.get("around") else ""
    parts = [
        f'<header class="{worst}">\n<h1>Diagnostics of {_text(cluster)}</h1>\n{_badge(worst)}',
        f'<span class="soft">collected {_text(str(index.get("collected_at") or "at an unknown time"))}{around}</span>',
        f'<p class="says">{says}</p>\n</header>',
        '<div class="search" role="search"><label for="search">Search</label>',
        '<input id="search" type="search" autocomplete="off" aria-describedby="found">',
        '<span id="found" class="soft" role="status"></span></div>',
        "<main>",
        '<h2 id="findings">Findings</h2>',
        *(_finding(one) for one in analysis.findings[:MAX_SHOWN]),
        f'<p class="soft">{count - MAX_SHOWN} more are in findings.json.</p>' if count > MAX_SHOWN else "",
        "" if count else f"<p>No rule found anything{' in what could be judged' if analysis.unknown else ''}.</p>",
        *_unknown(analysis),
        *_timeline(analysis.timeline),
        *_collected(index),
        "</main>",
    ]
    return shell(f"Diagnostics of {cluster}", "\n".join(filter(None, parts)), style=_STYLE, script=_SCRIPT)


def _text(text: str) -> str:
    return escape(clean(text))


def _worst(analysis: Analysis) -> str:
    severities = {one.severity for one in analysis.findings}
    if CRITICAL in severities:
        return CRITICAL
    if analysis.unknown:
        return UNKNOWN
    return WARNING if WARNING in severities else HEALTHY


def _badge(status: str, words: str = "") -> str:
    drawing = f'<svg class="icon {status}" viewBox="0 0 16 16" aria-hidden="true"><use href="#{status}"/></svg>'
    drawing = "" if status == "info" else drawing
    return f'<span class="badge {status}">{drawing}{_text(words or status.capitalize())}</span>'


def _finding(one: Suspect) -> str:
    place = "/".join(filter(None, (one.subject["namespace"], one.subject["name"])))
    lines = "".join(
        f'<li><span class="soft">{_text(line.file)}, line {line.line}</span><code>{_text(line.text)}</code></li>' for line in one.evidence
    )
    return (
        f'<article class="finding {one.severity}" data-search>\n'
        f'<div class="top">{_badge(one.severity)}<span class="subject">{_text(one.title)}</span></div>\n'
        f'<p class="soft place">{_text(one.subject["kind"])} {_text(place)} · <code>{_text(one.code)}</code></p>\n'
        f"<p>{_text(one.meaning)}</p>\n"
        f'<p><b>What to do:</b> {_text(one.advice)} <a href="{_text(one.link)}">Runbook</a></p>\n'
        f'<details{" open" if one.severity == CRITICAL else ""}><summary>Evidence</summary><ul class="evidence">{lines}</ul></details>\n'
        "</article>"
    )


def _unknown(analysis: Analysis) -> Iterator[str]:
    if not analysis.unknown and not analysis.notes:
        return
    yield '<h2 id="not-judged">Not judged</h2>'
    reasons: dict[str, list[str]] = {}
    for code, why in analysis.unknown.items():
        reasons.setdefault(why, []).append(code)
    for why, codes in reasons.items():
        yield f'<article class="finding unknown" data-search><p>{_text(why)}</p><details><summary>{len(codes)} rules</summary>'
        yield f"<p><code>{_text(', '.join(codes))}</code></p></details></article>"
    if analysis.notes:
        yield f"<ul>{''.join(f'<li>{_text(note)}</li>' for note in analysis.notes)}</ul>"


def _timeline(moments: Sequence[Moment]) -> Iterator[str]:
    yield '<h2 id="timeline">Timeline</h2>'
    if not moments:
        yield "<p>The bundle has nothing with a time.</p>"
        return
    shown = moments[-MAX_ROWS:]
    start, end = shown[0].at, shown[-1].at
    lanes: dict[str, list[Moment]] = {}
    for one in shown:
        lanes.setdefault(one.kind, []).append(one)
    for kind, mine in sorted(lanes.items()):
        yield _lane(kind, mine, start, end)
    yield f'<p class="axis soft"><span>{iso(int(start))}</span><span>{iso(int((start + end) / 2))}</span><span>{iso(int(end))}</span></p>'
    if len(shown) < len(moments):
        yield f'<p class="soft">The newest {len(shown)} of {len(moments)} entries; all are in timeline.jsonl.</p>'
    yield '<table class="stacked"><thead><tr><th>Time</th><th>Kind</th><th>Where</th><th>What</th></tr></thead><tbody>'
    for one in reversed(shown):
        where = _text("/".join(filter(None, (one.namespace, one.name))))
        cells = f"<td><time>{iso(one.at)}</time></td><td>{_text(one.kind)}</td><td>{where}</td><td>{_text(one.text)}</td>"
        yield f"<tr data-search>{cells}</tr>"
    yield "</tbody></table>"


def _lane(kind: str, mine: Sequence[Moment], start: float, end: float) -> str:
    slots: dict[int, list[Moment]] = {}
    for one in mine:
        slots.setdefault(int((one.at - start) / ((end - start) or 1.0) * _SLOTS), []).append(one)
    lines = "".join(_tick(slot, ones) for slot, ones in sorted(slots.items()))
    label = f"{kind}: {len(mine)} from {iso(int(mine[0].at))} to {iso(int(mine[-1].at))}"
    drawing = f'<svg viewBox="-5 0 {_WIDE + 10} 20" preserveAspectRatio="none" role="img" aria-label="{_text(label)}">{lines}</svg>'
    return f'<div class="lane {_text(kind)}"><span class="soft">{_text(kind)} ({len(mine)})</span>{drawing}</div>'


def _tick(slot: int, ones: Sequence[Moment]) -> str:
    x = slot * _WIDE // _SLOTS
    more = f" and {len(ones) - 1} more" if len(ones) > 1 else ""
    title = _text(f"{iso(ones[0].at)} {ones[0].name}: {clean(ones[0].text, limit=160)}{more}")
    return f'<line x1="{x}" x2="{x}" y1="3" y2="17"><title>{title}</title></line>'


def _collected(index: Mapping[str, Any]) -> Iterator[str]:
    yield '<h2 id="collected">Collected</h2>'
    rows = list_of(index, "collectors")
    if not rows:
        yield "<p>The bundle does not say what was collected, and what could not be.</p>"
        return
    yield "<table><thead><tr><th>Collector</th><th>Status</th><th>Reason</th></tr></thead><tbody>"
    for one in rows:
        status = clean(str(one.get("status")), limit=40)
        name, why = (_text(clean(str(one.get(key) or ""), limit=1000)) for key in ("name", "reason"))
        yield f"<tr><td>{name}</td><td>{_badge(_COLLECTED.get(status, UNKNOWN), status)}</td><td>{why}</td></tr>"
    yield "</tbody></table>"
