# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes of a restore: under which name, and what their answers mean.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._cluster.defaults import RESTORE_MANAGER
from .._cluster.http import Response
from .._cluster.redaction import redacted_pair
from .._core.errors import SalvageError
from .plan import CREATE, REBIND, RECREATE, UPDATE, Step
from .portable import Object, comparable

MANAGER = RESTORE_MANAGER
APPLY = "application/apply-patch+yaml"
WRITES = frozenset({CREATE, UPDATE, RECREATE, REBIND})


def unpatchable(answer: Response) -> bool:
    """Whether server-side apply can't take the object, however often it is asked; it says so with a 500."""
    return answer.status == 500 and b"failed to create typed patch object" in answer.body


def written_by_us(live: Mapping[str, Any]) -> bool:
    return any(entry.get("manager") == MANAGER for entry in live["metadata"].get("managedFields") or ())


def refusal_text(step: Step, exc: SalvageError) -> str:
    """The refusal; of a Secret only the request, since the server may quote its content."""
    return str(exc).partition(": ")[0] if step.key.kind == "Secret" else str(exc)


def shown_change(step: Step, before: Object | None, after: Object | None, *, values: bool) -> dict[str, Any]:
    kind = {name: step.wanted[name] for name in ("apiVersion", "kind")}
    old = comparable({**before, **kind}) if before is not None else None
    new = comparable({**after, **kind}) if after else step.wanted
    header = f"{step.key} ({step.action})"
    before_shown, after_shown = redacted_pair(old, new, values=values)
    return {"before_header": header, "after_header": header, "before": before_shown, "after": after_shown}
