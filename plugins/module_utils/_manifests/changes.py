# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an apply changes in an object, and how that may be shown.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._cluster.objects import Object
from .._cluster.redaction import redacted_pair
from .ownership import LAST_APPLIED

_BOOKKEEPING = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"})


def content_of(obj: Mapping[str, Any]) -> Object:
    """The object without its status and what each write renews."""
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _BOOKKEEPING}
    annotations = {name: value for name, value in (metadata.pop("annotations", None) or {}).items() if name != LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    return {**{name: value for name, value in obj.items() if name != "status"}, "metadata": metadata}


def changed_paths(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The fields that differ; of a list that only has more or fewer items these are named."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            if name not in before or name not in after:
                yield f"{path}.{name}"
            else:
                yield from changed_paths(before[name], after[name], f"{path}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from changed_paths(one, other, f"{path}[{index}]")
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        yield path


def shown_difference(title: str, before: Object | None, after: Object | None, *, values: bool = False) -> dict[str, Any]:
    """An entry of a module's diff; of what may be a credential only whether it changed."""
    old = content_of(before) if before is not None else {}
    new = content_of(after) if after is not None else {}
    shown = redacted_pair(old, new, values=values)
    return {"before_header": title, "after_header": title, "before": shown[0], "after": shown[1]}
