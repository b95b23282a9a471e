# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests healthy, breached and unknown: exactly one of them holds for any value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2.runtime import Undefined

from ..module_utils._core.status import CRITICAL, HEALTHY, UNKNOWN, WARNING, worst

try:
    from ansible.template import accept_args_markers  # ansible-core 2.19 keeps undefined values from tests that don't ask for them
except ImportError:

    def accept_args_markers(function: Callable[..., Any]) -> Callable[..., Any]:
        return function


def status_in(value: Any) -> str:
    """The status that a value has or is, the worst of a list; unknown for anything else."""
    if isinstance(value, Undefined):
        return UNKNOWN
    if isinstance(value, str):
        return worst([value])
    if isinstance(value, Mapping):
        report = value.get("report")
        status = report.get("status") if isinstance(report, Mapping) and "status" not in value else value.get("status")
        failed = value.get("failed") is True or value.get("unreachable") is True
        return UNKNOWN if not isinstance(status, str) or (failed and status == HEALTHY) else worst([status])
    if isinstance(value, (list, tuple)):
        return worst(status_in(item) for item in value)
    return UNKNOWN


@accept_args_markers
def healthy(value: Any) -> bool:
    return status_in(value) == HEALTHY


@accept_args_markers
def breached(value: Any) -> bool:
    return status_in(value) in {WARNING, CRITICAL}


@accept_args_markers
def unknown(value: Any) -> bool:
    return status_in(value) == UNKNOWN


class TestModule:
    """Ansible's entry point."""

    __test__ = False

    def tests(self) -> dict[str, Callable[[Any], bool]]:
        return {"healthy": healthy, "breached": breached, "unknown": unknown}
