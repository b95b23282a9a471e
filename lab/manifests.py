# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in a node-size cluster: the manifests of lab/manifests and the policies of lab/policies. Pure but for reading them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .common import LAB, LabError
from .configs import NAMESPACE

KINDS = {"prometheuses": "prometheus"}
SYSTEM, REST, LAST, FIRST = "system", "application", "last", "first"


def fill(text: str, values: Mapping[str, str], file: str) -> str:
    """Puts values in for ${NAME}; a name that nobody knows is an error, not an empty string."""

    def value(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            raise LabError(f"{file} uses ${{{match.group(1)}}}, which is none of {', '.join(sorted(values))}.")
        return values[match.group(1)]

    return re.sub(r"\$\{([A-Z0-9_]+)\}", value, text)


def policies(folder: Path) -> list[dict[str, Any]]:
    """The ConfigMap of OPA's policies and data, with its namespace, so that it is there before OPA's pods want to mount it."""
    data = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(folder.glob("*"))
        if path.suffix in (".rego", ".json") and not path.stem.endswith("_test")
    }
    if not data:
        return []
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "peace-bonds-policies", "namespace": NAMESPACE}, "data": data},
    ]


def stream(values: Mapping[str, str], part: str, lab: Path = LAB) -> str:
    """A part of what is applied, in the order of the files' names, as one YAML stream: the system's own files (0*), or the rest.

    LAST is of the rest what a cluster without anything of ours has too (9*); FIRST what is worth a look before all is built.
    """
    documents = [json.dumps(document) for document in policies(lab / "policies")] if part == REST else []
    files = sorted((lab / "manifests").glob({SYSTEM: "0*.yaml", REST: "[!0]*.yaml", LAST: "9*.yaml", FIRST: "[12]*.yaml"}[part]))
    documents += [fill(path.read_text(encoding="utf-8"), values, path.name) for path in files]
    return "\n---\n".join(documents)


def unready(objects: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """The names of what is not ready yet, from lists of deployments, statefulsets, prometheuses, alertmanagers, pods and apiservices."""
    waiting = []
    for kind, items in objects.items():
        for item in items:
            status, wanted = item.get("status", {}), item.get("spec", {}).get("replicas", 1)
            if kind in ("deployments", "statefulsets"):
                current = status.get("observedGeneration") == item["metadata"].get("generation")
                ready = (
                    current and status.get("readyReplicas", 0) == status.get("replicas", 0) == status.get("updatedReplicas", 0) == wanted
                )
            elif kind in ("prometheuses", "alertmanagers"):
                ready = status.get("availableReplicas", 0) >= wanted
            else:
                condition = "Available" if kind == "apiservices" else "Ready"
                finished = kind == "pods" and status.get("phase") == "Succeeded"
                ready = finished or any(c["type"] == condition and c["status"] == "True" for c in status.get("conditions", []))
            if not ready:
                waiting.append(f"{KINDS.get(kind, kind[:-1])} {item['metadata']['name']}{_reason(item)}")
    return waiting


def _reason(item: dict[str, Any]) -> str:
    """Why a pod's container does not start, if its status says so."""
    containers = item.get("status", {}).get("containerStatuses", [])
    return next((f" ({c['state']['waiting']['reason']})" for c in containers if c.get("state", {}).get("waiting", {}).get("reason")), "")
