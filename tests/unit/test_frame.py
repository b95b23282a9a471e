# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the repository as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tools import collection, env

CHECKOUT = env.CHECKOUT
COMMENTED = {".py", ".yml", ".yaml", ".go", ".rego", ".sh"}


def test_every_source_file_names_its_licence() -> None:
    bare = [
        name
        for name in collection.sources()
        if Path(name).suffix in COMMENTED
        and name != "changelogs/changelog.yaml"  # antsibull-changelog writes it
        and (CHECKOUT / name).stat().st_size
        and "SPDX-License-Identifier: GPL-3.0-or-later" not in (CHECKOUT / name).read_text(encoding="utf-8")[:600]
    ]
    assert bare == []


def test_every_module_that_connects_is_in_the_action_group_with_kubernetes_core() -> None:
    group = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())["action_groups"]["salvage"]
    assert {"metadata": {"extend_group": ["kubernetes.core.k8s"]}} in group
    modules = {
        path.stem for path in (CHECKOUT / "plugins/modules").glob("[!_]*.py") if "kubernetes.core.k8s_auth_options" in path.read_text()
    }
    assert {entry for entry in group if isinstance(entry, str)} == modules


@pytest.mark.parametrize("lock", sorted(path.name for path in env.LOCKS.glob("*.lock")))
def test_locks_pin_by_hash_and_name_no_address(lock: str) -> None:
    text = (env.LOCKS / lock).read_text()
    entries = [entry for entry in text.replace("\\\n", " ").splitlines() if entry.strip() and not entry.startswith("#")]
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_sanity_starts_at_the_floor_that_is_promised() -> None:
    promised = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())["requires_ansible"]
    assert promised == f">={min(env.CORES)}.0"


def test_the_readme_has_the_certification_order_and_absolute_links() -> None:
    lines = (CHECKOUT / "README.md").read_text().splitlines()
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == [
        *("Description", "Requirements", "Installation", "Use cases", "Testing", "Contributing", "Support"),
        *("Release notes and roadmap", "Related information", "License information"),
    ]
    assert [line for line in lines if "](" in line.replace("](https://", "")] == []


@pytest.mark.parametrize("inventory", ["local", "staging", "production"])
def test_inventories_set_only_variables_that_a_role_has(inventory: str) -> None:
    known = {name for path in CHECKOUT.glob("roles/*/defaults/main.yml") for name in yaml.safe_load(path.read_text())}
    folder = CHECKOUT / "inventory" / inventory
    names = {name for path in folder.glob("group_vars/all/names.yml") for name in yaml.safe_load(path.read_text())}
    assert names
    assert names <= known
    assert yaml.safe_load((folder / "hosts.yml").read_text())["all"]["children"]["clusters"]["hosts"]
