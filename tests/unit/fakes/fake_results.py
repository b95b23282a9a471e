# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module returns, from the samples of its documentation."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import yaml

MODULES = Path(__file__).resolve().parents[3] / "plugins" / "modules"
NAMES = sorted(path.stem for path in MODULES.glob("[!_]*.py"))


def _sample(spec: dict[str, Any]) -> Any:
    if "sample" in spec or "contains" not in spec:
        return spec.get("sample")
    inner = {name: _sample(each) for name, each in spec["contains"].items()}
    return [inner] if spec.get("type") == "list" else inner


@cache
def documented(name: str, variable: str) -> dict[str, Any]:
    """DOCUMENTATION or RETURN of a module."""
    tree = ast.parse((MODULES / f"{name}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == variable:
            return dict(yaml.safe_load(ast.literal_eval(node.value)) or {})
    return {}


def result_of(name: str) -> dict[str, Any]:
    return {key: _sample(spec) for key, spec in documented(name, "RETURN").items()}
