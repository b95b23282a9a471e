# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ConfigMaps and Secrets that a proven revision ran with: kept as immutable copies, and brought back.

A copy is owned by the ReplicaSet or ControllerRevision with the content it keeps, so it lives as long as the revision can be gone back to.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from .._cluster.defaults import ROLLBACK_MANAGER
from .._cluster.http import ServesProxy
from .._cluster.objects import create, delete, read, update
from .._core.errors import SalvageError
from .workload import PREFIX, Object, path_of

Copies = tuple[tuple[str, str, str], ...]  # kind, name, name of the copy; no copy: it was not there

_LABEL = f"{PREFIX}copy"
# The field managers of people and of what deploys for them; any other writer of the content is a controller.
_TOOLS = re.compile(
    r"(?i)(kubectl|oc\b|helm|meta-salvage|euystacio|ansible|openapi-generator|python|mozilla|curl|k9s|lens|terraform|hashicorp|pulumi"
    r"|before-first-apply|argocd|kustomize|flux|unknown)"
)
# Labels and annotations of objects with content from cert-manager, trust-manager, OpenShift, External Secrets, Vault.
_INJECTED = (
    "cert-manager.io/certificate-name",
    "trust.cert-manager.io/",
    "config.openshift.io/inject-",
    "service.beta.openshift.io/",
    "service.alpha.openshift.io/",
    "reconcile.external-secrets.io/",
    "secrets.hashicorp.com/",
)


def digest_of(obj: Object) -> str:
    """Of the content alone."""
    content = {"data": obj.get("data") or {}, "binaryData": obj.get("binaryData") or {}, "type": obj.get("type")}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def copy_of(obj: Object, kind: str, keeper: Object) -> Object:
    """The immutable copy, ready to be created."""
    metadata = obj["metadata"]
    made: Object = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": f"{metadata['name'][:230]}.{digest_of(obj)}",
            "namespace": metadata["namespace"],
            "labels": {_LABEL: "true"},
            "annotations": {f"{PREFIX}copy-of": metadata["name"]},
            "ownerReferences": [owner_reference(keeper)],
        },
        "immutable": True,
    }
    for field in ("data", "binaryData", "type"):
        if obj.get(field):
            made[field] = obj[field]
    return made


def owner_reference(keeper: Object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": keeper.get("kind") or ("ControllerRevision" if "revision" in keeper else "ReplicaSet"),
        "name": keeper["metadata"]["name"],
        "uid": keeper["metadata"]["uid"],
    }


def content_patch(live: Object, copy: Object) -> Object | None:
    """The merge patch that gives ``live`` the content of ``copy``; None if it has it."""
    patch: Object = {}
    for field in ("data", "binaryData"):
        now, then = live.get(field) or {}, copy.get(field) or {}
        if now != then:
            patch[field] = {**dict.fromkeys(now), **then}
    return patch or None


def owned_by_others(obj: Object) -> bool:
    """Whether a controller writes the content (a certificate, a token): nobody wants its old content back."""
    metadata = obj["metadata"]
    owned = any(one.get("controller") for one in metadata.get("ownerReferences") or [])
    if owned or obj.get("type") == "kubernetes.io/service-account-token":
        return True
    if any(str(key).startswith(_INJECTED) for field in ("annotations", "labels") for key in metadata.get(field) or {}):
        return True
    writers = [one for one in metadata.get("managedFields") or [] if {"f:data", "f:binaryData"} & set(one.get("fieldsV1") or {})]
    return bool(writers) and not any(_TOOLS.match(str(one.get("manager"))) for one in writers)


def keep(cluster: ServesProxy, namespace: str, configs: list[tuple[str, str]], keeper: Object, *, dry_run: bool) -> Copies:
    """Copy what the template reads.  That something is not there (optional references) is noted too."""
    kept = []
    for kind, name in configs:
        live = read(cluster, path_of(kind, namespace, name))
        if live is None:
            kept.append((kind, name, ""))
        elif not owned_by_others(live):
            kept.append((kind, name, _copied(cluster, live, kind, keeper, dry_run=dry_run)))
    return tuple(kept)


