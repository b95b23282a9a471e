# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply with owners, in small: mappings, lists of things with a name, and values.  Fields are sets of paths here."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

Object = dict[str, Any]
Path = tuple[str, ...]
_NEVER = {("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace"), ("f:metadata", "f:uid")}
_SERVER = {("f:metadata", f"f:{name}") for name in ("managedFields", "resourceVersion", "creationTimestamp", "generation")}


def applied(live: Object | None, body: Object, manager: str, *, force: bool = False) -> tuple[int, Object]:
    """Status and object, or status and Status."""
    wanted = {path: value for path, value in leaves(body) if path not in _NEVER}
    after = copy.deepcopy(live) if live is not None else {name: body[name] for name in ("apiVersion", "kind")}
    after.setdefault("metadata", {name: body["metadata"][name] for name in ("name", "namespace") if name in body["metadata"]})
    owners = owners_of(after)
    mine = owners.setdefault((manager, "Apply"), set())
    conflicts = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{other}"', "field": "".join(path)}
        for (other, how), theirs in owners.items()
        for path, value in wanted.items()
        if (other, how) != (manager, "Apply") and path in theirs and value_at(after, path) != value
    ]
    if conflicts and not force:
        return 409, {"kind": "Status", "code": 409, "message": "conflicts", "details": {"causes": conflicts}}
    for path, value in wanted.items():
        if value_at(after, path) != value:
            for theirs in owners.values():
                theirs.discard(path)
            put(after, path, value)
    others = set().union(*(theirs for who, theirs in owners.items() if who != (manager, "Apply")))
    for path in mine - set(wanted) - others:
        if path[-1] != "f:name" or not path[-2].startswith("k:"):  # a thing keeps its name as long as it is there
            drop(after, path)
    owners[manager, "Apply"] = set(wanted)
    return (200 if live is not None else 201), _with(after, owners)


def updated(live: Object, manager: str, change: Callable[[Object], None]) -> Object:
    """As an edit by somebody: what changes is theirs."""
    after = copy.deepcopy(live)
    change(after)
    before, now = dict(leaves(live)), dict(leaves(after))
    owners = owners_of(after)
    mine = owners.setdefault((manager, "Update"), set())
    for path in {path for path in {**before, **now} if before.get(path) != now.get(path)} - _SERVER:
        for theirs in owners.values():
            theirs.discard(path)
        if path in now:
            mine.add(path)
    return _with(after, owners)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if path in _SERVER:
        return
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, (*path, f"f:{name}"))
    elif isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
        for one in value:
            key = (*path, f"k:{json.dumps({'name': one['name']})}")
            yield (*key, "."), None
            yield from leaves(one, key)
    else:
        yield path, value


def owners_of(obj: Object) -> dict[tuple[str, str], set[Path]]:
    entries = obj["metadata"].get("managedFields") or []
    return {(one["manager"], one["operation"]): set(_paths(one["fieldsV1"])) for one in entries}


def value_at(obj: Any, path: Path) -> Any:
    """None for what is not there."""
    for step in path:
        if step == ".":
            return None
        obj = _step(obj, step)
        if obj is None:
            return None
    return obj


def put(obj: Any, path: Path, value: Any) -> None:
    for step, following in zip(path, [*path[1:], ""], strict=True):
        if step == ".":
            return
        if not following:
            obj[step[2:]] = copy.deepcopy(value)
            return
        inner = _step(obj, step)
        if inner is None or not isinstance(inner, (dict, list)):
            inner = [] if following.startswith("k:") else {}
            if step.startswith("k:"):
                inner = json.loads(step[2:])
                obj.append(inner)
            else:
                obj[step[2:]] = inner
        obj = inner


def drop(obj: Any, path: Path) -> None:
    """And what is empty then."""
    parents = [obj]
    for step in path[:-1]:
        parents.append(_step(parents[-1], step))
        if parents[-1] is None:
            return
    if path[-1] != ".":
        parents[-1].pop(path[-1][2:], None)
    for parent, step, inner in reversed(list(zip(parents, path[:-1], parents[1:], strict=False))):
        if step.startswith("k:") and (path[-1] == "." or not inner):
            parent[:] = [one for one in parent if one is not inner]
        elif step.startswith("f:") and not inner:
            del parent[step[2:]]
        else:
            return


def _step(obj: Any, step: str) -> Any:
    if step.startswith("f:"):
        return obj.get(step[2:]) if isinstance(obj, dict) else None
    keys = json.loads(step[2:])
    return next((one for one in obj if keys.items() <= one.items()), None) if isinstance(obj, list) else None


def _with(obj: Object, owners: dict[tuple[str, str], set[Path]]) -> Object:
    entries = [
        {"manager": manager, "operation": how, "fieldsType": "FieldsV1", "apiVersion": obj["apiVersion"], "fieldsV1": _nested(fields)}
        for (manager, how), fields in sorted(owners.items())
        if fields
    ]
    return {**obj, "metadata": {**obj["metadata"], "managedFields": entries}}


def _nested(paths: set[Path]) -> Object:
    found: Object = {}
    for path in sorted(paths):
        at = found
        for step in path:
            at = at.setdefault(step, {})
    return found


def _paths(fields: Object, path: Path = ()) -> Iterator[Path]:
    for step, inner in fields.items():
        if inner:
            yield from _paths(inner, (*path, step))
        else:
            yield (*path, step)
