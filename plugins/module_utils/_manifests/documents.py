# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that texts ask for: lists are unfolded, and what cannot be applied is refused by file and line.  Pure."""

from __future__ import annotations

import base64
import binascii
import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any

from .._core.errors import SalvageError, shown
from .model import Manifest, Text, group_kind
from .yaml_text import documents

_API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9][a-z0-9]*")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_RESERVED = "meta-salvage.euystacio/"
_RESERVED_NAME = "meta-salvage-"
_MAX_UNFOLD = 5
# What a cluster writes into an object, and a file has only if it is an export.
_EXPORTED = (
    *("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation"),
    *("managedFields", "resourceVersion", "selfLink", "uid"),
)
_EXPORTED_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
_TEXT_MAPS = {"ConfigMap": ("data", "binaryData"), "Secret": ("data", "stringData")}


def manifests_of(texts: Iterable[Text]) -> list[Manifest]:
    """The objects in the order of the texts.  Raises SalvageError(bad_input)."""
    found: list[Manifest] = []
    for text in texts:
        for document in documents(_decoded(text), text.name):
            found += _unfolded(document.value, f"{text.name}, line {document.line}", 0)
    if not found:
        raise SalvageError("the manifests contain no object; check the files", reason="bad_input")
    return found


def refuse_records(manifests: Iterable[Manifest]) -> None:
    """What this collection keeps its records in comes from no manifest.  Raises SalvageError(bad_input)."""
    for manifest in manifests:
        name = manifest.obj["metadata"]["name"]
        problem = next((f"key {key}" for key in _metadata_keys(manifest.obj) if key.startswith(_RESERVED)), "")
        problem = problem or (f"name {name}" if name.startswith(_RESERVED_NAME) else "")
        if problem:
            raise _bad(manifest.where, f"the {problem} is reserved for the records of this collection; remove it")


def _decoded(text: Text) -> str:
    try:
        return text.data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = text.data.count(b"\n", 0, exc.start) + 1
        raise SalvageError(f"{text.name}, line {line} is not UTF-8; save the file as UTF-8", reason="bad_input") from None


def _unfolded(value: Any, where: str, depth: int) -> Iterator[Manifest]:
    if not isinstance(value, dict):
        raise _bad(where, f"the document is {_kind_of_value(value)}, not a Kubernetes object; give apiVersion, kind and metadata")
    api_version, kind = (_text(value, name, where) for name in ("apiVersion", "kind"))
    if not _API_VERSION.fullmatch(api_version):
        raise _bad(where, f"apiVersion {shown(api_version)} is not an API version, such as v1 or apps/v1")
    if not _KIND.fullmatch(kind):
        raise _bad(where, f"kind {shown(kind)} is not a kind, such as ConfigMap")
    if kind == "List" or (kind.endswith("List") and "items" in value):
        yield from _items(value, api_version, kind, where, depth)
        return
    yield _manifest(value, where)


def _items(value: dict[str, Any], api_version: str, kind: str, where: str, depth: int) -> Iterator[Manifest]:
    items = value.get("items")
    if not isinstance(items, list):
        raise _bad(where, f"the {kind} has no items; give a list of objects")
    if depth == _MAX_UNFOLD:
        raise _bad(where, "lists are nested too deeply; flatten them")
    of_one_kind = {} if kind == "List" else {"apiVersion": api_version, "kind": kind.removesuffix("List")}
    for number, item in enumerate(items, 1):
        inner = {**of_one_kind, **item} if isinstance(item, dict) else item
        yield from _unfolded(inner, f"{where}, item {number}", depth + 1)


def _manifest(value: dict[str, Any], where: str) -> Manifest:
    obj = copy.deepcopy(value)
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        raise _bad(where, f"the {obj['kind']} has no metadata; give at least metadata.name")
    _check_names(obj["kind"], metadata, where)
    what = f"{obj['kind']} {metadata['name']}"
    for holder in ("labels", "annotations"):
        _check_texts(metadata.get(holder), f"metadata.{holder}", what, where)
    plain = group_kind(obj)
    for holder in _TEXT_MAPS.get(plain, ()):
        _check_texts(obj.get(holder), holder, what, where, secret=plain == "Secret")
    dropped = _drop_exported(obj)
    if plain == "Secret":
        _encode_strings(obj, what, where)
    notes = (f"{what} is an export of a cluster: {', '.join(dropped)} left out",) if dropped else ()
    return Manifest(obj, where, notes)


