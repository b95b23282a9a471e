# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's variables stand in three places, which must agree: its defaults, its argument specs and its README."""

from __future__ import annotations

import re
from functools import cache

import pytest
import yaml

from tools import role_docs

ROLES = role_docs.ROLES
EVERY = role_docs.roles()
USERS = [role for role in EVERY if role != role_docs.COMMON]  # those that a playbook names
UNCONNECTED = {"notify"}  # they never talk to a cluster
SHARED = role_docs.defaults(role_docs.COMMON)


@cache
def options(role):
    """Each option of each entry point."""
    return [(name, option) for point in role_docs.specs(role).values() for name, option in point["options"].items()]


def tasks(role):
    return [(path, path.read_text()) for path in sorted((ROLES / role / "tasks").rglob("*.yml"))]


def test_every_role_has_argument_specs():
    assert sorted(path.name for path in ROLES.iterdir() if path.is_dir()) == EVERY


@pytest.mark.parametrize("role", EVERY)
def test_defaults_specs_and_readme_agree(role):
    defaults = role_docs.defaults(role)
    own = {name for name, _option in options(role)}
    assert set(defaults) <= own
    for name, option in options(role):
        if "default" in option:
            assert option["default"] == defaults[name], name
        elif option.get("required"):
            assert name not in defaults
        else:
            # A template cannot be the default of a dict in a spec, so the description has to give it.
            assert (option["type"], type(defaults[name])) == ("dict", str), name
            assert "default is" in option["description"], name
    table = role_docs.table(role)
    assert not [name for name in own if f"`{name}`" not in table]
    elsewhere = {name for other in USERS if other != role for name, _option in options(other)}
    assert not [name for name in own if not name.startswith((f"{role}_", "meta_salvage_")) and name not in elsewhere]


@pytest.mark.parametrize("role", EVERY)
def test_the_table_of_the_readme_is_generated(role):
    assert role_docs.readme(role) == (ROLES / role / "README.md").read_text(), "run python3 -m tools.env run python -m tools.role_docs"


def test_a_table_shows_the_resolved_default():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", role_docs.table("deploy"), re.MULTILINE))
    assert rows["deploy_prometheus_url"] == "`service://monitoring/prometheus-operator-kube-p-prometheus:9090`"
    assert rows["deploy_record_dir"] == "`~/.local/state/meta-salvage/delivery`"
    assert rows["deploy_kubeconfig"] == ""


def test_a_readme_without_its_marks_is_named(monkeypatch, tmp_path, capsys):
    (tmp_path / "bare/meta").mkdir(parents=True)
    (tmp_path / "bare/meta/argument_specs.yml").write_text("argument_specs: {main: {options: {}}}")
    (tmp_path / "bare/README.md").write_text("# bare\n")
    monkeypatch.setattr(role_docs, "ROLES", tmp_path)
    with pytest.raises(role_docs.RoleDocsError, match=r"roles/bare/README\.md must have the lines"):
        role_docs.readme("bare")
    assert role_docs.main(["--check"]) == 1
    assert "bare/README.md" in capsys.readouterr().err


def test_an_outdated_readme_is_named_and_written(monkeypatch, tmp_path, capsys):
    for role, spec, default in (
        ("meta_salvage", "{meta_salvage_a: {type: str, default: b, description: The letter.}}", "meta_salvage_a: b"),
        ("one", "{one_a: {type: str, default: '{{ meta_salvage_a }}', description: The V(a|b).}}", "one_a: '{{ meta_salvage_a }}'"),
    ):
        for folder in ("meta", "defaults"):
            (tmp_path / role / folder).mkdir(parents=True)
        (tmp_path / role / "meta/argument_specs.yml").write_text(f"argument_specs: {{main: {{options: {spec}}}}}")
        (tmp_path / role / "defaults/main.yml").write_text(default)
        (tmp_path / role / "README.md").write_text(f"# {role}\n\n{role_docs.BEGIN}\n{role_docs.END}\nrest\n")
    monkeypatch.setattr(role_docs, "ROLES", tmp_path)
    assert role_docs.main(["--check"]) == 1
    assert "roles/one/README.md is out of date" in capsys.readouterr().err
    assert role_docs.main([]) == 0
    assert "| `one_a` | `b` | The `a\\|b`. |" in (tmp_path / "one/README.md").read_text()
    assert (tmp_path / "one/README.md").read_text().endswith("\nrest\n")
    assert role_docs.main(["--check"]) == 0


