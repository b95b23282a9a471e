# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped alerts say what the modules judge: the same thresholds, names and ages.  That they fire is for tests/integration."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.defaults import (
    MONITORING_NAMESPACE,
    NAMESPACE,
    OPA_URL,
    WORKLOAD,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import parse_duration
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.task import BakeOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import DEFAULT_PROFILE

from tools import alert_rules, role_docs

FILES = sorted(alert_rules.RULES.glob("*.yaml"))
ALERTS = {rule["alert"]: rule for rule in alert_rules.all_rules() if "alert" in rule}


def test_the_thresholds_are_those_of_the_modules() -> None:
    assert alert_rules.thresholds(alert_rules.profile()) == alert_rules.THRESHOLDS.read_text(encoding="utf-8"), "run tools.alert_rules"
    wanted = {
        (metric.query, severity, getattr(metric.limits, f"{severity}_{side}"))
        for metric in DEFAULT_PROFILE.metrics
        for severity in ("critical", "warning")
        for side in ("min", "max")
        if getattr(metric.limits, f"{severity}_{side}") is not None
    }
    rules = yaml.safe_load(alert_rules.THRESHOLDS.read_text(encoding="utf-8"))["spec"]["groups"][0]["rules"]
    found = {
        (match[1], rule["labels"]["severity"], float(match[2]))
        for rule in rules
        if (match := re.fullmatch(r"(?:min|max) by \(namespace\) \((\w+)\) [<>] ([\d.]+)", rule["expr"]))
    }
    assert found == wanted
    assert {rule["expr"] for rule in rules if rule["alert"].endswith("Unknown")} == {
        f"absent({metric.query}) or count by (namespace) ({metric.query} != {metric.query}) > 0" for metric in DEFAULT_PROFILE.metrics
    }


def test_a_metric_with_limits_on_both_sides() -> None:
    both = {"title": "Both", "query": "both", "critical_min": 1, "critical_max": 4, "warning_min": 2, "warning_max": 3}
    assert [rule["alert"] for rule in alert_rules.threshold_alerts("both", both)] == [
        "BothBelowMinimum", "BothExceededMaximum", "BothBelowWarning", "BothExceededWarning", "BothUnknown",
    ]  # fmt: skip


def test_the_page_lists_all_alerts() -> None:
    text = alert_rules.PAGE.read_text(encoding="utf-8")
    assert alert_rules.page(text) == text, "run tools.alert_rules"
    assert all(f"`{name}`" in text for name in ALERTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_names_are_the_defaults_of_the_collection(path: Any) -> None:
    rule = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert rule["metadata"]["namespace"] == MONITORING_NAMESPACE
    expressions = " ".join(one["expr"] for group in rule["spec"]["groups"] for one in group["rules"])
    assert set(re.findall(r'namespace="([^"]+)"', expressions)) <= {NAMESPACE}
    services = {name for found in re.findall(r'service=~?"([^"]+)"', expressions) for name in found.split("|")}
    assert services <= {WORKLOAD, OPA_URL.rsplit("/", maxsplit=1)[1].partition(":")[0]}
    assert "kube_" not in expressions  # kube-state-metrics


def test_requests_are_counted_as_a_bake_counts_them() -> None:
    bake = BakeOptions()
    expressions = " ".join(rule["expr"] for rule in alert_rules.all_rules() if "error_ratio_rate" in rule.get("record", ""))
    assert set(re.findall(r'code=~"([^"]+)"', expressions)) == {bake.error_pattern}
    assert set(re.findall(r'path!~"([^"]+)"', expressions)) == {"|".join(bake.exclude_paths)}
    assert set(re.findall(r"rate\((\w+)", expressions)) == {bake.requests_metric}


def test_the_ages_are_the_defaults_of_the_roles() -> None:
    hours = parse_duration(role_docs.defaults("health_check")["health_check_backup_max_age"], "x")
    assert f"> {hours:.0f} " in ALERTS["BackupTooOld"]["expr"]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_to_do_and_links_to_a_page(name: str) -> None:
    rule = ALERTS[name]
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    page = rule["annotations"]["runbook_url"].rsplit("/main/", maxsplit=1)[1]
    assert (alert_rules.CHECKOUT / page).is_file()


def test_the_runbooks_times_and_texts() -> None:
    assert ALERTS["HighCPUUsage"]["for"] == ALERTS["HighMemoryUsage"]["for"] == "10m"
    assert ALERTS["HighCPUUsage"]["annotations"]["summary"].startswith("CPU usage is above 80% for more than 10 minutes")
    assert ALERTS["HighMemoryUsage"]["annotations"]["summary"].startswith("Memory usage is above 85% for more than 10 minutes")
    assert "> 0.80" in ALERTS["HighCPUUsage"]["expr"] and "> 0.85" in ALERTS["HighMemoryUsage"]["expr"]
    assert ALERTS["PeaceBondsPolicyViolation"]["annotations"]["summary"].startswith("High risk provider detected: ")
