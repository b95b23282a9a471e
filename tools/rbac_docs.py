# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of verbs in docs/rbac.md, generated from the roles in extensions/rbac.

python3 -m tools.env run python -m tools.rbac_docs    write the table
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .marks import between

CHECKOUT = Path(__file__).resolve().parents[1]
ROLES = CHECKOUT / "extensions" / "rbac"
PAGE = CHECKOUT / "docs" / "rbac.md"
BINDING = "meta-salvage.euystacio/binding"
BEGIN = "<!-- verbs: written by `python3 -m tools.env run python -m tools.rbac_docs` -->"
END = "<!-- end of verbs -->"


def roles(path: Path) -> list[dict[str, Any]]:
    """The ClusterRoles of a playbook's file; a file of comments has none."""
    found = yaml.safe_load(path.read_text(encoding="utf-8")) or {"kind": "List", "items": []}
    return list(found["items"]) if found["kind"] == "List" else [found]


def _resource(group: str, name: str) -> str:
    return name if group in {"", "*"} else f"{name}.{group}"


def _rule(rule: dict[str, Any]) -> str:
    names = [f"`{_resource(group, name)}`" for group in rule["apiGroups"] for name in rule["resources"]]
    return f"{', '.join(rule['verbs'])}: {', '.join(names)}"


def table() -> str:
    lines = ["| Playbook | ClusterRole | Bind it in | Verbs |", "|---|---|---|---|"]
    for path in sorted(ROLES.glob("*.yaml")):
        found = roles(path)
        lines += [
            f"| `{path.stem}` | `{role['metadata']['name']}` | {role['metadata']['annotations'][BINDING]} | "
            f"{'<br>'.join(_rule(rule).replace('*:', 'all:') for rule in role['rules'])} |"
            for role in found
        ]
        if not found:
            lines.append(f"| `{path.stem}` | none | | sends no request |")
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with the table of now."""
    return between(text, BEGIN, END, table())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
