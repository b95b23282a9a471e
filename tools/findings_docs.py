# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of codes in docs/diagnostics_findings.md, generated from the rules.

python3 -m tools.env run python -m tools.findings_docs    write the table
"""

from __future__ import annotations

from pathlib import Path

import yaml

from .marks import between

CHECKOUT = Path(__file__).resolve().parents[1]
RULES = CHECKOUT / "plugins" / "module_utils" / "_diagnostics" / "findings"
PAGE = CHECKOUT / "docs" / "diagnostics_findings.md"
BEGIN = "<!-- codes: written by `python3 -m tools.env run python -m tools.findings_docs` -->"
END = "<!-- end of codes -->"


def table() -> str:
    lines = ["| Code | Severity | Meaning | What to do |", "|---|---|---|---|"]
    rules = [rule for path in sorted(RULES.glob("*.yml")) for rule in yaml.safe_load(path.read_text(encoding="utf-8"))["findings"]]
    for rule in sorted(rules, key=lambda rule: rule["code"]):
        texts = (
            " ".join(str(rule[name]).split()).replace("|", "\\|").replace("{", "`{").replace("}", "}`") for name in ("meaning", "advice")
        )
        meaning, advice = texts
        lines.append(f"| `{rule['code']}` | {rule['severity']} | {meaning} | {advice} [Runbook]({rule['link'].removeprefix('docs/')}) |")
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with the table of now."""
    return between(text, BEGIN, END, table())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
