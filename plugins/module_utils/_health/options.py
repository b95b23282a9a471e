# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of health_info, and what a health check looks at with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .._cluster import defaults
from .._cluster.routes import Routes
from .._core.errors import SalvageError
from .._core.options import option
from .._core.status import STATUSES
from .._core.times import parse_duration
from .._metrics.profile import parse_profile
from .._opa.probe import Probe
from .alerts import DEFAULT_SEVERITIES
from .ignore import parse_rule
from .look import Wanted
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


@dataclass(frozen=True)
class OpaQuestion:
    name: str = option()
    input: dict[str, Any] = option()
    expect: bool = option()


@dataclass(frozen=True)
class Ignored:
    part: str = option(choices=list(PARTS))
    reason: str = option()
    name: str = option("*")
    until: str | None = option(None)


@dataclass(frozen=True)
class HealthQuery:
    name: str = option("cluster")
    parts: list[str] | None = option(None, choices=list(PARTS))
    namespaces: tuple[str, ...] = option((defaults.NAMESPACE, defaults.MONITORING_NAMESPACE))
    api_url: str = option(defaults.API_URL)
    health_path: str = option("/health")
    health_words: dict[str, Any] | None = option(None)
    ignore: list[Ignored] | None = option(None)
    thresholds_url: str | None = option(None)
    thresholds_path: str | None = option(None)
    thresholds_format: str = option("auto", choices=["auto", "api", "exposition", "promql"])
    profile: dict[str, Any] | None = option(None)
    max_age: str = option("10m")
    prometheus_url: str = option(defaults.PROMETHEUS_URL)
    alertmanager_url: str = option(defaults.ALERTMANAGER_URL)
    ignore_alerts: frozenset[str] = option(("Watchdog", "InfoInhibitor"))
    alert_severities: dict[str, Any] = option(DEFAULT_SEVERITIES)
    opa_url: str = option(defaults.OPA_URL)
    opa_namespace: str = option(defaults.NAMESPACE)
    opa_selector: str = option("app=opa-peace-bonds")
    opa_path: str = option("euystacio/peace_bonds")
    opa_probes: list[OpaQuestion] | None = option(None)
    storage_warning: float = option(0.8)
    storage_critical: float = option(0.9)
    certificate_warning_days: float = option(30)
    certificate_critical_days: float = option(7)
    backup_path: str | None = option(None, type="path")
    backup_public_key: str | None = option(None, type="path", no_log=False)
    backup_max_age: str = option("26h")
    history: str = option("1h")
    previous: dict[str, Any] | None = option(None)
    timeout: float = option(20)
    request_timeout: float = option(5)
    fail_on: tuple[str, ...] = option((), choices=["warning", "critical", "unknown"])


def wanted(query: HealthQuery, addresses: Routes) -> Wanted:
    """Raises SalvageError(bad_input): which option, what is wrong with it, what to do."""
    for name, seconds in (("timeout", query.timeout), ("request_timeout", query.request_timeout)):
        if not seconds > 0:
            raise SalvageError(f"{name}: {seconds:g} is too short; set seconds above 0", reason="bad_input")
    if not query.namespaces:
        raise SalvageError("namespaces: the list is empty; name the namespaces of the service", reason="bad_input")
    for severity, status in query.alert_severities.items():
        if status not in STATUSES:
            raise SalvageError(
                f"alert_severities: {severity} stands for {status!r}, which is not a status; use one of {', '.join(STATUSES)}",
                reason="bad_input",
            )
    for word, status in (query.health_words or {}).items():
        if status not in STATUSES:
            raise SalvageError(
                f"health_words: {word} stands for {status!r}, which is not a status; use one of {', '.join(STATUSES)}", reason="bad_input"
            )
    for first, low, then, high in (
        ("storage_warning", query.storage_warning, "storage_critical", query.storage_critical),
        ("certificate_critical_days", query.certificate_critical_days, "certificate_warning_days", query.certificate_warning_days),
    ):
        if not 0 <= low <= high:
            raise SalvageError(
                f"{first}: {low:g} does not come before {then}, {high:g}; set both so that a warning comes first", reason="bad_input"
            )
    parts = query.parts or [name for name in PARTS if name != "backup" or query.backup_path]
    if "backup" in parts and not query.backup_path:
        raise SalvageError("parts: backup needs backup_path, the folder of the backups", reason="bad_input")
    given = query.opa_probes
    return Wanted(
        parts=parts,
        namespaces=list(dict.fromkeys(query.namespaces)),
        api=addresses.open_if(query.api_url),
        health_path=query.health_path,
        health_words={word.strip().lower(): status for word, status in (query.health_words or {}).items()},
        ignore=[parse_rule(asdict(one), f"ignore[{place}]") for place, one in enumerate(query.ignore or ())],
        thresholds=addresses.open_if(query.thresholds_url or query.api_url),
        thresholds_format=query.thresholds_format,
        thresholds_path=query.thresholds_path,
        profile=parse_profile(query.profile),
        max_age=(parse_duration(query.max_age, "max_age") if query.max_age else 0.0) or None,
        prometheus=addresses.open_if(query.prometheus_url),
        alertmanager=addresses.open_if(query.alertmanager_url),
        opa=addresses.open_if(query.opa_url),
        opa_namespace=query.opa_namespace,
        opa_selector=query.opa_selector,
        opa_path=query.opa_path,
        probes=DEFAULT_PROBES if given is None else [Probe(one.name, one.input, one.expect) for one in given],
        ignored_alerts=query.ignore_alerts,
        severities=query.alert_severities,
        storage_warning=query.storage_warning,
        storage_critical=query.storage_critical,
        certificate_warning_days=query.certificate_warning_days,
        certificate_critical_days=query.certificate_critical_days,
        backup_path=query.backup_path or "",
        backup_public_key=query.backup_public_key or "",
        backup_max_age=parse_duration(query.backup_max_age, "backup_max_age"),
        history=parse_duration(query.history, "history"),
        timeout=query.timeout,
    )
