# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may hand to a plan: arguments from a list of allowed ones, and values of variables through the environment; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.errors import SalvageError

_WITH_VALUE = frozenset({"var-file", "target", "target-file", "exclude", "exclude-file", "parallelism", "refresh", "state"})
_ALONE = frozenset({"compact-warnings", "refresh-only"})
_ARGUMENT = re.compile(r"--?([a-z-]+)(=[^\0]+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_arguments(arguments: Sequence[str]) -> None:
    """Raises SalvageError(bad_input) for an argument of `plan` that is not allowed; its value is not quoted."""
    for number, argument in enumerate(arguments, start=1):
        found = _ARGUMENT.fullmatch(argument)
        if found and found[1] in (_WITH_VALUE if found[2] else _ALONE):
            continue
        if found and found[1] == "var":
            raise SalvageError(
                f"arguments: number {number} has the value of a variable, which everyone on the machine could read; use variables instead",
                reason="bad_input",
            )
        allowed = ", ".join(sorted([*(f"-{name}=VALUE" for name in _WITH_VALUE), *(f"-{name}" for name in _ALONE)]))
        raise SalvageError(f"arguments: number {number} is not allowed; use {allowed}, or variables", reason="bad_input")


def backend_text(backend: Mapping[str, Any]) -> bytes:
    """The settings of a backend as `-backend-config` reads them from a file.  Raises SalvageError(bad_input), without a value."""
    lines = []
    for name, value in backend.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise SalvageError(f"backend: {name!r} is not the name of a setting; see the documentation of the backend", reason="bad_input")
        if value is None:
            raise SalvageError(f"backend: {name} has no value; set one, or remove it", reason="bad_input")
        literal = json.dumps(value).replace("${", "$${").replace("%{", "%%{")  # a file of settings has no expressions
        lines.append(f"{name} = {literal}\n")
    return "".join(lines).encode()


def environment(variables: Mapping[str, Any]) -> dict[str, str]:
    """The variables as Terraform reads them: a text as it is, anything else as JSON.  Raises SalvageError(bad_input), without a value."""
    for name, value in variables.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise SalvageError(f"variables: {name!r} is not a name for the environment; set it in a -var-file instead", reason="bad_input")
        if value is None or "\0" in str(value):
            raise SalvageError(f"variables: {name} has no usable value; set one, or remove it", reason="bad_input")
    return {f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
