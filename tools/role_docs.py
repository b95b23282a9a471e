# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of variables in the README of each role, generated from its argument specs and defaults.

python3 -m tools.env run python -m tools.role_docs            write the tables
python3 -m tools.env run python -m tools.role_docs --check    only name the READMEs that are out of date; exit status 1 if there are any
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment

ROLES = Path(__file__).resolve().parents[1] / "roles"
BEGIN = "<!-- variables: written by `python3 -m tools.env run python -m tools.role_docs` -->"
END = "<!-- end of variables -->"
COMMON = "meta_salvage"
LONGEST = 130  # characters of a default that fit into the table


class RoleDocsError(Exception):
    """One sentence: what is wrong, where, what to do."""


def roles() -> list[str]:
    return sorted(path.name for path in ROLES.iterdir() if (path / "meta" / "argument_specs.yml").exists())


def _load(role: str, path: str) -> dict[str, Any]:
    return yaml.safe_load((ROLES / role / path).read_text(encoding="utf-8")) or {}


def defaults(role: str) -> dict[str, Any]:
    return _load(role, "defaults/main.yml")


def specs(role: str) -> dict[str, Any]:
    """The entry points of a role."""
    return dict(_load(role, "meta/argument_specs.yml")["argument_specs"])


def _resolved(value: Any, shared: dict[str, Any]) -> Any:
    """A default with the shared variables filled in; a template of other variables stays as it is."""
    if isinstance(value, dict):
        return {key: _resolved(each, shared) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, shared) for each in value]
    if not isinstance(value, str) or not re.search(r"\{\{.*(meta_salvage_|lookup)", value):
        return value
    alone = re.fullmatch(r"\{\{ (\w+) \}\}", value)
    if alone:
        return _resolved(shared[alone[1]], shared)
    # The only lookup is of the environment, which the documentation takes as empty.
    environment = Environment(autoescape=False)  # noqa: S701 - a file of this repository becomes Markdown
    environment.filters["bool"] = bool  # the shared defaults that it is used on are true or false
    template = environment.from_string(value)
    return _resolved(template.render(shared, lookup=lambda *_: ""), shared)


def _flow(value: Any) -> str:
    """YAML of one line, without quotes and outer marks."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


def _default(name: str, option: dict[str, Any], own: dict[str, Any], shared: dict[str, Any]) -> str:
    if option.get("required"):
        return "required"
    value = _resolved(own.get(name, option.get("default")), shared)
    if value is None or value in ("", [], {}):
        return ""
    shown = _flow(value)
    return "see the defaults" if len(shown) > LONGEST or ("{{" in shown and "inventory_hostname" not in shown) else f"`{shown}`"


def _markdown(text: str) -> str:
    """Ansible's markup as Markdown."""
    text = re.sub(r"\bR\(([^,)]+),[^)]*\)", r"\1", text)
    return re.sub(r"\b[BCIMOPV]\(([^()]*)\)", r"`\1`", text).replace("|", "\\|")


def table(role: str) -> str:
    """The rows: variable, default, the entry points where there are several, description."""
    points, own, shared = specs(role), defaults(role), defaults(COMMON)
    names: dict[str, dict[str, Any]] = {}
    for point in points.values():
        for name, option in point["options"].items():
            names.setdefault(name, option)
    several = len(points) > 1
    heads = ["Variable", "Default", *(["Entry point"] if several else []), "Description"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, option in names.items():
        where = [point for point, spec in points.items() if name in spec["options"]]
        cells = [f"`{name}`", _default(name, option, own, shared).replace("|", "\\|")]
        cells += [("all" if len(where) == len(points) else ", ".join(where))] if several else []
        choices = f" One of {', '.join(f'`{each}`' for each in option['choices'] if each)}." if option.get("choices") else ""
        lines.append("| " + " | ".join([*cells, _markdown(option["description"]) + choices]) + " |")
    return "\n".join(lines)


def readme(role: str) -> str:
    """The README with a new table."""
    text = (ROLES / role / "README.md").read_text(encoding="utf-8")
    parts = re.split(f"({re.escape(BEGIN)}|{re.escape(END)})\n", text)
    if len(parts) != 5:
        raise RoleDocsError(f"roles/{role}/README.md must have the lines {BEGIN} and {END} once each, around its table of variables.")
    return f"{parts[0]}{BEGIN}\n{table(role)}\n{END}\n{parts[4]}"


def outdated() -> list[str]:
    return [role for role in roles() if readme(role) != (ROLES / role / "README.md").read_text(encoding="utf-8")]


def main(arguments: list[str]) -> int:
    try:
        found = outdated()
    except RoleDocsError as error:
        print(f"role_docs: {error}", file=sys.stderr)
        return 1
    for role in found:
        if "--check" in arguments:
            print(f"roles/{role}/README.md is out of date; run python3 -m tools.env run python -m tools.role_docs", file=sys.stderr)
        else:
            (ROLES / role / "README.md").write_text(readme(role), encoding="utf-8")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
