# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named checks: what a rule cannot say by paths and comparisons, because it needs arithmetic or another object.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from . import object_checks, pod_checks, time_checks
from .contents import CheckHit, Contents, Piece
from .paths import Steps
from .series import errors_served

Item = tuple[Steps, Any]
Find = Callable[[Contents, Optional[Piece], Optional[Item], Mapping[str, Any]], Iterator[CheckHit]]  # noqa: UP045 - as pylint wants it


@dataclass(frozen=True)
class NamedCheck:
    """``facts``: the names that it gives to a rule's texts. ``needs``: the collectors without which it cannot say that all is well.
    ``args``: what a rule may set, and the type of it.
    """

    find: Find
    facts: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    args: Mapping[str, type] = field(default_factory=dict)


def _of(find: Find, *facts: str, needs: tuple[str, ...] = (), **args: type) -> NamedCheck:
    return NamedCheck(find, frozenset(facts), needs, args)


CHECKS: Mapping[str, NamedCheck] = {
    "crashing": _of(pod_checks.crashing, "exit", "restarts", "reason", exit=list, not_exit=list),
    "out_of_memory": _of(pod_checks.out_of_memory, "limit", "usage"),
    "near_limit": _of(pod_checks.near_limit, "limit", "usage", "share", needs=("usage",), resource=str, share=float),
    "pods_not_made": _of(object_checks.pods_not_made, "wanted", "there"),
    "pods_not_of_use": _of(object_checks.pods_not_of_use, "wanted", "there"),
    "blocks_drains": _of(object_checks.blocks_drains, "expected"),
    "quota_used_up": _of(object_checks.quota_used_up, "resource", "used", "limit", share=float),
    "node_busy": _of(object_checks.node_busy, "share", needs=("usage",), resource=str, share=float),
    "selects_nothing": _of(object_checks.selects_nothing, "selector"),
    "no_endpoints": _of(object_checks.no_endpoints, "pods", "count"),
    "port_missing": _of(object_checks.port_missing, "port"),
    "backend_missing": _of(object_checks.backend_missing, "service"),
    "webhook_unserved": _of(object_checks.webhook_unserved, "service", "why", needs=("objects",)),
    "target_missing": _of(object_checks.target_missing, "target"),
    "certificate_ends": _of(time_checks.certificate_ends, "ends", "in", "certificate", days=float),
    "clock_differs": _of(time_checks.clock_differs, "skew", needs=("objects",)),
    "errors_served": _of(errors_served, "share", "job", needs=("prometheus",), share=float, least=float),
    "not_observed": _of(object_checks.not_observed, "wanted", "there"),
    "first_error": _of(time_checks.first_error, "revision", "after", "changes", needs=("rollouts", "events", "logs")),
}
