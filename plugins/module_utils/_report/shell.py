# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell of HTML pages: one self-contained file that asks nobody for anything, in light, dark and print.  Pure.

What goes into it is escaped by who makes it.  A script runs only if it is the page's own: the policy in the page names its hash.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

STYLE = """:root {
  --paper: #fff; --panel: #f6f8fa; --ink: #1f2328; --soft: #59636e; --rule: #d1d9e0; --line: #0550ae;
  --healthy: #1a7f37; --warning: #8a5a00; --critical: #c21f2b; --unknown: #6639ba;
  --healthy-bg: #e6f6ea; --warning-bg: #fff4d6; --critical-bg: #ffe9e9; --unknown-bg: #f1eafd;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0d1117; --panel: #161b22; --ink: #e6edf3; --soft: #9198a1; --rule: #30363d; --line: #79c0ff;
    --healthy: #4ac26b; --warning: #e3b341; --critical: #ff7b72; --unknown: #c297ff;
    --healthy-bg: #10261a; --warning-bg: #2b2211; --critical-bg: #301619; --unknown-bg: #231a35;
  }
}
@media print {
  :root {
    --paper: #fff; --panel: #fff; --ink: #000; --soft: #444; --rule: #bbb; --line: #0550ae;
    --healthy: #1a7f37; --warning: #8a5a00; --critical: #c21f2b; --unknown: #6639ba;
    --healthy-bg: #fff; --warning-bg: #fff; --critical-bg: #fff; --unknown-bg: #fff;
  }
  body { font-size: 10pt; }
  .finding, .metric, tr, h2, h3 { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--line); outline-offset: 2px; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.3rem; margin: 0; }
h3 { font-size: 1rem; margin: 1.6rem 0 .5rem; }
p { margin: 0; }
.soft { color: var(--soft); font-size: .87rem; }
header, .cluster > .head { display: flex; flex-wrap: wrap; gap: .3rem 1rem; align-items: center; }
header { padding: .9rem 1.1rem; border-radius: 10px; border: 1px solid var(--rule); border-left: 8px solid; }
header .says { flex-basis: 100%; }
header.healthy { border-left-color: var(--healthy); background: var(--healthy-bg); }
header.warning { border-left-color: var(--warning); background: var(--warning-bg); }
header.critical { border-left-color: var(--critical); background: var(--critical-bg); }
header.unknown { border-left-color: var(--unknown); background: var(--unknown-bg); }
.badge { display: inline-flex; align-items: baseline; gap: .35em; font-weight: 650; white-space: nowrap; }
.badge.healthy { color: var(--healthy); } .badge.warning { color: var(--warning); }
.badge.critical { color: var(--critical); } .badge.unknown { color: var(--unknown); }
.icon { width: 1.05em; height: 1.05em; flex: none; align-self: center; }
.icon.healthy { color: var(--healthy); } .icon.warning { color: var(--warning); }
.icon.critical { color: var(--critical); } .icon.unknown { color: var(--unknown); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; font-size: .87rem; color: var(--soft); }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { overflow-wrap: normal; }
td { min-width: 7rem; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding-right: 0; }
a { color: inherit; }
.finding { border: 1px solid var(--rule); border-left: 5px solid; border-radius: 6px; padding: .5rem .8rem; margin: .45rem 0;
  background: var(--panel); }
.finding.healthy { border-left-color: var(--healthy); } .finding.warning { border-left-color: var(--warning); }
.finding.critical { border-left-color: var(--critical); } .finding.unknown { border-left-color: var(--unknown);
  border-left-style: dashed; }
.finding .subject { font-weight: 600; }
.finding .top { display: flex; flex-wrap: wrap; gap: .1rem .9rem; align-items: baseline; }
ul { margin: 0; padding-left: 1.2rem; }
details { font-size: .87rem; margin-top: .2rem; }
summary { cursor: pointer; color: var(--soft); }
pre { margin: .3rem 0 0; white-space: pre-wrap;
  font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.axis { display: flex; justify-content: space-between; gap: 1rem; }
/* On a phone a row of such a table is a block: its last cell goes below the others, or each names its column. */
@media (max-width: 34rem) {
  body { padding: .8rem; }
  th, td { padding-right: .5rem; }
  td { min-width: 4rem; }
  .stacked thead { display: none; }
  .stacked tr { display: block; border-bottom: 1px solid var(--rule); padding: .35rem 0; }
  .stacked td { display: inline-block; min-width: 0; border: 0; padding: 0 .6rem 0 0; }
  .stacked td:last-child { display: block; }
  .stacked.named td { display: block; } .stacked td[data-column]::before { content: attr(data-column) ": "; color: var(--soft); }
}
"""
# A status as a drawing: <svg class="icon critical" viewBox="0 0 16 16"><use href="#critical"/></svg>
SYMBOLS = """<symbol id="healthy" viewBox="0 0 16 16">
<circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="1.6"/>
<path d="M4.6 8.3l2.3 2.3 4.4-4.9" fill="none" stroke="currentColor" stroke-width="1.8"/></symbol>
<symbol id="warning" viewBox="0 0 16 16">
<path d="M8 1.6l7 12.6H1z" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round"/>
<path d="M8 6v4M8 11.2v1.5" stroke="currentColor" stroke-width="1.8"/></symbol>
<symbol id="critical" viewBox="0 0 16 16"><path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor"/>
<path d="M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6" style="stroke:var(--paper)" stroke-width="1.9"/></symbol>
<symbol id="unknown" viewBox="0 0 16 16">
<circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2.4 2"/>
<path d="M5.8 6.2c.1-1.3 1-2 2.2-2s2.2.8 2.2 1.9c0 1.6-2.1 1.6-2.1 3.2M8.1 10.9v1.6" fill="none" stroke="currentColor"
stroke-width="1.6"/></symbol>
"""


def shell(title: str, body: str, *, style: str = "", script: str = "") -> str:
    """A page. ``title`` is text, all others are HTML, CSS and JavaScript."""
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = "default-src 'none'; style-src 'unsafe-inline'" + (f"; script-src 'sha256-{hashed}'" if script else "")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{STYLE}{style}</style>",
            "</head>",
            "<body>",
            f'<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>{SYMBOLS}</defs></svg>',
            body,
            f"<script>{script}</script>" if script else "",
            "</body>",
            "</html>",
            "",
        ]
    )
