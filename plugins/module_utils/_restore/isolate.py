# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy that acts on nothing outside: it consists of what ``isolated_fields`` allows, and every loss is listed; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from .._core.errors import SalvageError
from .._manifests.model import group_kind
from .._manifests.order import CUSTOM, TITLES, wave_of
from .isolated_fields import ALLOWED, KEEP, METADATA, NONE, CopyScope, Only, claim_form
from .kinds import annotations_of, labels_of, name_of
from .portable import Object

_AGAIN, _OUT, _RIGHTS = "its work would be done a second time", "it leads into or out of the copy", "it gives rights to use the API"
_BINDING = "RoleBinding.rbac.authorization.k8s.io"
_DROPPED = {
    "CronJob.batch": _AGAIN,
    "Job.batch": _AGAIN,
    "Ingress.networking.k8s.io": _OUT,
    # Policies add up, so one of the backup could let out what the copy's own keeps in.
    "NetworkPolicy.networking.k8s.io": _OUT,
    # Those of a Service with a selector are not in a backup; the others name addresses.
    "Endpoints": _OUT,
    "EndpointSlice.discovery.k8s.io": _OUT,
    "PodDisruptionBudget.policy": "it could block the drain of a node",
    _BINDING: _RIGHTS,
}
_ROUTES = ("gateway.networking.k8s.io", "networking.k8s.io", "extensions", "route.openshift.io")  # groups of what leads in from outside
_POD_SECURITY = "pod-security.kubernetes.io/enforce"
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_CLASS = "volume.beta.kubernetes.io/storage-class"
_GONE = object()


class Isolated(NamedTuple):
    """An object as the copy has it, the fields that it lost, and why the copy does not contain it (or nothing)."""

    obj: Object
    lost: list[str]
    reason: str


def isolate(obj: Mapping[str, Any], scope: CopyScope) -> Isolated:
    """The object as an isolated copy has it; ``obj`` is as the backup names it, and stays as it is."""
    kind = group_kind(obj)
    reason = _kept_out(obj, kind, scope)
    if reason:
        return Isolated(dict(obj), [], reason)
    walk = _Walk(replace(scope, namespace=name_of(obj)[0]))
    form = ALLOWED.get(kind) or {**dict.fromkeys(obj, KEEP), "metadata": METADATA}
    fresh = dict(walk.kept(obj, form, ""))
    if kind == "Service":
        fresh["spec"] = {**fresh.get("spec", {}), "type": "ClusterIP"}
    elif kind == "Namespace":
        _secure(fresh, labels_of(obj).get(_POD_SECURITY))
    else:
        _fill(fresh, obj)
    if walk.vital:
        return Isolated(fresh, walk.lost, f"it uses its node's own network, processes, files or rights: {', '.join(walk.vital)}")
    if _lacks_device(fresh):
        return Isolated(fresh, walk.lost, "it needs a block device that exists")
    return Isolated(fresh, walk.lost, "")


def copy_scope(objects: Sequence[Mapping[str, Any]], classes: frozenset[str | None], kinds: frozenset[str]) -> CopyScope:
    """``classes`` as new_volume_classes gives them, ``kinds`` as group_kind does."""
    scope = CopyScope(classes=classes, kinds=kinds, selected=frozenset(key for obj in objects for key in _selecting(obj)))
    claims = [obj for obj in objects if group_kind(obj) == "PersistentVolumeClaim"]
    return replace(scope, outside=frozenset(name_of(obj) for obj in claims if _outside(obj, scope)))


def allowed_kinds(asked: Iterable[str], names: Mapping[str, str]) -> frozenset[str]:
    """The kinds that the user allows beside those of the table.  Raises SalvageError(bad_input)."""
    kinds = {spelled: kind for kind, spelled in names.items()}
    for name in sorted(asked):
        kind = kinds.get(name)
        plain, _dot, group = (kind or "").partition(".")
        custom = kind is not None and group not in _ROUTES and TITLES[wave_of({"apiVersion": f"{group}/v1", "kind": plain})] == CUSTOM
        if not custom and kind != _BINDING:
            raise SalvageError(
                f"isolated_kinds names {name}; an isolated copy takes only custom resources and"
                " rolebindings.rbac.authorization.k8s.io beside its own kinds, written as `kubectl api-resources -o name` does",
                reason="bad_input",
            )
    return frozenset(kinds[name] for name in asked)


def new_volume_classes(classes: Iterable[Mapping[str, Any]], volumes: Iterable[Mapping[str, Any]]) -> frozenset[str | None]:
    """The storage classes that create an empty volume for a claim, and delete it with the claim; None if that is true of the default.

    A class of which a volume is free is none of them: the claim could be bound to that volume.
    """
    free = {
        name
        for volume in volumes
        if (volume.get("status") or {}).get("phase") not in ("Bound", "Released", "Failed")
        for name in ((volume.get("spec") or {}).get("storageClassName"), annotations_of(volume).get(_CLASS))
    }
    safe, defaults = set(), set()
    for one in classes:
        name = one["metadata"]["name"]
        provisioner = one.get("provisioner") or "kubernetes.io/no-provisioner"
        if provisioner != "kubernetes.io/no-provisioner" and one.get("reclaimPolicy", "Delete") == "Delete" and name not in free:
            safe.add(name)
        if any(annotations_of(one).get(note) == "true" for note in _DEFAULT_CLASS):
            defaults.add(name)
    return frozenset({*safe, *({None} if defaults and defaults <= safe else ())})


