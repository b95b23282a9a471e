# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore writes, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._cluster.defaults import RESTORE_MANAGER
from .._core.errors import SalvageError
from .._manifests.changes import shown_difference
from .plan import CREATE, REBIND, RECREATE, UPDATE, Step
from .portable import Object, comparable

MANAGER = RESTORE_MANAGER
WRITES = frozenset({CREATE, UPDATE, RECREATE, REBIND})


class RefusedWriteError(SalvageError):
    """A refusal of the API server in words that quote no value of a Secret."""


def written_by_us(live: Mapping[str, Any]) -> bool:
    return any(entry.get("manager") == MANAGER for entry in live["metadata"].get("managedFields") or ())


def refusal_text(step: Step, exc: SalvageError) -> str:
    """Of a Secret only what can't quote its content."""
    return str(exc) if step.key.kind != "Secret" or isinstance(exc, RefusedWriteError) else str(exc).partition(": ")[0]


def shown_change(step: Step, before: Object | None, after: Object | None, *, values: bool) -> dict[str, Any]:
    kind = dict(zip(("apiVersion", "kind"), step.resource_key, strict=True))
    old = comparable({**before, **kind}) if before is not None else None
    return shown_difference(f"{step.key} ({step.action})", old, comparable({**after, **kind}) if after else step.wanted, values=values)
