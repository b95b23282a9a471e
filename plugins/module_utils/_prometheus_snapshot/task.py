# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of the module prometheus_snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params
from .._core.progress import PROGRESS_ARGUMENTS, teller
from .options import SnapshotOptions
from .perform import SnapshotRun
from .vault import RunCommand

MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(SnapshotOptions), **PROGRESS_ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], run_command: RunCommand, find: Callable[[str], str | None], *, check_mode: bool) -> dict[str, Any]:
    """``run_command`` is a module's; ``find`` returns the path of a program, or None."""
    options = from_params(SnapshotOptions, params)
    try:
        return SnapshotRun(options, params, run_command, find, check_mode=check_mode, tell=teller(params["progress_path"])).result()
    except OSError as exc:
        raise SalvageError(
            f"{exc.filename or options.directory}: {exc.strerror}; free space or correct it, and try again", reason="bad_input"
        ) from None