def _check_names(kind: str, metadata: dict[str, Any], where: str) -> None:
    name = metadata.get("name")
    if name in (None, "") and metadata.get("generateName"):
        raise _bad(where, f"the {kind} has generateName and no name, so each run would create another one; give metadata.name")
    if not isinstance(name, str) or not name:
        says = "has no name; give metadata.name" if name in (None, "") else f"has the name {shown(name)}, which is not text; quote it"
        raise _bad(where, f"the {kind} {says}")
    if name in (".", "..") or "/" in name or "%" in name or len(name) > 253 or not name.isprintable():
        raise _bad(where, f"the name {shown(name)} is not a name in Kubernetes")
    namespace = metadata.get("namespace")
    if namespace in (None, ""):
        metadata.pop("namespace", None)
    elif not isinstance(namespace, str) or not _NAMESPACE.fullmatch(namespace):
        raise _bad(where, f"the namespace {shown(namespace)} of {kind} {name} is not a name in Kubernetes; if it is a number, quote it")


def _check_texts(found: Any, holder: str, what: str, where: str, *, secret: bool = False) -> None:
    if found is None:
        return
    if not isinstance(found, dict):
        raise _bad(where, f"{holder} of {what} is not a mapping of names to texts")
    for name, value in found.items():
        if not isinstance(value, str) and (value is not None or holder in ("data", "binaryData", "stringData")):
            says = "is not text" if secret else f"is {shown(value)}, not text"
            raise _bad(where, f"{holder}.{name} of {what} {says}; put it in quotes")


def _drop_exported(obj: dict[str, Any]) -> list[str]:
    """Leaves out what only a cluster writes; the names of those that were filled in."""
    metadata = obj["metadata"]
    dropped = [f"metadata.{name}" for name in _EXPORTED if metadata.pop(name, None) not in (None, "", [], {})]
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        dropped += [f"the annotation {name}" for name in _EXPORTED_ANNOTATIONS if annotations.pop(name, None) is not None]
    if obj.get("status") and _filled(obj["status"]):
        dropped.append("status")
    obj.pop("status", None)
    return dropped


def _filled(value: Any) -> bool:
    """Whether there is anything in it; generators write a status of empty fields."""
    if isinstance(value, dict):
        return any(_filled(one) for one in value.values())
    return value not in (None, "", []) if not isinstance(value, list) else any(_filled(one) for one in value)


def _encode_strings(secret: dict[str, Any], what: str, where: str) -> None:
    """stringData as data: the API server keeps no stringData, so server-side apply could not remove a key from it."""
    bad = next((name for name, value in (secret.get("data") or {}).items() if not _is_base64(value)), None)
    if bad is not None:
        raise _bad(where, f"data.{bad} of {what} is not base64; encode it, or give it in stringData")
    strings = secret.pop("stringData", None)
    if strings:
        encoded = {name: base64.b64encode(value.encode()).decode() for name, value in strings.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _metadata_keys(value: Any) -> Iterator[str]:
    """The keys of labels and annotations, of the object and of the templates in it."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += one
        elif isinstance(one, dict):
            metadata = one.get("metadata")
            for holder in ("labels", "annotations"):
                keys = metadata.get(holder) if isinstance(metadata, dict) else None
                yield from (str(key) for key in keys) if isinstance(keys, dict) else ()
            pending += one.values()


def _text(value: dict[str, Any], name: str, where: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise _bad(where, f"the object has no {name}" if not found else f"{name} is {shown(found)}, which is not text")
    return found


def _kind_of_value(value: Any) -> str:
    return "a list" if isinstance(value, list) else "text" if isinstance(value, str) else f"{shown(value)}"


def _bad(where: str, says: str) -> SalvageError:
    return SalvageError(f"{where}: {says}", reason="bad_input")