@pytest.mark.parametrize("role", USERS)
def test_a_role_takes_what_it_shares_from_the_common_role(role):
    assert yaml.safe_load((ROLES / role / "meta/main.yml").read_text())["dependencies"] == ["euystacio.meta_salvage.meta_salvage"]
    defaults = role_docs.defaults(role)
    for name in ("kubeconfig", "context"):
        assert defaults.get(f"{role}_{name}") == (None if role in UNCONNECTED else f"{{{{ meta_salvage_{name} }}}}")
    text = (ROLES / role / "defaults/main.yml").read_text()
    assert "service://" not in text
    assert "XDG_STATE_HOME" not in text
    assert set(re.findall(r"\bmeta_salvage_\w+", text)) <= set(SHARED)


@pytest.mark.parametrize("role", USERS)
def test_the_connection_is_given_once_for_each_entry_point_and_not_in_tasks(role):
    """By a group of its own: a block's entry for ``salvage`` would replace the entry of a play."""
    texts = tasks(role)
    assert not [path.name for path, text in texts if re.search(r"^\s+(kubeconfig|context): ", text, re.MULTILINE)]
    group = f"group/euystacio.meta_salvage.salvage_role: \"{{{{ {{'kubeconfig': {role}_kubeconfig, 'context': {role}_context}}"
    for point in role_docs.specs(role):
        text = (ROLES / role / "tasks" / f"{point}.yml").read_text()
        if (role, point) != ("backup", "verify") and role not in UNCONNECTED:  # it only talks to the repository
            assert group.replace('"', "") in re.sub(r'>-\n\s+|"', "", text), point


def test_the_group_of_the_roles_has_the_modules_of_both_collections():
    groups = yaml.safe_load((ROLES.parent / "meta/runtime.yml").read_text())["action_groups"]
    assert groups["salvage_role"] == [{"metadata": {"extend_group": ["euystacio.meta_salvage.salvage", "kubernetes.core.helm"]}}]


@pytest.mark.parametrize("role", USERS)
def test_a_record_is_only_written_by_the_common_role(role):
    assert not [path.name for path, text in tasks(role) if re.search(r"ansible\.builtin\.copy:\n\s+content:.*report", text)]


@pytest.mark.parametrize("inventory", ["local", "staging", "production"])
def test_inventories_set_facts_of_a_cluster_by_the_shared_variables(inventory):
    folder = ROLES.parent / "inventory" / inventory / "group_vars/all"
    assert set(yaml.safe_load((folder / "names.yml").read_text())) <= set(SHARED)


# How a variable may stand in a task: alone, as a part of a text, as what a filter selects, in a sentence.
PLAIN = (
    r"{0} is {{{{ {0} }}}}|{{{{ {0} }}}}|{{{{ {0} if |~ {0} ~|"
    r"ternary\({0}, omit\)|{0} \| default\([^)]*\) }}}}|{0}=|{0}:|(?:fail_msg|msg): .*{0}"
)


@pytest.mark.parametrize(("kinds", "filters"), [({"bool"}, "bool"), ({"int", "float"}, "int|float")])
def test_a_text_from_the_command_line_is_converted_where_it_decides(kinds, filters):
    """``-e deploy_lock=false`` and a survey of AWX give the text "false": true to Jinja2, and an error to a newer ansible-core."""
    names = {name for role in EVERY for name, option in options(role) if option["type"] in kinds}
    files = [path for path in sorted(ROLES.glob("*/*/**/*.yml")) if path.parts[-2] != "meta"]
    lines = [
        (path.parts[-3], line.strip()) for path in files for line in path.read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    bare = re.compile(rf"(?<![\w.])([a-z_]+)\b(?! \| (?:{filters})\b)")
    found = [
        (role, line, name)
        for role, line in lines
        for name in set(bare.findall(line)) & names
        if bare.search(re.sub(PLAIN.format(name), "", line)) and name in bare.findall(re.sub(PLAIN.format(name), "", line))
    ]
    assert found == []