def confined(policies: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the NetworkPolicies of a namespace limit what all of its pods may connect to."""
    return any(
        not any((spec.get("podSelector") or {}).values()) and "Egress" in (spec.get("policyTypes") or ())
        for spec in (policy.get("spec") or {} for policy in policies)
    )


class _Walk:
    def __init__(self, scope: CopyScope) -> None:
        self._scope = scope
        self.lost: list[str] = []
        self.vital: list[str] = []

    def kept(self, value: Any, form: Any, path: str) -> Any:
        """The part of a value that its form allows; ``_GONE`` if that is nothing."""
        if form is KEEP or value is None:
            return value
        if callable(form) and isinstance(value, dict):
            form = form(value, self._scope)
            return self.kept(value, form, path)
        if isinstance(form, Only) and isinstance(value, (str, bool)) and value in form.values:
            return value
        if isinstance(form, dict) and isinstance(value, dict):
            found = {name: self.kept(inner, form.get(name, NONE), _below(path, name)) for name, inner in value.items()}
            fresh: Any = {name: inner for name, inner in found.items() if inner is not _GONE}
        elif isinstance(form, list) and isinstance(value, list):
            items = (self.kept(item, form[0], f"{path}[{_title(item, place)}]") for place, item in enumerate(value))
            fresh = [item for item in items if item is not _GONE]
        else:
            if value not in ("", [], {}):
                (self.vital if isinstance(form, Only) and form.vital else self.lost).append(path)
            return _GONE
        return fresh if fresh or not value else _GONE


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if name.isalnum() else f"{path}[{name}]"


def _title(item: Any, place: int) -> Any:
    return item["name"] if isinstance(item, dict) and isinstance(item.get("name"), str) else place


def _kept_out(obj: Mapping[str, Any], kind: str, scope: CopyScope) -> str:
    if kind not in ALLOWED and kind not in scope.kinds:
        custom = "its controller may act on the world outside" if TITLES[wave_of(obj)] == CUSTOM else "an isolated copy has no such kind"
        return _DROPPED.get(kind, custom)
    if not name_of(obj)[0] and kind != "Namespace":
        return "it is in no namespace"
    if kind == "Service" and (obj.get("spec") or {}).get("type") == "ExternalName":
        return _OUT
    if kind == "PersistentVolumeClaim" and _outside(obj, scope):
        return "its volume could be one that exists; pods have an empty directory instead"
    return ""


def _outside(claim: Mapping[str, Any], scope: CopyScope) -> bool:
    return claim_form(claim.get("spec") or {}, scope) is NONE


def _secure(namespace: Object, level: Any) -> None:
    # Pods that need more than the baseline are not in the copy.
    labels = {_POD_SECURITY: "restricted" if level == "restricted" else "baseline", f"{_POD_SECURITY}-version": "latest"}
    namespace["metadata"] = {**namespace["metadata"], "labels": labels}


def _pod_of(obj: Mapping[str, Any]) -> Any:
    """The spec of the pods of an object, or nothing."""
    if group_kind(obj) == "Pod":
        return obj.get("spec") or {}
    holder = obj if group_kind(obj) == "PodTemplate" else obj.get("spec") or {}
    template = holder.get("template") if group_kind(obj) in ALLOWED else None
    return (template or {}).get("spec") or {}


def _fill(fresh: Object, source: Mapping[str, Any]) -> None:
    """An empty directory in the place of each volume that the copy does not have."""
    pod = _pod_of(fresh)
    volumes = [volume if len(volume) > 1 else {**volume, "emptyDir": {}} for volume in pod.get("volumes") or ()]
    if group_kind(source) == "StatefulSet.apps":
        names = [
            {claim["metadata"]["name"] for claim in (obj.get("spec") or {}).get("volumeClaimTemplates") or ()} for obj in (source, fresh)
        ]
        missing = names[0] - names[1]
        volumes = [volume for volume in volumes if volume["name"] not in missing]
        volumes += [{"name": name, "emptyDir": {}} for name in sorted(missing)]
    if volumes:
        pod["volumes"] = volumes


def _lacks_device(obj: Mapping[str, Any]) -> bool:
    pod = _pod_of(obj)
    empty = {volume["name"] for volume in pod.get("volumes") or () if "emptyDir" in volume}
    containers = (*(pod.get("containers") or ()), *(pod.get("initContainers") or ()))
    return any(device.get("name") in empty for container in containers for device in container.get("volumeDevices") or ())


def _selecting(obj: Mapping[str, Any]) -> Iterator[str]:
    """The label keys that an object selects pods by."""
    if group_kind(obj) not in ALLOWED:
        return
    spec = obj.get("spec") or {}
    if group_kind(obj) in ("Service", "ReplicationController"):
        yield from spec.get("selector") or ()
    stack: list[Any] = [spec]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield from value.get("matchLabels") or ()
            yield from (term["key"] for term in value.get("matchExpressions") or ())
        stack.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
