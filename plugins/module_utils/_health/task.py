# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task of health_info, whoever runs it: its options, and what it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster import routes
from .._core.errors import SalvageError
from . import collect
from .alerts import DEFAULT_SEVERITIES
from .model import PARTS
from .options import wanted

FAILURES = ["warning", "critical", "unknown"]
ARGUMENTS: dict[str, Any] = {
    **AUTH_ARG_SPEC,
    "name": {"type": "str", "default": "cluster"},
    "parts": {"type": "list", "elements": "str", "choices": list(PARTS)},
    "namespaces": {"type": "list", "elements": "str", "default": ["euystacio-ai", "monitoring"]},
    "api_url": {"type": "str", "default": "service://euystacio-ai/euystacio-api:8000"},
    "health_path": {"type": "str", "default": "/health"},
    "thresholds_url": {"type": "str"},
    "thresholds_path": {"type": "str"},
    "thresholds_format": {"type": "str", "choices": ["auto", "api", "exposition", "promql"], "default": "auto"},
    "profile": {"type": "dict"},
    "max_age": {"type": "str"},
    "prometheus_url": {"type": "str", "default": "service://monitoring/prometheus-operator-kube-p-prometheus:9090"},
    "alertmanager_url": {"type": "str", "default": "service://monitoring/prometheus-operator-kube-p-alertmanager:9093"},
    "ignore_alerts": {"type": "list", "elements": "str", "default": ["Watchdog", "InfoInhibitor"]},
    "alert_severities": {"type": "dict", "default": DEFAULT_SEVERITIES},
    "opa_url": {"type": "str", "default": "service://euystacio-ai/opa-service:8181"},
    "opa_namespace": {"type": "str", "default": "euystacio-ai"},
    "opa_selector": {"type": "str", "default": "app=opa-peace-bonds"},
    "opa_path": {"type": "str", "default": "euystacio/peace_bonds"},
    "opa_probes": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "input": {"type": "dict", "required": True},
            "expect": {"type": "bool", "required": True},
        },
    },
    "storage_warning": {"type": "float", "default": 0.8},
    "storage_critical": {"type": "float", "default": 0.9},
    "certificate_warning_days": {"type": "float", "default": 30},
    "certificate_critical_days": {"type": "float", "default": 7},
    "backup_path": {"type": "path"},
    "backup_max_age": {"type": "str", "default": "26h"},
    "history": {"type": "str", "default": "1h"},
    "previous": {"type": "dict"},
    "timeout": {"type": "float", "default": 20},
    "request_timeout": {"type": "float", "default": 5},
    "fail_on": {"type": "list", "elements": "str", "choices": FAILURES, "default": []},
    **routes.ARGUMENTS,
}


def outcome(params: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The task's result: ``msg``, and the report if there is one."""
    addresses = routes.Routes(params, params["request_timeout"])
    try:
        report = collect.check(addresses.cluster, wanted(params, addresses), name=params["name"], previous=params["previous"], now=now)
    except SalvageError as exc:
        return {"failed": True, "msg": str(exc), "reason": exc.reason}
    found = "; ".join(f"{part['name']}: {part['reason']}" for part in report["parts"] if part["reason"])
    msg = f"the cluster is {report['status']}" + (f": {found}" if found else "")
    failed = {"failed": True} if report["status"] in params["fail_on"] else {}
    return {"changed": False, "msg": msg, "report": report, **failed}