def _copied(cluster: ServesProxy, live: Object, kind: str, keeper: Object, *, dry_run: bool) -> str:
    namespace, copy = live["metadata"]["namespace"], copy_of(live, kind, keeper)
    name = str(copy["metadata"]["name"])
    if create(cluster, path_of(kind, namespace), copy, dry_run=dry_run) is None:
        there = update(cluster, path_of(kind, namespace, name), lambda there: _also_owned(there, keeper), dry_run=dry_run).after
        if digest_of(there) != _ending(name):
            of = live["metadata"]["name"]
            raise SalvageError(f"{kind} {name} should be a copy of {of} and has other content; delete it", reason="invalid")
    return name


def _also_owned(copy: Object, keeper: Object) -> Object | None:
    owners = copy["metadata"].get("ownerReferences") or []
    mine = owner_reference(keeper)
    if any(owner["uid"] == mine["uid"] for owner in owners):
        return None
    return {"metadata": {"ownerReferences": [*owners, mine]}}


def drift(cluster: ServesProxy, namespace: str, copies: Copies) -> list[str]:
    """The kinds and names with content that differs from their copies."""
    return [f"{kind}/{name}" for kind, name, copy in copies if _differs(read(cluster, path_of(kind, namespace, name)), copy)]


def _differs(live: Object | None, copy: str) -> bool:
    if live is None:
        return bool(copy)
    return not owned_by_others(live) and digest_of(live) != _ending(copy)


def _ending(copy: str) -> str:
    return copy.rsplit(".", maxsplit=1)[-1]


@dataclass(frozen=True)
class Brought:
    """What was changed, and what was left as it is although it differs."""

    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def bring_back(cluster: ServesProxy, namespace: str, copies: Copies, owner: Object, *, dry_run: bool) -> Brought:
    """Give each ConfigMap and Secret the content of its copy.  What was not there is removed; ``owner`` keeps a copy of it.

    All copies are read and checked before the first is written.  Raises SalvageError.
    """
    sources: list[tuple[str, str, Object | None]] = []
    for kind, name, copy in copies:
        kept = read(cluster, path_of(kind, namespace, copy)) if copy else None
        if copy and (kept is None or digest_of(kept) != _ending(copy)):
            what = "is gone" if kept is None else "does not hold what was recorded"
            raise SalvageError(f"the copy {copy} of {kind} {name} {what}; give the content by hand, then roll back", reason="not_found")
        sources.append((kind, name, kept))
    changed, left = [], []
    for kind, name, kept in sources:
        live = read(cluster, path_of(kind, namespace, name))
        if live is not None and owned_by_others(live):
            left.append(f"{kind}/{name}: a controller writes it")
        elif _given(cluster, namespace, kind, name, live, kept, owner, dry_run=dry_run):
            changed.append(f"{kind}/{name}")
    return Brought(tuple(changed), tuple(left))


def _given(
    cluster: ServesProxy, namespace: str, kind: str, name: str, live: Object | None, kept: Object | None, owner: Object, *, dry_run: bool
) -> bool:
    """Whether the object had to be changed to have the content that is kept; None: to be gone."""
    path = path_of(kind, namespace, name)
    if kept is None:
        if live is None:
            return False
        _copied(cluster, live, kind, owner, dry_run=dry_run)
        return delete(cluster, path, uid=live["metadata"]["uid"], dry_run=dry_run)
    if live is None:
        fresh: Object = {key: kept[key] for key in ("data", "binaryData", "type") if key in kept}
        metadata = {"name": name, "namespace": namespace}
        made = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fresh}
        create(cluster, path_of(kind, namespace), made, dry_run=dry_run, manager=ROLLBACK_MANAGER)
        return True
    patch = content_patch(live, kept)
    if patch and live.get("immutable"):
        raise SalvageError(f"{kind} {name} is immutable and differs from its copy; replace it, then roll back", reason="invalid")
    return bool(patch) and update(cluster, path, _giving(kept), dry_run=dry_run, manager=ROLLBACK_MANAGER).changed


def _giving(copy: Object) -> Callable[[Object], Object | None]:
    return lambda live: content_patch(live, copy)
