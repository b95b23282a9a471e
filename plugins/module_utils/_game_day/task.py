# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of the module game_day: its options, and its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster import defaults
from .._cluster.identity import cluster_uid
from .._cluster.objects import read
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.files import make_private, write_whole
from .._core.json_values import as_mapping, as_text
from .._core.options import argument_spec, from_params, option
from .._core.redact import outgoing
from .._core.times import iso
from .faults import GameDayFault, fault_named, fault_refusal
from .grade import GameDayGrade, began_at, grade, responses
from .page import game_day_page

IDENTITY, RECORD = "meta-salvage-cluster", "euystacio-game-day"


@dataclass(frozen=True)
class GameDayRequest:
    fault: str = option()
    faults: list[dict[str, Any]] = option(elements="dict")
    state: str = option("admitted", choices=["admitted", "graded"])
    cluster: str = option("")
    environment: str = option("")
    namespace: str = option(defaults.NAMESPACE)
    seen: dict[str, Any] | None = option(None)
    path: str | None = option(None, type="path")
    request_timeout: float = option(10.0)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(GameDayRequest)},
    "required_if": [("state", "graded", ("seen", "path"))],
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], now: float, *, check_mode: bool) -> dict[str, Any]:
    """Raises SalvageError(bad_input) where the cluster may not have the fault."""
    request = from_params(GameDayRequest, params)
    fault = fault_named(request.fault, request.faults)
    if request.state == "admitted":
        return _admitted(params, request, fault)
    seen = as_mapping(request.seen)
    graded = grade(fault, seen)
    report = outgoing(report_of(fault, seen, graded, request, now))
    if not check_mode:
        _write(Path(str(request.path)), report)
    return {"changed": False, "status": graded.status, "grade": report["grade"], "responses": report["responses"]}


def _admitted(params: Mapping[str, Any], request: GameDayRequest, fault: GameDayFault) -> dict[str, Any]:
    cluster = Cluster.connect(params, timeout=request.request_timeout)
    said = _config_map(cluster, request.namespace, IDENTITY)
    if why := fault_refusal(request.cluster, request.environment, said, cluster_uid(cluster)):
        raise SalvageError(why, reason="bad_input")
    left = _config_map(cluster, request.namespace, RECORD)
    if left is not None:
        earlier = fault_named(as_text(left.get("fault") or ""), request.faults)
    return {
        "changed": False,
        "environment": as_text(as_mapping(said).get("environment") or ""),
        "fault": asdict(fault),
        "left_over": None if left is None else {**asdict(earlier), "run": as_text(left.get("run") or "")},
    }


def _config_map(cluster: Cluster, namespace: str, name: str) -> Mapping[str, Any] | None:
    found = read(cluster, f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    return None if found is None else as_mapping(found.get("data"))


def report_of(fault: GameDayFault, seen: Mapping[str, Any], graded: GameDayGrade, request: GameDayRequest, now: float) -> dict[str, Any]:
    shown = {name: value for name, value in asdict(fault).items() if name != "manifests"}
    began, (incident, found) = began_at(seen), responses(fault, seen)
    return {
        "fault": shown,
        "cluster": request.cluster,
        "environment": request.environment,
        "seeded_at": iso(began) if began is not None else "",
        "ended_at": iso(round(now)),
        "incident": incident,
        "alert": as_mapping(seen.get("alert")),
        "responses": [as_mapping(as_mapping(one.get("data")).get("facts")) for one in found],
        "healed": as_mapping(seen.get("healed")),
        "grade": graded.to_dict(),
    }


def _write(path: Path, report: Mapping[str, Any]) -> None:
    try:
        make_private(path.parent)
        text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        write_whole(path, text.encode(errors="replace"))
        write_whole(path.with_suffix(".html"), game_day_page(report).encode(errors="replace"))
    except OSError as exc:
        sentence = f"the report cannot be written to {path}: {exc.strerror or exc}; choose another folder"
        raise SalvageError(sentence, reason="bad_input") from None
