# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects for AWX, filled in by Ansible, against the argument specs of awx.awx 24.6.1."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from fake_controller import AWX_KINDS as KINDS

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.append(str(CHECKOUT))
from tools.env import collection


def argument_spec(module: str) -> dict[str, Any]:
    """What the source of a module of awx.awx gives to its base class."""
    tree = ast.parse((collection("awx.awx") / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8"))
    found = {
        node.targets[0].id: node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    known: dict[str, Any] = {"dict": dict, "list": list}
    if "KIND_CHOICES" in found:
        known["KIND_CHOICES"] = ast.literal_eval(found["KIND_CHOICES"])
    spec = eval(compile(ast.Expression(found["argument_spec"]), module, "eval"), known)  # noqa: S307 - pinned by hash
    return dict(spec)


@pytest.mark.parametrize(("name", "module"), KINDS.items())
def test_each_object_has_arguments_of_its_module(objects: dict[str, list[dict[str, Any]]], name: str, module: str) -> None:
    validator = ArgumentSpecValidator(argument_spec(module))
    assert objects[name]
    for one in objects[name]:
        assert validator.validate(one).error_messages == [], one["name"]


def test_the_playbook_applies_each_kind_once() -> None:
    text = (CHECKOUT / "extensions/awx/awx_objects.yml").read_text()
    assert re.findall(r"loop: .\{\{ (\w+) \| awx_changed", text) == list(KINDS)
