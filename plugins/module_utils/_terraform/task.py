# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of the module terraform_apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._core.progress import PROGRESS_ARGUMENTS, teller
from .inputs import backend_text, check_arguments, environment
from .root import Root
from .work import work_folder


@dataclass(frozen=True)
class TerraformOptions:
    root: str = option(type="path")
    work_dir: str = option(type="path")
    binary: str = option("terraform", type="path")
    arguments: list[str] = option([])
    variables: dict[str, Any] = option({}, no_log=True)
    backend: dict[str, Any] = option({}, no_log=True)
    lock_timeout: int = option(1800)


MODULE: dict[str, Any] = {"argument_spec": {**argument_spec(TerraformOptions), **PROGRESS_ARGUMENTS}, "supports_check_mode": True}


def run(
    params: Mapping[str, Any],
    run_command: Callable[..., tuple[int, str, str]],
    find: Callable[[str], str | None],
    *,
    check_mode: bool,
) -> dict[str, Any]:
    """``run_command`` is a module's; ``find`` returns the path of a program, or None."""
    options = from_params(TerraformOptions, params)
    binary = find(options.binary)
    if binary is None:
        raise SalvageError(f"there is no {options.binary} where the module runs; install it, or set its path", reason="missing_library")
    check_arguments(options.arguments)
    root = Root(
        options.root,
        work_folder(options.work_dir, options.root),
        run_command,
        binary,
        options.arguments,
        environment(options.variables),
        backend_text(options.backend),
        options.lock_timeout,
        teller(params["progress_path"]),
    )
    result = root.apply(dry_run=check_mode)
    lines = [f"{action} {address}\n" for action, addresses in sorted(result["plan"].items()) for address in addresses]
    return {**result, "diff": {"before": "", "after": "".join(lines)}}
