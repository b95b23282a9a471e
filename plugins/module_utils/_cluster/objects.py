# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single objects: read, created, changed under a precondition, deleted; through an API server that sometimes fails temporarily."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError
from .http import Query, Response, ServesProxy

Object = dict[str, Any]

_OWNER = ("apiVersion", "kind", "name", "uid")
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON = "application/json"
# Answers without the content of the objects; whole ones of a server that does not know this form.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


@dataclass(frozen=True)
class Change:
    """An object before and after.  ``before`` is None where there was none."""

    before: Object | None
    after: Object
    changed: bool


def is_named(item: Any) -> bool:
    """As every object of Kubernetes is, and what is derived from one.  A path that ends with an empty name is that of the whole list."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return isinstance(name, str) and name != ""


def has_sound_metadata(item: Object) -> bool:
    """Whether the metadata of a named object has the form that all rules read; the API server of an aggregated API may send any."""
    metadata = item["metadata"]
    maps = (metadata.get("labels") or {}, metadata.get("annotations") or {})
    owners, finalizers = metadata.get("ownerReferences") or [], metadata.get("finalizers") or []
    return (
        all(isinstance(metadata.get(name) or "", str) for name in ("namespace", "uid", "resourceVersion"))
        and all(isinstance(one, dict) and all(isinstance(value, str) for value in one.values()) for one in maps)
        and isinstance(finalizers, list)
        and all(isinstance(one, str) for one in finalizers)
        and isinstance(owners, list)
        and all(isinstance(one, dict) and all(isinstance(one.get(name), str) for name in _OWNER) for one in owners)
    )


def _object(path: str, answer: Response) -> Object:
    found: Object = answer.json()
    if not is_named(found):
        raise SalvageError(f"{path} gives something that has no name, so it is not an object of Kubernetes", reason="invalid")
    return found


def read(cluster: ServesProxy, path: str, *, query: Query | None = None) -> Object | None:
    """The object, or None where there is none."""
    try:
        return _object(path, cluster.call("GET", path, query=query))
    except SalvageError as exc:
        if exc.reason == "not_found":
            return None
        raise


def must_read(cluster: ServesProxy, path: str) -> Object:
    """The object.  Raises SalvageError(not_found)."""
    return _object(path, cluster.call("GET", path))


def items_if_served(cluster: ServesProxy, path: str, query: Query | None = None, **how: Any) -> Iterator[Object]:
    """The objects of a list, page by page (``how`` as ``Cluster.pages``); none where the cluster has no such kind."""
    try:
        for page in cluster.pages(path, query, **how):
            yield from page.get("items") or ()
    except SalvageError as exc:
        if exc.reason != "not_found":
            raise


def update(
    cluster: ServesProxy,
    path: str,
    decide: Callable[[Object], Any],
    *,
    dry_run: bool = False,
    attempts: int = 20,
    manager: str = "",
) -> Change:
    """Change an object that others change too.

    ``decide`` gets the object as it is and gives a merge patch (a dict), JSON patch operations (a list), or None to leave it.
    The write carries the resourceVersion that was decided on; if the object has changed since, it is decided again, never just repeated.
    Raises SalvageError; conflict after ``attempts``.
    """
    first: Object | None = None
    for _attempt in range(attempts):
        before = must_read(cluster, path)
        patch = decide(before)
        if patch is None:
            # After a conflict the answer of our own write may have been lost: then this is what it made.
            return Change(first or before, before, changed=first is not None and _content(first) != _content(before))
        try:
            after = write(cluster, path, patch, before["metadata"]["resourceVersion"], dry_run=dry_run, manager=manager)
        except SalvageError as exc:
            if exc.reason == "conflict":
                first = first or before
                continue
            raise
        return Change(before, after, changed=_content(after) != _content(before))
    raise SalvageError(f"{path} was changed by another client {attempts} times in a row; run it again later", reason="conflict")


def _content(obj: Object) -> Object:
    """Without what each write renews."""
    bookkeeping = {"resourceVersion", "generation", "managedFields"}
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key not in bookkeeping}}


def write(
    cluster: ServesProxy,
    path: str,
    patch: Any,
    resource_version: str,
    *,
    dry_run: bool = False,
    manager: str = "",
    done: Callable[[Object], bool] | None = None,
) -> Object:
    """Compare and swap: the patch, if the object is still at ``resource_version``.  Raises SalvageError(conflict) if not.

    After a broken connection the same write is sent again: if the first one went through, the second conflicts.  ``done`` is whether the
    object is what this write makes of it; without it the caller reads and sees.
    """
    if isinstance(patch, Mapping):
        metadata = {**patch.get("metadata", {}), "resourceVersion": resource_version}
        body: Any = {**patch, "metadata": metadata}
        content_type = MERGE_PATCH
    else:
        body = [{"op": "test", "path": "/metadata/resourceVersion", "value": resource_version}, *patch]
        content_type = JSON_PATCH
    try:
        return _object(path, cluster.call("PATCH", path, body=body, content_type=content_type, query=_query(dry_run, manager)))
    except SalvageError as exc:
        # A JSON patch with a failed test is "invalid" (422), and so is one that the object can't take: only a second read shows which.
        failed_test = exc.reason == "invalid" and content_type == JSON_PATCH
        if not failed_test and (exc.reason != "conflict" or done is None):
            raise
        now = read(cluster, path)
        if now is None or now["metadata"]["resourceVersion"] == resource_version:
            raise
        if done is not None and not dry_run and done(now):
            return now
        if failed_test:
            raise SalvageError(f"{path} changed meanwhile", reason="conflict") from None
        raise


def create(cluster: ServesProxy, path: str, obj: Object, *, dry_run: bool = False, manager: str = "") -> Object | None:
    """The object created in the collection at ``path``, or None if its name is taken."""
    try:
        return _object(path, cluster.call("POST", path, body=obj, query=_query(dry_run, manager)))
    except SalvageError as exc:
        if exc.reason == "conflict":
            return None
        raise


def delete(cluster: ServesProxy, path: str, *, uid: str | None = None, resource_version: str | None = None, dry_run: bool = False) -> bool:
    """Whether there was one to delete.  With ``uid`` only that very object is, with ``resource_version`` only as it was then."""
    body: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    conditions = {**({"uid": uid} if uid else {}), **({"resourceVersion": resource_version} if resource_version else {})}
    if conditions:
        body["preconditions"] = conditions
    if dry_run:
        body["dryRun"] = ["All"]  # beside a body the API server does not read the query, which only its audit log shows
    try:
        cluster.call("DELETE", path, body=body, query=_query(dry_run))
    except SalvageError as exc:
        if exc.reason in {"not_found", "conflict"}:
            return False
        raise
    return True


def _query(dry_run: bool, manager: str = "") -> Query | None:
    """``manager`` is under what name the API server notes who wrote which field."""
    query = {**({"dryRun": "All"} if dry_run else {}), **({"fieldManager": manager} if manager else {})}
    return query or None
