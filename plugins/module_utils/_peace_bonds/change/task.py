# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of peace_bonds_policy: its result holds what is known so far, also if it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._core.errors import SalvageError
from ..._core.options import argument_spec, from_params
from ..._core.progress import PROGRESS_ARGUMENTS, teller
from ..._opa.command import RunCommand
from ..options import connect
from .policy_change import PolicyChange, PolicyOptions
from .publish import Publisher

MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **PROGRESS_ARGUMENTS, **argument_spec(PolicyOptions)},
    "mutually_exclusive": [("policy_files", "policy_dir")],
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool, run_command: RunCommand | None = None) -> dict[str, Any]:
    """The module's result; with ``failed``, ``msg`` and ``reason`` beside the refusals and the pods' answers if it failed."""
    options = from_params(PolicyOptions, params)

    def connect_publisher() -> Publisher:
        return Publisher(connect(params, options.timeout), options, options.fixtures, teller(params.get("progress_path")))

    change = PolicyChange(options, connect_publisher, check_mode=check_mode, run_command=run_command)
    try:
        change.run()
    except SalvageError as exc:
        return {**change.result, "failed": True, "msg": str(exc), "reason": exc.reason}
    return change.result
