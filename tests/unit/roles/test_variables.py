# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's variables are told in three places, which must agree: its defaults, its argument specs and its README."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir() if path.is_dir()))
def test_defaults_specs_and_readme_agree(role):
    defaults = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text())
    specs = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    told = [(name, option) for spec in specs.values() for name, option in spec["options"].items()]
    options = {name for name, _option in told}
    assert set(defaults) <= options
    assert {name: option["default"] for name, option in told if "default" in option}.items() <= defaults.items()
    readme = (ROLES / role / "README.md").read_text()
    assert not [name for name in options if f"`{name}`" not in readme]
    assert not [name for name in options if not name.startswith((f"{role}_", "meta_salvage_"))]
