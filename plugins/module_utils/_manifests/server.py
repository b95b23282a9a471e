# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server as a set of manifests uses it: which kinds it has, what is there, and server-side apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .._cluster.discovery import Resource, resources_of
from .._cluster.http import Response
from .._cluster.objects import JSON, JSON_PATCH, METADATA_LIST, Object, items_if_served, read
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.gather import gather
from .answers import is_final
from .model import Item

_APPLY = "application/apply-patch+yaml"
ANSWERS = frozenset({400, 403, 404, 409, 413, 422})
_MOST = 500
Kinds = dict[tuple[str, str], Resource]


class Server:
    def __init__(self, cluster: Cluster, manager: str, workers: int) -> None:
        self.cluster, self._manager, self._workers = cluster, manager, workers

    def kinds(self, api_versions: Iterable[str]) -> Kinds:
        """By apiVersion and kind.  A version that the server does not have has none; one that does not answer raises SalvageError."""
        asked = sorted(set(api_versions))
        found: Kinds = {}
        for version, answer in gather({one: _discovery(self.cluster, one) for one in asked}, self._workers).items():
            if isinstance(answer, SalvageError):
                raise answer
            group = version.rpartition("/")[0]
            for resource in resources_of(group, version.rpartition("/")[2], answer or {}):
                found[version, resource.kind] = resource
        return found

    def collection(self, item: Item) -> str:
        if item.resource is None:
            raise SalvageError(f"{item.id}: the cluster has no such kind", reason="not_found")
        return item.resource.path(quote(item.id.namespace, safe=""))

    def path(self, item: Item) -> str:
        return f"{self.collection(item)}/{quote(item.id.name, safe=':')}"

    def read(self, item: Item) -> Object | None:
        return read(self.cluster, self.path(item))

    def versions(self, collection: str) -> dict[str, tuple[str, str]]:
        """By name, the uid and resourceVersion of a collection's first objects; none if it can't be listed."""
        try:
            found = next(self.cluster.pages(collection, limit=_MOST, accept=METADATA_LIST))
        except SalvageError:
            return {}
        return {one["metadata"]["name"]: version_of(one) for one in found.get("items") or ()}

    def autoscalers(self, namespace: str) -> Sequence[Mapping[str, Any]]:
        place = quote(namespace, safe="")
        found = items_if_served(self.cluster, f"/apis/autoscaling/v2/namespaces/{place}/horizontalpodautoscalers")
        return [{**one, "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"} for one in found]

    def apply(self, item: Item, body: Object, *, force: bool, dry_run: bool) -> Response:
        return apply_object(self.cluster, self.path(item), body, manager=self._manager, force=force, dry_run=dry_run)

    def replace_managers(self, item: Item, live: Object, entries: Sequence[Object], annotation: str) -> bool:
        """Moves the ownership of fields; False if the object has changed meanwhile."""
        return replace_managers(self.cluster, self.path(item), live, entries, manager=self._manager, annotation=annotation)


def replace_managers(cluster: Cluster, path: str, live: Object, entries: Sequence[Object], *, manager: str, annotation: str = "") -> bool:
    """Sets who owns which field, and removes the annotation; False if it is not ``live`` any more.  Raises SalvageError."""
    operations: list[Object] = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/metadata/managedFields", "value": list(entries)},
    ]
    if annotation in (live["metadata"].get("annotations") or {}):
        operations.append({"op": "remove", "path": f"/metadata/annotations/{annotation.replace('~', '~0').replace('/', '~1')}"})
    query = {"fieldManager": manager}
    answer = cluster.call("PATCH", path, body=operations, content_type=JSON_PATCH, query=query, accept=frozenset({404, 409, 422}))
    return answer.status == 200


def apply_object(cluster: Cluster, path: str, body: Object, *, manager: str, force: bool, dry_run: bool, media: str = JSON) -> Response:
    """Server-side apply; a dry run sends the same bytes.  Returns refusals too.  Raises SalvageError if the server does not answer."""
    query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
    return cluster.call("PATCH", path, body=body, content_type=_APPLY, query=query, media=media, accept=ANSWERS, final=is_final)


def with_uid(body: Object, live: Mapping[str, Any] | None) -> Object:
    """The precondition of a write: the object is this very one, or was not there."""
    return body if live is None else {**body, "metadata": {**body["metadata"], "uid": live["metadata"]["uid"]}}


def version_of(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Two objects of one name with the same version are the same in every field."""
    return str(obj["metadata"].get("uid", "")), str(obj["metadata"].get("resourceVersion", ""))


def _discovery(cluster: Cluster, version: str) -> Any:
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"

    def found() -> Object | None:
        try:
            return cluster.get_json(root)
        except SalvageError as exc:
            if exc.reason == "not_found":
                return None
            raise

    return found
