# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod as a Service sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import SalvageError
from .conditions import holds


def ready(pod: Mapping[str, Any]) -> bool:
    """Whether it takes requests; one that is being deleted does not."""
    return holds(pod, "Ready") and not pod["metadata"].get("deletionTimestamp")


def port_number(pod: Mapping[str, Any], port: str | int) -> int:
    """A target port's number; a name is looked up in the pod.  Raises SalvageError(bad_input)."""
    if str(port).isdigit():
        return int(port)
    for container in pod["spec"].get("containers") or []:
        for offered in container.get("ports") or []:
            if offered.get("name") == port:
                return int(offered["containerPort"])
    raise SalvageError(f"pod {pod['metadata']['name']} has no port {port!r}", reason="bad_input")


def target_port(service: Mapping[str, Any], port: str) -> str | int:
    """Where a port of a Service, given by number or name, leads: to a number, or a name in its pods.  Raises SalvageError(bad_input)."""
    listed = service["spec"].get("ports") or []
    offered = [one for one in listed if port in {str(one.get("port")), one.get("name")}]
    if not offered:
        known = ", ".join(str(one.get("port")) for one in listed) or "none"
        raise SalvageError(f"the Service {service['metadata']['name']} has no port {port}; it has {known}", reason="bad_input")
    found: str | int = offered[0].get("targetPort") or offered[0]["port"]
    return found
