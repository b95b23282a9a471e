# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the delivery modules share, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._cluster.errors import SalvageError
from .workload import KINDS

WORKLOAD_ARGUMENTS: dict[str, Any] = {
    "kind": {"type": "str", "choices": list(KINDS), "default": "Deployment"},
    "name": {"type": "str", "default": "euystacio-api"},
    "namespace": {"type": "str", "default": "euystacio-ai"},
    "request_timeout": {"type": "float", "default": 10.0},
}


def conclude(module: Any, work: Callable[[], dict[str, Any]]) -> None:
    """The module's end: what ``work`` gives, which may have ``failed``, or the sentence of what kept it from it."""
    try:
        result = work()
    except SalvageError as exc:
        module.fail_json(msg=str(exc), reason=exc.reason)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
