# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to be secret: the values of Secrets, and those of variables and ConfigMaps by the name of their key.  Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from .._core.redact import is_secret_name
from .._core.times import iso
from .._redaction.redactor import Redactor
from .certificates import certificates_in
from .helm import HELM

# What Kubernetes itself keeps in a Secret beside what is secret.
_PUBLIC = frozenset({"ca.crt", "tls.crt", "namespace", "service-ca.crt"})
_secret_name = lru_cache(maxsize=4096)(is_secret_name)


def secret_values(secret: Mapping[str, Any], names: frozenset[str]) -> set[bytes]:
    """The values of a Secret that must be nowhere.  ``names`` are those of objects: a name that is everywhere hides nothing."""
    if secret.get("type") == HELM:
        return set()  # its one value is a packed release, of which only names are taken
    found: set[bytes] = set()
    for key, value in values_of(secret):
        if not (key in _PUBLIC and str(secret.get("type")).startswith("kubernetes.io/")):
            found |= counted(key, value, names)
    return found


def values_of(secret: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for key, text in sorted((secret.get("data") or {}).items()):
        yield key, _decoded(text)


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text)
    except (TypeError, ValueError):
        return str(text).encode(errors="surrogatepass")


def counted(key: str, value: bytes, names: frozenset[str]) -> set[bytes]:
    """The value; nothing where it is the name of an object and its key does not say that it is secret."""
    is_a_name = value.strip().decode("utf-8", "replace") in names and not _secret_name(key)
    return set() if is_a_name else {value}


def named_values(obj: Mapping[str, Any], names: frozenset[str]) -> set[bytes]:
    """Of a ConfigMap, a pod or what has a template of one: the values under names that say that they are secret."""
    found: set[bytes] = set()
    for name, value in _pairs(obj):
        if isinstance(value, str) and _secret_name(name):
            found |= counted(name, value.encode(errors="surrogatepass"), names)
    return found


def _pairs(obj: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(data := obj.get("data"), Mapping):
        yield from data.items()
    for container in containers_of(_pod_spec(obj)):
        variables = container.get("env")  # of a custom resource it may be a mapping, or anything else
        if isinstance(variables, Mapping):
            yield from ((str(name), value) for name, value in variables.items())
        for variable in variables if isinstance(variables, list) else ():
            if isinstance(variable, Mapping):
                yield str(variable.get("name")), variable.get("value")


def _pod_spec(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = obj.get("spec")
    for name in ("jobTemplate", "template"):
        if isinstance(spec, Mapping) and isinstance(inner := spec.get(name), Mapping):
            spec = inner.get("spec")
            if name == "jobTemplate" and isinstance(spec, Mapping):
                pods = spec.get("template")
                spec = pods.get("spec") if isinstance(pods, Mapping) else None
    return spec if isinstance(spec, Mapping) else {}


def containers_of(spec: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Every container of a pod's spec; a custom resource may have something else under these names."""
    for name in ("initContainers", "containers", "ephemeralContainers"):
        listed = spec.get(name)
        yield from (one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, Mapping))


def without_values(secret: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """A Secret as the bundle has it: names, keys, and certificates, which are public; of any other value its placeholder."""
    metadata = secret.get("metadata") or {}
    kept = ("name", "namespace", "labels", "creationTimestamp", "deletionTimestamp", "finalizers", "uid", "ownerReferences")
    ends = [{"key": key, "notAfter": iso(moment)} for key, value in values_of(secret) for moment, _subject in certificates_in(value)]
    shown: dict[str, Any] = redactor.value({name: metadata[name] for name in kept if name in metadata})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": shown,
        "type": secret.get("type"),
        "data": {key: redactor.hidden(value) for key, value in values_of(secret)},
        **({"certificates": ends} if ends else {}),
    }
