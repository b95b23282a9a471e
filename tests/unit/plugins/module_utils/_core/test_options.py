# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.options import argument_spec, from_params, option


@dataclass(frozen=True)
class Probe:
    name: str = option()
    expect: bool = option(True)


@dataclass(frozen=True)
class Store:
    region: str | None = option(None)
    secret: str | None = option(None, no_log=True)


@dataclass(frozen=True)
class Plan:
    window: float = option(900.0)
    looks: int = option(2)
    state: str = option("judged", choices=["measured", "judged"])
    paths: frozenset[str] = option(frozenset({"/health"}))
    probes: tuple[Probe, ...] = option(())
    input: dict[str, Any] = option({})
    store: Store | None = option(None)
    key: str | None = option(None, type="path", no_log=False)
    made_here: int = 0  # not an option


def test_the_argument_spec_says_what_the_fields_say() -> None:
    assert argument_spec(Plan) == {
        "window": {"type": "float", "default": 900.0},
        "looks": {"type": "int", "default": 2},
        "state": {"type": "str", "default": "judged", "choices": ["measured", "judged"]},
        "paths": {"type": "list", "elements": "str", "default": ["/health"]},
        "probes": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {"name": {"type": "str", "required": True}, "expect": {"type": "bool", "default": True}},
        },
        "input": {"type": "dict", "default": {}},
        "store": {"type": "dict", "options": {"region": {"type": "str"}, "secret": {"type": "str", "no_log": True}}},
        "key": {"type": "path", "no_log": False},
    }


def test_parameters_become_the_dataclass() -> None:
    given = {"window": "60", "paths": ["/a", "/b"], "probes": [{"name": "x", "expect": "no"}], "store": {"region": "here"}}
    checked = ArgumentSpecValidator(argument_spec(Plan)).validate(given)
    assert not checked.error_messages
    assert from_params(Plan, checked.validated_parameters) == Plan(
        window=60.0, paths=frozenset({"/a", "/b"}), probes=(Probe("x", expect=False),), store=Store(region="here")
    )


def test_nothing_given_is_the_defaults_and_they_are_not_shared() -> None:
    checked = ArgumentSpecValidator(argument_spec(Plan)).validate({}).validated_parameters
    assert from_params(Plan, checked) == Plan()
    assert Plan().input is not Plan().input
