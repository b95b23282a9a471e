# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run reports of a set of manifests.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .._core.sentences import some_of
from .changes import changed_paths, content_of, shown_difference
from .model import CHANGED, CREATED, REMOVED, UNCHANGED, Item
from .scaled import sets_size

_CHANGES = (CREATED, CHANGED, REMOVED)
_NAMED = 10
_SHOWN = 100  # objects in a diff


def set_result(items: Sequence[Item], notes: Sequence[str] = (), *, show: bool, values: bool = False) -> dict[str, Any]:
    """``notes`` are added to those of the objects; ``show`` adds the differences."""
    counts = Counter(dict.fromkeys((CREATED, CHANGED, UNCHANGED, REMOVED), 0))
    counts.update(item.action for item in items if item.action)
    result: dict[str, Any] = {
        "changed": any(item.action in _CHANGES for item in items),
        "objects": [_row(item) for item in items],
        "counts": dict(counts),
        "notes": [*(note for item in items for note in _notes(item)), *notes],
    }
    if show:
        result["diff"] = [_difference(item, values) for item in items if item.action in _CHANGES and not item.problem][:_SHOWN]
    bad = [item for item in items if item.problem]
    if bad:
        result["changed"] = any(item.written and item.action != UNCHANGED for item in items)
        result |= {"failed": True, "reason": bad[0].reason, "msg": _sentence(items, bad), "problems": [_told(item) for item in bad]}
    return result


def _row(item: Item) -> dict[str, Any]:
    changed = item.live is not None and item.after is not None and item.action == CHANGED
    return {
        "api_version": item.document["apiVersion"],
        "kind": item.id.kind,
        "namespace": item.id.namespace,
        "name": item.id.name,
        "source": item.manifest.where,
        "action": item.action,
        "fields": list(changed_paths(content_of(item.live or {}), content_of(item.after or {}))) if changed else [],
        "written": item.written,
        "deferred": item.deferred,
    }


def _notes(item: Item) -> list[str]:
    more = []
    if item.altered:
        more.append(f"the API server sets {some_of(item.altered, _NAMED)} of {item.id} to other values than the manifest")
    if item.scaled and item.live is not None and sets_size(item.document):
        more.append(f"{item.id} keeps its number of replicas, because an autoscaler sets it")
    return [f"{item.manifest.where}: {note}" for note in [*item.notes, *more]]


def _difference(item: Item, values: bool) -> dict[str, Any]:
    title = f"{item.id} ({item.action}{': ' + item.deferred if item.deferred and not item.written else ''})"
    after = None if item.action == REMOVED else item.after if item.after is not None else item.document
    return shown_difference(title, item.live, after, values=values)


def _told(item: Item) -> str:
    return f"{item.id} ({item.manifest.where}): {item.problem}"


def _sentence(items: Sequence[Item], bad: Sequence[Item]) -> str:
    more = f" (and {len(bad) - 1} more problems)" if len(bad) > 1 else ""
    written = [str(item.id) for item in items if item.written]
    left = sum(not item.written and (item.action != UNCHANGED or item.adopted) for item in items)
    if not written:
        return f"{_told(bad[0])}{more}; nothing was written"
    return f"{_told(bad[0])}{more}; written: {some_of(written, _NAMED)}; not written: {left} {'object' if left == 1 else 'objects'}"
