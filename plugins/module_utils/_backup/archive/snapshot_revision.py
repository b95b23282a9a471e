# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of one moment: every kind listed at one exact resourceVersion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._cluster.discovery import Resource
from ..._cluster.http import DEFAULT_MAX_BYTES
from ..._cluster.objects import has_sound_metadata
from ..._cluster.session import Cluster, StatusError
from ..._core.errors import SalvageError
from .select import is_plain_service, made_by_service

# What an aggregated API may say to a list at an exact version that it can't give.  Anything else is a failure.
_NO_EXACT = frozenset({400, 404, 405, 422})
_GONE = 410


class CutLostError(Exception):
    """The server has compacted the moment away: a new one has to be taken."""


@dataclass
class Cut:
    """What became of the moment; filled while its objects are read."""

    resource_version: str
    outside: list[str] = field(default_factory=list)
    holes: dict[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)  # by kind


def take(cluster: Cluster, path: str) -> Cut:
    """The present moment, by a quorum read of the list at ``path``."""
    version = _version(cluster.get_json(path, {"limit": 1}))
    if not version:
        raise SalvageError(f"{cluster.server}{path} has no resourceVersion, so no consistent backup is possible", reason="invalid")
    return Cut(version)


def objects(
    cluster: Cluster, cut: Cut, resources: Sequence[Resource], namespaces: Sequence[str] = ()
) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """The objects, page by page; a kind that can't be read is noted as a hole.  Raises CutLostError."""
    plain: set[tuple[str, str]] = set()
    for resource in sorted(resources, key=lambda one: one.full_name != "services"):  # before their endpoints
        try:
            for path, query in _lists(resource, namespaces):
                for item in _items(cluster, cut, resource, path, query):
                    if not has_sound_metadata(item):
                        raise SalvageError(
                            f"the metadata of {item['metadata']['name']} is not that of a Kubernetes object", reason="invalid"
                        )
                    if is_plain_service(resource, item):
                        plain.add((item["metadata"].get("namespace", ""), item["metadata"]["name"]))
                    if made_by_service(resource, item, plain):
                        cut.left_out[resource.full_name] += 1
                    else:
                        # The items of a list do not say what they are.
                        yield resource, {**item, "apiVersion": resource.api_version, "kind": resource.kind}
        except SalvageError as exc:  # noqa: PERF203
            cut.holes[resource.full_name] = str(exc)


def _lists(resource: Resource, namespaces: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for namespace in namespaces or ("",):
        if resource.namespaced or not namespace:
            yield resource.path(namespace if resource.namespaced else ""), {}
        else:
            yield resource.path(), {"fieldSelector": f"metadata.name={namespace}"}


def _items(cluster: Cluster, cut: Cut, resource: Resource, path: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    exact = {"resourceVersion": cut.resource_version, "resourceVersionMatch": "Exact"}
    inside = False
    try:
        for page in cluster.pages(path, {**query, **exact}, max_bytes=DEFAULT_MAX_BYTES):
            if _version(page) != cut.resource_version:
                if inside:
                    raise CutLostError
                break
            inside = True
            yield from page.get("items") or ()
    except StatusError as exc:
        if exc.status == _GONE:
            raise CutLostError from None
        if inside or exc.status not in _NO_EXACT:
            raise
    if inside:
        return
    # Another store than the one the moment was taken of (an aggregated API): the present is all that there is.
    if resource.full_name not in cut.outside:
        cut.outside.append(resource.full_name)
    yield from cluster.list(path, query, max_bytes=DEFAULT_MAX_BYTES)


def _version(page: Mapping[str, Any]) -> str:
    return str((page.get("metadata") or {}).get("resourceVersion") or "")
