# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of the Peace Bonds share: connections to OPA and the service, and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._cluster.http import Endpoint
from .._cluster.routes import Routes
from .._core.errors import SalvageError
from .._opa.decide import finite_number
from .log.summary import Limit


def needs_cluster(*addresses: str | None) -> bool:
    return any(address and not address.startswith(("http://", "https://")) for address in addresses)


def connect(params: Mapping[str, Any], timeout: float) -> Any:
    """The cluster session of the module's auth options.  Imported here: a direct address needs no kubernetes library."""
    from .._cluster.session import Cluster  # noqa: PLC0415

    return Cluster.connect(params, timeout=timeout)


def open_address(params: Mapping[str, Any], address: str, cluster: Any) -> Endpoint:
    """OPA, or what stands beside it.  Raises SalvageError: those of ``Routes.open``."""
    if params.get("opa_token") and address.startswith(("service://", "services://")):
        raise SalvageError(
            f"opa_token can't go through the API server's proxy to {address}: it takes the Authorization header for itself; "
            "write forward:// for service://, or give an https:// address of OPA",
            reason="bad_input",
        )
    return Routes(params, params["timeout"], prefix="opa_", cluster=cluster).open(address)


def limits_of(data: Mapping[str, Any] | None) -> dict[str, Limit]:
    """Thresholds as the user writes them: ``{field: {min: 0.5}}`` or ``{field: {max: 0.1}}``.  Raises SalvageError(bad_input)."""
    result: dict[str, Limit] = {}
    for name, bounds in (data or {}).items():
        if not isinstance(bounds, Mapping) or not bounds or not set(bounds) <= {"min", "max"}:
            raise SalvageError(f"thresholds.{name} must be an object with min, max or both", reason="bad_input")
        values = {key: finite_number(value) for key, value in bounds.items()}
        if None in values.values():
            raise SalvageError(f"thresholds.{name} must hold numbers", reason="bad_input")
        result[name] = Limit(minimum=values.get("min"), maximum=values.get("max"))
    return result
