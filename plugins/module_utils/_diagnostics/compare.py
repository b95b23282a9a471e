# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is different between two bundles: findings that are new, gone and still there, and objects that changed.  Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .analyze import Analysis, Suspect
from .contents import Contents, dict_of
from .paths import brief_value

MAX_CHANGES = 500
_LONGEST = 120
_MOVING = frozenset({"EndpointSlice", "Endpoints", "Lease"})  # they change all the time
_PLACEHOLDER = re.compile(r"\[redacted:[0-9a-f]{8}\]")
# What differs between two looks at the same object, and says nothing about it.
_NOISE = frozenset({"resourceVersion", "managedFields", "generation", "uid", "lastHeartbeatTime", "lastProbeTime", "lastUpdateTime"})


@dataclass(frozen=True)
class Difference:
    """``changes`` are (object, path, before, after); an object that came or went has an empty path."""

    new: tuple[Suspect, ...]
    gone: tuple[Suspect, ...]
    still: tuple[Suspect, ...]
    changes: tuple[tuple[str, str, str, str], ...]
    more: int

    def plain(self) -> dict[str, Any]:
        """For a module's result."""
        named = ("object", "path", "before", "after")
        return {
            **{name: [one.plain() for one in getattr(self, name)] for name in ("new", "gone", "still")},
            "changes": [dict(zip(named, change, strict=True)) for change in self.changes],
            "more_changes": self.more,
        }


def difference(before: Analysis, after: Analysis, objects_before: Contents, objects_after: Contents) -> Difference:
    """Findings are the same by code and subject. What could not be judged in one of the two is neither new nor gone."""
    was, now = ({_key(one): one for one in analysis.findings} for analysis in (before, after))
    changes = _changes(objects_before, objects_after)
    return Difference(
        new=tuple(one for key, one in now.items() if key not in was and one.code not in before.unknown),
        gone=tuple(one for key, one in was.items() if key not in now and one.code not in after.unknown),
        still=tuple(one for key, one in now.items() if key in was),
        changes=tuple(changes[:MAX_CHANGES]),
        more=len(changes[MAX_CHANGES:]),
    )


def _key(one: Suspect) -> tuple[str, ...]:
    return (one.code, *(one.subject[name] for name in ("kind", "namespace", "name")))


def _changes(before: Contents, after: Contents) -> list[tuple[str, str, str, str]]:
    """Objects that came, went, or have another specification; of pods only those that belong to nobody."""
    was, now = (_specified(contents) for contents in (before, after))
    found: list[tuple[str, str, str, str]] = []
    for key in sorted(was.keys() | now.keys()):
        title = " ".join(filter(None, (key[0], "/".join(filter(None, key[1:])))))
        if key not in was or key not in now:
            read = (before if key not in was else after).objects
            if key[0] in read or not read:  # a kind that was not read in one of the two did not come or go
                found.append((title, "", "" if key not in was else "there", "" if key not in now else "there"))
        else:
            found += [(title, *change) for change in _unlike(was[key], now[key])]
    return found


def _specified(contents: Contents) -> dict[tuple[str, str, str], Any]:
    found = {}
    for kind, parts in contents.objects.items():
        for part in parts:
            if kind not in _MOVING and contents.owner(part.key) == part.key:
                kept = {
                    name: value for name, value in dict_of(part.body).items() if name not in {"metadata", "status", "kind", "apiVersion"}
                }
                metadata = dict_of(part.body, "metadata")
                whole = {**kept, "labels": metadata.get("labels"), "annotations": metadata.get("annotations")}
                found[part.key] = _without_placeholders(whole)
    return found


def _without_placeholders(value: Any) -> Any:
    """Each bundle has placeholders of its own: of what is redacted nobody can say whether it changed."""
    try:
        return json.loads(_PLACEHOLDER.sub("[redacted]", json.dumps(value)))
    except (ValueError, RecursionError):
        return value


def _unlike(one: Any, other: Any, path: str = "", depth: int = 0) -> list[tuple[str, str, str]]:
    if _plain(one) == _plain(other):
        return []
    if isinstance(one, dict) and isinstance(other, dict) and depth < 20:
        names = sorted((one.keys() | other.keys()) - _NOISE)
        return [each for name in names for each in _unlike(one.get(name), other.get(name), f"{path}.{name}".lstrip("."), depth + 1)]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other) and depth < 20:
        pairs = enumerate(zip(one, other, strict=True))
        return [each for number, (a, b) in pairs for each in _unlike(a, b, f"{path}[{number}]", depth + 1)]
    before, after = ("" if value is None else brief_value(value, _LONGEST) for value in (one, other))
    return [(path, before, after)]


def _plain(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (ValueError, RecursionError):
        return brief_value(value)
