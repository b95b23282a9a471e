# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates the references to a namespace that is restored under another name; pure.

Text is never rewritten: an address such as NAME.NAMESPACE.svc within a string is reported.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._manifests.model import group_kind
from .kinds import RestoreItem
from .portable import Object, bundle_holders, hooks_of

_NAME_LABEL = "kubernetes.io/metadata.name"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_RELEASE = "meta.helm.sh/release-namespace"
_GATEWAY = ".gateway.networking.k8s.io"
_REFERENCE = {  # the one field of a kind's spec that is a reference with a namespace
    "IngressClass.networking.k8s.io": "parameters",
    "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io": "paramRef",
    "PersistentVolume": "claimRef",
    "PersistentVolumeClaim": "dataSourceRef",
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": "paramRef",
    "VolumeSnapshotContent.snapshot.storage.k8s.io": "volumeSnapshotRef",
}
_ACCOUNTS, _ACCOUNT = "system:serviceaccounts:", "system:serviceaccount:"


def mapped(item: RestoreItem, mapping: Mapping[str, str]) -> Object:
    """The object with each namespace under its new name, wherever a field is known to name one."""
    if not mapping:
        return dict(item.obj)
    fresh = copy.deepcopy(dict(item.obj))
    metadata = fresh["metadata"]
    kind = item.key.kind
    moved = metadata.get("namespace") in mapping or (kind == "Namespace" and metadata["name"] in mapping)
    if kind == "Namespace":
        metadata["name"] = mapping.get(metadata["name"], metadata["name"])
    _swap(metadata, "namespace", mapping)
    notes = metadata.get("annotations") or {}
    _swap(notes, _RELEASE, mapping)
    if moved and notes.pop(_APPLIED, None) and not notes:
        del metadata["annotations"]  # kubectl's copy of the object is of another namespace
    if kind.endswith("Binding.rbac.authorization.k8s.io"):
        for subject in fresh.get("subjects") or ():
            _subject(subject, mapping)
    for place in _references(fresh, kind):
        for name in ("namespace", "secretNamespace", "endpointsNamespace"):
            _swap(place, name, mapping)
    for selector in _namespace_selectors(fresh):
        _selector(selector, mapping)
    return fresh


def names_in_text(item: RestoreItem, mapping: Mapping[str, str]) -> list[str]:
    """The mapped namespaces that are part of an address in a text of the object; the content of a Secret is not searched."""
    obj = item.obj
    if not mapping or item.key.kind == "Secret":
        return []
    pattern = re.compile(r"\.(" + "|".join(re.escape(name) for name in sorted(mapping)) + r")\.svc\b")
    rest = {**obj, "metadata": {**obj["metadata"], "annotations": None, "managedFields": None}}
    return sorted({found for text in _texts(rest) for found in pattern.findall(text)})


def _swap(place: Any, name: str, mapping: Mapping[str, str]) -> None:
    if isinstance(place, dict) and isinstance(place.get(name), str):
        place[name] = mapping.get(place[name], place[name])


def _subject(subject: Object, mapping: Mapping[str, str]) -> None:
    _swap(subject, "namespace", mapping)
    name = subject.get("name", "")
    if subject.get("kind") == "Group" and name.startswith(_ACCOUNTS):
        namespace = name[len(_ACCOUNTS) :]
        subject["name"] = _ACCOUNTS + mapping.get(namespace, namespace)
    elif subject.get("kind") == "User" and name.startswith(_ACCOUNT):
        namespace, colon, account = name[len(_ACCOUNT) :].partition(":")
        subject["name"] = _ACCOUNT + mapping.get(namespace, namespace) + colon + account


def _references(obj: Object, kind: str) -> Iterator[Any]:
    """The objects within an object that have a field ``namespace``."""
    spec = obj.get("spec") or {}
    if not isinstance(spec, dict):
        return
    for holder in bundle_holders(obj):
        yield holder.get("service")
    if kind in _REFERENCE:
        yield spec.get(_REFERENCE[kind])
    if kind == "EndpointSlice.discovery.k8s.io":
        for endpoint in obj.get("endpoints") or ():
            yield endpoint.get("targetRef")
    elif kind == "Endpoints":
        for subset in obj.get("subsets") or ():
            for address in (*(subset.get("addresses") or ()), *(subset.get("notReadyAddresses") or ())):
                yield address.get("targetRef")
    elif kind == "PersistentVolume":
        for source in (value for value in spec.values() if isinstance(value, dict)):
            yield from (source, *(ref for name, ref in source.items() if name.lower().endswith("secretref")))
    elif kind == "Prometheus.monitoring.coreos.com":
        yield from (spec.get("alerting") or {}).get("alertmanagers") or ()
    elif kind.endswith(_GATEWAY):
        yield from _dicts(spec)  # parents, backends, mirrors, certificates, grants: there nothing else has a namespace


def _namespace_selectors(obj: Object) -> Iterator[Any]:
    for hook in hooks_of(obj):
        yield hook.get("namespaceSelector")
    of_gateway = group_kind(obj).endswith(_GATEWAY)
    for value in _dicts(obj.get("spec")):
        if "namespaceSelector" in value:
            yield value["namespaceSelector"]
        inside = value.get("namespaces")
        if isinstance(inside, list) and "topologyKey" in value:  # a term of a pod's affinity
            yield {"matchNames": inside}
        elif of_gateway and isinstance(inside, dict):  # the routes that a listener allows
            yield inside.get("selector")


def _dicts(value: Any) -> Iterator[Object]:
    """All dictionaries in a value, the outer ones first."""
    stack: list[Any] = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield value
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _selector(selector: Any, mapping: Mapping[str, str]) -> None:
    if not isinstance(selector, dict):
        return
    _swap(selector.get("matchLabels"), _NAME_LABEL, mapping)
    lists = [term.get("values") for term in selector.get("matchExpressions") or () if term.get("key") == _NAME_LABEL]
    for names in (*lists, selector.get("matchNames")):
        if isinstance(names, list):
            names[:] = [mapping.get(name, name) for name in names]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
