# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not the same in two templates, or in any two objects of JSON.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def differences_of(before: Any, after: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """Each field that is not the same; entries of a list are found again by their name."""
    if isinstance(before, list) and isinstance(after, list) and _all_named([*before, *after]):
        before, after = ({f"[{one['name']}]": one for one in listed} for listed in (before, after))
        join = ""
    else:
        join = "." if path else ""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from differences_of(before.get(name), after.get(name), f"{path}{join}{name}")
    elif before != after:
        yield {"path": path, "before": before, "after": after}


def _all_named(entries: list[Any]) -> bool:
    return bool(entries) and all(isinstance(one, Mapping) and isinstance(one.get("name"), str) for one in entries)
