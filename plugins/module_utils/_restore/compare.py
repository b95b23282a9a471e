# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares an object in the cluster with the one in the backup; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Maps in which only users set keys: an additional key is a difference.  In others the server and controllers add keys.
_WHOLE = frozenset({"data", "binaryData", "selector", "matchLabels", "nodeSelector", "hard", "parameters"})


def differences(wanted: Any, live: Any, path: str = "") -> Iterator[str]:
    """The paths at which ``live`` differs from ``wanted``; what only ``live`` has is ignored, except in maps of users' keys."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        for name, value in wanted.items():
            if f"{path}.{name}" == ".metadata.finalizers":
                yield from (f"{path}.{name}" for one in value if one not in (live.get(name) or ()))  # others add theirs
                continue
            yield from _field(value, live, name, f"{path}.{name}")
            if name in _WHOLE and isinstance(value, dict) and isinstance(live.get(name), dict):
                yield from (f"{path}.{name}.{extra}" for extra in live[name] if extra not in value)
        yield from (f"{path}.{name}" for name in _only_live(wanted, live))
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        for index, (one, other) in enumerate(zip(wanted, live, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif wanted != live or isinstance(wanted, bool) is not isinstance(live, bool):
        yield path


def _field(value: Any, live: dict[str, Any], name: str, path: str) -> Iterator[str]:
    if name in live:
        yield from differences(value, live[name], path)
    elif value not in (None, {}, []):  # the server often drops an empty field
        yield path


def _only_live(wanted: dict[str, Any], live: dict[str, Any]) -> Iterator[str]:
    """Maps of users' keys of which ``wanted`` has not even an empty one, as an empty ConfigMap or the selector of all pods."""
    return (name for name, value in live.items() if name in _WHOLE and name not in wanted and isinstance(value, dict) and value)


def extra_keys_patch(wanted: Any, live: Any) -> dict[str, Any] | None:
    """A merge patch that removes the keys that only ``live`` has, in maps in which only users set keys; None if there are none."""
    if not isinstance(wanted, dict) or not isinstance(live, dict):
        return None
    patch: dict[str, Any] = dict.fromkeys(_only_live(wanted, live))
    for name, value in wanted.items():
        other = live.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            inner = extra_keys_patch(value, other) or {}
            if name in _WHOLE:
                inner.update(dict.fromkeys(extra for extra in other if extra not in value))
            if inner:
                patch[name] = inner
    return patch or None
