# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns which field of an object, and how an object moves from client-side apply to ours.  Pure.

The sets are those of managedFields (fieldsV1): `f:name` is a field, `k:{...}` the item of a list with these keys, `v:...` the item of a
set, `.` the thing itself, and an empty value a leaf.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .._cluster.defaults import RESTORE_MANAGER, ROLLBACK_MANAGER
from .._cluster.objects import Object

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LAST_APPLIED_PATH = ("f:metadata", "f:annotations", f"f:{LAST_APPLIED}")
_NOBODY = "before-first-apply"  # how the API server names the owner of what it has no owner for
_KEPT_ANNOTATIONS = ("f:meta-salvage.euystacio/", "f:kubectl.kubernetes.io/restartedAt")
Fields = dict[str, Any]


def entries_of(obj: Mapping[str, Any]) -> list[Object]:
    return list(obj["metadata"].get("managedFields") or ())


def applied_fields(obj: Mapping[str, Any], manager: str) -> Fields | None:
    """The fields that the manager has applied; None if it never has."""
    entry = next((one for one in entries_of(obj) if is_applied(one, manager)), None)
    return None if entry is None else dict(entry.get("fieldsV1") or {})


def earlier_managers(live: Mapping[str, Any]) -> frozenset[str]:
    """The managers of earlier writes of the same manifests, which the next apply may overwrite."""
    return frozenset(str(entry.get("manager")) for entry in entries_of(live) if _is_earlier(entry))


def moved(live: Mapping[str, Any], manager: str, document: Any) -> list[Object] | None:
    """managedFields in which ``manager`` has applied what earlier writes of the same manifests had; None if there is nothing to move.

    Of a client-side apply these are the fields of its last manifest.  The rest are defaults and changes of other kinds, which stay as they
    are and get no owner, and so does what a restore wrote.  Of a rollback it is all but records and restarts, which no manifest has.
    What ``document`` sets moves in any case: without any owner the API server would invent one.
    """
    earlier = [entry for entry in entries_of(live) if _is_earlier(entry)]
    if not earlier:
        return None
    rest = [entry for entry in entries_of(live) if not _is_earlier(entry) and not is_applied(entry, manager)]
    taken = applied_fields(live, manager) or {}
    for entry in earlier:
        fields = dict(entry.get("fieldsV1") or {})
        if entry["manager"] == ROLLBACK_MANAGER:
            mine = _without_records(fields)
            if left := minus(fields, mine):
                rest.append({**entry, "fieldsV1": left})
        else:
            mine = united(common(fields, document), common(fields, last_applied(live)) if _is_update(entry) else {})
        taken = united(taken, mine)
    return [*rest, _applied_entry(live, manager, taken)]


def as_applied(live: Mapping[str, Any], manager: str) -> list[Object] | None:
    """managedFields in which ``manager`` has applied what it has written in other ways; None if there is nothing of that."""
    mine = [entry for entry in entries_of(live) if entry.get("manager") == manager and not entry.get("subresource")]
    if all(is_applied(entry, manager) for entry in mine):
        return None
    fields: Fields = {}
    for entry in mine:
        fields = united(fields, entry.get("fieldsV1") or {})
    return [*(entry for entry in entries_of(live) if entry not in mine), _applied_entry(live, manager, fields)]


def fields_of_others(obj: Mapping[str, Any]) -> Fields:
    """What has another owner than an earlier write of the same manifests."""
    found: Fields = {}
    for entry in entries_of(obj):
        if not _is_earlier(entry):
            found = united(found, entry.get("fieldsV1") or {})
    return found


def last_applied(live: Mapping[str, Any]) -> Any:
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def united(one: Mapping[str, Any], other: Mapping[str, Any]) -> Fields:
    both = {name: dict(value or {}) for name, value in one.items()}
    for name, value in other.items():
        both[name] = united(both.get(name, {}), value or {})
    return both


def minus(one: Mapping[str, Any], other: Mapping[str, Any]) -> Fields:
    """The leaves of ``one`` that are not in ``other``."""
    rest: Fields = {}
    for name, value in one.items():
        if name not in other:
            rest[name] = value
        elif value:
            inner = minus(value, other[name] or {})
            if inner:
                rest[name] = inner
    return rest


def common(fields: Mapping[str, Any], document: Any) -> Fields:
    """The part of a set of fields that a document names."""
    found: Fields = {}
    for name, inner in fields.items():
        if name == ".":
            found[name] = {}
            continue
        there, value = at_field(document, name)
        if not there:
            continue
        deeper = common(inner, value) if inner else {}
        if deeper or not inner:
            found[name] = deeper
    return {} if set(found) == {"."} and not document else found


def remove_fields(obj: Any, fields: Mapping[str, Any]) -> None:
    """Takes a set of fields out of an object, as the API server does when their last owner no longer applies them.

    A mapping that is empty then goes too.
    """
    for name, inner in fields.items():
        there, value = at_field(obj, name) if name != "." else (False, None)
        if not there:
            continue
        is_item = name.startswith("k:") and "." in inner
        if inner and not is_item:
            remove_fields(value, inner)
            if value:
                continue
        if isinstance(obj, dict):
            obj.pop(name[2:], None)
        else:
            obj[:] = [one for one in obj if one is not value]


def at_field(document: Any, name: str) -> tuple[bool, Any]:
    mark, _colon, rest = name.partition(":")
    if mark == "f" and isinstance(document, dict):
        return rest in document, document.get(rest)
    if mark in ("k", "v") and isinstance(document, list):
        try:
            wanted = json.loads(rest)
        except ValueError:
            return False, None
        for one in document:
            if one == wanted if mark == "v" else _has_keys(one, wanted):
                return True, one
    return False, None


def _applied_entry(live: Mapping[str, Any], manager: str, fields: Fields) -> Object:
    return {"manager": manager, "operation": "Apply", "apiVersion": live["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": fields}


def _has_keys(item: Any, keys: Any) -> bool:
    """A key that the item does not name has its default, such as the protocol of a port."""
    return isinstance(item, dict) and isinstance(keys, dict) and all(item.get(name, value) == value for name, value in keys.items())


def _without_records(fields: Mapping[str, Any]) -> Fields:
    found = {name: _without_records(inner) if inner else {} for name, inner in fields.items() if not name.startswith(_KEPT_ANNOTATIONS)}
    found = {name: inner for name, inner in found.items() if inner or not fields[name]}
    return {} if set(found) == {"."} != set(fields) else found


def _is_earlier(entry: Mapping[str, Any]) -> bool:
    """Client-side apply (its manager is the one that wrote its annotation), a rollback with anything but records, a restore, or nobody."""
    fields, manager = entry.get("fieldsV1") or {}, entry.get("manager")
    if manager == RESTORE_MANAGER and not entry.get("subresource"):
        return True
    if not _is_update(entry):
        return False
    if manager == ROLLBACK_MANAGER:
        return bool(_without_records(fields))
    return manager == _NOBODY or _has(fields, _LAST_APPLIED_PATH)


def _is_update(entry: Mapping[str, Any]) -> bool:
    return entry.get("operation") == "Update" and not entry.get("subresource")


def is_applied(entry: Mapping[str, Any], manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")


def _has(fields: Mapping[str, Any], path: Iterable[str]) -> bool:
    at: Any = fields
    for name in path:
        if not isinstance(at, Mapping) or name not in at:
            return False
        at = at[name]
    return True
