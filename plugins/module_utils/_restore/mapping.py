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

from .kinds import CONTENT, RestoreItem, annotations_of
from .portable import Object, bundle_holders, hooks_of

_DATA = frozenset({"binaryData", "data"})
_NAME_LABEL = "kubernetes.io/metadata.name"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_RELEASE = "meta.helm.sh/release-namespace"
_GATEWAYS = (".gateway.networking.k8s.io", ".gateway.networking.x-k8s.io")
_REFERENCE = {  # the one field of a kind's spec that is a reference with a namespace
    "IngressClass.networking.k8s.io": "parameters",
    "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io": "paramRef",
    "PersistentVolume": "claimRef",
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": "paramRef",
    "VolumeGroupSnapshotContent.groupsnapshot.storage.k8s.io": "volumeGroupSnapshotRef",
    "VolumeSnapshotContent.snapshot.storage.k8s.io": "volumeSnapshotRef",
}
_CA_SOURCES = ("cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret")  # each is NAMESPACE/NAME
_ACCOUNTS, _ACCOUNT = "system:serviceaccounts:", "system:serviceaccount:"


def mapped(item: RestoreItem, mapping: Mapping[str, str]) -> Object:
    """The object with each namespace under its new name, wherever a field is known to name one."""
    if not mapping:
        return dict(item.obj)
    kind = item.key.kind
    # What no rule changes is not copied: most of a large backup is the content of these.
    fresh = {name: value if kind in CONTENT and name in _DATA else copy.deepcopy(value) for name, value in item.obj.items()}
    metadata = fresh["metadata"]
    moved = metadata.get("namespace") in mapping or (kind == "Namespace" and metadata["name"] in mapping)
    if kind == "Namespace":
        metadata["name"] = mapping.get(metadata["name"], metadata["name"])
    _swap(metadata, "namespace", mapping)
    notes = metadata.get("annotations") or {}
    _swap(notes, _RELEASE, mapping)
    _secret_places(notes, mapping)
    for name in _CA_SOURCES:
        if isinstance(notes.get(name), str):
            namespace, slash, rest = notes[name].partition("/")
            notes[name] = mapping.get(namespace, namespace) + slash + rest
    if moved and notes.pop(_APPLIED, None) and not notes:
        del metadata["annotations"]  # kubectl's copy of the object is of another namespace
    if kind in CONTENT:
        return fresh
    if kind.endswith((".storage.k8s.io", ".snapshot.storage.k8s.io", ".groupsnapshot.storage.k8s.io")):
        _secret_places(fresh.get("parameters"), mapping)
    _rights(fresh, kind, mapping)
    for place in _references(fresh, kind):
        for name in ("namespace", "secretNamespace", "endpointsNamespace"):
            _swap(place, name, mapping)
    for selector in _namespace_selectors(fresh):
        _selector(selector, mapping)
    return fresh


def names_in_text(item: RestoreItem, mapping: Mapping[str, str]) -> list[str]:
    """The mapped namespaces that a mapped object still names: in an address within a text, or in a field that no rule here knows.

    The content of a Secret is not searched.
    """
    obj = item.obj
    if not mapping or item.key.kind == "Secret":
        return []
    pattern = re.compile(r"\.(" + "|".join(re.escape(name) for name in sorted(mapping)) + r")\.svc\b")
    notes = {name: text for name, text in annotations_of(obj).items() if name != _APPLIED}
    rest = {**obj, "metadata": {"annotations": notes}}
    found = {name for text in _texts(rest) for name in pattern.findall(text)}
    # A name that is also a new one may be mapped already.
    return sorted(found | (set(_named_spaces(rest)) & (set(mapping) - set(mapping.values()))))


def _named_spaces(value: Any) -> Iterator[str]:
    """What the fields say that are called after a namespace, such as `targetNamespace` and `namespaces`."""
    for inside in _dicts(value):
        for name, inner in inside.items():
            if name.lower().endswith(("namespace", "namespaces")):
                yield from (one for one in (inner if isinstance(inner, list) else [inner]) if isinstance(one, str))


def _swap(place: Any, name: str, mapping: Mapping[str, str]) -> None:
    if isinstance(place, dict) and isinstance(place.get(name), str):
        place[name] = mapping.get(place[name], place[name])


