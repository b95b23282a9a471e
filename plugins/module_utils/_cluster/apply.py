# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to single objects, each with its precondition.  Raw JSON; a dry run is the API server's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import SalvageError
from .http import Response, ServesProxy, said

Object = dict[str, Any]


def read(cluster: ServesProxy, path: str, *, timeout: float | None = None) -> Object | None:
    """The object at ``path``, None where there is none.  Raises SalvageError."""
    answer = cluster.http.request("GET", cluster.server.rstrip("/") + path, headers={"Accept": "application/json"}, timeout=timeout)
    if answer.status == 404:
        return None
    return _object(path, answer)


def create(cluster: ServesProxy, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> Object:
    """POST to a collection.  Raises SalvageError(conflict) where the object exists."""
    return _send(cluster, "POST", path, body, "application/json", dry_run)


def replace(cluster: ServesProxy, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> Object:
    """PUT of an object that was read: its resourceVersion is the precondition.

    Raises SalvageError(conflict) where somebody else changed it since, bad_input where it has no resourceVersion.
    """
    if not (body.get("metadata") or {}).get("resourceVersion"):
        raise SalvageError(f"{path} can't be replaced without the resourceVersion that was read", reason="bad_input")
    return _send(cluster, "PUT", path, body, "application/json", dry_run)


def merge_patch(cluster: ServesProxy, path: str, patch: Mapping[str, Any], *, dry_run: bool = False) -> Object:
    """A merge patch; put ``metadata.resourceVersion`` into it for a precondition.  Raises SalvageError."""
    return _send(cluster, "PATCH", path, patch, "application/merge-patch+json", dry_run)


def delete(cluster: ServesProxy, path: str, *, uid: str | None = None, dry_run: bool = False) -> bool:
    """Whether there was something to delete; ``uid`` is the precondition.  Raises SalvageError."""
    body: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
    if uid:
        body["preconditions"] = {"uid": uid}
    try:
        _send(cluster, "DELETE", path, body, "application/json", dry_run)
    except SalvageError as exc:
        if exc.reason == "not_found":
            return False
        raise
    return True


def _send(cluster: ServesProxy, method: str, path: str, body: Mapping[str, Any], kind: str, dry_run: bool) -> Object:
    answer = cluster.http.request(
        method,
        cluster.server.rstrip("/") + path,
        query={"dryRun": "All"} if dry_run else None,
        body=json.dumps(body).encode(),
        headers={"Accept": "application/json", "Content-Type": kind},
    )
    return _object(path, answer)


def _object(path: str, answer: Response) -> Object:
    if 200 <= answer.status < 300:
        found = answer.json()
        if isinstance(found, dict):
            return found
        raise SalvageError(f"the API server's answer for {path} is no object", reason="invalid")
    reason = {401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 422: "invalid"}.get(answer.status, "http_error")
    raise SalvageError(f"the API server answered {answer.status} for {path}{said(answer)}", reason=reason)
