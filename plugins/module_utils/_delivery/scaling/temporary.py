# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A size that ends by itself: what was before, what was set, and until when, as it is noted on the workload.  Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..._core.times import iso, when
from ..._workloads.capacity import BEFORE, Size
from ..._workloads.workload import PREFIX, Object

TEMPORARY = f"{PREFIX}scaled-until"


@dataclass(frozen=True)
class TemporarySize:
    before: Size
    wanted: Size
    until: float

    def to_annotation(self) -> str:
        return json.dumps({"before": self.before.to_dict(), "wanted": self.wanted.to_dict(), "until": iso(int(self.until))}, sort_keys=True)

    @classmethod
    def of(cls, workload: Object) -> TemporarySize | None:
        """The one on record; None also for a record that can't be read."""
        try:
            data = json.loads((workload["metadata"].get("annotations") or {}).get(TEMPORARY) or "")
            before, wanted = (Size.from_annotation(json.dumps(data[name])) for name in ("before", "wanted"))
            until = when(data["until"])
        except (ValueError, KeyError, TypeError):
            return None
        return cls(before, wanted, until) if before and wanted and until is not None else None

    def still_holds(self, now: Size) -> bool:
        """Whether nobody has set another size since.  An autoscaler moves the replicas between its bounds."""
        if self.wanted.minimum is None:
            return now.minimum is None and now.replicas == self.wanted.replicas
        return (now.minimum, now.maximum) == (self.wanted.minimum, self.wanted.maximum)


def scaling_note(workload: Object, before: Size, wanted: Size, until: float | None) -> dict[str, Any] | None:
    """The merge patch that notes a scaling; None if it is noted.  The first of several scalings is the one to go back behind.

    One without an end takes the place of a temporary one.
    """
    permanent = Size.from_annotation((workload["metadata"].get("annotations") or {}).get(BEFORE))
    temporary = TemporarySize.of(workload)
    first = temporary.before if temporary else before
    if until is not None:
        return {"metadata": {"annotations": {TEMPORARY: TemporarySize(first, wanted, until).to_annotation()}}}
    changes = {**({BEFORE: first.to_annotation()} if permanent is None else {}), **({TEMPORARY: None} if temporary else {})}
    return {"metadata": {"annotations": changes}} if changes else None


def way_back_of(workload: Object) -> tuple[Size | None, str]:
    """Where to go back to, and the record of it: behind the temporary scaling if there is one, else behind the first one."""
    temporary = TemporarySize.of(workload)
    if temporary:
        return temporary.before, TEMPORARY
    return Size.from_annotation((workload["metadata"].get("annotations") or {}).get(BEFORE)), BEFORE