def _secret_places(parameters: Any, mapping: Mapping[str, str]) -> None:
    """In which namespaces a driver looks for the Secrets of volumes and snapshots."""
    for name in parameters if isinstance(parameters, dict) else ():
        if name.lower().replace("-", "").endswith("secretnamespace"):
            _swap(parameters, name, mapping)


def _rights(obj: Object, kind: str, mapping: Mapping[str, str]) -> None:
    """Whom and what the objects name that grant rights."""
    if kind.endswith("Binding.rbac.authorization.k8s.io"):
        for subject in obj.get("subjects") or ():
            _subject(subject, mapping)
    elif kind.endswith("Role.rbac.authorization.k8s.io"):
        for rule in obj.get("rules") or ():
            if "namespaces" in (rule.get("resources") or ()):
                _each(rule.get("resourceNames"), mapping)
    elif kind == "FlowSchema.flowcontrol.apiserver.k8s.io":
        for rule in (obj.get("spec") or {}).get("rules") or ():
            for subject in rule.get("subjects") or ():
                _swap(subject.get("serviceAccount"), "namespace", mapping)
                for one in (subject.get("user"), subject.get("group")):
                    if isinstance(one, dict):
                        one["name"] = _account(one.get("name", ""), mapping)
            for one in rule.get("resourceRules") or ():
                _each(one.get("namespaces"), mapping)
    elif kind == "SecurityContextConstraints.security.openshift.io":
        for names in (obj.get("users"), obj.get("groups")):
            if isinstance(names, list):
                names[:] = [_account(name, mapping) for name in names]


def _subject(subject: Object, mapping: Mapping[str, str]) -> None:
    _swap(subject, "namespace", mapping)
    if subject.get("kind") in ("Group", "User"):
        subject["name"] = _account(subject.get("name", ""), mapping)


def _account(name: str, mapping: Mapping[str, str]) -> str:
    """The user that a ServiceAccount is, or the group of all of a namespace."""
    prefix = next((one for one in (_ACCOUNTS, _ACCOUNT) if name.startswith(one)), None)
    if prefix is None:
        return name
    namespace, colon, account = name[len(prefix) :].partition(":")
    return prefix + mapping.get(namespace, namespace) + colon + account


def _each(names: Any, mapping: Mapping[str, str]) -> None:
    if isinstance(names, list):
        names[:] = [mapping.get(name, name) if isinstance(name, str) else name for name in names]


def _references(obj: Object, kind: str) -> Iterator[Any]:
    """The objects within an object that have a field ``namespace``."""
    spec = obj.get("spec") or {}
    if not isinstance(spec, dict):
        return
    for holder in bundle_holders(obj):
        yield holder.get("service")
    if kind in _REFERENCE:
        yield spec.get(_REFERENCE[kind])
    yield from (inside["dataSourceRef"] for inside in _dicts(spec) if "dataSourceRef" in inside)  # of claims, and of their templates
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
        yield from spec.get("excludedFromEnforcement") or ()
    elif kind.endswith(_GATEWAYS):
        yield from _dicts(spec)  # parents, backends, mirrors, certificates, grants: there nothing else has a namespace


def _namespace_selectors(obj: Object) -> Iterator[Any]:
    """Whatever selects by labels, for only a namespace has the label of its name; and the lists of names."""
    for value in _dicts([obj.get("spec"), hooks_of(obj)]):
        if "matchLabels" in value or "matchExpressions" in value:
            yield {name: value.get(name) for name in ("matchLabels", "matchExpressions")}
        if isinstance(value.get("namespaceSelector"), dict):
            yield {"matchNames": value["namespaceSelector"].get("matchNames")}
        if "topologyKey" in value:  # a term of a pod's affinity
            yield {"matchNames": value.get("namespaces")}


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


def _selector(selector: Object, mapping: Mapping[str, str]) -> None:
    _swap(selector.get("matchLabels"), _NAME_LABEL, mapping)
    terms = selector.get("matchExpressions")
    for term in terms if isinstance(terms, list) else ():
        if isinstance(term, dict) and term.get("key") == _NAME_LABEL:
            _each(term.get("values"), mapping)
    _each(selector.get("matchNames"), mapping)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
