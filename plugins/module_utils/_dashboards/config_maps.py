# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dashboards as ConfigMaps, as the sidecar of Grafana takes them: one each, or all in one.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import load_json
from .._grafana.dashboards import CONFIG_MAP_BYTES
from .._grafana.model import GrafanaDashboard
from .._manifests.model import Manifest

PREFIX = "grafana-dashboard-"


@dataclass(frozen=True)
class DashboardPlace:
    """``config_map``: the one for all dashboards; empty for one each."""

    namespace: str
    config_map: str
    labels: Mapping[str, str]
    folder: str
    folder_annotation: str

    def name_of(self, uid: str) -> str:
        return self.config_map or PREFIX + re.sub(r"[^a-z0-9-]", "-", uid.lower()).strip("-")


@dataclass(frozen=True)
class OtherDashboard:
    """A dashboard in a ConfigMap."""

    config_map: str
    key: str
    uid: str
    title: str
    folder: str


def dashboard_key(uid: str) -> str:
    return f"{uid}.json"


def config_maps(dashboards: Iterable[GrafanaDashboard], place: DashboardPlace) -> list[Manifest]:
    """Raises SalvageError(bad_input, too_large)."""
    held: dict[str, list[GrafanaDashboard]] = {}
    for one in dashboards:
        held.setdefault(place.name_of(one.uid), []).append(one)
    found = []
    for name, inside in held.items():
        uids = sorted({one.uid for one in inside})
        if len(uids) > 1 and not place.config_map:
            raise SalvageError(f"the uids {uids[0]} and {uids[1]} give one name, {name}; change one of them", reason="bad_input")
        size = sum(len(one.text.encode()) for one in inside)
        if size > CONFIG_MAP_BYTES:
            raise SalvageError(
                f"the dashboards have {size} bytes together, and the ConfigMap {name} holds {CONFIG_MAP_BYTES}; leave config_map empty",
                reason="too_large",
            )
        metadata: dict[str, Any] = {"name": name, "namespace": place.namespace, "labels": dict(place.labels)}
        if place.folder:
            metadata["annotations"] = {place.folder_annotation: place.folder}
        data = {dashboard_key(one.uid): one.text for one in inside}
        found.append(Manifest({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}, inside[0].where))
    return found


def dashboards_in(config_map: Mapping[str, Any], folder_annotation: str) -> Iterator[OtherDashboard]:
    """What is not a dashboard is left out: Grafana does not load it either."""
    metadata = config_map["metadata"]
    folder = (metadata.get("annotations") or {}).get(folder_annotation) or ""
    for key, text in (config_map.get("data") or {}).items():
        try:
            model = load_json(text)
        except SalvageError:
            continue
        if isinstance(model, Mapping) and isinstance(model.get("title"), str):
            yield OtherDashboard(f"{metadata['namespace']}/{metadata['name']}", key, str(model.get("uid") or ""), model["title"], folder)


def not_ours(found: Iterable[OtherDashboard], own: Sequence[Manifest]) -> list[OtherDashboard]:
    """Without those that ``own`` is going to write."""
    ours = {(f"{one.obj['metadata']['namespace']}/{one.obj['metadata']['name']}", key) for one in own for key in one.obj["data"]}
    return [one for one in found if (one.config_map, one.key) not in ours]
