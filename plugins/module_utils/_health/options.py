# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's parameters to what a health check looks at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._cluster.routes import Routes
from .._core.errors import SalvageError
from .._core.status import STATUSES
from .._core.times import parse_duration
from .._metrics.profile import parse_profile
from .._opa.probe import Probe
from .collect import Wanted
from .model import PARTS

_METRICS = {"cpu_usage": 0.3, "memory_usage": 0.4, "qek_value": 0.938, "hvar_value": 0.043, "ethisches_ideal": 1.0}
# The runbook's ideal values, and their opposite.
DEFAULT_PROBES = (
    Probe(
        "trusted",
        {
            "provider": {"trust_weight": 0.95, "compliance_score": 0.95, "ethical_alignment": 0.95},
            "symbiosis_score": 0.9,
            "metrics": _METRICS,
        },
        True,
    ),
    Probe(
        "untrusted",
        {"provider": {"trust_weight": 0.0, "compliance_score": 0.0, "ethical_alignment": 0.0}, "symbiosis_score": 0.0, "metrics": _METRICS},
        False,
    ),
)


def wanted(params: Mapping[str, Any], addresses: Routes) -> Wanted:
    """Raises SalvageError(bad_input): which option, what is wrong with it, what to do."""
    for name in ("timeout", "request_timeout"):
        if not params[name] > 0:
            raise SalvageError(f"{name}: {params[name]:g} is no time to look at anything in; give seconds above 0", reason="bad_input")
    if not params["namespaces"]:
        raise SalvageError("namespaces: the list is empty; name those that the service runs in", reason="bad_input")
    for severity, status in params["alert_severities"].items():
        if status not in STATUSES:
            raise SalvageError(
                f"alert_severities: {severity} stands for {status!r}, which is no status; use one of {', '.join(STATUSES)}",
                reason="bad_input",
            )
    for first, then in (
        ("storage_warning", "storage_critical"),
        ("certificate_critical_days", "certificate_warning_days"),
    ):
        if not 0 <= params[first] <= params[then]:
            raise SalvageError(
                f"{first}: {params[first]:g} does not come before {then}, {params[then]:g}; set both so that a warning comes first",
                reason="bad_input",
            )
    parts = params["parts"] or [name for name in PARTS if name != "backup" or params["backup_path"]]
    if "backup" in parts and not params["backup_path"]:
        raise SalvageError("parts: backup needs backup_path, the folder of the backups", reason="bad_input")
    given = params["opa_probes"]
    return Wanted(
        parts=parts,
        namespaces=list(dict.fromkeys(params["namespaces"])),
        api=addresses.open_if(params["api_url"]),
        health_path=params["health_path"],
        thresholds=addresses.open_if(params["thresholds_url"] or params["api_url"]),
        thresholds_format=params["thresholds_format"],
        thresholds_path=params["thresholds_path"],
        profile=parse_profile(params["profile"]),
        max_age=None if params["max_age"] is None else parse_duration(params["max_age"], "max_age"),
        prometheus=addresses.open_if(params["prometheus_url"]),
        alertmanager=addresses.open_if(params["alertmanager_url"]),
        opa=addresses.open_if(params["opa_url"]),
        opa_namespace=params["opa_namespace"],
        opa_selector=params["opa_selector"],
        opa_path=params["opa_path"],
        probes=DEFAULT_PROBES if given is None else [Probe(one["name"], one["input"], one["expect"]) for one in given],
        ignored_alerts=frozenset(params["ignore_alerts"]),
        severities=params["alert_severities"],
        storage_warning=params["storage_warning"],
        storage_critical=params["storage_critical"],
        certificate_warning_days=params["certificate_warning_days"],
        certificate_critical_days=params["certificate_critical_days"],
        backup_path=params["backup_path"] or "",
        backup_max_age=parse_duration(params["backup_max_age"], "backup_max_age"),
        history=parse_duration(params["history"], "history"),
        timeout=params["timeout"],
    )
