# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An object as a diff may show it: its form, and of what may hold a credential only whether it changed.  Pure.

Hidden is what a Secret holds, and, unless the user asks for ``values``, each value of a ConfigMap, of environment variables and
headers, arguments, and every text of a kind that is not Kubernetes's own, for nobody knows what it is.  Whatever remains is redacted as
any text that leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.redact import HIDDEN, HIDDEN_CHANGED, is_secret_name, redacted

_COPY = "kubectl.kubernetes.io/last-applied-configuration"
_KNOWN_GROUPS = frozenset({"", "apps", "autoscaling", "batch", "extensions", "policy"})
_KNOWN_SUFFIXES = (".k8s.io", ".openshift.io")
_ARGUMENTS = frozenset({"args", "command"})


def redacted_pair(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, values: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides of a diff."""
    return redacted_object(before or {}, values=values), redacted_object(after or {}, before or None, values=values)


def redacted_object(obj: Mapping[str, Any], before: Mapping[str, Any] | None = None, *, values: bool = False) -> dict[str, Any]:
    """``obj`` as it may be shown; with ``before``, what is hidden says whether it differs from there."""
    found: dict[str, Any] = _Walk(values, is_compared=before is not None).of(obj, before)
    return found


class _Walk:
    def __init__(self, values: bool, *, is_compared: bool) -> None:
        self._values = values
        self._is_compared = is_compared

    def of(self, obj: Mapping[str, Any], before: Any) -> dict[str, Any]:
        kind, before = obj.get("kind"), before if isinstance(before, Mapping) else {}
        is_foreign = not (self._values or _is_known(str(obj.get("apiVersion", ""))))
        shown = {}
        for name, value in obj.items():
            other = before.get(name)
            if name == "items" and isinstance(value, list) and str(kind).endswith("List"):
                shown[name] = self._list(value, other, False)
            elif self._is_held(kind, name):
                shown[name] = self._hidden(value, other)
            elif name == "metadata" and kind == "Secret":
                shown[name] = self._secret_metadata(value, other)
            else:
                shown[name] = self._any(value, other, is_foreign and name not in {"apiVersion", "kind", "metadata"}, name)
        return shown

    def _is_held(self, kind: object, name: str) -> bool:
        """Whether a field is what a Secret or a ConfigMap holds."""
        if kind == "Secret":
            return name not in {"apiVersion", "kind", "metadata", "type", "immutable"}
        return kind == "ConfigMap" and name in {"data", "binaryData"} and not self._values

    def _any(self, value: Any, other: Any, is_hidden: bool, name: str = "") -> Any:
        """``is_hidden``: each text below is."""
        if isinstance(value, Mapping):
            if isinstance(value.get("kind"), str) and ("apiVersion" in value or value["kind"] == "Secret"):  # an object in an object
                return self._texts(value, other, True) if is_hidden and value["kind"] != "Secret" else self.of(value, other)
            return self._texts(value, other, is_hidden)
        if isinstance(value, list):
            return self._list(value, other, is_hidden or (name in _ARGUMENTS and not self._values))
        if not isinstance(value, str):
            return value
        return self._hidden(value, other) if is_hidden or is_secret_name(name) or name == _COPY else self._text(value, other)

    def _texts(self, value: Mapping[str, Any], other: Any, is_hidden: bool) -> dict[str, Any]:
        other = other if isinstance(other, Mapping) else {}
        named = value.get("name")
        shown = {}
        for name, one in value.items():
            # An environment variable or a header; its name alone may say what the value is.
            is_value = name == "value" and isinstance(named, str) and (not self._values or is_secret_name(named))
            shown[name] = self._any(one, other.get(name), is_hidden or is_value, name)
        return shown

    def _list(self, value: list[Any], other: Any, is_hidden: bool) -> list[Any]:
        other = other if isinstance(other, list) else []
        by_name = {_identity(one): one for one in other if _identity(one)}
        shown = []
        for index, one in enumerate(value):
            identity = _identity(one)
            there = by_name.get(identity) if identity else other[index] if index < len(other) else None
            flag = value[index - 1] if index else None
            is_flagged = isinstance(flag, str) and flag.startswith("-") and "=" not in flag and is_secret_name(flag)
            shown.append(self._any(one, there, is_hidden or is_flagged))
        return shown

    def _secret_metadata(self, value: Any, other: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        other = other if isinstance(other, Mapping) else {}
        return {
            name: self._hidden(one, other.get(name)) if name == "annotations" else self._any(one, other.get(name), False, name)
            for name, one in value.items()
        }

    def _hidden(self, value: Any, other: Any) -> Any:
        """Every leaf, whatever it is; the names stay."""
        if isinstance(value, Mapping):
            other = other if isinstance(other, Mapping) else {}
            return {name: self._hidden(one, other.get(name)) for name, one in value.items()}
        if isinstance(value, list):
            return [
                self._hidden(one, other[index] if isinstance(other, list) and index < len(other) else None)
                for index, one in enumerate(value)
            ]
        return HIDDEN_CHANGED if self._is_compared and value != other else HIDDEN

    def _text(self, value: str, other: Any) -> str:
        shown = redacted(value)
        if self._is_compared and isinstance(other, str) and value != other and shown == redacted(other):
            return f"{shown} {HIDDEN_CHANGED}"
        return shown


def _is_known(version: str) -> bool:
    group = version.partition("/")[0] if "/" in version else ""
    return group in _KNOWN_GROUPS or group.endswith(_KNOWN_SUFFIXES)


def _identity(value: Any) -> tuple[str, str, str] | None:
    """What an entry of a list is found again by: its name, of an object its kind, namespace and name."""
    if not isinstance(value, Mapping):
        return None
    metadata = value.get("metadata")
    place = metadata if isinstance(metadata, Mapping) and "kind" in value else value
    return (str(value.get("kind", "")), str(place.get("namespace", "")), str(place["name"])) if place.get("name") else None
