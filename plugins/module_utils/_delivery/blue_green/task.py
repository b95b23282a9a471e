# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module blue_green: its options, and what it does for each state."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._cluster.defaults import NAMESPACE, WORKLOAD
from ..._cluster.session import Cluster
from ..._core.errors import SalvageError
from ..._core.options import argument_spec, from_params, option
from ..._core.progress import PROGRESS_ARGUMENTS, teller
from .colours import Journal
from .gates_seen import Settings
from .old_colour import Ending
from .switch import BlueGreen
from .weighted import Weighted


@dataclass(frozen=True)
class BlueGreenOptions:
    state: str = option("inspected", choices=["inspected", "adopted", "prepared", "promoted", "reverted", "retired"])
    service: str = option(WORKLOAD)
    namespace: str = option(NAMESPACE)
    colour_key: str = option("version", no_log=False)
    colour: str | None = option(None)
    traffic: str = option("selector", choices=["selector", "httproute", "route"])
    route: str | None = option(None)
    backends: dict[str, str] = option({})
    steps: tuple[int, ...] = option((5, 25, 100))
    deployment: str | None = option(None)
    definition: dict[str, Any] | None = option(None, no_log=True)
    images: dict[str, str] = option({})
    verdict: str = option("unknown", choices=["passed", "failed", "unknown"])
    run: str | None = option(None)
    health_path: str = option("/health")
    health_port: str | None = option(None)
    image: str | None = option(None)
    min_ready: int = option(0)
    stability: float = option(10.0)
    proof_timeout: float = option(10.0)
    settle: float = option(2.0)
    bake: float = option(900.0)
    allow_no_return: bool = option(False)
    shared_services: tuple[str, ...] = option(())
    drain_timeout: float = option(300.0)
    drain_interval: float = option(15.0)
    drain_exclude: tuple[str, ...] = option(("/health", "/ready", "/metrics"))
    remove: bool = option(False)
    timeout: float = option(600.0)
    request_timeout: float = option(10.0)

    def settings(self, progress_path: str | None) -> Settings:
        return Settings(
            run=f"{platform.node()}-{int(time.time())}" if self.run is None else self.run,
            health_port=self.health_port or "",
            health_path=self.health_path,
            image=self.image or "",
            min_ready=self.min_ready,
            stability=self.stability,
            proof_timeout=self.proof_timeout,
            settle=self.settle,
            bake=self.bake,
            allow_no_return=self.allow_no_return,
            shared_services=self.shared_services,
            timeout=self.timeout,
            tell=teller(progress_path),
        )


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **PROGRESS_ARGUMENTS, **argument_spec(BlueGreenOptions)},
    "supports_check_mode": True,
    "required_if": [("state", "prepared", ["colour"]), ("state", "promoted", ["colour"])],
}


def _seen(journal: Journal | None, deployments: Mapping[str, Any]) -> dict[str, Any]:
    """What is seen, whichever way the traffic moves."""
    return {
        "changed": False,
        "journal": journal.to_dict() if journal else None,
        "colours": {
            colour: {
                "deployment": deployment["metadata"]["name"],
                "replicas": deployment["spec"].get("replicas", 1),
                "available": (deployment.get("status") or {}).get("availableReplicas", 0),
            }
            for colour, deployment in deployments.items()
        },
    }


def _inspected(mover: BlueGreen | Weighted) -> dict[str, Any]:
    if isinstance(mover, BlueGreen):
        service, colours = mover.inspect()
        return {"active": colours.active, **_seen(Journal.of(service), colours.deployments)}
    weights, journal, deployments = mover.inspect()
    active = next((colour for colour, share in weights.items() if share is not None and share > 50), None)
    return {"active": active, "weights": weights, **_seen(journal, deployments)}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(BlueGreenOptions, params)
    settings = given.settings(params["progress_path"])
    cluster = Cluster.connect(params, timeout=given.request_timeout)
    if given.traffic == "selector":
        return _perform(BlueGreen(cluster, given.namespace, given.service, given.colour_key, settings), given, check_mode=check_mode)
    route = given.route or given.service
    mover = Weighted(cluster, given.namespace, given.traffic, route, given.backends, settings, key=given.colour_key)
    return _perform(mover, given, check_mode=check_mode)


def _perform(mover: BlueGreen | Weighted, given: BlueGreenOptions, *, check_mode: bool) -> dict[str, Any]:
    """What the state asks for.  Raises SalvageError."""
    colour = given.colour or ""  # prepared and promoted require one
    if given.state == "inspected":
        return _inspected(mover)
    if given.state == "adopted":
        if not isinstance(mover, BlueGreen):
            raise SalvageError("a Service is adopted with traffic: selector; name that of the colour as service", reason="bad_input")
        return mover.adopt(colour or "blue", dry_run=check_mode)
    if given.state == "prepared":
        name = given.deployment or f"{given.service}-{colour}"
        return mover.prepare(colour, name, given.definition, given.images, dry_run=check_mode)
    if given.state == "promoted":
        if isinstance(mover, BlueGreen):
            return mover.promote(colour, dry_run=check_mode)
        return mover.promote(colour, list(given.steps), given.verdict, dry_run=check_mode)
    if given.state == "reverted":
        return mover.revert(given.colour, dry_run=check_mode)
    if given.verdict != "passed":
        raise SalvageError(
            f"the bake's verdict is {given.verdict}, so the old colour stays: it is the way back (retired needs verdict: passed)",
            reason="bad_input",
        )
    ending = Ending(given.drain_timeout, given.drain_interval, given.drain_exclude, given.remove, mover.settings.tell)
    return mover.retire(ending, dry_run=check_mode)
