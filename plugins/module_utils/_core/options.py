# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's options as a dataclass: its fields are the one source of names, types and defaults.

@dataclass(frozen=True)
class Plan:
    window: float = option(900.0)
    state: str = option("judged", choices=["measured", "judged"])
    probes: list[Probe] = option(())        # Probe is a dataclass too: a list of dicts with suboptions
    key: str | None = option(None, type="path", no_log=False)

argument_spec(Plan)                         # for AnsibleModule
from_params(Plan, module.params)            # a Plan
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")
_TYPES = {str: "str", bool: "bool", int: "int", float: "float", dict: "dict", list: "list"}
_SEQUENCES = (list, tuple, frozenset)
# Not by its name: pylint wants a call of dataclasses.field to stand in a class, and ``option`` makes it for one.
_field: Any = vars(dataclasses)["field"]


def option(default: Any = dataclasses.MISSING, **spec: Any) -> Any:
    """A field that is an option; without a default it is required.  ``spec`` is added to what its type says, as AnsibleModule names it."""
    if isinstance(default, (list, dict)):
        return _field(default_factory=lambda: type(default)(default), metadata={"option": spec})
    return _field(default=default, metadata={"option": spec})


def argument_spec(cls: type) -> dict[str, Any]:
    """AnsibleModule's argument_spec of a dataclass of options."""
    hints = typing.get_type_hints(cls)
    return {field.name: _spec(field, hints[field.name]) for field in dataclasses.fields(cls) if "option" in field.metadata}


def from_params(cls: type[T], params: Mapping[str, Any]) -> T:
    """The options of a module as the dataclass; an option that is not set (None) has the field's default."""
    hints = typing.get_type_hints(cls)
    fields = [field for field in dataclasses.fields(cls) if "option" in field.metadata]  # type: ignore[arg-type]
    return cls(**{field.name: _value(hints[field.name], params[field.name]) for field in fields if params.get(field.name) is not None})


def _spec(field: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    plain, element = _parts(hint)
    if dataclasses.is_dataclass(plain):
        spec.update(type="dict", options=argument_spec(typing.cast(type, plain)))
    elif plain in _SEQUENCES:
        of_dicts = dataclasses.is_dataclass(element)
        spec.update(type="list", elements="dict" if of_dicts else _TYPES.get(element, "str"))
        if of_dicts:
            spec["options"] = argument_spec(typing.cast(type, element))
    else:
        spec["type"] = _TYPES.get(plain, "raw")
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    if default is dataclasses.MISSING:
        spec["required"] = True
    elif default is not None:
        spec["default"] = list(default) if isinstance(default, (tuple, frozenset)) else default
    return {**spec, **field.metadata["option"]}


def _parts(hint: Any) -> tuple[Any, Any]:
    """(type without None, type of its elements)"""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        hint = next(one for one in typing.get_args(hint) if one is not types.NoneType)
    arguments = typing.get_args(hint)
    return typing.get_origin(hint) or hint, arguments[0] if arguments else None


def _value(hint: Any, value: Any) -> Any:
    plain, element = _parts(hint)
    if dataclasses.is_dataclass(plain):
        return from_params(typing.cast(type, plain), value)
    if plain in _SEQUENCES:
        of_dicts = dataclasses.is_dataclass(element)
        return plain(from_params(typing.cast(type, element), each) if of_dicts else each for each in value)
    return value
