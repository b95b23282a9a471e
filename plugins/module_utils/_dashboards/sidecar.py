# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidecar in a pod of Grafana that writes labelled ConfigMaps into a folder, as k8s-sidecar does.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

_FOLDER_ANNOTATION = "k8s-sidecar-target-directory"
_ONCE = "LIST"  # it writes the files when the pod starts, and ends


@dataclass(frozen=True)
class Sidecar:
    """``namespaces``: where it looks; empty for everywhere.  ``value`` is empty if any value of the label will do."""

    namespace: str
    pod: str
    container: str
    label: str
    value: str
    folder: str
    folder_annotation: str
    namespaces: tuple[str, ...]
    unique_names: bool = False

    def __str__(self) -> str:
        return f"the sidecar {self.container} of the pod {self.namespace}/{self.pod}"

    def why_not_taken(self, namespace: str, labels: Mapping[str, str]) -> str:
        """Why it would not take a ConfigMap; empty if it would."""
        if self.namespaces and namespace not in self.namespaces:
            return f"{self} looks only into {', '.join(self.namespaces)}"
        if self.label not in labels or (self.value and labels[self.label] != self.value):
            return f"{self} takes only ConfigMaps with the label {self.label}={self.value or '(any)'}"
        return ""

    def file(self, obj: Mapping[str, Any], key: str) -> str:
        """The file of a key of a ConfigMap."""
        metadata = obj["metadata"]
        folder = (metadata.get("annotations") or {}).get(self.folder_annotation) or ""
        name = f"namespace_{metadata['namespace']}.configmap_{metadata['name']}.{key}" if self.unique_names else key
        return str(PurePosixPath(self.folder) / folder / name)


def sidecars_of(pod: Mapping[str, Any]) -> Iterator[Sidecar]:
    """Those that watch ConfigMaps."""
    spec, metadata = pod.get("spec") or {}, pod["metadata"]
    beside = [one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or []), *beside]:
        env = {str(one.get("name")): str(one.get("value") or "") for one in container.get("env") or []}
        watches = env.get("RESOURCE", "configmap") in ("configmap", "both") and env.get("METHOD", "WATCH") != _ONCE
        if not env.get("LABEL") or not env.get("FOLDER") or not watches:
            continue
        listed = tuple(one.strip() for one in env.get("NAMESPACE", "").split(",") if one.strip())
        spaces = () if listed == ("ALL",) else listed or (metadata["namespace"],)
        yield Sidecar(
            metadata["namespace"],
            metadata["name"],
            str(container["name"]),
            env["LABEL"],
            env.get("LABEL_VALUE", ""),
            env["FOLDER"],
            env.get("FOLDER_ANNOTATION") or _FOLDER_ANNOTATION,
            spaces,
            env.get("UNIQUE_FILENAMES", "").lower() == "true",
        )


def mounts(pod: Mapping[str, Any], config_map: str) -> bool:
    """Whether the pod has the ConfigMap as a volume, also as a part of one."""
    for volume in (pod.get("spec") or {}).get("volumes") or []:
        parts = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        if any((part.get("configMap") or {}).get("name") == config_map for part in parts):
            return True
    return False
