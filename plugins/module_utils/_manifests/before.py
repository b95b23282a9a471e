# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object was before a set changed it, and which part of that the set may put back.  Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._cluster.objects import Object
from .changes import content_of
from .model import CHANGED, CREATED, REMOVED, Item, ObjectId
from .ownership import Fields, applied_fields, at_field, common, entries_of, is_applied, minus, moved, united

_MISSING = object()


@dataclass(frozen=True)
class Before:
    """``content`` is None if the object was not there; sets of fields are those of managedFields."""

    api_version: str
    id: ObjectId
    uid: str = ""
    content: Object | None = None
    owned: Fields | None = None  # what the set applied before, or was to apply
    applied: Fields | None = None  # what it was to apply, in each of its runs
    touched: Fields | None = None  # of what it owned: what it was to change
    removed: bool = False

    def to_row(self) -> list[Any]:
        return [self.api_version, list(self.id), self.uid, self.content, self.owned, self.applied, self.touched, self.removed]

    @classmethod
    def from_row(cls, row: Any) -> Before:
        """Of what was signed."""
        api_version, identity, *rest = row
        return cls(api_version, ObjectId(*identity), *rest)


@dataclass(frozen=True)
class WayBack:
    """What goes back of an object: a document for server-side apply, and the fields that stay, with who has them."""

    document: Object
    left: tuple[str, ...]


def states_before(items: Iterable[Item], manager: str) -> list[Before]:
    """Of planned items, those that are going to change."""
    return [_before(item, manager) for item in items if item.action in (CREATED, CHANGED, REMOVED)]


def older_first(old: Iterable[Before], new: Iterable[Before]) -> list[Before]:
    """Of an object that two runs changed, what it was before the first."""
    found = {one.id: one for one in old}
    for one in new:
        first = found.get(one.id)
        if first is None:
            found[one.id] = one
        elif first.content is not None:
            owned, touched = united(first.owned or {}, one.owned or {}), united(first.touched or {}, one.touched or {})
            always = minus(first.applied or {}, minus(first.applied or {}, one.applied or {}))
            found[one.id] = replace(first, owned=owned, touched=touched, applied=always, removed=first.removed or one.removed)
    return list(found.values())


def return_of(before: Before, live: Mapping[str, Any], manager: str) -> WayBack:
    """The values of before for what the set applied then or now, except for what others have set or removed since."""
    content = before.content or {}
    owned = united(before.owned or {}, applied_fields(live, manager) or {})
    touched, applied = before.touched or owned, before.applied or {}
    dropped: Fields = {}
    left = []
    for path in leaves(owned):
        was, now = value_at(content, path), value_at(live, path)
        if was == now:
            continue
        who = _holder(live, path, manager)
        if not who and was is not _MISSING and now is _MISSING and _has(applied, path):
            who = "removed since"
        if who:
            dropped = united(dropped, _nested(path))
            if _has(touched, path):
                left.append(f"{field_name(path)} ({who})")
    return WayBack(document_of(before, minus(owned, dropped)), tuple(left))


def stays(before: Before, after: Mapping[str, Any], manager: str) -> list[str]:
    """What the set had added and is still there, because others applied it too."""
    added = [path for path in leaves(before.touched or {}) if value_at(before.content or {}, path) is _MISSING]
    return [
        f"{field_name(path)} ({_holder(after, path, manager) or 'its owner is not known'})"
        for path in added
        if value_at(after, path) is not _MISSING and not any(value_at(after, path[:end]) is _MISSING for end in range(1, len(path)))
    ]


def document_of(before: Before, fields: Mapping[str, Any]) -> Object:
    """The part of what it was that these fields name."""
    its = {name: inner for name, inner in fields.items() if name not in ("f:apiVersion", "f:kind")}
    part = extracted(before.content or {}, its) if its else {}  # inside, no fields mean the whole of a leaf
    metadata = {"name": before.id.name, **({"namespace": before.id.namespace} if before.id.namespace else {})}
    return {**part, "apiVersion": before.api_version, "kind": before.id.kind, "metadata": {**part.get("metadata", {}), **metadata}}


def extracted(obj: Any, fields: Mapping[str, Any]) -> Any:
    """The part of an object that a set of fields names, as it would be applied; the keys of list items are always part of it."""
    inner = {name: sub for name, sub in fields.items() if name != "."}
    if not inner and "." not in fields:
        return obj
    if isinstance(obj, list):
        picked = [(name, sub, value) for name, sub in inner.items() for there, value in [at_field(obj, name)] if there]
        return [_item(name, sub, value) for one in obj for name, sub, value in picked if value is one or (name[0] == "v" and value == one)]
    if not isinstance(obj, dict):
        return obj
    found = {}
    for name, sub in inner.items():
        there, value = at_field(obj, name)
        if there:
            part = extracted(value, sub)
            if part or not sub or "." in sub:
                found[name[2:]] = part
    return found


def leaves(fields: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in fields.items():
        if inner:
            yield from leaves(inner, (*path, name))
        elif name != ".":
            yield (*path, name)


def value_at(obj: Any, path: Iterable[str]) -> Any:
    for name in path:
        there, obj = at_field(obj, name)
        if not there:
            return _MISSING
    return obj


def field_name(path: Iterable[str]) -> str:
    """`.spec.ports[port=80,protocol=TCP].targetPort`"""
    return "".join(_name_of(name) for name in path)


def _name_of(name: str) -> str:
    mark, _colon, rest = name.partition(":")
    if mark == "f":
        return f".{rest}"
    if mark == "v":
        return f"[{rest}]"
    keys = json.loads(rest)
    return f"[{','.join(f'{key}={value}' for key, value in keys.items())}]"


def _before(item: Item, manager: str) -> Before:
    api_version, live = str(item.document["apiVersion"]), item.live
    if live is None:
        return Before(api_version, item.id)
    entries = moved(live, manager, item.document) if item.action == CHANGED else None
    owned = applied_fields({"metadata": {"managedFields": entries or entries_of(live)}}, manager) or {}
    after = item.after if item.action == CHANGED and item.after is not None else None
    applied = common(applied_fields(after, manager) or {}, after) if after is not None else {}  # not what the API server leaves out
    every = united(owned, applied)
    touched: Fields = {}
    for path in leaves(every):
        if item.after is None or value_at(live, path) != value_at(item.after, path):
            touched = united(touched, _nested(path))
    uid = str(live["metadata"].get("uid", ""))
    return Before(api_version, item.id, uid, content_of(live), every, applied, touched, removed=item.action == REMOVED)


def _item(name: str, fields: Mapping[str, Any], value: Any) -> Any:
    if name[0] == "v" or not fields:
        return value
    part = extracted(value, fields)
    return {**{key: one for key, one in json.loads(name[2:]).items() if key in value}, **part} if isinstance(part, dict) else part


def _holder(live: Mapping[str, Any], path: Sequence[str], manager: str) -> str:
    """Who else has the field, or one that holds it."""
    names = {str(entry.get("manager")) for entry in entries_of(live) if not is_applied(entry, manager) and _owns(entry, path)}
    return ", ".join(sorted(names))


def _owns(entry: Mapping[str, Any], path: Sequence[str]) -> bool:
    at: Any = entry.get("fieldsV1") or {}
    for name in path:
        if name not in at:
            return False
        at = at[name]
        if not at:
            return True
    return True


def _has(fields: Mapping[str, Any], path: Sequence[str]) -> bool:
    return _owns({"fieldsV1": fields}, path)


def _nested(path: Sequence[str]) -> Fields:
    found: Fields = {}
    for name in reversed(path):
        found = {name: found}
    return found
