# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that an API server gives in several groups: one object, of which a backup holds each view.  Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from .._manifests.order import CUSTOM, TITLES, wave_of
from .kinds import RestoreItem


def second_views(items: Sequence[RestoreItem], numbers: Iterable[int], known: Collection[str]) -> dict[int, str]:
    """Which of the items are another view of one that is restored, and the kind of that; ``known`` are the kinds that the cluster has."""
    numbers = list(numbers)
    groups: dict[str, set[str]] = defaultdict(set)
    for number in numbers:
        kind = items[number].key.kind
        groups[kind.partition(".")[0]].add(kind)
    views: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        item = items[number]
        # Only these are read: content may be large.
        if len(groups[item.key.kind.partition(".")[0]]) > 1 and (uid := item.obj["metadata"].get("uid")):
            views[uid].append(number)
    found: dict[int, str] = {}
    for same in views.values():
        best = min(same, key=lambda number: (items[number].key.kind not in known, _is_custom(items[number]), number))
        others = (number for number in same if number != best and items[number].key[1:] == items[best].key[1:])
        found.update((number, items[best].key.kind) for number in others)
    return found


def _is_custom(item: RestoreItem) -> bool:
    """Whether the order of a restore does not know the kind, as it knows those of today's Kubernetes."""
    kind, _dot, group = item.key.kind.partition(".")
    return TITLES[wave_of({"apiVersion": f"{group}/v1" if group else "v1", "kind": kind})] == CUSTOM
