# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an object of the API server holds what was asked for.  Pure.

The server may add to an object, and writes some values in another form (`0.5` CPUs as `500m`); it must lose nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d{1,3})?")
_SCALE = {
    **{suffix: Decimal(1000) ** power for power, suffix in zip((-3, -2, -1, 1, 2, 3, 4, 5, 6), "numkMGTPE", strict=True)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}
# Where the server keeps a quantity in its own form; any other text is kept as it is.
_QUANTITIES = frozenset(
    {
        *("limits", "requests", "hard", "capacity", "overhead", "podFixed", "sizeLimit", "divisor", "averageValue"),
        *("min", "max", "default", "defaultRequest", "maxLimitRequestRatio"),
    }
)
_IGNORED = frozenset({".apiVersion", ".kind", ".metadata.namespace", ".metadata.uid", ".metadata.resourceVersion"})


class Mismatch(NamedTuple):
    path: str
    lost: bool  # it is missing; otherwise it has another value


def mismatches(asked: Any, live: Any, path: str = "") -> Iterator[Mismatch]:
    """Where ``live`` does not hold what was asked for.  What only ``live`` has does not count."""
    if path in _IGNORED:
        return
    if isinstance(asked, dict) and isinstance(live, dict):
        for name, value in asked.items():
            if name in live:
                yield from mismatches(value, live[name], f"{path}.{name}")
            elif not _empty(value):
                yield Mismatch(f"{path}.{name}", lost=True)
    elif isinstance(asked, list) and isinstance(live, list):
        yield from _list_mismatches(asked, live, path)
    elif not _same_value(asked, live, path):
        yield Mismatch(path, lost=live is None and not _empty(asked))


def _list_mismatches(asked: list[Any], live: list[Any], path: str) -> Iterator[Mismatch]:
    if any(isinstance(one, (dict, list)) for one in asked):
        partners = _partners(asked, live)
        for index, one in enumerate(asked):
            if index not in partners:
                yield from _closest(one, live, f"{path}[{index}]")
    elif path == ".metadata.finalizers":  # others add theirs
        yield from (Mismatch(f"{path}[{index}]", lost=True) for index, one in enumerate(asked) if one not in live)
    elif len(asked) > len(live):
        yield Mismatch(path, lost=True)
    elif len(asked) < len(live) or not all(_same_value(one, other, path) for one, other in zip(asked, live, strict=True)):
        yield Mismatch(path, lost=False)


def _partners(asked: list[Any], live: list[Any]) -> dict[int, int]:
    """For each item asked for an item of its own that holds it, so that two do not share one (a port of TCP and of UDP)."""
    fits = [[place for place, other in enumerate(live) if not any(mismatches(one, other))] for one in asked]
    taken: dict[int, int] = {}

    def place_for(index: int, seen: set[int]) -> bool:
        for place in fits[index]:
            if place not in seen:
                seen.add(place)
                if place not in taken or place_for(taken[place], seen):
                    taken[place] = index
                    return True
        return False

    for index in range(len(asked)):
        place_for(index, set())
    return {index: place for place, index in taken.items()}


def _closest(asked: Any, live: list[Any], path: str) -> Iterator[Mismatch]:
    """The item with the same name shows what is wrong with it; without one the item is missing."""
    name = asked.get("name") if isinstance(asked, dict) else None
    namesake = next((one for one in live if name is not None and isinstance(one, dict) and one.get("name") == name), None)
    found = list(mismatches(asked, namesake, path)) if namesake is not None else []
    yield from found or [Mismatch(path, lost=True)]


def _same_value(asked: Any, live: Any, path: str) -> bool:
    if isinstance(asked, bool) or isinstance(live, bool):
        return asked is live or (asked is False and live is None)
    if asked == live or (_empty(asked) and _empty(live)):
        return True
    if not _QUANTITIES.intersection(path.split(".")[-2:]) or not isinstance(asked, (str, int, float)):
        return False
    quantity = _quantity(asked)
    return quantity is not None and quantity == _quantity(live)


def _empty(value: Any) -> bool:
    """Go leaves such fields out."""
    return (
        value is None
        or value is False
        or value in ("", [], {})
        or (value == 0 and not isinstance(value, str))
        or (isinstance(value, Mapping) and all(_empty(one) for one in value.values()))
    )


def _quantity(value: Any) -> Decimal | None:
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    suffix = match[2] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return Decimal(match[1]) * Decimal(10) ** int(suffix[1:])
    return Decimal(match[1]) * _SCALE.get(suffix, Decimal(1))
